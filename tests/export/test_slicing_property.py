"""Random programs: what is kept gives the values that running everything gives."""

# ruff: noqa: E501 - a case a line
from __future__ import annotations

import re

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from notebooks import app_cell, plan

NAMES = st.sampled_from("abcd")
FUNCTIONS = st.sampled_from(["f", "g"])

PRELUDE = "a, b, c, d = [1], {'k': 1}, [[2]], 3\n\ndef f(x=0):\n    return x\n\ndef g(x=0):\n    return a\n"


@st.composite
def expressions(draw):
    n = draw(NAMES)
    m = draw(NAMES)
    fun = draw(FUNCTIONS)
    return draw(
        st.sampled_from(
            [
                "1", "[]", "[1, 2]", "{'k': 2}", n, f"[{n}]", f"[{n}, {m}]", f"{{'k': {n}}}",
                f"({n}, {m})", f"{fun}({n})", f"{fun}()", f"list({n})", f"str({n})", f"[{n} for _ in range(2)]",
                f"[x for x in {n}]", f"{n} or {m}", f"{n} if {m} else []", f"{n}[0]", f"{n}['k']",
                f"len({n})", f"iter({n})", f"(x for x in {n})", f"dict(k={n})", f"sorted({n}, key=str)",
                f"{n} + {m}", f"(lambda: {n})()", f"map({fun}, [{n}])",
            ]
        )
    )  # fmt: skip


# Nothing here may run for ever: loops go over a copy, and nothing is extended by its own iterator.


@st.composite
def statements(draw):
    n = draw(NAMES)
    m = draw(NAMES)
    fun = draw(FUNCTIONS)
    e = draw(expressions())
    return draw(
        st.sampled_from(
            [
                f"{n} = {e}", f"{n} = {e}", f"{n} = {m}", f"{n}, {m} = {e}, {n}", f"{n} += [{e}]",
                f"{n}.append({e})", f"{n}[0] = {e}", f"{n}['k'] = {e}", f"{n}.update(j={e})",
                f"{n}[0].append({e})", f"{n}['k'].append({e})", f"del {n}[0]", f"{n}.clear()",
                f"print({n})", f"{fun}({n})", f"next({n})", f"list({n})", f"{n}.get('k')", f"{n}.pop()",
                f"for {n} in tuple({m})[:5]:\n    {fun}({n})", f"for x in tuple({n})[:5]:\n    x.append({e})",
                f"for _ in range(2):\n    {n}.append({e})", f"if {n}:\n    {m} = {e}\nelse:\n    {m} = {n}",
                f"try:\n    {n}.append({e})\nexcept Exception:\n    {n} = {e}",
                f"def {fun}(x=0):\n    return {e}", f"def {fun}(x=0):\n    {n}.append({m})\n    return {n}",
                f"def {fun}(x=0):\n    x.append({n})", f"def {fun}(x=0):\n    global {n}\n    {n} = {e}",
                f"def {fun}(x=0, acc=[]):\n    acc.append({n})\n    return acc",
                f"{n} = [({m} := {e})]", f"push = {n}.append; push({e})", f"(lambda: {n}.append({e}))()",
                f"class {fun}:\n    items = []\n    def __init__(self, x=0):\n        self.items.append({n})",
                f"def outer():\n    def inner():\n        {n}.append({e})\n    inner()\nouter()",
                f"def deco(h):\n    {n}.append({m})\n    return h\n@deco\ndef {fun}(x=0):\n    return {n}",
                f"with open('/dev/null') as x:\n    {n} = {e}", f"{n} |= {m}", f"x = {n}\nx.append({e})",
                f"{n} = {m}\n{m} = {e}", f"if ({n} := {e}):\n    {m} = {n}",
            ]
        )
    )  # fmt: skip


def value(scope, name):
    """A value as text that two runs can compare; an iterator may have been spoilt in both."""
    try:
        shown = repr(shape(scope[name], 5))
    except Exception as error:  # noqa: BLE001 - whatever a lazy value does
        shown = str(error)
    return re.sub(r"0x[0-9a-f]+", "0x", shown)


def shape(thing, depth):
    if depth == 0:
        return "…"
    if isinstance(thing, (list, tuple)):
        return [type(thing).__name__, [shape(t, depth - 1) for t in thing]]
    if isinstance(thing, dict):
        return ["dict", [(k, shape(v, depth - 1)) for k, v in thing.items()]]
    if hasattr(thing, "items") and not isinstance(thing, type):
        return [type(thing).__name__, shape(thing.items, depth - 1)]
    if hasattr(thing, "__next__"):
        return ["iterator", [shape(t, depth - 1) for _, t in zip(range(20), thing, strict=False)]]
    return repr(thing)


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(statements(), min_size=1, max_size=9), st.sets(NAMES, min_size=1, max_size=2))
def test_the_slice_gives_the_same_values(cells, wanted):
    sources = [PRELUDE, *cells]
    full = run(sources)
    assume(full is not None)
    uses = f"({', '.join(sorted(wanted))})"
    made = plan(*sources, app_cell(uses))
    assert not made.problems
    own = made.app.cell.number
    short = run([s.text for s in made.kept if s.cell != own])
    assert short is not None
    for name in sorted(wanted):
        assert value(full, name) == value(short, name), "\n".join(sources)


def run(sources):
    """Run cells as a notebook would; None if one of them fails."""
    scope = {"__name__": "__main__", "print": lambda *_: None}
    for source in sources:
        try:
            exec(compile(source, "cell", "exec"), scope)
        except Exception:  # noqa: BLE001 - whatever a random program does
            return None
    return scope
