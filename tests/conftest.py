"""What every tier shares: nobody's own data is touched, nobody's own keys are used."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _own_data(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTSCOPE_NB_DATA", str(tmp_path_factory.mktemp("data")))
    for name in ("AGENTSCOPE_NB_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL", "DASHSCOPE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
