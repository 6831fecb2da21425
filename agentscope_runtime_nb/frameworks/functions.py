"""Tools from typed Python functions: their JSON schema, and calling them with a model's arguments.

The schema comes from the annotations, the descriptions from the docstring (Google style).
"""

from __future__ import annotations

import inspect
import json
import re
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError, create_model

from agentscope_runtime_nb.app.errors import DefinitionError
from agentscope_runtime_nb.app.query import Worker
from agentscope_runtime_nb.app.run import current_run

if TYPE_CHECKING:
    from collections.abc import Callable

_ARGUMENT = re.compile(r"^\s+\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.+)$")


class ToolError(Exception):
    """A tool could not be called as the model asked; the text goes back to the model."""


class FunctionTool:
    """A Python function as a tool.

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

    async def call(self, arguments: str) -> Any:
        """Call it with the model's JSON.

        Raises:
            ToolError: The arguments do not fit.
        """
        try:
            given = self._arguments.model_validate(json.loads(arguments or "{}"))
        except json.JSONDecodeError as error:
            raise ToolError(f"The arguments are not JSON: {error}") from None
        except ValidationError as error:
            problems = error.errors(include_url=False, include_context=False, include_input=False)
            raise ToolError("The arguments do not fit: " + json.dumps(problems)) from None
        kwargs = {name: getattr(given, name) for name in given.model_fields_set}
        if inspect.iscoroutinefunction(self.function):
            return await self.function(**kwargs)
        worker = Worker()
        run = current_run.get()
        if run is not None:
            run.on_worker(worker)
        try:
            result = await worker.call(lambda: self.function(**kwargs))
        finally:
            worker.end()
        return await result if inspect.isawaitable(result) else result


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
