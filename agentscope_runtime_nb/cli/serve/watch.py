"""Tells when files have changed, by looking at them: works on every file system, needs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

LOOK_EVERY = 0.25
"""Seconds between two looks; a change is told when two looks see the same."""

_Stamp = tuple[int, int, int] | None


class Watch:
    """Files that are looked at again and again.

    A file counts as changed once it has been left alone for a whole look, so that one that is
    just being written is not read by halves.
    """

    def __init__(self) -> None:
        self._known: dict[Path, _Stamp] = {}
        self._pending: dict[Path, _Stamp] = {}

    def follow(self, files: Iterable[Path], since: float) -> None:
        """Look at these files from now on.

        Args:
            files: They need not be there.
            since: When they were read, in Unix seconds: what was written later is a change.
        """
        known: dict[Path, _Stamp] = {}
        for file in files:
            stamp = _stamp(file)
            fresh = stamp is not None and stamp[0] >= since * 1e9
            known[file] = self._known.get(file, None if fresh else stamp)
        self._known = self._pending = known

    def changed(self) -> bool:
        """Whether a file is no longer what it was when this was last true."""
        now = {file: _stamp(file) for file in self._known}
        if now == self._known:
            self._pending = now
            return False
        if now != self._pending:
            self._pending = now
            return False
        self._known = now
        return True


def _stamp(file: Path) -> _Stamp:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
