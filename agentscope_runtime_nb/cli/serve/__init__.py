"""`agentscope-nb serve`: a notebook's agent served from its file, reloaded when that is saved."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import typer

from agentscope_runtime_nb.app.serving import AddressError, listen
from agentscope_runtime_nb.cli.run import DEFAULT_PORT, fail
from agentscope_runtime_nb.cli.serve.reload import Reloader
from agentscope_runtime_nb.cli.serve.voice import Voice

if TYPE_CHECKING:
    from pathlib import Path

_KINDS = (".ipynb", ".py", ".md")


def serve_notebook(
    notebook: Path,
    *,
    app_name: str | None,
    host: str | None,
    port: int | None,
    reload: bool,
    open_to_all: bool,
) -> None:
    """Serve until interrupted; what is wrong is told in sentences."""
    path = notebook.expanduser().resolve()
    if path.is_dir():
        fail(f"{notebook} is a folder. An exported one is served by: agentscope-nb run {notebook}")
    if not path.is_file():
        fail(f"There is no {notebook}.")
    if path.suffix not in _KINDS:
        fail(f"{path.name} is no notebook: give an .ipynb, or a jupytext file (.py, .md).")
    host = host or os.environ.get("HOST", "127.0.0.1")
    try:
        sock = listen(host, int(os.environ.get("PORT", DEFAULT_PORT)) if port is None else port)
    except AddressError as error:
        fail(error.strerror or str(error))
    if open_to_all:
        typer.echo("Serving without keys: whoever reaches the port may use the agent.", err=True)
    voice = Voice(path.name, host, sock.getsockname()[1], reload=reload)
    settings = {"host": host, "open": open_to_all}
    with sock:
        code = Reloader(path, app_name, sock, settings, voice, reload=reload).run()
    raise typer.Exit(code)
