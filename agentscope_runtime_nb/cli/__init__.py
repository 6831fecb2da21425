"""`agentscope-nb`: export a notebook's agent, serve it, fetch models, move code over.

One module a command; each imports what it needs when it is called, so that `--help` is quick.
"""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated, Any

import typer
from typer.core import TyperGroup


class _Commands(TyperGroup):
    """Loads the `models` commands when one of them is called, not to list what there is."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args[:1] == ["models"]:
            from agentscope_runtime_nb.cli.models import models

            self.add_command(typer.main.get_command(models), "models")
        return super().resolve_command(ctx, args)


cli = typer.Typer(
    name="agentscope-nb",
    cls=_Commands,
    help="Ship the agents of a notebook, and serve them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@cli.command(name="models")
def _models() -> None:
    """Fetch the local model, and see which model a name means here."""


@cli.command()
def export(
    notebook: Annotated[Path, typer.Argument(help="A notebook: .ipynb, or jupytext's .py or .md.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write.")],
    app: Annotated[str | None, typer.Option(help="Which app, if there are several.")] = None,
    *,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Discard changes made by hand in an earlier export.")
    ] = False,
    check: Annotated[
        bool, typer.Option(help="Import the export in a fresh process before it is called done.")
    ] = True,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say of each statement whether it was kept, and why.")
    ] = False,
) -> None:
    """Write an app of a notebook as a service of its own; no kernel is needed."""
    from agentscope_runtime_nb.cli.export import run_export

    run_export(notebook, output, app, overwrite=overwrite, check=check, explain=explain)


@cli.command()
def run(
    target: Annotated[Path, typer.Argument(help="An exported folder, or a .py file with an app.")],
    host: Annotated[str | None, typer.Option(help="Where to listen; 127.0.0.1 by default.")] = None,
    port: Annotated[int | None, typer.Option(help="8080 by default; 0 for a free one.")] = None,
    app: Annotated[str | None, typer.Option(help="Which app, if the file has several.")] = None,
    *,
    open_to_all: Annotated[
        bool, typer.Option("--open", help="Serve beyond this machine without keys, on purpose.")
    ] = False,
) -> None:
    """Serve an app until interrupted."""
    from agentscope_runtime_nb.cli.run import run_app

    run_app(target, host=host, port=port, app_name=app, open_to_all=open_to_all)


@cli.command()
def serve(
    notebook: Annotated[Path, typer.Argument(help="A notebook: .ipynb, or jupytext's .py or .md.")],
    app: Annotated[str | None, typer.Option(help="Which app, if there are several.")] = None,
    host: Annotated[str | None, typer.Option(help="Where to listen; 127.0.0.1 by default.")] = None,
    port: Annotated[int | None, typer.Option(help="8080 by default; 0 for a free one.")] = None,
    *,
    reload: Annotated[bool, typer.Option(help="Swap in what is saved, while it serves.")] = True,
    open_to_all: Annotated[
        bool, typer.Option("--open", help="Serve beyond this machine without keys, on purpose.")
    ] = False,
) -> None:
    """Serve an app straight from its notebook, until interrupted."""
    from agentscope_runtime_nb.cli.serve import serve_notebook

    serve_notebook(
        notebook, app_name=app, host=host, port=port, reload=reload, open_to_all=open_to_all
    )


@cli.command()
def migrate(
    files: Annotated[list[Path], typer.Argument(help=".py, .ipynb and .md files.")],
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; tell if it would.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Change nothing; show what it would.")
    ] = False,
) -> None:
    """Rewrite imports of agentscope_runtime to this package's.

    Exit codes: 0 all is well, 1 a file could not be read or (--check) would change, 3 a name that
    is used is not available here.
    """
    from agentscope_runtime_nb.cli.migrate import run_migrate

    run_migrate(files, check=check, diff=diff)


@cli.command()
def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    ask: Annotated[
        bool, typer.Option("--ask", help="Also ask the model for a word, and time it.")
    ] = False,
) -> None:
    """Say what is there on this machine and what is not, with what mends it.

    Exit codes: 0 agents can be defined, asked and shipped here, 1 something for that is broken.
    """
    from agentscope_runtime_nb.cli.doctor import run_doctor

    run_doctor(as_json=as_json, ask=ask)


@cli.command()
def version() -> None:
    """Say which version this is."""
    from importlib.metadata import version as version_of

    typer.echo(f"agentscope-runtime-nb {version_of('agentscope-runtime-nb')}")


def main() -> Any:
    """The entry point of the `agentscope-nb` command."""
    return cli()
