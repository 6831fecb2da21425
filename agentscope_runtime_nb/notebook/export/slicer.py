"""Which statements of a notebook an app needs. Pure: text in, decisions out.

The walk goes from the last statement to the first and keeps the set of names that are needed
at that point. A statement is kept when it binds a needed name, may change the object behind
one (directly, through another name for it, or through a function that it calls), or is a call
for its effect on an import that is kept. A kept statement's own names are needed above it;
names that its functions use when called are needed at the end of the module. Where that cannot
be told from the text, too much is kept rather than too little.
"""

from __future__ import annotations

import ast
import textwrap
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from agentscope_runtime_nb.notebook.export.facts import BUILTINS, READ_ONLY_METHODS, Facts
from agentscope_runtime_nb.notebook.export.statements import analyse
from agentscope_runtime_nb.notebook.export.syntax import dotted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PROCESS_WIDE: Final = (
    "os.environ", "os.putenv", "os.unsetenv", "dotenv.load_dotenv", "dotenv.main.load_dotenv",
    "logging.", "warnings.", "sys.path", "sys.setrecursionlimit", "locale.setlocale",
    "socket.setdefaulttimeout",
)  # fmt: skip
"""Calls and assignments that act on the whole process, whether or not the import is kept."""

HARMLESS: Final = (
    "time.sleep", "asyncio.sleep", "pprint.", "os.listdir", "os.getcwd", "os.path.", "os.getenv",
    "os.environ.get", "IPython.", "json.dumps", "sys.getsizeof", "inspect.", "logging.getLogger",
    "warnings.warn",
)  # fmt: skip
"""Calls whose only effect is the result, which is dropped."""


@dataclass(frozen=True)
class Statement:
    """One top-level statement (or several that share a line) and what it does."""

    index: int
    cell: int
    """Number of its cell in the document."""
    text: str
    first_line: int
    last_line: int
    facts: Facts
    forced: str = ""
    """Why it is kept whatever it does; empty when that has to be found out."""
    dropped: str = ""
    """Why it is left out whatever it does."""


@dataclass
class Slice:
    """The outcome: which statements are kept and why, and the names that nobody binds."""

    kept: dict[int, str] = field(default_factory=dict[int, str])
    dropped: dict[int, str] = field(default_factory=dict[int, str])
    missing: dict[str, Statement] = field(default_factory=dict[str, Statement])
    """Needed names that nothing above binds, with a statement that needs them."""
    needed: set[str] = field(default_factory=set[str])
    """Names needed when the module is complete."""
    deleted: dict[str, Statement] = field(default_factory=dict[str, Statement])


def split(
    code: str,
    cell: int,
    start: int,
    tree: ast.Module | None = None,
    *,
    lazy_annotations: bool = False,
) -> list[Statement]:
    """Cut a cell's code into statements; `tree` is its syntax tree, if that was changed.

    Raises:
        SyntaxError: when the code is not valid Python.
    """
    tree = tree or ast.parse(code)
    lines = code.splitlines()
    found: list[Statement] = []
    for node in tree.body:
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
        last = node.end_lineno or node.lineno
        facts = analyse(node, lazy_annotations=lazy_annotations)
        if found and found[-1].last_line >= first:
            before = found.pop()
            before.facts.absorb(facts)
            first, facts = before.first_line, before.facts
        text = "\n".join(lines[first - 1 : last])
        found.append(Statement(start + len(found), cell, text, first, last, facts))
    return found


