"""The kernel's side of an export: which notebook this is, and what was run in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from agentscope_runtime_nb.notebook.export.recorder import Recorder
from agentscope_runtime_nb.progress import steps

if TYPE_CHECKING:
    from agentscope_runtime_nb.notebook.export.report import ExportReport
    from agentscope_runtime_nb.notebook.handle import AgentHandle

_recorders: WeakKeyDictionary[Any, Recorder] = WeakKeyDictionary()


def record(shell: Any) -> Recorder:
    """Record what a shell runs from now on; the same recorder however often it is called."""
    recorder = _recorders.get(shell)
    if recorder is None:
        recorder = _recorders[shell] = Recorder(shell)
        recorder.install()
    return recorder


def stop_recording(shell: Any) -> None:
    """Forget a shell's record."""
    recorder = _recorders.pop(shell, None)
    if recorder is not None:
        recorder.remove()


def notebook_path(namespace: dict[str, Any]) -> Path | None:
    """The notebook's file, where the front end has said which it is."""
    candidates = [
        namespace.get("__vsc_ipynb_file__"),  # VS Code
        os.environ.get("JPY_SESSION_NAME"),  # Jupyter Server
        os.environ.get("PAPERMILL_OUTPUT_PATH"),
    ]
    for candidate in candidates:
        if not candidate:
            continue
        path = Path(str(candidate))
        if path.suffix in {".ipynb", ".py"} and path.is_file():
            return path
    return None


def export_live(
    handle: AgentHandle, path: str | Path, *, document: str | Path | None = None, **options: Any
) -> ExportReport:
    """Write a running agent as a service of its own.

    Args:
        handle: The agent.
        path: The folder to write.
        document: The notebook's path, if it is not the one this kernel was started for.
        **options: Those of `exporter.export`.

    Returns:
        What was kept and left out, and why.
    """
    from IPython.core.getipython import get_ipython

    from agentscope_runtime_nb.notebook.export.exporter import STAGES, export

    shell: Any = get_ipython()
    namespace: dict[str, Any] = shell.user_ns
    with steps(f"Exporting {handle.name}", STAGES) as step:
        return export(
            handle.name,
            path,
            recorder=record(shell),
            document=document or notebook_path(namespace),
            namespace=namespace,
            live_app=handle.app,
            step=step,
            **options,
        )
