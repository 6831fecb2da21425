"""What tokens cost and how many a model can take, as the installed `genai-prices` knows it.

Nothing is looked up on the network. A service that is not in its table, such as DashScope or one's
own server, has no price.
"""

from __future__ import annotations

from typing import Any


def cost_of(
    name: str, provider: str, base_url: str | None, input_tokens: int, output_tokens: int
) -> float | None:
    """What a call cost, in US dollars; None when that is not known.

    Args:
        name: What requests call the model.
        provider: Who serves it, as `Model.provider` says.
        base_url: Where it is served.
        input_tokens: What it was given.
        output_tokens: What it made.
    """
    found = _priced(name, provider, base_url, input_tokens, output_tokens)
    return float(found.total_price) if found is not None else None


def window_of(name: str, provider: str, base_url: str | None) -> int | None:
    """How many tokens a model can take at once; None when that is not known."""
    found = _priced(name, provider, base_url, 0, 0)
    return found.model.context_window if found is not None else None


def _priced(name: str, provider: str, base_url: str | None, given: int, made: int) -> Any:
    if provider not in {"openai", "custom"}:
        return None
    from genai_prices import Usage, calc_price  # 0.2 s, so not before it is needed

    usage = Usage(input_tokens=given, output_tokens=made)
    try:
        if provider == "custom":  # an own server may well serve a model under a paid one's name
            return calc_price(usage, name, provider_api_url=base_url or "")
        return calc_price(usage, name, provider_id=provider)
    except (LookupError, ValueError):
        return None
