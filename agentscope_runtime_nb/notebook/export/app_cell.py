"""The cell that defines an app, and the module code that it stands for."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from agentscope_runtime_nb.notebook.export.document import Cell

HIDDEN: Final = "app@cell"
"""What `app` is called inside the app's cell while names are followed: its name is its own."""


class BadAppCellError(ValueError):
    """The `%%agent_app` line cannot be read."""


@dataclass(frozen=True)
class AppCell:
    """What a `%%agent_app` cell says."""

    cell: Cell
    name: str
    body: str
    prompt: bool = False
    framework: str | None = None
    model: str | None = None
    tools: tuple[str, ...] = ()
    description: str = ""
    max_runs: int | None = None
    confirm: tuple[str, ...] = ()
    starters: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    @property
    def uses_default_model(self) -> bool:
        """Whether the app runs on `auto` or `local`, which may mean the small local model."""
        if self.model is not None:
            return self.model in {"auto", "local"}
        return self.prompt or _reads_model(self.body)


def parse_app_cell(cell: Cell) -> AppCell | None:
    """Read a cell as an app cell; None when it is another kind of cell.

    Raises:
        BadAppCellError: when its first line cannot be read.
    """
    magic = cell.magic
    if magic is None or magic.name != "agent_app":
        return None
    from IPython.core.error import UsageError

    from agentscope_runtime_nb.notebook.options import cell_parser, check_name, listed

    try:
        options = cell_parser().parse_argstring(magic.line)
        check_name(options.name)
    except (UsageError, ValueError) as error:
        raise BadAppCellError(str(error)) from error
    return AppCell(
        cell,
        options.name,
        magic.body,
        options.prompt,
        options.framework,
        options.model,
        tuple(listed(options.tools)),
        options.description,
        options.max_runs if options.max_runs != cell_parser().get_default("max_runs") else None,
        tuple(listed(options.confirm)),
        tuple(listed(options.starters, ";")),
        tuple(listed(options.models)),
    )


def head_code(app: AppCell, app_class: str) -> str:
    """The line that makes the app, as the runtime makes it before the cell's body runs."""
    arguments = [string(app.name)]
    if app.description:
        arguments.append(string(app.description))
    if app.framework or app.prompt:
        arguments.append(f"framework={string(app.framework or 'builtin')}")
    if app.model or app.prompt or _reads_model(app.body):
        arguments.append(f"model={string(app.model or 'auto')}")
    if app.tools:
        arguments.append(f"tools=[{', '.join(app.tools)}]")
    if app.max_runs:
        arguments.append(f"max_runs={app.max_runs}")
    for name, values in (("starters", app.starters), ("models", app.models)):
        if values:
            arguments.append(f"{name}=[{', '.join(map(string, values))}]")
    return f"app = {app_class}({', '.join(arguments)})"


def prompt_code(app: AppCell, agent_class: str, variable: str) -> str:
    """The code that a cell of prose stands for: our small agent with that system prompt."""
    text = prose(app.body.strip())
    confirm = f"    confirm=[{', '.join(map(string, app.confirm))}],\n" if app.confirm else ""
    return (
        f"{variable} = {agent_class}(\n    system={text},\n    model=app.model,\n"
        f"    tools=app.tools,\n{confirm})\n"
        f'app.query(framework="builtin")({variable}.reply)'
    )


def string(text: str) -> str:
    """A string literal in double quotes where that is easy to read."""
    literal = repr(text)
    if literal.startswith("'") and '"' not in text:
        return '"' + literal[1:-1].replace("\\'", "'") + '"'
    return literal


def prose(text: str) -> str:
    """A prompt as a triple-quoted literal that is exactly the text."""
    literal = '"""' + text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"') + '"""'
    if text.endswith('"'):
        literal = '"""' + text[:-1].replace("\\", "\\\\").replace('"""', '\\"\\"\\"') + '\\""""'
    try:
        exact = ast.literal_eval(literal) == text
    except (SyntaxError, ValueError):
        exact = False
    return literal if exact else repr(text)


def _reads_model(body: str) -> bool:
    """Whether a body uses the model that every app of a notebook is given."""
    try:
        tree = ast.parse(body)
    except SyntaxError:
        return False
    return any(
        isinstance(node, ast.Attribute)
        and node.attr == "model"
        and isinstance(node.value, ast.Name)
        and node.value.id == "app"
        for node in ast.walk(tree)
    )
