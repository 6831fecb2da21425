"""Looks at the file that conversations are kept in."""

from __future__ import annotations

import os
import sqlite3
import stat
import tempfile
from contextlib import closing
from typing import TYPE_CHECKING

from agentscope_runtime_nb.doctor.findings import Finding, broken, command, fine, size, warning
from agentscope_runtime_nb.doctor.machine import nearest
from agentscope_runtime_nb.sessions.store import default_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_OTHERS = 0o077
_ELSEWHERE = "export AGENTSCOPE_NB_DATA=~/agentscope-nb"


def data_folder() -> Iterator[Finding]:
    """The folder of the session file, which may not be there yet."""
    folder = default_path().parent
    there = nearest(folder)
    inside = [folder, *folder.absolute().parents]
    below = inside[inside.index(there) - 1] if there != folder else folder
    if below != there and os.path.lexists(below):
        text = f"Conversations cannot be kept in {folder}: {below} is no folder."
        yield broken("data-folder", text, _ELSEWHERE)
    elif not _writable(there):
        text = f"Conversations cannot be kept: {there} cannot be written."
        yield broken("data-folder", text, _ELSEWHERE)
    elif below != there:
        yield fine("data-folder", f"{folder} will be made with the first conversation.")
    else:
        yield fine("data-folder", f"{folder} can be written.")


def _writable(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def session_file() -> Iterator[Finding]:
    """The session file: whole, ours, and closed to others."""
    path = default_path()
    try:
        status = path.stat()
    except FileNotFoundError:
        yield fine("session-file", "There is none yet; the first conversation makes it.")
        return
    except OSError as error:
        text = f"{path} cannot be looked at: {error.strerror or error}."
        yield broken("session-file", text, _ELSEWHERE)
        return
    if not os.access(path, os.R_OK | os.W_OK) or not stat.S_ISREG(status.st_mode):
        text = f"{path} cannot be read and written by you."
        yield broken("session-file", text, _ELSEWHERE)
        return
    try:
        with closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=2)
        ) as db:
            said = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.OperationalError as error:
        yield warning("session-file", f"{path} is busy or cannot be opened: {error}.")
        return
    except sqlite3.DatabaseError as error:
        said = str(error)
    if said != "ok":
        text = f"{path} is damaged ({said}); move it away, and a new one is made."
        yield broken("session-file", text, command("mv", path, f"{path}.damaged"))
    elif status.st_mode & _OTHERS:
        text = f"Other users may open {path}, where your conversations are."
        yield warning("session-file", text, command("chmod", "600", path))
    else:
        yield fine("session-file", f"{path}, {size(status.st_size)}, for you alone.")
