"""One version of a notebook's app: its folder, and the process that serves it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from agentscope_runtime_nb.notebook.export import bundle
from agentscope_runtime_nb.notebook.export.exporter import export

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from agentscope_runtime_nb.notebook.export.report import ExportReport

_CHILD = Path(__file__).with_name("child.py")


def env_file(notebook: Path) -> Path:
    """The settings that are kept beside a notebook."""
    return notebook.parent / ".env"


class Version:
    """A version that has been written down, and can be started.

    Args:
        report: What the export did.
        listen: Called from another thread with the version and each thing that its process says.

    Attributes:
        digest: Equal to another version's when nothing differs that is part of the app.
        facts: What its process said of the app when it was ready.
        closed: Whether it takes no more calls.
    """

    def __init__(
        self, report: ExportReport, listen: Callable[[Version, dict[str, Any]], None]
    ) -> None:
        self.report = report
        self.folder = report.path
        settings = env_file(report.sources[0])
        manifest = (self.folder / bundle.MANIFEST).read_bytes()
        self.digest = (
            manifest,
            report.given,
            settings.read_bytes() if settings.is_file() else b"",
        )
        self.facts: dict[str, Any] = {}
        self.closed = False
        self._listen = listen
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def build(
        cls,
        notebook: Path,
        app: str | None,
        folder: Path,
        listen: Callable[[Version, dict[str, Any]], None],
    ) -> Version:
        """Export the app into a folder; nothing of it is run.

        Raises:
            ExportError: The notebook cannot be exported as it is.
        """
        return cls(export(app, folder, document=notebook, check=False), listen)

    def start(self, sock: socket.socket, settings: dict[str, Any]) -> None:
        """Start its process, with a socket that it shares with the versions before and after it."""
        reading, writing = os.pipe()
        try:
            self._process = process = subprocess.Popen(  # noqa: S603 - our interpreter and script
                [sys.executable, "-P", str(_CHILD)],
                stdin=subprocess.PIPE,
                pass_fds=(sock.fileno(), writing),
                start_new_session=True,  # an interrupt from the keyboard is the command's to handle
            )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        told = settings | {
            "folder": str(self.folder),
            "socket": sock.fileno(),
            "status": writing,
            "variables": self.report.given,
        }
        self._send(json.dumps(told))
        status = os.fdopen(reading, "rb")
        threading.Thread(target=self._hear, args=(status, process), daemon=True).start()

    def retire(self) -> None:
        """Have it take no more calls, finish those under way, and end."""
        self._send("retire")

    def end(self) -> None:
        """Have it refuse new runs, give those under way some seconds, and end."""
        self._send("end")

    def kill(self) -> None:
        """End it now."""
        if self._process is not None:
            self._process.kill()

    def remove(self) -> None:
        """Take its folder away, and what is left of its process."""
        if self._process is not None:
            self._process.wait()
            if self._process.stdin is not None:
                with contextlib.suppress(OSError):
                    self._process.stdin.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _send(self, line: str) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):  # it has ended; that is heard of elsewhere
                self._process.stdin.write(line.encode() + b"\n")
                self._process.stdin.flush()

    def _hear(self, status: IO[bytes], process: subprocess.Popen[bytes]) -> None:
        with status:
            for line in status:
                self._listen(self, json.loads(line))
        self._listen(self, {"ended": process.wait()})
