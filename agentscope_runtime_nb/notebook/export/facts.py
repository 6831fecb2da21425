"""What a statement may do, as far as its text tells, and the words that this is told in."""

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass, field
from typing import Final

from agentscope_runtime_nb.notebook.export.syntax import dotted


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


BUILTINS: Final = frozenset(dir(builtins)) | {"__file__", "__annotations__"}

READ_ONLY_CALLS: Final = words(
    "print len repr str type isinstance issubclass id dir help abs round callable hasattr "
    "getattr hash format ascii bool int float chr ord bin hex oct divmod pow vars"
)
"""Builtins that neither change nor keep what they are given."""

HAND_OUT: Final = frozenset({"getattr", "vars"})
"""Those among them that hand out a part of what they are given."""

READ_ONLY_DOTTED: Final = words(
    "json.dumps json.loads pprint.pprint pprint.pformat copy.copy copy.deepcopy display "
    "pprint textwrap.dedent textwrap.indent sys.getsizeof inspect.getsource inspect.signature"
)
"""Well-known functions of which the same holds."""

CONSUMERS: Final = words(
    "list tuple set frozenset dict sorted sum min max any all enumerate zip map filter "
    "reversed iter"
)
"""Builtins that iterate over what they are given: harmless unless that is an iterator."""

MUTATORS: Final = words(
    "append extend insert remove pop clear sort reverse add discard update setdefault popitem "
    "appendleft extendleft popleft rotate put put_nowait register"
)
"""Methods that change their object, whatever it is."""

READ_ONLY_METHODS: Final = words(
    "get keys values items copy count index lower upper title strip lstrip rstrip split join "
    "replace startswith endswith format encode decode union intersection difference issubset "
    "issuperset isdisjoint"
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


_PLAIN_DECORATORS = words(
    "lru_cache cache wraps contextmanager asynccontextmanager dataclass staticmethod "
    "classmethod property cached_property total_ordering override final overload"
)


REGISTERS = ("register", "on_", "listen", "hook", "subscribe", "add_")


def is_plain(decorators: list[ast.expr]) -> bool:
    """Whether the decorators leave a function without a state of its own."""
    return all(dotted(callee_of(d)).rpartition(".")[2] in _PLAIN_DECORATORS for d in decorators)


def callee_of(node: ast.expr) -> ast.expr:
    """What a decorator calls: itself, or the function that makes it."""
    return node.func if isinstance(node, ast.Call) else node


_FIELDS = frozenset({"field", "Field", "Column", "mapped_column", "relationship"})


def stateless(node: ast.ClassDef) -> bool:
    """Whether a class holds nothing that its instances could change for each other."""
    for part in node.body:
        match part:
            case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
                if isinstance(value, ast.Call) and dotted(value.func).rpartition(".")[2] in _FIELDS:
                    continue
                if made_how(value) not in {"constant", "name"}:
                    return False
            case _:
                pass
    return True


def made_how(value: ast.expr) -> str:  # noqa: C901, PLR0911 - a case a kind
    """How a value is made, as far as it can be seen."""
    match value:
        case ast.Constant() | ast.JoinedStr():
            return "constant"
        case ast.UnaryOp(operand=operand) if made_how(operand) == "constant":
            return "constant"
        case ast.BinOp(left=left, right=right) if made_how(left) == made_how(right) == "constant":
            return "constant"
        case ast.Tuple(elts=items) if all(made_how(item) == "constant" for item in items):
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
