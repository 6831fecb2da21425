"""What one statement of a cell reads, binds and may change.

Pure syntax: nothing is imported or run. Names are resolved by Python's scope rules, so that a
parameter, a comprehension's variable or a class attribute is not taken for the notebook's name.
What happens *now*, while the statement runs, is kept apart from what happens *later*, when a
function that it defines is called.
"""

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BUILTINS: Final = frozenset(dir(builtins)) | {"__file__", "__annotations__"}

READ_ONLY_CALLS: Final = frozenset(
    ["print", "len", "repr", "str", "type", "isinstance", "issubclass", "id", "dir", "help", "abs", "round", "callable", "hasattr", "getattr", "hash", "format", "ascii", "bool", "int", "float", "chr", "ord", "bin", "hex", "oct", "divmod", "pow", "vars"]
)
"""Builtins that neither change nor keep what they are given."""

_HAND_OUT: Final = frozenset({"getattr", "vars"})
"""Those among them that hand out a part of what they are given."""

CONSUMERS: Final = frozenset(
    ["list", "tuple", "set", "frozenset", "dict", "sorted", "sum", "min", "max", "any", "all", "enumerate", "zip", "map", "filter", "reversed", "iter"]
)
"""Builtins that iterate over what they are given: harmless unless that is an iterator."""

MUTATORS: Final = frozenset(
    ["append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse", "add", "discard", "update", "setdefault", "popitem", "appendleft", "extendleft", "popleft", "rotate", "put", "put_nowait", "register"]
)
"""Methods that change their object, whatever it is."""

READ_ONLY_METHODS: Final = frozenset(
    ["get", "keys", "values", "items", "copy", "count", "index", "lower", "upper", "title", "strip", "lstrip", "rstrip", "split", "join", "replace", "startswith", "endswith", "format", "encode", "decode", "union", "intersection", "difference", "issubset", "issuperset", "isdisjoint"]
)
"""Methods of the built-in containers and strings that change nothing."""

WILD_CALLS: Final = frozenset(
    {"exec", "eval", "globals", "locals", "setattr", "delattr", "__import__"}
)


@dataclass
class Facts:
    """What a statement does, by names of the notebook's namespace."""

    binds: set[str] = field(default_factory=set[str])
    kills: set[str] = field(default_factory=set[str])
    """Names that it surely binds anew, so that what they held before is of no matter."""
    deletes: set[str] = field(default_factory=set[str])
    reads: set[str] = field(default_factory=set[str])
    later: set[str] = field(default_factory=set[str])
    hints: set[str] = field(default_factory=set[str])
    """Names in string annotations and class bodies: needed if the notebook has them."""
    writes: set[str] = field(default_factory=set[str])
    """Names whose object it surely changes."""
    touches: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """Names whose object it may change, and how: `call:append`, `arg`, `iter`, …"""
    bare: set[str] = field(default_factory=set[str])
    """Dotted callees of calls whose result is dropped."""
    later_writes: set[str] = field(default_factory=set[str])
    later_touches: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    later_bare: set[str] = field(default_factory=set[str])
    later_binds: set[str] = field(default_factory=set[str])
    """Names that a function declares `global` and binds."""
    calls: bool = False
    awaits: bool = False
    wild: bool = False
    ipython: bool = False
    keyboard: bool = False
    imports: dict[str, str] = field(default_factory=dict[str, str])
    """Names bound by imports and the dotted thing that they stand for."""
    stars: list[str] = field(default_factory=list[str])
    groups: list[set[str]] = field(default_factory=list[set[str]])
    """Sets of names that may share objects after this statement."""
    value_kind: dict[str, str] = field(default_factory=dict[str, str])
    """How each bound name is made: constant, container, lazy, function, class, other."""
    value_calls: set[str] = field(default_factory=set[str])
    inner: set[str] = field(default_factory=set[str])
    """Names that a block binds and may read again itself."""

    def absorb(self, other: Facts) -> None:
        """Add what the next statement does (for statements that share a line)."""
        other.reads -= self.kills
        for name in (
            "binds",
            "kills",
            "deletes",
            "reads",
            "later",
            "hints",
            "writes",
            "bare",
            "later_writes",
            "later_bare",
            "later_binds",
            "value_calls",
            "inner",
        ):
            getattr(self, name).update(getattr(other, name))
        for mine, theirs in (
            (self.touches, other.touches),
            (self.later_touches, other.later_touches),
        ):
            for key, kinds in theirs.items():
                mine.setdefault(key, set()).update(kinds)
        self.calls |= other.calls
        self.awaits |= other.awaits
        self.wild |= other.wild
        self.ipython |= other.ipython
        self.keyboard |= other.keyboard
        self.imports.update(other.imports)
        self.stars += other.stars
        self.groups += other.groups
        self.value_kind.update(other.value_kind)


