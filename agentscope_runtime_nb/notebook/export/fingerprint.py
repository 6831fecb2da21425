"""What an app is made of, in a form that two processes can compare.

Values become hashes, so that nothing secret is written down. What cannot be compared (open
connections, clients, locks) is told by its type alone.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import inspect
import json
import textwrap
import types
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from agentscope_runtime_nb.app import AgentApp

MAX_DEPTH = 8
MAX_ITEMS = 20_000


def fingerprint(app: AgentApp) -> dict[str, Any]:
    """Describe an app: routes, tools, handler, and the globals that those use."""
    handler = app.handler.function if app.handler else None
    functions = [_function(f) for f in (handler, *app.tools)]
    return {
        "name": app.name,
        "routes": sorted(_route(route) for route in app.routes),
        "tools": [getattr(tool, "__name__", type(tool).__name__) for tool in app.tools],
        "handler": getattr(_function(handler), "__name__", ""),
        "model": getattr(app.model, "provider", None) and f"{app.model.provider}:{app.model.name}",
        "values": _values([f for f in functions if f is not None]),
    }


def _route(route: Any) -> str:
    methods: set[str] = getattr(route, "methods", None) or set()
    return f"{','.join(sorted(methods))} {getattr(route, 'path', '')}"


def _function(value: Any) -> types.FunctionType | None:
    """The plain function behind a method, a wrapper or a callable object."""
    found: Any = inspect.unwrap(value) if callable(value) else value
    found = getattr(found, "__func__", found)
    if found is not None and not isinstance(found, types.FunctionType):
        kind: Any = cast("Any", type(found))
        found = getattr(kind, "__call__", None)  # noqa: B004 - its function, not whether it has one
    return found if isinstance(found, types.FunctionType) else None


def _values(functions: list[types.FunctionType]) -> dict[str, str]:
    """Name → hash of every global that functions use, those that they call included."""
    found: dict[str, str] = {}
    seen: set[int] = set()
    stack = list(functions)
    while stack:
        function = stack.pop()
        if id(function.__code__) in seen or _is_library(function):
            continue
        seen.add(id(function.__code__))
        for name in sorted(_names(function.__code__)):
            if name not in function.__globals__:
                continue
            value = function.__globals__[name]
            inner = _function(value) if not isinstance(value, type) else None
            if inner is not None and inner.__globals__ is function.__globals__:
                stack.append(inner)
            if isinstance(value, type):
                stack.extend(f for f in vars(value).values() if isinstance(f, types.FunctionType))
            if not _is_app(value):
                found[name] = digest(value)
    return found


def _is_library(function: types.FunctionType) -> bool:
    return function.__module__.partition(".")[0] == "agentscope_runtime_nb"


def _is_app(value: Any) -> bool:
    return any(t.__name__ in {"AgentApp", "AgentHandle"} for t in type(value).__mro__)


def _names(code: types.CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names(constant)
    return names


def digest(value: Any) -> str:
    """A value's kind and, where it can be compared, a hash of it."""
    shape = json.dumps(_shape(value, MAX_DEPTH, set()), sort_keys=False)
    return f"{_kind(value)} {hashlib.sha256(shape.encode()).hexdigest()[:16]}"


def _kind(value: Any) -> str:
    kind = type(value).__name__
    return f"{kind} of {len(value)}" if kind in {"list", "tuple", "dict", "set"} else kind


def _shape(value: Any, depth: int, above: set[int]) -> Any:
    plain = _plain_shape(value)
    if plain is not None:
        return plain
    if depth == 0 or id(value) in above:
        return ["…", type(value).__qualname__]
    above = above | {id(value)}

    def inner(part: Any) -> Any:
        return _shape(part, depth - 1, above)

    if isinstance(value, dict):
        pairs = cast("dict[Any, Any]", value).items()
        return ["dict", [[inner(k), inner(v)] for k, v in _some(pairs)]]
    if isinstance(value, (list, tuple)):
        items = cast("list[Any]", value)
        return [type(items).__name__, [inner(v) for v in _some(items)]]
    if isinstance(value, (set, frozenset)):
        return ["set", sorted(json.dumps(inner(v)) for v in _some(cast("set[Any]", value)))]
    return _object_shape(value, inner)


def _plain_shape(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return ["enum", type(value).__qualname__, value.name]
    if value is None or isinstance(value, (bool, int, float, str, bytes, complex)):
        return [type(value).__name__, hashlib.sha256(repr(value).encode()).hexdigest()]
    if isinstance(value, types.ModuleType):
        return ["module", value.__name__]
    function = value if isinstance(value, types.FunctionType) else None
    if function is not None:
        return ["function", function.__name__, _source(function)]
    if isinstance(value, type):
        return ["class", value.__qualname__]
    return None


def _object_shape(value: Any, inner: Callable[[Any], Any]) -> Any:
    kind_of = cast("type[Any]", type(value))
    kind = kind_of.__qualname__
    array = getattr(value, "__array_interface__", None)
    if isinstance(array, dict) and hasattr(value, "tobytes"):
        content = hashlib.sha256(value.tobytes()).hexdigest()
        return [
            "array",
            str(getattr(value, "shape", "")),
            str(getattr(value, "dtype", "")),
            content,
        ]
    fields = getattr(kind_of, "model_fields", None)
    if isinstance(fields, dict) or dataclasses.is_dataclass(value) or _is_users(kind_of):
        return [kind, [[name, inner(part)] for name, part in sorted(_state(value).items())]]
    return ["object", kind]


def _is_users(kind: type) -> bool:
    return kind.__module__ in {"__main__", "app"}


def _state(value: Any) -> dict[str, Any]:
    state = dict(getattr(value, "__dict__", {}))
    for owner in type(value).__mro__:
        for slot in getattr(owner, "__slots__", ()):
            if isinstance(slot, str) and hasattr(value, slot):
                state.setdefault(slot, getattr(value, slot))
    return state


def _some(items: Iterable[Any]) -> list[Any]:
    return [item for _, item in zip(range(MAX_ITEMS), items, strict=False)]


def _source(function: types.FunctionType) -> str:
    """A hash of a function's text; empty where that is not known."""
    try:
        text = textwrap.dedent(inspect.getsource(function)).strip()
    except (OSError, TypeError, SyntaxError):
        return ""
    return hashlib.sha256(text.encode()).hexdigest()
