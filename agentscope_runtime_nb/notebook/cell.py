"""Runs the body of an agent's cell: ordinary Python in the notebook's own namespace.

Three things differ from an ordinary cell. `app` is a name of this cell alone. A body that awaits
runs on the agents' loop while the cell waits, so that what it makes belongs there. And line numbers
count from the magic's line, as the reader's do.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from agentscope_runtime_nb.app import AppError, DefinitionError
from agentscope_runtime_nb.notebook.scope import rename_global

if TYPE_CHECKING:
    from types import CodeType

    from agentscope_runtime_nb.notebook.threads import LoopThread


_OURS = str(Path(__file__).parents[1])


@dataclass(frozen=True, slots=True)
class Body:
    """A compiled body.

    Attributes:
        codes: Its statements and, if it ends with an expression, that, to be displayed.
        filename: What tracebacks know it by.
        source: What they show.
        uses_model: Whether it reads `app.model`.
    """

    codes: tuple[CodeType, ...]
    filename: str
    source: str
    uses_model: bool

    @property
    def awaits(self) -> bool:
        """Whether it has a top-level `await`."""
        return any(code.co_flags & inspect.CO_COROUTINE for code in self.codes)


def compile_body(shell: Any, magic: str, body: str, app: str, raw: str = "") -> Body:
    """Compile a cell's body.

    Args:
        shell: The IPython shell.
        magic: The magic's line, which stands above the body.
        body: The body.
        app: The global that `app` means in it.
        raw: The whole cell as it was typed, if it is known.

    Returns:
        The compiled body; `inspect.getsource` and tracebacks find its lines.

    Raises:
        SyntaxError: It is not Python.
    """
    head, raw = _head(magic, body, raw)
    source: str = shell.transform_cell(head + body)
    filename = _known_as(shell, source, raw or source)
    flags: int = shell.compile.flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    # `compile` rather than `ast.parse`: the notebook's own `from __future__` lines hold here too.
    tree: Any = compile(source, filename, "exec", flags | ast.PyCF_ONLY_AST, dont_inherit=True)
    uses_model = any(
        isinstance(node, ast.Attribute)
        and node.attr == "model"
        and isinstance(node.value, ast.Name)
        and node.value.id == "app"
        for node in ast.walk(tree)
    )
    rename_global(tree, "app", app)
    tree = shell.transform_ast(tree)
    parts: list[tuple[ast.AST, str]] = []
    last: list[ast.stmt] = []
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = [tree.body.pop()]
    if tree.body:
        parts.append((tree, "exec"))
    if last:
        parts.append((ast.Interactive(last), "single"))
    build: Any = compile  # whose types know nothing of syntax trees
    codes: tuple[CodeType, ...] = tuple(
        build(part, filename, mode, flags, dont_inherit=True) for part, mode in parts
    )
    return Body(codes, filename, source, uses_model)


def run_body(body: Body, namespace: dict[str, Any], agent: LoopThread, shell: Any) -> None:
    """Run a compiled body.

    Args:
        body: The body.
        namespace: Its globals.
        agent: Where it runs if it awaits; the caller waits and can be interrupted.
        shell: Renders the traceback.
    """
    try:
        if body.awaits:
            agent.run(_run_async(body, namespace))
        else:
            for code in body.codes:
                exec(code, namespace)  # noqa: S102 - it is the user's own cell
    except Exception as error:
        _begin_traceback_at(body.filename, error, shell)
        raise


async def _run_async(body: Body, namespace: dict[str, Any]) -> None:
    for code in body.codes:
        result = eval(code, namespace)  # noqa: S307 - it is the user's own cell
        if inspect.iscoroutine(result):
            await result


def _known_as(shell: Any, source: str, raw: str) -> str:
    """Tell IPython of the source, under the number of the cell that runs."""
    compiler = shell.compile
    # IPython counts up before or after a cell, as its version has it; the cell itself, which it
    # has just compiled, has the right number.
    numbers: dict[str, int] = compiler._filename_map  # noqa: SLF001 - there is no other way
    number = numbers.get(compiler.get_code_name(raw, source, shell.execution_count))
    if number is None:
        number = list(numbers.values())[-1] if numbers else shell.execution_count
    return compiler.cache(source, number, raw_code=raw)


def _head(magic: str, body: str, raw: str) -> tuple[str, str]:
    """Comment lines in place of what stands above the body; and the raw cell, if it is this one."""
    lines = raw.rstrip("\n").split("\n")
    wanted = body.rstrip("\n").split("\n")
    above = len(lines) - len(wanted)
    if above < 1 or [line.strip() for line in lines[above:]] != [line.strip() for line in wanted]:
        return f"# {magic}\n", ""
    return "".join(f"# {line}\n" for line in lines[:above]), raw


def _begin_traceback_at(filename: str, error: Exception, shell: Any) -> None:
    """Show the traceback from the cell's first frame on: what called it is of no interest."""
    trace: TracebackType | None = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != filename:
        trace = trace.tb_next
    if trace is None:
        return
    start = _without_our_end(trace) if isinstance(error, (AppError, DefinitionError)) else trace

    def render() -> list[str]:
        try:
            return shell.InteractiveTB.structured_traceback(type(error), error, start, tb_offset=0)
        except Exception:  # noqa: BLE001 - a plain traceback is better than none
            return traceback.format_exception(type(error), error, start)

    with contextlib.suppress(AttributeError):
        setattr(error, "_render_traceback_", render)  # noqa: B010 - IPython asks for it


def _without_our_end(trace: TracebackType) -> TracebackType:
    """The traceback up to the user's last line: how we found the mistake there is our affair."""
    steps = [trace]
    while (following := steps[-1].tb_next) is not None:
        steps.append(following)
    while len(steps) > 1 and steps[-1].tb_frame.f_code.co_filename.startswith(_OURS):
        steps.pop()
    after: TracebackType | None = None
    for step in reversed(steps):
        after = TracebackType(after, step.tb_frame, step.tb_lasti, step.tb_lineno)
    return after or trace
