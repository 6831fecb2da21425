"""What `agentscope-nb serve` says, and how: one line an event, with the time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import typer

from agentscope_runtime_nb.app.serving import DRAIN_SECONDS
from agentscope_runtime_nb.notebook.asking import RESPONSES, curl

if TYPE_CHECKING:
    from agentscope_runtime_nb.notebook.export.problems import ExportError


class Voice:
    """Says what happens to the person at the terminal.

    Args:
        notebook: The file's name.
        host: Where it listens.
        port: And at which port.
        reload: Whether a save is looked for.
    """

    def __init__(self, notebook: str, host: str, port: int, *, reload: bool) -> None:
        self._notebook = notebook
        anywhere = host in ("0.0.0.0", "::")  # noqa: S104 - it is only told here
        shown = "127.0.0.1" if anywhere else f"[{host}]" if ":" in host else host
        self._address = f"http://{shown}:{port}"
        self._more = ", and every other address of this machine" if anywhere else ""
        self._reload = reload
        self._serves = False

    def serving(self, facts: dict[str, Any]) -> None:
        """The first version serves."""
        if self._serves:
            self._say(f"{facts['name']} serves again")
            return
        self._serves = True
        about = f": {facts['description']}" if facts["description"] else ""
        typer.echo(f"{facts['name']} of {self._notebook}{about}\n  {self._address}{self._more}\n")
        routes = [("POST", facts["path"], "ask it")]
        routes += [("POST", RESPONSES, "ask it with OpenAI's SDK")]
        routes += [(method, path, "its own") for method, path in facts["own"]]
        routes += [("GET", facts["docs"], "all that can be called")] if facts["docs"] else []
        width = max(len(path) for _, path, _ in routes)
        for method, path, what in routes:
            typer.echo(f"  {method:<6} {path:<{width}}  {what}")
        ask = curl(self._address, facts["path"], keyed=facts["keyed"])
        typer.echo(f"\nAsk it:\n  {ask}\n")
        again = f"{self._notebook} is read again whenever it is saved. " if self._reload else ""
        typer.echo(f"{again}CTRL+C ends it.")

    def refused(self, error: ExportError) -> None:
        """The notebook as it is cannot be served."""
        # One mistake may be missed in many places; where it stands is told once.
        found = {(p.code, p.cell, p.line, p.name): p for p in error.problems}.values()
        self._old_stays([_placed(str(p), p.cell, p.line) for p in found])

    def failed(self, why: str, cell: int | None, line: int | None) -> None:
        """The app does not start."""
        self._old_stays([_placed(why, cell, line)])

    def _old_stays(self, reasons: list[str]) -> None:
        if self._serves:
            self._say("not reloaded, the earlier version goes on serving:", bad=True)
        else:
            typer.echo(f"{self._notebook} cannot be served:", err=True)
        for reason in reasons:
            typer.echo(f"  {reason}", err=True)

    def reloaded(self, seconds: float, runs: int) -> None:
        """A new version has taken over."""
        rest = f"; {_runs(runs)} on the earlier version" if runs else ""
        self._say(f"reloaded {self._notebook} in {seconds:.1f} s{rest}")

    def crashed(self, code: int, *, again: bool) -> None:
        """The serving process has ended by itself."""
        how = f"signal {-code}" if code < 0 else f"code {code}"
        rest = "it is started again" if again else "once too often; the command ends"
        self._say(f"the agent's process ended ({how}): {rest}", bad=True)

    def ending(self) -> None:
        """It has been interrupted."""
        self._say(f"ending; answers under way have {DRAIN_SECONDS} s (CTRL+C again: none)")

    @staticmethod
    def _say(text: str, *, bad: bool = False) -> None:
        typer.echo(f"{time.strftime('%H:%M:%S')}  {text}", err=bad)


def _runs(count: int) -> str:
    return "1 answer is finished" if count == 1 else f"{count} answers are finished"


def _placed(text: str, cell: int | None, line: int | None) -> str:
    """A reason after the place where the reader's editor has to go."""
    where = f"cell {cell}{f', line {line}' if line else ''}: " if cell else ""
    return where + text
