"""Small questions about syntax trees: names, targets, arguments, scopes."""

from __future__ import annotations

# ruff: noqa: D102 - visitors are named for what they visit
import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def target_names(target: ast.expr) -> Iterator[str]:
    """The names that an assignment to a target binds."""
    match target:
        case ast.Name(id=name):
            yield name
        case ast.Tuple(elts=items) | ast.List(elts=items):
            for item in items:
                yield from target_names(item)
        case ast.Starred(value=value):
            yield from target_names(value)
        case _:
            pass


def dotted(node: ast.expr) -> str:
    """`a.b.c` of a chain, subscripts and calls left out; empty when it has no name."""
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


class Scope:
    """The names that a function, class, lambda or comprehension calls its own."""

    def __init__(self, kind: str, own: set[str], declared_global: set[str]) -> None:
        self.kind = kind
        self.own = own
        self.declared_global = declared_global


class Bound(ast.NodeVisitor):
    """Collects the names that a body binds, inner scopes left out."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.globals: set[str] = set()
        self.nonlocals: set[str] = set()

    # Each visits the parts in which a name may be bound, and no inner scope.

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
        for part in (*node.decorator_list, *outer_parts(node)):
            self.visit(part)

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = _definition

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for part in defaults_of(node.args):
            self.visit(part)

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
    ) -> None:
        for inner in ast.walk(node):
            if isinstance(inner, ast.NamedExpr):
                self.names.update(target_names(inner.target))
        self.visit(node.generators[0].iter)

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension


def defaults_of(args: ast.arguments) -> list[ast.expr]:
    """The defaults of parameters, evaluated where the function is defined."""
    return [*args.defaults, *(d for d in args.kw_defaults if d is not None)]


def outer_parts(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> list[ast.expr]:
    """The parts of a definition that are evaluated where it stands, annotations left out."""
    if isinstance(node, ast.ClassDef):
        return [*node.bases, *(keyword.value for keyword in node.keywords)]
    return defaults_of(node.args)


def all_args(args: ast.arguments) -> list[ast.arg]:
    """Every parameter, of whatever kind."""
    extra = [a for a in (args.vararg, args.kwarg) if a]
    return [*args.posonlyargs, *args.args, *args.kwonlyargs, *extra]


def bound_in(body: Iterable[ast.AST]) -> Bound:
    """The names that a body binds and declares, inner scopes left out."""
    bound = Bound()
    for node in body:
        bound.visit(node)
    return bound


def names_in_text(text: str) -> set[str]:
    """The names in a text that is an expression, such as a string annotation."""
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError:
        return set()
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def type_params(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> set[str]:
    """The names of type parameters (`def f[T]`)."""
    return {param.name for param in getattr(node, "type_params", ())}
