"""What the tests of the models share."""

from __future__ import annotations

import pytest

NAMES = (
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "OPENAI_MODEL",
    "DASHSCOPE_API_KEY",
    "DASHSCOPE_BASE_URL",
    "DASHSCOPE_MODEL",
)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    """No key of the machine's owner decides what a test sees, or is used by it."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
