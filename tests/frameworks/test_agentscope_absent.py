"""What is said where AgentScope is not installed, or is the old one; and what the parts cost."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEFINE = """
from agentscope_runtime_nb import AgentApp, DefinitionError
app = AgentApp("friday", framework="agentscope", store=":memory:")
try:
    app.query(lambda msgs, request: "hello")
except DefinitionError as error:
    print(error)
"""


def python(code: str, *paths: Path) -> str:
    """What a Python prints that knows these folders alone."""
    told = f"import sys; sys.path[:0] = {[str(path) for path in paths]!r}\n{code}"
    command = [sys.executable, "-I", "-S", "-c", told]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("version", ["", "1.0.21"])
def test_it_is_said_how_to_install_it(tmp_path: Path, version: str) -> None:
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.lower().startswith("agentscope"):
            (tmp_path / entry.name).symlink_to(entry)
    ours = next(Path(sysconfig.get_path("purelib")).glob("agentscope_runtime_nb-*.dist-info"))
    (tmp_path / ours.name).symlink_to(ours)
    if version:
        info = tmp_path / f"agentscope-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: agentscope\nVersion: {version}\n"
        )
    said = python(DEFINE, ROOT, tmp_path)
    assert 'pip install "agentscope-runtime-nb[agentscope]"' in said
    assert version in said


def test_an_app_is_built_without_importing_it() -> None:
    """Its import takes seconds; the handler's own code will pay for it."""
    code = DEFINE + "print([name for name in sys.modules if name.split('.')[0] == 'agentscope'])"
    assert python(code, ROOT, Path(sysconfig.get_path("purelib"))).strip() == "[]"
