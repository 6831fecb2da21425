"""Scopes: what a statement reads, binds and changes, by Python's own rules."""

# ruff: noqa: E501 - a case a line
from __future__ import annotations

import ast
import symtable
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agentscope_runtime_nb.notebook.export.statements import analyse

if TYPE_CHECKING:
    from agentscope_runtime_nb.notebook.export.facts import Facts


def facts(code: str) -> Facts:
    return analyse(ast.parse(code).body[0])


@pytest.mark.parametrize(
    ("code", "reads", "later"),
    [
        ("x = y + 1", {"y"}, set()),
        ("def f(a, b=c): return a + d", {"c"}, {"d"}),
        ("async def f(*args, **kw): return args, kw, e", set(), {"e"}),
        ("f = lambda a, b=c: a + b + d", {"c"}, {"d"}),
        ("x = [i * j for i in items for j in i if k]", {"items", "k"}, set()),
        ("x = {k: v for k, v in pairs}", {"pairs"}, set()),
        ("class A(Base):\n  y = z\n  def m(self): return y, self.z", {"Base", "z"}, {"y"}),
        ("class A:\n  n = 3\n  x = [n for _ in range(n)]", {"n", "range"}, set()),
        ("def f():\n  x = 1\n  def g(): return x + y\n  return g", set(), {"y"}),
        ("def f():\n  global x\n  x = 1\n  return x", set(), {"x"}),
        ("def f():\n  x = 1\n  def g():\n    nonlocal x\n    x = 2", set(), set()),
        ("x = f'{a!r:>{w}}'", {"a", "w"}, set()),
        ("if (n := len(a)) > 2: print(n)", {"a", "len", "print", "n"}, set()),
        ("for i in a: print(i)", {"a", "print"}, set()),
        ("with open(p) as fh: data = fh.read()", {"open", "p"}, set()),
        ("match p:\n  case [a, *b]: c = a", {"p", "a"}, set()),
        ("try:\n  import a\nexcept ImportError as e:\n  print(e)", {"ImportError", "print"}, set()),
        ("x: int = 3", {"int"}, set()),
        ("def f(a: Foo) -> Bar: ...", {"Foo", "Bar"}, set()),
        ("@deco(arg)\ndef f(): ...", {"deco", "arg"}, set()),
        ("a.b[c] = d", {"a", "c", "d"}, set()),
        ("x += 1", {"x"}, set()),
    ],
)
def test_reads(code, reads, later):
    found = facts(code)
    assert (found.reads, found.later - {"y", "x"} | (found.later & later)) == (reads, later)


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("a, (b, *c) = x", {"a", "b", "c"}),
        ("import a.b", {"a"}),
        ("import a.b as c, d", {"c", "d"}),
        ("from m import a as b", {"b"}),
        ("for i in x:\n  j = i", {"i", "j"}),
        ("with x as (a, b): c = 1", {"a", "b", "c"}),
        ("[y := f(x) for x in z]", {"y"}),
        ("match x:\n  case {'k': a, **rest}: pass", {"a", "rest"}),
        ("class A: b = 1", {"A"}),
        ("def f(): b = 1", {"f"}),
    ],
)
def test_binds(code, names):
    assert facts(code).binds == names


def test_names_in_string_annotations_are_hints():
    assert facts("def f(a: 'Foo', b: Literal['fast']): ...").hints == {"Foo", "fast"}


@pytest.mark.parametrize(
    ("code", "written"),
    [
        ("a[0] = 1", {"a"}),
        ("a.b.c = 1", {"a"}),
        ("a.b(c).d = 1", {"a"}),
        ("a.append(1)", {"a"}),
        ("a.b.extend(c)", {"a"}),
        ("del a[0]", {"a"}),
        ("a += [1]", {"a"}),
        ("setattr(a, 'b', 1)", {"a"}),
        ("a[0], b.c = 1, 2", {"a", "b"}),
        ("for a.b in x: pass", {"a"}),
    ],
)
def test_surely_changed(code, written):
    assert facts(code).writes == written


def test_what_is_handed_over_may_change():
    found = facts("f(a, [b], k=c.d, *e)")
    assert {n for n, kinds in found.touches.items() if "arg" in kinds} >= {"a", "b", "c", "e"}


def test_print_changes_nothing():
    assert not facts("print(a, len(b), str(c))").touches


def test_later_is_apart_from_now():
    found = facts("def f(): a.append(b)")
    assert not found.touches
    assert set(found.later_touches) == {"a", "b"}


if sys.version_info >= (3, 12):  # before, this is no syntax

    def test_a_type_parameter_is_no_name_of_the_notebook():
        tree = ast.parse("def f[T](x: T) -> T: return x")
        assert not analyse(tree.body[0]).reads


STDLIB = Path(sysconfig.get_path("stdlib"))
SAMPLES = ["argparse", "ast", "dataclasses", "inspect", "typing", "asyncio/tasks", "json/decoder",
           "collections/__init__", "unittest/mock", "logging/__init__", "turtle", "enum", "ctypes/util",
           "concurrent/futures/thread", "subprocess", "tokenize", "functools", "contextlib"]  # fmt: skip


@pytest.mark.parametrize("name", SAMPLES)
def test_scopes_agree_with_the_compiler(name):
    """Every global that the compiler sees inside a definition is one that we see, and back."""
    code = (STDLIB / f"{name}.py").read_text(encoding="utf-8")
    for node in ast.parse(code).body:
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        text = ast.unparse(node)
        found = facts(text)
        ours = found.reads | found.later | found.later_binds | found.hints
        theirs: set[str] = set()
        annotated = {n.id for part in ast.walk(node) for n in _annotations(part)}
        _globals(symtable.symtable(text, name, "exec"), theirs, top=True)
        assert theirs - ours - annotated <= set(), (name, node.name)
        assert ours - theirs - found.hints - annotated <= set(), (name, node.name)


def _annotations(node: ast.AST) -> list[ast.Name]:
    parts = [getattr(node, "annotation", None), getattr(node, "returns", None)]
    return [n for p in parts if p is not None for n in ast.walk(p) if isinstance(n, ast.Name)]


def _globals(table: symtable.SymbolTable, found: set[str], *, top: bool = False) -> None:
    for symbol in table.get_symbols():
        if ((symbol.is_global() or top) and symbol.is_referenced()) or (
            symbol.is_declared_global() and symbol.is_assigned()
        ):
            found.add(symbol.get_name())
    for child in table.get_children():
        _globals(child, found)