def analyse(node: ast.stmt) -> Facts:
    """Say what a top-level statement does."""
    visitor = _Visitor()
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
            targets = set(_target_names(target))
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
            facts.kills.update(name for target in targets for name in _target_names(target))
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
                name for i in items if i.optional_vars for name in _target_names(i.optional_vars)
            )
        case _:
            pass


def _target_names(target: ast.expr) -> Iterator[str]:
    match target:
        case ast.Name(id=name):
            yield name
        case ast.Tuple(elts=items) | ast.List(elts=items):
            for item in items:
                yield from _target_names(item)
        case ast.Starred(value=value):
            yield from _target_names(value)
        case _:
            pass


_PLAIN_DECORATORS = frozenset(
    ["lru_cache", "cache", "wraps", "contextmanager", "asynccontextmanager", "dataclass", "staticmethod", "classmethod", "property", "cached_property", "total_ordering", "override", "final", "overload"]
)


_REGISTERS = ("register", "on_", "listen", "hook", "subscribe", "add_")


def _plain(decorators: list[ast.expr]) -> bool:
    """Whether the decorators leave a function without a state of its own."""
    return all(dotted(_callee(d)).rpartition(".")[2] in _PLAIN_DECORATORS for d in decorators)


def _callee(node: ast.expr) -> ast.expr:
    return node.func if isinstance(node, ast.Call) else node


def dotted(node: ast.expr) -> str:
    """`a.b.c` of a chain of attributes, subscripts and calls left out; empty when it has no name."""
    parts: list[str] = []
    while True:
        match node:
            case ast.Attribute(value=value, attr=attr):
                parts.append(attr)
                node = value
            case ast.Subscript(value=value) | ast.Await(value=value) | ast.Starred(value=value):
                node = value
            case ast.Call(func=func):
                node = func
            case ast.Name(id=name):
                return ".".join([name, *reversed(parts)])
            case _:
                return ""


def root(node: ast.expr) -> str:
    """The name at the bottom of a chain, or an empty string."""
    return dotted(node).partition(".")[0]


class _Scope:
    """The names that a function, class, lambda or comprehension calls its own."""

    def __init__(self, kind: str, own: set[str], declared_global: set[str]) -> None:
        self.kind = kind
        self.own = own
        self.declared_global = declared_global


