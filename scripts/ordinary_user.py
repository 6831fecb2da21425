"""Somebody who is not root, with a home that trips careless programs.

Run by root, a command becomes `nobody`; run by anybody else it stays who it is. Either way its HOME
has a space and a letter that is not ASCII, and nothing of the caller's configuration is in sight.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NOBODY = 65534
HOME = "höme of ann"

_BECOME = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
# Where root's checkout or Python lies in a folder that is closed to others.
_MAY_READ = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]


@dataclass
class OrdinaryUser:
    """Who it is, and how to start something as them: with `become` before the command."""

    home: Path
    described: str
    become: list[str] = field(default_factory=list[str])

    def environment(self, base: dict[str, str]) -> dict[str, str]:
        """The variables of a process of this user.

        Args:
            base: The caller's, of which only what concerns programs, not persons, is taken.
        """
        kept = ("PATH", "CI", "PLAYWRIGHT_BROWSERS_PATH", "AGENTSCOPE_NB_CACHE", "PYTHONUNBUFFERED")
        return {name: base[name] for name in kept if name in base} | {
            "HOME": str(self.home),
            "USER": "ann",
            "LOGNAME": "ann",
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",  # the checkout may belong to somebody else
            "HYPOTHESIS_STORAGE_DIRECTORY": str(self.home / "hypothesis"),
        }


def prepare(root: Path) -> OrdinaryUser:
    """Make the home anew.

    Args:
        root: The checkout.

    Returns:
        The user; `described` says how ordinary it could be made.
    """
    home = root / ".cache" / HOME
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    if os.geteuid() != 0:
        return OrdinaryUser(home, f"as this user, in {home}")
    os.chown(home, NOBODY, NOBODY)
    for words, extra in (("", []), (", who may read root's files,", _MAY_READ)):
        user = OrdinaryUser(home, f"as nobody{words} in {home}", [*_BECOME, *extra, "--"])
        if _runs(user, root):
            return user
    os.chown(home, 0, 0)
    return OrdinaryUser(home, f"as root, since nobody else may enter {root}; in {home}")


def _runs(user: OrdinaryUser, root: Path) -> bool:
    # Python has to be there for its child processes, too.
    probe = (
        "import os, subprocess, sys, agentscope_runtime_nb, pytest;"
        "open(os.environ['HOME'] + '/probe', 'w');"
        "subprocess.run([sys.executable, '-c', ''], check=True)"
    )
    command = [*user.become, str(root / ".venv" / "bin" / "python"), "-c", probe]
    try:
        done = subprocess.run(
            command,
            cwd=root,
            env=user.environment(dict(os.environ)),
            capture_output=True,
            check=False,
        )
    except OSError:  # no setpriv, no right to change users
        return False
    return done.returncode == 0
