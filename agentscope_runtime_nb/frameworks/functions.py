"""Tools from typed Python functions: their JSON schema, and calling them with a model's arguments.

The schema comes from the annotations, the descriptions from the docstring (Google style). A tool
that is a generator says what it does while it works; the text that it yields is its result.
"""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, overload

from pydantic import TypeAdapter, ValidationError, create_model

from agentscope_runtime_nb.app.errors import DefinitionError
from agentscope_runtime_nb.app.query import Worker
from agentscope_runtime_nb.app.run import current_run
from agentscope_runtime_nb.events import Text, ToolResult

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from agentscope_runtime_nb.events import Part

_F = TypeVar("_F", bound="Callable[..., Any]")
_CONFIRM = "__agentscope_confirm__"
_END = object()
_ARGUMENT = re.compile(r"^\s+\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.+)$")


class ToolError(Exception):
    """A tool could not be called as the model asked; the text goes back to the model."""


@overload
def tool(function: _F) -> _F: ...
@overload
def tool(*, confirm: bool = False) -> Callable[[_F], _F]: ...
def tool(function: Any = None, *, confirm: bool = False) -> Any:
    """Say more about a function that is a tool; the function itself stays as it is.

        @tool(confirm=True)
        def delete(path: str) -> str:
            '''Delete a file.'''

    Args:
        function: The function, when used without arguments.
        confirm: Whether a person has to allow each call. See `events.approvals`.
    """

    def mark(function: Any) -> Any:
        setattr(function, _CONFIRM, confirm)
        return function

    return mark if function is None else mark(function)


class FunctionTool:
    """A Python function as a tool.

    Attributes:
        name: What the model calls it.
        confirm: Whether a person has to allow each call.
        description: The docstring, without its sections.
        parameters: The JSON schema of its arguments.

    Args:
        function: Typed, with a docstring; sync ones run in a thread.

    Raises:
        DefinitionError: It is no function, or an annotation has no JSON schema.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        if not callable(function):
            raise DefinitionError(f"A tool is a function, not {function!r}.")
        self.function = function
        self.name = getattr(function, "__name__", type(function).__name__)
        self.confirm = bool(getattr(function, _CONFIRM, False))
        summary, notes = _documentation(function)
        try:
            signature = inspect.signature(function, eval_str=True)
            self._arguments = _argument_model(self.name, signature)
            schema = self._arguments.model_json_schema()
        except DefinitionError:
            raise
        except Exception as error:
            raise DefinitionError(
                f"The tool {self.name}() cannot be described to a model: {error}. Annotate its "
                "arguments with JSON-like types (str, int, float, bool, list, dict, pydantic's)."
            ) from error
        schema.pop("title", None)
        for name, field in schema.get("properties", {}).items():
            field.pop("title", None)
            if name in notes:
                field.setdefault("description", notes[name])
        self.description = summary
        self.parameters: dict[str, Any] = schema

    def specification(self) -> dict[str, Any]:
        """The tool as a chat completions request names it."""
        return {
            "type": "function",
            "function": {
                "name": self.name,
                "description": self.description,
                "parameters": self.parameters,
            },
        }

    def check(self, arguments: str) -> dict[str, Any]:
        """A model's JSON as keyword arguments.

        Raises:
            ToolError: They do not fit.
        """
        try:
            given = self._arguments.model_validate(json.loads(arguments or "{}"))
        except json.JSONDecodeError as error:
            raise ToolError(f"The arguments are not JSON: {error}") from None
        except ValidationError as error:
            problems = error.errors(include_url=False, include_context=False, include_input=False)
            raise ToolError("The arguments do not fit: " + json.dumps(problems)) from None
        return {name: getattr(given, name) for name in given.model_fields_set}

    async def call(self, arguments: str) -> Any:
        """Call it with the model's JSON and give its value; what it says meanwhile is dropped.

        Raises:
            ToolError: The arguments do not fit.
        """
        result = None
        async for part in self.steps("", arguments):
            if isinstance(part, ToolResult):
                result = part.output
        return result

    async def steps(self, call_id: str, arguments: str) -> AsyncIterator[Part]:
        """Call it with the model's JSON.

        Args:
            call_id: The call's id, which what it says meanwhile belongs to.
            arguments: The model's JSON.

        Yields:
            What a generator says while it works, and at the end the result.

        Raises:
            ToolError: The arguments do not fit.
        """
        kwargs = self.check(arguments)
        if inspect.iscoroutinefunction(self.function):
            value = await self.function(**kwargs)
        elif inspect.isasyncgenfunction(self.function):
            value = self.function(**kwargs)
        else:
            async for part in self._in_thread(call_id, kwargs):
                yield part
            return
        async for part in self._spoken(call_id, value):
            yield part

    async def _in_thread(self, call_id: str, kwargs: dict[str, Any]) -> AsyncIterator[Part]:
        worker = Worker()
        run = current_run.get()
        if run is not None:
            run.on_worker(worker)
        try:
            value = await worker.call(lambda: self.function(**kwargs))
            if inspect.isgenerator(value):
                value = _from_generator(value, worker)
            elif inspect.isawaitable(value):
                value = await value
            async for part in self._spoken(call_id, value):
                yield part
        finally:
            worker.end()

    async def _spoken(self, call_id: str, value: Any) -> AsyncIterator[Part]:
        if not hasattr(value, "__aiter__"):
            yield ToolResult(call_id, self.name, value)
            return
        said: list[str] = []
        try:
            async for item in value:
                part = item if _is_part(item) else Text(str(item))
                if isinstance(part, Text) and part.parent is None:
                    said.append(part.delta)
                elif isinstance(part, ToolResult) and part.parent is None:
                    said.clear()  # what an agent says after its last tool is its answer
                yield _inside(part, call_id)
        finally:
            close = getattr(value, "aclose", None)
            if close is not None:
                await close()
        yield ToolResult(call_id, self.name, "".join(said))


async def _from_generator(values: Any, worker: Worker) -> AsyncIterator[Any]:
    try:
        while (item := await worker.call(lambda: next(values, _END))) is not _END:
            yield item
    finally:
        await worker.call(values.close)


def _is_part(item: Any) -> bool:
    return type(item).__module__ == Text.__module__


def _inside(part: Any, call_id: str) -> Any:
    """The part as one of what happens in a call."""
    if hasattr(part, "parent"):
        return part if part.parent else replace(part, parent=call_id)
    return replace(part, window=None)  # usage: the gauge is the outer agent's


def _argument_model(name: str, signature: inspect.Signature) -> Any:
    fields: dict[str, Any] = {}
    for parameter in signature.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.kind == parameter.POSITIONAL_ONLY:
            raise DefinitionError(
                f"The tool {name}() takes {parameter.name} by position only; models name arguments."
            )
        annotation = Any if parameter.annotation is parameter.empty else parameter.annotation
        TypeAdapter(annotation)
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (annotation, default)
    return create_model(f"{name}_arguments", **fields)


def _documentation(function: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """The docstring's text above its sections, and what it says of each argument."""
    text = inspect.getdoc(function) or ""
    summary = re.split(r"\n\s*(?:Args|Arguments|Returns|Raises|Yields|Examples?):\s*\n", text)[0]
    notes: dict[str, str] = {}
    _, found, rest = text.partition("Args:")
    if found:
        for line in rest.splitlines():
            match = _ARGUMENT.match(line)
            if match:
                notes[match[1]] = match[2].strip()
            elif line and not line.startswith(" "):
                break
    return summary.strip(), notes