class _Bound(ast.NodeVisitor):
    """Collects the names that a body binds, inner scopes left out."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.globals: set[str] = set()
        self.nonlocals: set[str] = set()

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self.names.add(node.id)

    def visit_Global(self, node: ast.Global) -> None:
        self.globals.update(node.names)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        self.nonlocals.update(node.names)

    def visit_alias(self, node: ast.alias) -> None:
        self.names.add(node.asname or node.name.partition(".")[0])

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self.names.add(node.name)
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        if node.name:
            self.names.add(node.name)
        self.generic_visit(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        if node.name:
            self.names.add(node.name)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        if node.rest:
            self.names.add(node.rest)
        self.generic_visit(node)

    def _definition(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self.names.add(node.name)
        for part in (*node.decorator_list, *_outside(node)):
            self.visit(part)

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = _definition

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for part in _defaults(node.args):
            self.visit(part)

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
    ) -> None:
        for inner in ast.walk(node):
            if isinstance(inner, ast.NamedExpr):
                self.names.update(_target_names(inner.target))
        self.visit(node.generators[0].iter)

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension


def _defaults(args: ast.arguments) -> list[ast.expr]:
    return [*args.defaults, *(d for d in args.kw_defaults if d is not None)]


def _outside(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> list[ast.expr]:
    """The parts of a definition that are evaluated where it stands, annotations left out."""
    if isinstance(node, ast.ClassDef):
        return [*node.bases, *(keyword.value for keyword in node.keywords)]
    return _defaults(node.args)


def _all_args(args: ast.arguments) -> list[ast.arg]:
    extra = [a for a in (args.vararg, args.kwarg) if a]
    return [*args.posonlyargs, *args.args, *args.kwonlyargs, *extra]


def _bound_in(body: Iterable[ast.AST]) -> _Bound:
    bound = _Bound()
    for node in body:
        bound.visit(node)
    return bound


class _Visitor(ast.NodeVisitor):
    """Walks one top-level statement and fills in its `Facts`."""

    def __init__(self) -> None:
        self.facts = Facts()
        self.scopes: list[_Scope] = []
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
                case ast.Call(func=ast.Name(id=name)) if name in READ_ONLY_CALLS - _HAND_OUT:
                    continue
                case ast.Name(id=name):
                    if name not in hidden and self._is_ours(name):
                        names.add(name)
                case ast.Lambda(args=args, body=body):
                    stack += [(default, hidden) for default in _defaults(args)]
                    stack.append((body, hidden | {arg.arg for arg in _all_args(args)}))
                case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                    own = {n for g in node.generators for n in _target_names(g.target)}
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
            for name in _target_names(target):
                self._made(name, _kind(node.value) if isinstance(target, ast.Name) else "other")
            if isinstance(target, (ast.Tuple, ast.List)):
                self._touch_root(node.value, "iter")
        self._remember_calls(node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value:
            self.visit(node.value)
            self._assign(node.target)
            self._share(node.target, node.value)
            if isinstance(node.target, ast.Name):
                self._made(node.target.id, _kind(node.value))
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
            kind = _kind(node.value)
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
        for default in _defaults(node.args):
            self.visit(default)
        self._bind(node.name)
        stateful = any(_kind(d) not in {"constant", "name"} for d in _defaults(node.args))
        plain = not stateful and _plain(node.decorator_list)
        self._made(node.name, "function" if plain else "other")
        self.scopes.append(_Scope("parameters", _type_params(node), set()))
        for arg in _all_args(node.args):
            self._annotation(arg.annotation)
        self._annotation(node.returns)
        self.scopes.pop()
        params = {arg.arg for arg in _all_args(node.args)} | _type_params(node)
        self._enter_function(node.body, params)

    visit_FunctionDef = visit_AsyncFunctionDef = _function

    def _decorator(self, node: ast.expr) -> None:
        """A decorator is a call on the thing that it names."""
        self.visit(node)
        if _plain([node]):
            return
        self.facts.calls |= not self.depth
        name = dotted(_callee(node))
        if name and self._is_ours(name.partition(".")[0]):
            self._touch(name.partition(".")[0], "arg" if "." in name else "called")
            if name.rpartition(".")[2].startswith(_REGISTERS):
                (self.facts.later_bare if self.depth else self.facts.bare).add(name)

    def _enter_function(self, body: list[ast.stmt] | list[ast.expr], params: set[str]) -> None:
        bound = _bound_in(body)
        own = (bound.names | params) - bound.globals - bound.nonlocals
        handed_over, self.handed_over = self.handed_over, 0
        self.scopes.append(_Scope("function", own, bound.globals))
        self.depth += 1
        for part in body:
            self.visit(part)
        self.depth -= 1
        self.scopes.pop()
        self.handed_over = handed_over

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for default in _defaults(node.args):
            self.visit(default)
        self._enter_function([node.body], {arg.arg for arg in _all_args(node.args)})

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for decorator in node.decorator_list:
            self._decorator(decorator)
        self.scopes.append(_Scope("parameters", _type_params(node), set()))
        for part in _outside(node):
            self.visit(part)
        self.scopes.pop()
        if node.bases or node.keywords:
            self.facts.calls |= not self.depth  # __init_subclass__ and metaclasses run
        self._bind(node.name)
        plain = _plain(node.decorator_list) and _stateless(node)
        self._made(node.name, "class" if plain else "other")
        bound = _bound_in(node.body)
        self.scopes.append(
            _Scope("class", (bound.names | _type_params(node)) - bound.globals, bound.globals)
        )
        for part in node.body:
            self.visit(part)
        self.scopes.pop()

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
    ) -> None:
        first = node.generators[0]
        self._iterate(first.iter)
        own = {name for g in node.generators for name in _target_names(g.target)}
        walrus = {
            name
            for inner in ast.walk(node)
            if isinstance(inner, ast.NamedExpr)
            for name in _target_names(inner.target)
        }
        for name in walrus:
            self._bind(name)
        self.scopes.append(_Scope("comprehension", own - walrus, set()))
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
        self._made(node.target.id, _kind(node.value))

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
                        (self.facts.later if self.depth else self.facts.reads).add(name)
                case ast.Constant(value=str(text)):
                    self.facts.hints |= _names_in_text(text)
                case _:
                    pass


def _names_in_text(text: str) -> set[str]:
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError:
        return set()
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _type_params(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> set[str]:
    return {param.name for param in getattr(node, "type_params", ())}


_FIELDS = frozenset({"field", "Field", "Column", "mapped_column", "relationship"})


def _stateless(node: ast.ClassDef) -> bool:
    """Whether a class holds nothing that its instances could change for each other."""
    for part in node.body:
        match part:
            case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
                if isinstance(value, ast.Call) and dotted(value.func).rpartition(".")[2] in _FIELDS:
                    continue
                if _kind(value) not in {"constant", "name"}:
                    return False
            case _:
                pass
    return True


def _kind(value: ast.expr) -> str:
    """How a value is made, as far as it can be seen."""
    match value:
        case ast.Constant() | ast.JoinedStr():
            return "constant"
        case ast.UnaryOp(operand=operand) if _kind(operand) == "constant":
            return "constant"
        case ast.BinOp(left=left, right=right) if _kind(left) == _kind(right) == "constant":
            return "constant"
        case ast.Tuple(elts=items) if all(_kind(item) == "constant" for item in items):
            return "constant"
        case ast.Compare():
            return "other"
        case ast.List() | ast.Dict() | ast.Set() | ast.Tuple():
            return "container"
        case ast.ListComp() | ast.SetComp() | ast.DictComp():
            return "container"
        case ast.Call(func=ast.Name(id="range")):
            return "constant"
        case ast.Name():
            return "name"
        case ast.Lambda():
            return "function"
        case _:
            return "other"
