"""`agentscope-nb models`: fetch the local model, and see which model a name means here."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from agentscope_runtime_nb.models.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Generator

models = typer.Typer(
    name="models",
    help="Fetch the local model, and see which model a name means here.",
    no_args_is_help=True,
)


@contextmanager
def _errors_as_text() -> Generator[None]:
    try:
        yield
    except ModelError as error:
        typer.echo(f"{error} [{error.code}]", err=True)
        raise typer.Exit(1) from error


@models.command()
def pull(
    *,
    force: Annotated[bool, typer.Option(help="Fetch it again, even if it is there.")] = False,
) -> None:
    """Fetch the local model into the cache, once, and check it."""
    from agentscope_runtime_nb.models.weights import SMOLLM2, fetch
    from agentscope_runtime_nb.progress import transfer

    there = SMOLLM2.present and not force
    with _errors_as_text(), transfer(f"Fetching {SMOLLM2.title}") as progress:
        path = fetch(SMOLLM2, force=force, progress=progress)
    typer.echo(f"{SMOLLM2.title} {'was already' if there else 'is now'} in {path}")


@models.command(name="list")
def list_models() -> None:
    """List what `auto`, `local` and `scripted` mean here, and what is missing for them."""
    from rich.console import Console
    from rich.table import Table

    from agentscope_runtime_nb.models.choice import model

    table = Table("name", "model", "tools", "state")
    for name in ("auto", "local", "scripted"):
        found = model(name)
        tools = "yes" if found.supports_tools else "no"
        table.add_row(name, found.label, tools, _state(found.provider))
    Console().print(table)


@models.command()
def show(
    name: Annotated[str, typer.Argument(help="A model's name, as for model().")] = "auto",
) -> None:
    """Say which model a name means here, and why."""
    from agentscope_runtime_nb.models.choice import model

    with _errors_as_text():
        found = model(name)
    rows = {
        "model": found.label,
        "why": found.why,
        "provider": found.provider,
        "address": found.base_url or "on this machine, when it is needed",
        "tools": "yes" if found.supports_tools else "no",
        "state": _state(found.provider),
    }
    for title, text in rows.items():
        typer.echo(f"{title + ':':<10}{text}")


def _state(provider: str) -> str:
    from agentscope_runtime_nb.models.local import require_engine
    from agentscope_runtime_nb.models.weights import SMOLLM2

    if provider == "scripted":
        return "ready"
    if provider != "local":
        return "a key or an address is set"
    try:
        require_engine()
    except ModelError as error:
        return str(error)
    return "ready" if SMOLLM2.present else "not fetched yet: agentscope-nb models pull"
