"""Renames a module's global in its syntax tree, and nothing that only looks like it.

`app` inside an agent's cell means that cell's app for ever, whatever later cells call `app`. So the
name is replaced where it *is* the global: not where a parameter, a local or a class attribute of
that name hides it. Lines and columns stay, and so do tracebacks and `inspect.getsource`.
"""

from __future__ import annotations

import ast
from typing import Any

_FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def rename_global(module: ast.Module, name: str, new: str) -> bool:
    """Rename the global `name` to `new` throughout, in place.

    Args:
        module: The syntax tree.
        name: The global's name.
        new: What it is to be called.

    Returns:
        Whether the module itself binds the name (`app = …`).
    """
    renamer = _Renamer(name, new)
    renamer.visit(module)
    return renamer.bound


class _Bindings(ast.NodeVisitor):
    """Whether one scope binds a name; does not enter the scopes inside it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.bound = False
        self.declared = ""

    def visit_Name(self, node: ast.Name) -> None:
        if node.id == self.name and not isinstance(node.ctx, ast.Load):
            self.bound = True

    def visit_Global(self, node: ast.Global) -> None:
        if self.name in node.names:
            self.declared = "global"

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        if self.name in node.names:
            self.declared = "nonlocal"

    def _definition(self, node: Any) -> None:
        self.bound |= node.name == self.name
        for child in _outer_parts(node):
            self.visit(child)

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = _definition

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for child in _outer_parts(node):
            self.visit(child)

    def _comprehension(self, node: Any) -> None:
        # Its targets are its own, but `:=` inside binds out here.
        for child in ast.walk(node):
            if isinstance(child, ast.NamedExpr) and child.target.id == self.name:
                self.bound = True

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self.bound |= node.name == self.name
        self.generic_visit(node)

    def visit_alias(self, node: ast.alias) -> None:
        self.bound |= (node.asname or node.name.partition(".")[0]) == self.name

    def _pattern(self, node: Any) -> None:
        self.bound |= self.name in (getattr(node, "name", None), getattr(node, "rest", None))
        self.generic_visit(node)

    visit_MatchAs = visit_MatchStar = visit_MatchMapping = _pattern


class _Renamer(ast.NodeVisitor):
    """Walks all scopes. `hidden` says whether the name, where we are, is not the global."""

    def __init__(self, name: str, new: str) -> None:
        self.name = name
        self.new = new
        self.bound = False
        self.hidden = False
        self._around = False  # the same for the nearest scope that nested functions can see
        self._depth = 0

    def _rename(self, node: Any, field: str) -> None:
        if getattr(node, field) == self.name and not self.hidden:
            setattr(node, field, self.new)
            self.bound |= self._depth == 0

    def visit_Name(self, node: ast.Name) -> None:
        if node.id == self.name and not self.hidden:
            node.id = self.new
            self.bound |= self._depth == 0 and isinstance(node.ctx, ast.Store)

    def visit_Global(self, node: ast.Global) -> None:
        node.names = [self.new if name == self.name else name for name in node.names]

    def _definition(self, node: Any) -> None:
        self._rename(node, "name")
        self._function(node)

    visit_FunctionDef = visit_AsyncFunctionDef = _definition

    def _function(self, node: Any) -> None:
        for child in _outer_parts(node):
            self.visit(child)
        body: list[Any] = [node.body] if isinstance(node, ast.Lambda) else node.body
        bindings = _Bindings(self.name)
        for child in body:
            bindings.visit(child)
        arguments: ast.arguments = node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [argument for argument in (arguments.vararg, arguments.kwarg) if argument]
        if any(argument.arg == self.name for argument in every):
            bindings.bound = True
        hidden = _hides(bindings, around=self._around)
        self._enter(body, hidden=hidden, around=hidden)

    visit_Lambda = _function

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._rename(node, "name")
        for child in _outer_parts(node):
            self.visit(child)
        bindings = _Bindings(self.name)
        for child in node.body:
            bindings.visit(child)
        # Functions inside a class do not see the names of its body.
        self._enter(node.body, hidden=_hides(bindings, around=self._around), around=self._around)

    def _comprehension(self, node: _Comprehension) -> None:
        self.visit(node.generators[0].iter)  # evaluated outside
        bindings = _Bindings(self.name)
        for generator in node.generators:
            bindings.visit(generator.target)
        children = ast.iter_child_nodes(node)
        rest = [child for child in children if not isinstance(child, ast.comprehension)]
        for index, generator in enumerate(node.generators):
            rest += [generator.target, *generator.ifs]
            rest += [generator.iter] if index else []
        hidden = bindings.bound or self._around  # nor do comprehensions in a class
        self._enter(rest, hidden=hidden, around=hidden)

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self._rename(node, "name")
        self.generic_visit(node)

    def visit_alias(self, node: ast.alias) -> None:
        if (node.asname or node.name.partition(".")[0]) == self.name and not self.hidden:
            node.asname = self.new
            self.bound |= self._depth == 0

    def _pattern(self, node: Any) -> None:
        for field in ("name", "rest"):
            if hasattr(node, field):
                self._rename(node, field)
        self.generic_visit(node)

    visit_MatchAs = visit_MatchStar = visit_MatchMapping = _pattern

    def _enter(self, body: list[Any], *, hidden: bool, around: bool) -> None:
        before = self.hidden, self._around
        self.hidden, self._around = hidden, around
        self._depth += 1
        for child in body:
            self.visit(child)
        self._depth -= 1
        self.hidden, self._around = before


def _hides(bindings: _Bindings, *, around: bool) -> bool:
    if bindings.declared:
        return bindings.declared == "nonlocal"
    return bindings.bound or around


def _outer_parts(node: Any) -> list[ast.AST]:
    """The parts of a definition that are evaluated outside of it."""
    parts: list[ast.AST] = [*getattr(node, "decorator_list", ())]
    parts += [*getattr(node, "bases", ()), *getattr(node, "keywords", ())]
    if isinstance(node, _FunctionNode):
        arguments = node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [argument for argument in (arguments.vararg, arguments.kwarg) if argument]
        parts += [argument.annotation for argument in every if argument.annotation]
        parts += [*arguments.defaults, *(d for d in arguments.kw_defaults if d is not None)]
        returns = getattr(node, "returns", None)
        parts += [returns] if returns is not None else []
    return parts
