"""`agentscope-nb doctor`: what is there on this machine, what is not, and what mends it."""

from __future__ import annotations

import json
import sys
from typing import Any

import typer

from agentscope_runtime_nb.doctor.examination import examine


def run_doctor(*, as_json: bool, ask: bool) -> None:
    """Look at everything and say what was found; code 1 when something needed is broken."""
    report = examine(ask=ask)
    if as_json:
        typer.echo(json.dumps(report.as_json(), indent=2))
    else:
        from rich.console import Console
        from rich.text import Text

        reconfigure: Any = getattr(sys.stdout, "reconfigure", None)
        if reconfigure is not None:  # a path may have more letters than the terminal can show
            reconfigure(errors="backslashreplace")
        console = Console()
        for line in report.lines():
            text = Text(line.text)
            text.stylize(line.style, 0, line.styled)
            console.print(text, soft_wrap=True)  # a command stays one line, to be pasted
    if report.broken:
        raise typer.Exit(1)
