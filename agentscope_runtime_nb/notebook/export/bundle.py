"""The files of an export, and putting them in place all at once.

The folder is written beside its final place and then renamed. A folder that is not an export
is never touched; of an earlier export the user's own files (`.env`, a virtual environment, …)
are carried over, and generated files that were edited by hand are not overwritten unasked.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Final

from agentscope_runtime_nb.notebook.export.problems import ExportError, Problem, problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MANIFEST: Final = ".agentscope-nb.json"
_TEMPLATES: Final = Path(__file__).parent / "templates"

DOCKERIGNORE: Final = """\
.git
.env
.venv
venv
__pycache__
*.pyc
.pytest_cache
tests
"""


def template(name: str, /, **values: str) -> str:
    """A template's text with its values filled in."""
    text = (_TEMPLATES / f"{name}.tmpl").read_text(encoding="utf-8")
    return Template(text).substitute(values)


def pyproject(name: str, description: str, requirements: Sequence[str], source: str) -> str:
    """The project file: the pinned requirements, nothing to build."""
    major, minor = sys.version_info[:2]
    lines = "".join(f"  {json.dumps(requirement)},\n" for requirement in requirements)
    return (
        f"# Written by agentscope-nb from {source}: the versions are those that ran there.\n"
        "[build-system]\n"
        'requires = ["hatchling"]\n'
        'build-backend = "hatchling.build"\n\n'
        "[project]\n"
        f"name = {json.dumps(project_name(name))}\n"
        'version = "0.1.0"\n'
        f"description = {_toml(description or name)}\n"
        'readme = "README.md"\n'
        f'requires-python = ">={major}.{minor}"\n'
        f"dependencies = [\n{lines}]\n\n"
        "[project.optional-dependencies]\n"
        'test = ["pytest"]\n\n'
        "# `pip install .` installs what the service needs; app.py runs where it stands.\n"
        "[tool.hatch.build.targets.wheel]\n"
        "bypass-selection = true\n\n"
        "[tool.pytest.ini_options]\n"
        'testpaths = ["tests"]\n'
    )


def project_name(name: str) -> str:
    """An app's name as a project and an image may be called."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "agent"


def _toml(text: str) -> str:
    return json.dumps(" ".join(text.split()), ensure_ascii=False)


def env_example(variables: Mapping[str, str]) -> str:
    """Names of environment variables with what they are for; never a value."""
    head = (
        "# Copy to .env and fill in. `agentscope-nb run` reads it; keep it out of version "
        "control.\n"
    )
    return head + "".join(
        f"\n# {why}\n{'# ' if why.startswith('Optional') else ''}{name}=\n"
        for name, why in variables.items()
    )


def manifest(app: str, version: str, files: Mapping[str, bytes]) -> bytes:
    """What marks a folder as an export and tells edited files from untouched ones."""
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}
    content = {"schema": 1, "app": app, "runtime": version, "files": sums}
    return (json.dumps(content, indent=1) + "\n").encode()


def check_target(target: Path, *, overwrite: bool) -> None:
    """Refuse a folder that is not ours to replace.

    Raises:
        ExportError: when the folder holds something else, or files edited by hand.
    """
    if not target.exists() and not target.is_symlink():
        return
    if not target.is_dir():
        raise ExportError([_refusal(target, "is a file")])
    if not any(target.iterdir()):
        return
    try:
        known: dict[str, str] = json.loads((target / MANIFEST).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        raise ExportError([_refusal(target, "holds something that is not an export")]) from None
    edited = sorted(name for name, total in known.items() if not _untouched(target / name, total))
    if edited and not overwrite:
        raise ExportError(
            [
                problem(
                    "target-edited",
                    f"{', '.join(edited[:5])} in {target} changed after the last export.",
                    "Make the change in the notebook, or export to another folder; overwrite=True "
                    "(--overwrite) discards it.",
                )
            ]
        )


def _refusal(target: Path, why: str) -> Problem:
    return problem("target-exists", f"{target} {why}.", "Choose a folder that does not exist yet.")


def _untouched(path: Path, total: str) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == total
    except FileNotFoundError:
        return True  # removed by hand: written again
    except OSError:
        return False


class Staging:
    """A folder beside the target, which becomes the target when all is well.

    Raises:
        ExportError: when the place cannot be written.
    """

    def __init__(self, target: Path) -> None:
        self.target = Path(os.path.realpath(target))
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            made = tempfile.mkdtemp(prefix=f".{self.target.name}-", dir=self.target.parent)
        except OSError as error:
            raise ExportError(
                [
                    problem(
                        "target-unwritable",
                        f"{target} cannot be written: {error.strerror}.",
                        "Choose another folder.",
                    )
                ]
            ) from error
        self.folder = Path(made)
        self.folder.chmod(0o755)

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write the files into the staging folder."""
        for name, data in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def commit(self) -> None:
        """Put the staged folder in place; the earlier export's own files are carried over."""
        if not self.target.exists():
            self.folder.rename(self.target)
            return
        if (self.target / ".env").is_file():
            shutil.copy2(self.target / ".env", self.folder / ".env")
        old = Path(tempfile.mkdtemp(prefix=f".{self.target.name}-", dir=self.target.parent))
        self.target.rename(old / "old")
        self.folder.rename(self.target)
        _carry_over(old / "old", self.target)
        shutil.rmtree(old, ignore_errors=True)

    def discard(self) -> None:
        """Remove what was staged."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _carry_over(old: Path, new: Path) -> None:
    try:
        generated = set(json.loads((old / MANIFEST).read_text(encoding="utf-8"))["files"])
    except (OSError, ValueError, KeyError, TypeError):
        generated = set[str]()
    for path in sorted(old.rglob("*")):
        relative = path.relative_to(old)
        name = relative.as_posix()
        inside_moved = not path.exists() and not path.is_symlink()
        if inside_moved or name in generated or name == MANIFEST or "__pycache__" in relative.parts:
            continue
        if path.is_dir() and not path.is_symlink() and _has_generated(name, generated):
            continue
        if (new / relative).exists():
            continue
        with contextlib.suppress(OSError):
            (new / relative).parent.mkdir(parents=True, exist_ok=True)
            path.rename(new / relative)


def _has_generated(folder: str, generated: set[str]) -> bool:
    return any(name.startswith(f"{folder}/") for name in generated)
