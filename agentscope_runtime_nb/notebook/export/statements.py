"""What one statement of a cell reads, binds and may change.

Pure syntax: nothing is imported or run. Names are resolved by Python's scope rules, so that a
parameter, a comprehension's variable or a class attribute is not taken for the notebook's name.
What happens *now*, while the statement runs, is kept apart from what happens *later*, when a
function that it defines is called.
"""

from __future__ import annotations

import ast
import sys

from agentscope_runtime_nb.notebook.export.facts import (
    CONSUMERS,
    HAND_OUT,
    MUTATORS,
    READ_ONLY_CALLS,
    READ_ONLY_DOTTED,
    REGISTERS,
    WILD_CALLS,
    Facts,
    callee_of,
    is_plain,
    made_how,
    stateless,
)
from agentscope_runtime_nb.notebook.export.syntax import (
    Scope,
    all_args,
    bound_in,
    defaults_of,
    dotted,
    names_in_text,
    outer_parts,
    root,
    target_names,
    type_params,
)


def analyse(node: ast.stmt, *, lazy_annotations: bool = False) -> Facts:
    """Say what a top-level statement does.

    Args:
        node: The statement.
        lazy_annotations: Whether annotations are evaluated when they are asked for, and not
            where they stand, as `from __future__ import annotations` has it.
    """
    visitor = _Visitor(lazy_annotations=lazy_annotations or sys.version_info >= (3, 14))
    visitor.visit(node)
    facts = visitor.facts
    _surely_bound(node, facts)
    _bound_inside(node, facts)
    if facts.calls and not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        _later_is_now(facts)
    return facts


_BLOCKS = (ast.For, ast.AsyncFor, ast.While, ast.If, ast.Try, ast.TryStar, ast.With, ast.AsyncWith,
           ast.Match)  # fmt: skip


def _bound_inside(node: ast.stmt, facts: Facts) -> None:
    """Tell apart what a block reads from above and what it has just bound itself."""
    if isinstance(node, _BLOCKS) or any(isinstance(n, ast.NamedExpr) for n in ast.walk(node)):
        facts.inner = set(facts.binds)
    match node:
        case ast.For(target=target, iter=source) | ast.AsyncFor(target=target, iter=source):
            outer = [source]
            targets = set(target_names(target))
        case ast.With(items=items) | ast.AsyncWith(items=items):
            outer = [item.context_expr for item in items]
            targets = facts.kills
        case _:
            return
    read = {n.id for part in outer for n in ast.walk(part) if isinstance(n, ast.Name)}
    facts.reads -= targets - read


def _later_is_now(facts: Facts) -> None:
    """A lambda or an inner function given to a call may run at once."""
    facts.writes |= facts.later_writes
    for name, kinds in facts.later_touches.items():
        facts.touches.setdefault(name, set()).update(kinds)
    facts.binds |= facts.later_binds
    facts.bare |= facts.later_bare


def _surely_bound(node: ast.stmt, facts: Facts) -> None:
    match node:
        case ast.Assign(targets=targets):
            facts.kills.update(name for target in targets for name in target_names(target))
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
            facts.kills.add(name)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            facts.kills.add(name)
        case ast.Import(names=names):
            facts.kills.update(a.asname or a.name for a in names if a.asname or "." not in a.name)
        case ast.ImportFrom(names=names):
            facts.kills.update(a.asname or a.name for a in names if a.name != "*")
        case ast.With(items=items) | ast.AsyncWith(items=items):
            facts.kills.update(
                name for i in items if i.optional_vars for name in target_names(i.optional_vars)
            )
        case _:
            pass


