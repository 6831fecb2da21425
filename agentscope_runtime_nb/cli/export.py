"""`agentscope-nb export`: a notebook's app as a service, with no kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from agentscope_runtime_nb.notebook.export.exporter import STAGES, export
from agentscope_runtime_nb.notebook.export.problems import ExportError
from agentscope_runtime_nb.progress import steps

if TYPE_CHECKING:
    from pathlib import Path


def run_export(
    notebook: Path, output: Path, app: str | None, *, overwrite: bool, check: bool, explain: bool
) -> None:
    """Export and print the report; problems go to stderr and end with code 1."""
    try:
        with steps(f"Exporting {notebook.name}", STAGES) as step:
            report = export(
                app, output, document=notebook, overwrite=overwrite, check=check, step=step
            )
    except ExportError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    if explain:
        typer.echo(report.explain())
    typer.echo(str(report))