class Slicer:
    """Decides over a document's statements, given in its order."""

    def __init__(self, statements: Sequence[Statement], *, handles: Iterable[str] = ()) -> None:
        self.statements = statements
        self.handles = frozenset(handles)
        """Names that stand for running apps; what talks to one is no part of a service."""
        self.binders: defaultdict[str, list[Statement]] = defaultdict(list)
        self.imports: dict[str, set[str]] = {}
        self.opaque: dict[str, Statement] = {}
        """Names bound by statements that cannot be exported (magics, other apps)."""
        self._reach: dict[str, frozenset[str]] = {}
        for statement in statements:
            facts = statement.facts
            if statement.dropped:
                self.opaque.update(dict.fromkeys(facts.binds, statement))
                continue
            for name in facts.binds | facts.later_binds:
                self.binders[name].append(statement)
            for name, target in facts.imports.items():
                self.imports.setdefault(name, set()).add(target)
        self.kinds = {name: self._kind(name) for name in self.binders}
        self.live_only = self._live_only()
        self._share = self._sharing()

    def _live_only(self) -> frozenset[str]:
        """The handles and all that is made from them: no service has those."""
        found = set(self.handles)
        while True:
            more = {
                name
                for name, binders in self.binders.items()
                if name not in found and all(s.facts.reads & found for s in binders)
            }
            if not more:
                return frozenset(found)
            found |= more

    # -- what is known of names ------------------------------------------------------------

    def _kind(self, name: str) -> str:
        kinds = {s.facts.value_kind.get(name, "other") for s in self.binders[name]}
        if len(kinds) == 1:
            return kinds.pop()
        return "container" if kinds == {"constant", "container"} else "other"

    def _inert(self, name: str) -> bool:
        """Whether a name's object cannot be changed by handing it to somebody."""
        return self.kinds.get(name, "other") in {"constant", "import", "function", "class"}

    def _sharing(self) -> dict[str, int]:
        """Number the groups of names that may hold (parts of) the same objects."""
        parent: dict[str, str] = {}

        def find(name: str) -> str:
            parent.setdefault(name, name)
            while parent[name] != name:
                parent[name] = parent[parent[name]]
                name = parent[name]
            return name

        for statement in self.statements:
            for group in statement.facts.groups:
                names: set[str] = set()
                for name in group:
                    if self._inert(name):
                        if statement.facts.calls and self.kinds[name] in {"function", "class"}:
                            names |= {n for n in self.reach(name) if n in self.binders}
                    elif name in self.binders:
                        names.add(name)
                members = [name for name in names if not self._inert(name)]
                for name in members[1:]:
                    parent[find(name)] = find(members[0])
        numbers: dict[str, int] = {}
        return {name: numbers.setdefault(find(name), len(numbers)) for name in list(parent)}

    def reach(self, name: str) -> frozenset[str]:
        """All names that may play a part when the thing behind a name is called."""
        known = self._reach.get(name)
        if known is not None:
            return known
        seen: set[str] = set()
        stack = [name]
        while stack:
            for statement in self.binders.get(stack.pop(), ()):
                fresh = (statement.facts.reads | statement.facts.later) - seen
                seen |= fresh
                stack.extend(fresh)
        self._reach[name] = frozenset(seen)
        return self._reach[name]

    def _called(self, facts: Facts) -> list[Facts]:
        """What else may happen when a statement runs code: the functions that it reaches."""
        if not facts.calls:
            return []
        names = facts.reads | facts.later
        for name in facts.reads | facts.later:
            names |= self.reach(name)
        seen: dict[int, Facts] = {}
        for name in names:
            for statement in self.binders.get(name, ()):
                seen[statement.index] = statement.facts
        return list(seen.values())

    # -- what a statement may do to a needed name ------------------------------------------

    def _may_change(self, name: str, kinds: set[str]) -> bool:
        if "write" in kinds:
            return True
        if self._inert(name):
            return False
        if self.kinds.get(name) == "container":
            calls = {kind for kind in kinds if kind.startswith("call:")}
            return bool(kinds - calls - {"iter", "item"}) or any(
                call.removeprefix("call:") not in READ_ONLY_METHODS for call in calls
            )
        if kinds == {"item"}:  # reading an item changes nothing but a defaultdict
            made = {c for s in self.binders.get(name, ()) for c in s.facts.value_calls}
            return any(call.endswith("defaultdict") for call in made) or not made
        return True

    def _changed(self, touches: dict[str, set[str]], live: set[str]) -> str:
        """A needed name that one of the touched names may change, or an empty string."""
        for name in sorted(touches):
            if name not in self.binders or not self._may_change(name, touches[name]):
                continue
            if name in live:
                return name
            group = self._share.get(name)
            if group is not None:
                for other in sorted(live):
                    if self._share.get(other) == group:
                        return other
        return ""

    def _import_effect(self, callees: Iterable[str], live: set[str]) -> str:
        """The import that a call for effect acts on, when it is kept or the whole process's."""
        roots: set[str] | None = None
        for callee in sorted(callees):
            name, _, rest = callee.partition(".")
            for target in self.imports.get(name, ()):
                full = f"{target}.{rest}" if rest else target
                if full.startswith(HARMLESS):
                    continue
                if full.startswith(PROCESS_WIDE):
                    return full
                if roots is None:
                    roots = {t.partition(".")[0] for n in live for t in self.imports.get(n, ())}
                if target.partition(".")[0] in roots:
                    return full
        return ""

    def _why(self, statement: Statement, live: set[str]) -> str:  # noqa: PLR0911 - a return a reason
        """Why a statement is needed, or an empty string."""
        facts = statement.facts
        if statement.forced:
            return statement.forced
        bound = sorted((facts.binds | facts.deletes) & live)
        if bound:
            names = ", ".join(f"`{name}`" for name in bound[:4])
            return ("deletes " if set(bound) <= facts.deletes else "defines ") + names
        if any(target.startswith("__future__.") for target in facts.imports.values()):
            return "holds for every cell below it"
        if facts.stars:
            return f"may define any name (`from {facts.stars[0]} import *`)"
        if facts.wild:
            return "may define any name (exec, globals)"
        if facts.reads & self.live_only:
            return ""
        return self._own_effect(statement, live) or self._effect_of_calls(facts, live)

    def _own_effect(self, statement: Statement, live: set[str]) -> str:
        facts = statement.facts
        if changed := self._changed(facts.touches, live):
            return f"may change `{changed}`"
        callees = set(facts.bare)
        written = {name for name in facts.writes if name in self.imports}
        if written:
            callees |= {d for d in _written(statement) if d.partition(".")[0] in written}
        effect = self._import_effect(callees, live)
        return f"acts on `{effect}`, which is kept" if effect else ""

    def _effect_of_calls(self, facts: Facts, live: set[str]) -> str:
        for called in self._called(facts):
            if rebound := sorted(called.later_binds & live):
                return f"calls a function that sets `{rebound[0]}`"
            if changed := self._changed(called.later_touches, live):
                return f"calls a function that may change `{changed}`"
            if effect := self._import_effect(called.later_bare, live):
                return f"calls a function that acts on `{effect}`"
        return ""

    # -- the walk --------------------------------------------------------------------------

    def run(self, wanted: Iterable[str] = ()) -> Slice:
        """Decide, until what functions need at the end of the module no longer grows."""
        end = set(wanted)
        while True:
            result, grown = self._walk(end)
            if grown <= end:
                result.needed = end
                return result
            end |= grown

    def _walk(self, end: set[str]) -> tuple[Slice, set[str]]:
        result = Slice()
        live = set(end)
        hard: set[str] = set()  # read directly, so that something above has to bind them
        later = set(end)
        wants: dict[str, Statement] = {}
        for statement in reversed(self.statements):
            facts = statement.facts
            why = "" if statement.dropped else self._why(statement, live)
            if not why:
                result.dropped[statement.index] = statement.dropped or self._why_not(statement)
                continue
            result.kept[statement.index] = why
            for name in facts.deletes & end & live:
                result.deleted[name] = statement
            live -= facts.kills
            hard -= facts.binds | facts.later_binds
            hard |= facts.reads - facts.inner
            reads = set(facts.reads)
            if facts.calls:
                reads |= facts.later  # a lambda may be called at once
                for name in facts.reads | facts.later:
                    reads |= self.reach(name)
            for name in facts.reads | facts.later:
                wants[name] = statement
            live |= reads
            hinted = {name for name in facts.hints if name in self.binders}
            later |= facts.later | hinted | self._escaped(facts)
        unbound = {name for name in later if name not in self.binders}
        for name in sorted((hard | unbound) - BUILTINS):
            if name in wants:
                result.missing[name] = wants[name]
        return result, later

    def _escaped(self, facts: Facts) -> set[str]:
        """Variables given to a call on an import: the import may hold on to them."""
        if not any(callee.partition(".")[0] in self.imports for callee in facts.bare):
            return set()
        return {
            name
            for name, kinds in facts.touches.items()
            if "arg" in kinds and name in self.binders and not self._inert(name)
        }

    def _why_not(self, statement: Statement) -> str:
        facts = statement.facts
        if facts.reads & self.live_only:
            return "talks to a running app"
        if facts.binds:
            names = sorted(facts.binds)
            return f"defines {', '.join(f'`{n}`' for n in names[:4])}, not needed"
        return "shows something, changes nothing that is needed"


def _written(statement: Statement) -> set[str]:
    """Dotted targets of assignments to parts of things, such as `os.environ`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(textwrap.dedent(statement.text))):
        if isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
            found.add(dotted(node))
    return found
