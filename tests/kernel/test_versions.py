"""The kernel tests again on the ipykernels that deliver a widget's messages in other ways.

A message that arrives while a cell runs is queued by 6.31, delivered on a thread of its own by 7.3,
and delivered at an `await` by 7.4. Agents have to answer and stop on all of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("nbclient", "pytest", "pytest-asyncio", "pytest-timeout", "pytest-randomly", "hypothesis")


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("version", ["6.31.0", "7.3.0"])
def test_the_kernel_tests_pass_on(version: str, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # Its front end is no part of what is tested here, so it needs not be built again.
    environment = os.environ | {"SKIP_JUPYTER_BUILDER": "1"}
    needed = [f"ipykernel=={version}", "-e", ROOT, *TOOLS]
    subprocess.run([*pip, *needed], check=True, env=environment)
    tests = [ROOT / "tests" / "kernel" / f"test_{name}.py" for name in ("kernel", "lives")]
    done = subprocess.run(
        [python, "-m", "pytest", "-p", "no:cacheprovider", "-q", *tests],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
