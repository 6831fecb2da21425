"""Looks at the models: which one `auto` is, and whether it could answer."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2

from agentscope_runtime_nb.doctor.findings import Finding, broken, command, fine, pip, size, warning
from agentscope_runtime_nb.doctor.jupyter import version_of
from agentscope_runtime_nb.models.choice import model
from agentscope_runtime_nb.models.errors import ModelError
from agentscope_runtime_nb.models.package_index import find_archive, read_settings
from agentscope_runtime_nb.models.weights import SMOLLM2

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMES = (
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "OPENAI_MODEL",
    "DASHSCOPE_API_KEY",
    "DASHSCOPE_BASE_URL",
    "DASHSCOPE_MODEL",
)
_WORDS = 12  # pieces of an answer after which it has shown that it can
INDEX_SECONDS = 5.0


def choice() -> Iterator[Finding]:
    """Which model an agent gets that asks for none, and why."""
    found = model("auto")
    yield fine("model", f"{found.label}. {found.why}")
    names = [name for name in _NAMES if os.environ.get(name)]
    yield fine("keys", f"Set: {', '.join(names)}." if names else "None set, and none is needed.")


def local_model() -> Iterator[Finding]:
    """The local model: its engine, its file, and whether that could be fetched."""
    needed = model("auto").provider == "local"
    lacking = broken if needed else warning
    engine = version_of("xllamacpp")
    if engine is None:
        text = "Its engine, xllamacpp, is not installed."
        yield lacking("local-model", text, pip("agentscope-runtime-nb[local]"))
        return
    if SMOLLM2.present:
        text = f"{SMOLLM2.title} is here ({size(SMOLLM2.size)}, {SMOLLM2.path}); engine {engine}."
        yield fine("local-model", text)
        return
    part = SMOLLM2.path.with_name(f"{SMOLLM2.archive}.part")
    begun = f", {size(part.stat().st_size)} of it are" if part.exists() else ""
    try:
        where = _found()
    except (ModelError, httpx2.HTTPError, OSError) as error:
        text = f"{SMOLLM2.title} was not fetched yet{begun}, and it cannot be: {_first(error)}"
        yield lacking("local-model", text, _pull())
        return
    has = f"{where} has it ({size(SMOLLM2.archive_size)})"
    yield warning("local-model", f"{SMOLLM2.title} was not fetched yet{begun}; {has}.", _pull())


def _pull() -> str:
    ours = Path(sys.executable).with_name("agentscope-nb")
    known = shutil.which("agentscope-nb") == str(ours)
    return command("agentscope-nb" if known else ours, "models", "pull")


def _found() -> str:
    """The host that has the file."""
    import dataclasses
    from urllib.parse import urlsplit

    settings = dataclasses.replace(read_settings(), timeout=INDEX_SECONDS)
    with settings.client() as client:
        url = find_archive(settings, client, SMOLLM2.project, SMOLLM2.archive)
    return urlsplit(url).hostname or "a folder of this machine"


def _first(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2]) or type(error).__name__


def answer() -> Iterator[Finding]:
    """Ask the model for a word, and see how long that takes."""
    found = model("auto")
    began = time.monotonic()
    try:
        word, first = asyncio.run(_ask())
    except ModelError as error:
        yield broken("answer", f"{found.label} does not answer: {_first(error)} [{error.code}]")
        return
    except Exception as error:  # noqa: BLE001 - whatever the service says, it is the finding
        yield broken(
            "answer", f"{found.label} does not answer: {type(error).__name__}: {_first(error)}"
        )
        return
    seconds = time.monotonic() - began
    yield fine(
        "answer", f"{found.label} said “{word}” after {first:.1f} s ({seconds:.1f} s in all)."
    )


async def _ask() -> tuple[str, float]:
    found = model("auto")
    began = time.monotonic()
    first, pieces = 0.0, list[str]()
    try:
        client: Any = await found.client()
        question = {"role": "user", "content": "Say hello in one word."}
        request = {**found.options, "model": found.name, "messages": [question], "stream": True}
        async with await client.chat.completions.create(**request) as stream:
            async for chunk in stream:
                said = chunk.choices[0].delta.content if chunk.choices else None
                first = first or time.monotonic() - began
                pieces += [said] if said else []
                if len(pieces) >= _WORDS:
                    break
    finally:
        await found.aclose()
    return " ".join("".join(pieces).split()), first
