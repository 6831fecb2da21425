"""`model("…")` as AgentScope's model object."""

from __future__ import annotations

import copy
from typing import Any

import httpx2
from agentscope.credential import DashScopeCredential, OpenAICredential
from agentscope.model import ChatModelBase, DashScopeChatModel, OpenAIChatModel
from pydantic import SecretStr

from agentscope_runtime_nb.frameworks.agentscope import prices
from agentscope_runtime_nb.models import Model, model

_CONTEXT = 128_000
"""What AgentScope takes a model of OpenAI's to read at once, where nothing better is known."""

_LATER = SecretStr("none")  # the key is in the client, which is fetched when the model is asked


_NOBODY = httpx2.AsyncClient(transport=httpx2.AsyncBaseTransport())
"""For the client that AgentScope makes at once and we never use: a real one costs 90 ms."""


class _Ours(ChatModelBase):
    """Asks through our client: of the running loop, with our key, its server started."""

    source: Model
    client: Any

    async def _call_api(self, *args: Any, **kwargs: Any) -> Any:
        # On a copy, since agents of several loops may share the model.
        bound = copy.copy(self)
        bound.client = await self.source.client()
        if self.source.options:
            kwargs["extra_body"] = {**self.source.options, **(kwargs.get("extra_body") or {})}
        ask: Any = getattr(super(_Ours, bound), "_call_api")  # noqa: B009 - ours to extend
        return await ask(*args, **kwargs)


class _OpenAI(_Ours, OpenAIChatModel):
    """Any OpenAI-compatible service, and the local and the scripted model."""


class _DashScope(_Ours, DashScopeChatModel):
    """DashScope, whose formatter also knows films."""


def chat_model(name: str | Model = "auto", **options: Any) -> ChatModelBase:
    """Make AgentScope's model object.

    Args:
        name: What `model()` takes, or a `Model`.
        **options: More arguments of AgentScope's class, such as `parameters`, `formatter`,
            `stream` or `context_size`.

    Returns:
        An `OpenAIChatModel`, or for DashScope a `DashScopeChatModel`.

    Raises:
        ModelError: There is no key for the name.
    """
    source = model(name) if isinstance(name, str) else name
    # The client tries again by itself.
    options = {
        "max_retries": 0,
        "context_size": source.context_window or _CONTEXT,
        "client_kwargs": {"http_client": _NOBODY},
        **options,
    }
    made: _OpenAI | _DashScope
    if source.provider == "dashscope":
        made = _DashScope(DashScopeCredential(api_key=_LATER), source.name, **options)
    else:
        made = _OpenAI(OpenAICredential(api_key=_LATER), source.name, **options)
    made.source = source
    prices.know(source)
    return made
