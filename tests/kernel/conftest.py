"""Shells and kernels, started and ended."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import jupyter_core.utils
import pytest
from IPython.core.interactiveshell import InteractiveShell
from real_kernel import LOAD, Kernel, Shell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def shell() -> Iterator[Shell]:
    made = Shell()
    yield made
    made.run("%unload_ext agentscope_runtime_nb")
    made.ip.history_manager.end_session()
    InteractiveShell.clear_instance()


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Kernel]]:
    """Starts kernels; all are ended with the module."""
    started: list[Kernel] = []

    def start(folder: Path | None = None, **environment: str) -> Kernel:
        made = Kernel(folder or tmp_path_factory.mktemp("kernel"), environment)
        started.append(made)
        return made

    yield start
    for made in started:
        made.close()
    loop = jupyter_core.utils._loop.get()  # the blocking client's own
    if loop is not None:
        loop.close()
        jupyter_core.utils._loop.set(None)
        asyncio.set_event_loop(None)


@pytest.fixture(scope="module")
def kernel(kernels: Callable[..., Kernel]) -> Kernel:
    """A kernel with the extension loaded, shared by a module's tests."""
    made = kernels()
    made.run(LOAD)
    return made
