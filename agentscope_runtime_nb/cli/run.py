"""`agentscope-nb run`: serve an exported folder or a script."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
import traceback
from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from agentscope_runtime_nb.app import AgentApp

DEFAULT_PORT = 8080


def run_app(
    target: Path, *, host: str | None, port: int | None, app_name: str | None, open_to_all: bool
) -> None:
    """Serve until interrupted; what a newcomer gets wrong is told in a sentence."""
    file = find_file(target)
    from agentscope_runtime_nb.app import DefinitionError
    from agentscope_runtime_nb.app.gate import open_gate

    load_env(file.parent / ".env")
    os.chdir(file.parent)
    app = choose(load(file), file, app_name)
    if open_to_all:
        open_gate(app)
        typer.echo("Serving without keys: whoever reaches the port may use the agent.", err=True)
    try:
        app.run(host, port)
    except DefinitionError as error:
        fail(str(error))
    except OSError as error:
        _cannot_listen(error, host, port)


def find_file(target: Path) -> Path:
    """The script that a target means."""
    path = target.expanduser().resolve()
    if path.is_dir():
        path = path / "app.py"
        if not path.is_file():
            fail(
                f"{target} has no app.py. Give a folder that `agentscope-nb export` wrote, or a "
                ".py file with an AgentApp."
            )
    elif path.suffix == ".ipynb":
        fail(
            f"{target.name} is a notebook. Serve it as it is, or export it first:\n\n"
            f"    agentscope-nb serve {target}\n\n"
            f"    agentscope-nb export {target} -o service\n    agentscope-nb run service"
        )
    elif not path.is_file():
        fail(f"There is no {target}.")
    elif path.suffix != ".py":
        fail(f"{target} is not a Python file.")
    return path


def load_env(path: Path) -> None:
    """Set the variables of a `.env` file that are not set already."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return
    for name, value in parse_env(text).items():
        if value:
            os.environ.setdefault(name, value)


_LINE = re.compile(
    r"""^\s*(?:export\s+)?(?P<name>[A-Za-z_]\w*)\s*=\s*"""
    r"""(?:'(?P<single>[^']*)'|"(?P<double>(?:[^"\\]|\\.)*)"|(?P<plain>[^#\n]*?(?:\S\#[^\n]*?)*))\s*(?:\#.*)?$""",
)


def parse_env(text: str) -> dict[str, str]:
    """Read `NAME=value` lines: quotes, comments and `export` as shells take them."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        match = _LINE.match(line)
        if match is None or line.lstrip().startswith("#"):
            continue
        if match["double"] is not None:
            value = re.sub(
                r"\\(.)", lambda m: {"n": "\n", "t": "\t"}.get(m[1], m[1]), match["double"]
            )
        else:
            value = match["single"] if match["single"] is not None else match["plain"].strip()
        found[match["name"]] = value
    return found


def load(file: Path) -> ModuleType:
    """Import a script, its own folder first on the path."""
    sys.path.insert(0, str(file.parent))
    name = file.stem if file.stem.isidentifier() else "app"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        fail(f"{file} cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except ModuleNotFoundError as error:
        _missing_module(error, file)
    except SyntaxError as error:
        fail(f"{file.name}, line {error.lineno}: {error.msg}.")
    except KeyError as error:
        if error.args and str(error.args[0]).isupper():
            fail(
                f"{file.name} wants the environment variable {error.args[0]}, which is not set. "
                f"Set it, or put it into {file.parent / '.env'}.{_at(error, file)}"
            )
        _failed(error, file)
    except Exception as error:  # noqa: BLE001 - the script's own fault is told with its place
        _failed(error, file)
    return module


def _missing_module(error: ModuleNotFoundError, file: Path) -> NoReturn:
    project = file.parent / "pyproject.toml"
    way = f"pip install {file.parent}" if project.is_file() else f"pip install {error.name}"
    fail(
        f"{file.name} needs the module {error.name}, which is not installed in {sys.prefix}. "
        f"Install what it needs:\n\n    {way}"
    )


def _failed(error: Exception, file: Path) -> NoReturn:
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != str(file):
        trace = trace.tb_next  # what imported the script is of no interest
    traceback.print_exception(error.with_traceback(trace))
    fail(
        f"{file.name} failed while it was imported: {type(error).__name__}: {error}"
        f"{_at(error, file)}"
    )


def _at(error: Exception, file: Path) -> str:
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(file)]
    return f" (line {lines[-1]})" if lines else ""


def choose(module: ModuleType, file: Path, name: str | None) -> AgentApp:
    """The app of a module that is meant."""
    from agentscope_runtime_nb.app import AgentApp

    apps = {id(v): (k, v) for k, v in vars(module).items() if isinstance(v, AgentApp)}
    found = list(apps.values())
    if name is not None:
        named = [app for variable, app in found if name in {variable, app.name}]
        if not named:
            has = ", ".join(sorted({app.name for _, app in found})) or "none"
            fail(f"{file.name} has no app {name}; it has: {has}.")
        return named[0]
    if not found:
        fail(
            f"{file.name} has no AgentApp. One is made by\n\n"
            '    from agentscope_runtime_nb import AgentApp\n    app = AgentApp("friday")'
        )
    called_app = [app for variable, app in found if variable == "app"]
    if len(found) > 1 and not called_app:
        names = ", ".join(sorted(app.name for _, app in found))
        fail(f"{file.name} has {names}. Say which: --app NAME.")
    return called_app[0] if called_app else found[0][1]


def _cannot_listen(error: OSError, host: str | None, port: int | None) -> NoReturn:
    host = host or os.environ.get("HOST", "127.0.0.1")
    at = f"{host}:{port or os.environ.get('PORT', DEFAULT_PORT)}"
    fail(f"It cannot listen on {at}: {os.strerror(error.errno or 0)}. Choose another: --port 8081.")


def fail(text: str) -> NoReturn:
    """Say what is wrong and end with code 1."""
    typer.echo(text, err=True)
    raise typer.Exit(1)
