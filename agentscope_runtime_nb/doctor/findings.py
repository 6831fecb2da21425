"""What a check gives: findings, each a sentence and, where something is amiss, what mends it."""

from __future__ import annotations

import os
import re
import shlex
import sys
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "broken"]
DISTRIBUTION = "agentscope-runtime-nb"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        id: What it is about, the same in every version: `session-file`.
        state: `broken` is what defining, asking or shipping an agent cannot do without.
        text: A sentence.
        fix: A command to paste into a terminal, or none.
    """

    id: str
    state: State
    text: str
    fix: str = ""

    @property
    def topic(self) -> str:
        """What it is about, for people."""
        return self.id.replace("-", " ")


def fine(about: str, text: str) -> Finding:
    """It is as it should be."""
    return Finding(about, "ok", text)


def warning(about: str, text: str, fix: str = "") -> Finding:
    """Something does not work that one may well do without."""
    return Finding(about, "warning", text, fix)


def broken(about: str, text: str, fix: str = "") -> Finding:
    """Something that is needed does not work."""
    return Finding(about, "broken", text, fix)


def release(version: str) -> tuple[int, ...]:
    """The numbers of a version, to compare with: `7.4.0rc1` → `(7, 4, 0)`."""
    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()


def command(*words: object) -> str:
    """A command line, quoted for a shell."""
    return shlex.join(str(word) for word in words)


def pip(*requirements: object, python: object = None) -> str:
    """How to install something into an environment: this one, unless another Python is given."""
    return command(python or sys.executable, "-m", "pip", "install", *requirements)


def as_root(line: str) -> str:
    """A command for the administrator, whom `sudo` makes of others."""
    return line if os.geteuid() == 0 else f"sudo {line}"


def size(count: float) -> str:
    """Bytes for people."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:  # noqa: PLR2004
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