class _Visitor(ast.NodeVisitor):
    """Walks one top-level statement and fills in its `Facts`."""

    def __init__(self, *, lazy_annotations: bool) -> None:
        self.facts = Facts()
        self.lazy_annotations = lazy_annotations
        self.scopes: list[Scope] = []
        self.depth = 0  # of functions: above 0 things happen later
        self.handed_over = 0  # inside a call that may keep or change what it is given

    # -- names ---------------------------------------------------------------------------

    def _is_ours(self, name: str) -> bool:
        """Whether a name, as seen from here, is the notebook's."""
        for scope in reversed(self.scopes):
            if name in scope.declared_global:
                return True
            if name in scope.own and (scope is self.scopes[-1] or scope.kind != "class"):
                return False
        return True

    def _read(self, name: str) -> None:
        if not self._is_ours(name):
            scope = self.scopes[-1]
            if scope.kind == "class" and name in scope.own:
                self.facts.hints.add(name)
            return
        (self.facts.later if self.depth else self.facts.reads).add(name)
        if self.handed_over:
            self._touch(name, "arg")

    def _bind(self, name: str) -> None:
        if self.scopes and not any(name in s.declared_global for s in self.scopes[-1:]):
            return
        (self.facts.later_binds if self.depth else self.facts.binds).add(name)

    def _made(self, name: str, kind: str) -> None:
        """Remember how a name's value is made; of several ways the least certain counts."""
        if self.scopes:
            return
        before = self.facts.value_kind.get(name, kind)
        if before != kind:
            kind = "container" if {before, kind} == {"constant", "container"} else "other"
        self.facts.value_kind[name] = kind

    def _touch(self, name: str, kind: str) -> None:
        touches = self.facts.later_touches if self.depth else self.facts.touches
        touches.setdefault(name, set()).add(kind)

    def _touch_root(self, node: ast.expr, kind: str) -> None:
        name = root(node)
        if name and self._is_ours(name):
            self._touch(name, kind)

    def _write_root(self, node: ast.expr) -> None:
        name = root(node)
        if name and self._is_ours(name):
            (self.facts.later_writes if self.depth else self.facts.writes).add(name)
            self._touch(name, "write")

    def visit_Name(self, node: ast.Name) -> None:
        match node.ctx:
            case ast.Load():
                self._read(node.id)
            case ast.Store():
                self._bind(node.id)
            case _:
                self._bind(node.id)
                if not self.scopes:
                    self.facts.deletes.add(node.id)
                    self.facts.binds.discard(node.id)

    def _names_in(self, *nodes: ast.AST | None) -> set[str]:
        """The notebook's names that may be reached through the value of expressions."""
        names: set[str] = set()
        nothing: frozenset[str] = frozenset()
        stack = [(node, nothing) for node in nodes if node is not None]
        while stack:
            node, hidden = stack.pop()
            match node:
                case ast.Compare() | ast.JoinedStr() | ast.Constant():
                    continue
                case ast.UnaryOp(op=ast.Not()):
                    continue
                case ast.Call(func=ast.Name(id=name)) if name in READ_ONLY_CALLS - HAND_OUT:
                    continue
                case ast.Name(id=name):
                    if name not in hidden and self._is_ours(name):
                        names.add(name)
                case ast.Lambda(args=args, body=body):
                    stack += [(default, hidden) for default in defaults_of(args)]
                    stack.append((body, hidden | {arg.arg for arg in all_args(args)}))
                case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                    own = {n for g in node.generators for n in target_names(g.target)}
                    first = node.generators[0].iter
                    stack.append((first, hidden))
                    stack += [
                        (part, hidden | own)
                        for child in ast.iter_child_nodes(node)
                        for part in ast.iter_child_nodes(child)
                        if part is not first
                    ]
                    stack += [
                        (child, hidden | own)
                        for child in ast.iter_child_nodes(node)
                        if not isinstance(child, ast.comprehension)
                    ]
                case _:
                    stack += [(child, hidden) for child in ast.iter_child_nodes(node)]
        return names

    def _share(self, *nodes: ast.AST | None) -> None:
        names = self._names_in(*nodes)
        if len(names) > 1:
            self.facts.groups.append(names)

    # -- statements ----------------------------------------------------------------------

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self._assign(target)
            self._share(target, node.value)
            for name in target_names(target):
                self._made(name, made_how(node.value) if isinstance(target, ast.Name) else "other")
            if isinstance(target, (ast.Tuple, ast.List)):
                self._touch_root(node.value, "iter")
        self._remember_calls(node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value:
            self.visit(node.value)
            self._assign(node.target)
            self._share(node.target, node.value)
            if isinstance(node.target, ast.Name):
                self._made(node.target.id, made_how(node.value))
            self._remember_calls(node.value)
        elif not isinstance(node.target, ast.Name):
            self.visit(node.target)
        self._annotation(node.annotation)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.visit(node.value)
        self._assign(node.target)
        name = root(node.target)
        if name and self._is_ours(name):
            (self.facts.later if self.depth else self.facts.reads).add(name)
        self._write_root(node.target)
        self._share(node.target, node.value)
        if isinstance(node.target, ast.Name):
            kind = made_how(node.value)
            self._made(node.target.id, "constant" if kind == "constant" else "other")

    def _assign(self, target: ast.expr) -> None:
        match target:
            case ast.Attribute(value=value):
                self._write_root(target)
                self.visit(value)
            case ast.Subscript(value=value, slice=index):
                self._write_root(target)
                self.visit(value)
                self.visit(index)
            case ast.Tuple(elts=items) | ast.List(elts=items):
                for item in items:
                    self._assign(item)
            case ast.Starred(value=value):
                self._assign(value)
            case _:
                self.visit(target)

    def visit_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.visit(target)
            else:
                self._assign(target)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self._iterate(node.iter)
        self._assign(node.target)
        self._share(node.target, node.iter)
        for part in (*node.body, *node.orelse):
            self.visit(part)

    def visit_AsyncFor(self, node: ast.AsyncFor) -> None:
        self._await()
        self.visit_For(node)

    def _iterate(self, source: ast.expr) -> None:
        self.visit(source)
        self._touch_root(source, "iter" if isinstance(source, ast.Name) else "arg")

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            self.visit(item.context_expr)
            self._touch_root(item.context_expr, "arg")
            if item.optional_vars:
                self._assign(item.optional_vars)
                self._share(item.optional_vars, item.context_expr)
        self.facts.calls |= not self.depth
        for part in node.body:
            self.visit(part)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> None:
        self._await()
        self.visit_With(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        value = node.value
        while isinstance(value, ast.Await):
            value = value.value
        if isinstance(value, ast.Call):
            callee = dotted(value.func)
            if callee and self._is_ours(callee.partition(".")[0]):
                (self.facts.later_bare if self.depth else self.facts.bare).add(callee)
        elif isinstance(value, ast.BinOp) and isinstance(
            value.op, (ast.LShift, ast.RShift, ast.BitOr)
        ):
            for name in self._names_in(value):
                self._touch(name, "arg")
            self._share(value)
        self.visit(node.value)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            self._bind(name)
            if not self.scopes:
                self.facts.imports[name] = alias.name if alias.asname else name
                self._made(name, "import")

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            if alias.name == "*":
                self.facts.stars.append(module)
                continue
            name = alias.asname or alias.name
            self._bind(name)
            if not self.scopes:
                self.facts.imports[name] = f"{module}.{alias.name}"
                self._made(name, "import")

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.type:
            self.visit(node.type)
        for part in node.body:
            self.visit(part)
        if node.name and not self.scopes:  # bound for the handler's body alone
            self.facts.reads.discard(node.name)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        if node.name:
            self._bind(node.name)
        self.generic_visit(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        if node.name:
            self._bind(node.name)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        if node.rest:
            self._bind(node.rest)
        self.generic_visit(node)

    # -- scopes --------------------------------------------------------------------------

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for decorator in node.decorator_list:
            self._decorator(decorator)
        for default in defaults_of(node.args):
            self.visit(default)
        self._bind(node.name)
        stateful = any(made_how(d) not in {"constant", "name"} for d in defaults_of(node.args))
        plain = not stateful and is_plain(node.decorator_list)
        self._made(node.name, "function" if plain else "other")
        self.scopes.append(Scope("parameters", type_params(node), set()))
        for arg in all_args(node.args):
            self._annotation(arg.annotation)
        self._annotation(node.returns)
        self.scopes.pop()
        params = {arg.arg for arg in all_args(node.args)} | type_params(node)
        self._enter_function(node.body, params)

    visit_FunctionDef = visit_AsyncFunctionDef = _function

    def _decorator(self, node: ast.expr) -> None:
        """A decorator is a call on the thing that it names."""
        self.visit(node)
        if is_plain([node]):
            return
        self.facts.calls |= not self.depth
        name = dotted(callee_of(node))
        if name and self._is_ours(name.partition(".")[0]):
            self._touch(name.partition(".")[0], "arg" if "." in name else "called")
            if name.rpartition(".")[2].startswith(REGISTERS):
                (self.facts.later_bare if self.depth else self.facts.bare).add(name)

    def _enter_function(self, body: list[ast.stmt] | list[ast.expr], params: set[str]) -> None:
        bound = bound_in(body)
        own = (bound.names | params) - bound.globals - bound.nonlocals
        handed_over, self.handed_over = self.handed_over, 0
        self.scopes.append(Scope("function", own, bound.globals))
        self.depth += 1
        for part in body:
            self.visit(part)
        self.depth -= 1
        self.scopes.pop()
        self.handed_over = handed_over

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for default in defaults_of(node.args):
            self.visit(default)
        self._enter_function([node.body], {arg.arg for arg in all_args(node.args)})

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for decorator in node.decorator_list:
            self._decorator(decorator)
        self.scopes.append(Scope("parameters", type_params(node), set()))
        for part in outer_parts(node):
            self.visit(part)
        self.scopes.pop()
        if node.bases or node.keywords:
            self.facts.calls |= not self.depth  # __init_subclass__ and metaclasses run
        self._bind(node.name)
        plain = is_plain(node.decorator_list) and stateless(node)
        self._made(node.name, "class" if plain else "other")
        bound = bound_in(node.body)
        self.scopes.append(
            Scope("class", (bound.names | type_params(node)) - bound.globals, bound.globals)
        )
        for part in node.body:
            self.visit(part)
        self.scopes.pop()

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
    ) -> None:
        first = node.generators[0]
        self._iterate(first.iter)
        own = {name for g in node.generators for name in target_names(g.target)}
        walrus = {
            name
            for inner in ast.walk(node)
            if isinstance(inner, ast.NamedExpr)
            for name in target_names(inner.target)
        }
        for name in walrus:
            self._bind(name)
        self.scopes.append(Scope("comprehension", own - walrus, set()))
        lazy = isinstance(node, ast.GeneratorExp)
        if any(generator.is_async for generator in node.generators) and not lazy:
            self._await()
        for generator in node.generators:
            if generator is not first:
                self._iterate(generator.iter)
            for condition in generator.ifs:
                self.visit(condition)
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        for part in parts:
            self.visit(part)
        self.scopes.pop()
        if lazy and not self.depth:  # what it reads is read again whenever it is drawn from
            self.facts.later |= self._names_in(node)

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    # -- expressions ---------------------------------------------------------------------

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self.visit(node.target)
        self._share(node.target, node.value)
        self._made(node.target.id, made_how(node.value))

    def visit_Await(self, node: ast.Await) -> None:
        self._await()
        self._touch_root(node.value, "arg")
        self.visit(node.value)

    def _await(self) -> None:
        if not self.depth:
            self.facts.awaits = True
            self.facts.calls = True

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self._touch_root(node.value, "item")
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        for op, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(op, (ast.In, ast.NotIn)):
                self._touch_root(right, "iter")
        self.generic_visit(node)

    def visit_Starred(self, node: ast.Starred) -> None:
        if isinstance(node.ctx, ast.Load):
            self._touch_root(node.value, "iter")
        self.generic_visit(node)

    def visit_YieldFrom(self, node: ast.YieldFrom) -> None:
        self._touch_root(node.value, "arg")
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        free = bool(name) and self._is_ours(name)
        if free and name in READ_ONLY_CALLS:
            self._read_only_call(node)
            return
        if dotted(node.func) in READ_ONLY_DOTTED and self._is_ours(root(node.func)):
            self._read_only_call(node)
            return
        if free and name in CONSUMERS:
            for arg in node.args:
                self._touch_root(arg, "iter" if isinstance(arg, ast.Name) else "arg")
            self.facts.calls |= not self.depth and name in {"map", "filter", "sorted", "min", "max"}
            self.generic_visit(node)
            return
        self._special_call(node, name if free else "")
        if not self.depth:
            self.facts.calls = True
        self._receiver(node.func)
        self._share(node)
        self.handed_over += 1
        for arg in (*node.args, *(keyword.value for keyword in node.keywords)):
            self.visit(arg)
        self.handed_over -= 1

    def _read_only_call(self, node: ast.Call) -> None:
        handed_over, self.handed_over = self.handed_over, 0
        self.generic_visit(node)
        self.handed_over = handed_over

    def _special_call(self, node: ast.Call, name: str) -> None:
        if name in WILD_CALLS and self._changes_names(name, node):
            self.facts.wild |= not self.depth
        if name == "get_ipython":
            self.facts.ipython = True
        elif (name == "input" or dotted(node.func) == "getpass.getpass") and not self.depth:
            self.facts.keyboard = True

    def _changes_names(self, name: str, node: ast.Call) -> bool:
        """`setattr(obj, …)` changes its argument alone; `exec` and friends may bind any name."""
        if name in {"setattr", "delattr"} and node.args:
            self._write_root(node.args[0])
            return False
        return name in {"exec", "globals", "locals"}

    def _receiver(self, func: ast.expr) -> None:
        """The thing that a call is made on may change."""
        match func:
            case ast.Name(id=name):
                if self._is_ours(name):
                    self._touch(name, "called")
            case ast.Attribute(value=ast.Name(), attr=attr):
                self._touch_root(func, f"call:{attr}")
                if attr in MUTATORS:
                    self._write_root(func)
            case ast.Attribute(attr=attr):
                self._touch_root(func, "arg")
                if attr in MUTATORS:
                    self._write_root(func)
            case _:
                self._touch_root(func, "arg")
        handed_over, self.handed_over = self.handed_over, 0
        self.visit(func)
        self.handed_over = handed_over

    def _remember_calls(self, value: ast.expr) -> None:
        if not self.scopes:
            for node in ast.walk(value):
                if isinstance(node, ast.Call) and (name := dotted(node.func)):
                    self.facts.value_calls.add(name)

    # -- annotations ---------------------------------------------------------------------

    def _annotation(self, node: ast.expr | None) -> None:
        """Annotations are read by pydantic, FastAPI and tools, so their names are needed."""
        if node is None:
            return
        for inner in ast.walk(node):
            match inner:
                case ast.Name(id=name):
                    if self._is_ours(name):
                        later = self.depth or self.lazy_annotations
                        (self.facts.later if later else self.facts.reads).add(name)
                case ast.Constant(value=str(text)):
                    self.facts.hints |= names_in_text(text)
                case _:
                    pass
