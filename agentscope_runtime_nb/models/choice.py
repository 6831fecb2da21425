"""Which model a name means, and the client that talks to it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit, urlunsplit

from agentscope_runtime_nb.models.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import openai

    from agentscope_runtime_nb.models.local import Endpoint
    from agentscope_runtime_nb.models.script import Script
    from agentscope_runtime_nb.models.scripted_server import ScriptedServer

Provider = Literal["openai", "dashscope", "local", "scripted", "custom"]

OPENAI_DEFAULT = "gpt-5.4-mini"
DASHSCOPE_DEFAULT = "qwen-plus"
DASHSCOPE_URL = "https://dashscope.aliyuncs.com/compatible-mode/v1"
LOCAL_NAME = "SmolLM2-135M-Instruct"
_OPENAI_HOST = "api.openai.com"
_DASHSCOPE_HOST = ".aliyuncs.com"
_OPENAI_ONLY = ("gpt-", "chatgpt-", "o1", "o3", "o4")
_DASHSCOPE_NAMES = ("qwen", "qwq", "qvq")
_NO_KEY = "none"  # the SDK insists on one; a server without keys ignores it


@dataclass(frozen=True, eq=False)
class Model:
    """An OpenAI-compatible model: what it is called, where it is, and why it was chosen.

    Made by [model][agentscope_runtime_nb.model]. It can be copied, pickled and shown without giving
    its key away; an unpickled one takes its key from the environment again.

    Attributes:
        name: What requests call the model.
        provider: Who serves it: ``openai``, ``dashscope``, ``local``, ``scripted`` or ``custom``.
        why: Why it is this one, in a sentence.
        label: The model's name for people.
        supports_tools: Whether it can be expected to call tools.
        options: More fields for each request, such as ``temperature``.
        path: The file of a local model, if it is not the default one.
    """

    name: str
    provider: Provider
    why: str
    label: str
    supports_tools: bool = True
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    path: Path | None = None
    _asked: str = field(default="auto", repr=False)
    _url: _Secret | None = field(default=None, repr=False)  # a login may stand in it
    _key: _Secret | None = field(default=None, repr=False)
    _script: Script | None = field(default=None, repr=False)
    _server: ScriptedServer | None = field(default=None, repr=False)

    @property
    def base_url(self) -> str | None:
        """Where it is asked; None while a server of ours has not been started."""
        if self.provider in {"local", "scripted"}:
            endpoint = self._running()
            return endpoint.url if endpoint else None
        return _without_login(_open(self._url)) or f"https://{_OPENAI_HOST}/v1"

    @property
    def server(self) -> ScriptedServer:
        """The server of a scripted model, with its log of requests; it starts when asked."""
        if self._server is None:
            raise ModelError("model_not_scripted", f"{self.label} is not a scripted model.")
        return self._server

    @property
    def context_window(self) -> int | None:
        """How many tokens it can take at once; None when that is not known."""
        from agentscope_runtime_nb.models import local, prices

        if self.provider == "local":
            return local.CONTEXT
        return prices.window_of(self.name, self.provider, self.base_url)

    def cost(self, input_tokens: int, output_tokens: int) -> float | None:
        """What a call costs, in US dollars; None when that is not known, as for local models."""
        from agentscope_runtime_nb.models import prices

        return prices.cost_of(self.name, self.provider, self.base_url, input_tokens, output_tokens)

    async def client(self) -> openai.AsyncOpenAI:
        """Give the running loop's client, after starting the model's server if it has one.

        Returns:
            A client that is shared by all who ask on this loop; it need not be closed.

        Raises:
            ModelError: The local model cannot be fetched or started.
        """
        from agentscope_runtime_nb.models.clients import client_for, off_loop

        if self.provider in {"local", "scripted"}:
            # A thread, since a first start takes a while and a first fetch longer.
            endpoint = self._running() or await off_loop(self._start)
            return await client_for(endpoint.url, endpoint.key, own=True)
        return await client_for(_open(self._url), _open(self._key) or _NO_KEY, own=False)

    def prepare(self) -> Model:
        """Fetch and start what the model needs, now rather than at the first question.

        Returns:
            The model itself, which a cell then shows.

        Raises:
            ModelError: It cannot be fetched or started; the text says what to do.
        """
        if self.provider in {"local", "scripted"}:
            self._start()
        return self

    def _start(self) -> Endpoint:
        from agentscope_runtime_nb.models.local import Endpoint, local_server
        from agentscope_runtime_nb.progress import steps, transfer

        if self.provider == "local":
            with transfer(f"Fetching {LOCAL_NAME}") as progress:
                server = local_server(self.path, progress=progress)
            with steps(f"Starting {self.name}", 1) as step:
                step("loading it into memory")
                return server.ensure()
        self.server.start()
        return Endpoint(self.server.url, self.server.key)

    def close(self) -> None:
        """Stop the server behind the model, for all who use it. A later question restarts it."""
        if self.provider == "local":
            from agentscope_runtime_nb.models.local import local_server, running

            if running(self.path):
                local_server(self.path).stop()
        elif self._server is not None:
            self._server.stop()

    async def aclose(self) -> None:
        """Close the running loop's client of this model; the server stays."""
        from agentscope_runtime_nb.models.clients import close_clients

        endpoint = self._running()
        if endpoint is not None:
            await close_clients(endpoint.url, endpoint.key)
        elif self.provider not in {"local", "scripted"}:
            await close_clients(_open(self._url), _open(self._key) or _NO_KEY)

    def _running(self) -> Endpoint | None:
        from agentscope_runtime_nb.models.local import Endpoint, running

        if self.provider == "local":
            return running(self.path)
        if self._server is not None and self._server.running:
            return Endpoint(self._server.url, self._server.key)
        return None

    def _repr_mimebundle_(
        self,
        include: object = None,  # noqa: ARG002 - the display protocol's
        exclude: object = None,  # noqa: ARG002
    ) -> dict[str, str]:
        return {
            "text/plain": repr(self),
            "text/markdown": f"**{_escaped(self.label)}**\n\n{_escaped(self.why)}",
        }

    def __copy__(self) -> Model:
        return self

    def __deepcopy__(self, memo: object) -> Model:
        return self

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        script = self._script
        return _again, (self._asked, _without_login(_open(self._url)), script, dict(self.options))


class _Secret:
    """A key, or a URL with one, that does not show and is not pickled."""

    __slots__ = ("value",)

    def __init__(self, value: str) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "<secret>"

    def __reduce__(self) -> str:
        raise TypeError("a key is not pickled")


def model(
    name: str | Path = "auto",
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    script: Any = None,
    **options: Any,
) -> Model:
    """Describe a model by its name. Nothing is fetched or started by it.

    Args:
        name: ``auto`` takes what the environment has a key for, else the local model; ``local`` is
            a small model on this machine; ``scripted`` answers from a script; a GGUF file's path
            is run locally; anything else is the name of a model of an OpenAI-compatible service.
        base_url: The service's URL, unless it is in ``OPENAI_BASE_URL`` or is OpenAI's.
        api_key: Its key, unless it is in ``OPENAI_API_KEY`` or ``DASHSCOPE_API_KEY``.
        script: What the scripted model answers: a list of replies, a function, or a JSON file.
        **options: More fields for each request, such as ``temperature``.

    Returns:
        The description, which gives a client when it is needed.

    Raises:
        ModelError: There is no key for the name, or the arguments contradict each other.
    """
    if isinstance(name, Path) or name.endswith(".gguf") or (os.sep in name and _is_file(name)):
        return _local(Path(name).expanduser(), options)
    if script is not None and name != "scripted":
        raise ModelError("model_bad_option", 'script= goes with model("scripted") only.')
    if name in {"local", "scripted"} and (base_url or api_key):
        raise ModelError(
            "model_bad_option", f'model("{name}") runs on this machine and takes no URL or key.'
        )
    if name == "scripted":
        return _scripted(script, options)
    if name == "local":
        return _local(None, options)
    if name == "auto":
        return _auto(base_url, api_key, options)
    if not name.strip():
        raise ModelError("model_bad_option", "A model needs a name.")
    return _named(name, base_url, api_key, options)


def stop_servers() -> None:
    """Stop the local and scripted servers of this process; a later question starts them again."""
    for name in ("local", "scripted_server"):
        # A server whose module nobody has loaded does not run.
        module = sys.modules.get(f"{__package__}.{name}")
        if module is not None:
            module.stop_all()


def _auto(base_url: str | None, api_key: str | None, options: dict[str, Any]) -> Model:
    env = os.environ
    if base_url or api_key or env.get("OPENAI_API_KEY") or env.get("OPENAI_BASE_URL"):
        name = env.get("OPENAI_MODEL") or OPENAI_DEFAULT
        given = "base_url" if base_url else "api_key" if api_key else ""
        given = given or next(n for n in ("OPENAI_API_KEY", "OPENAI_BASE_URL") if env.get(n))
        why = f"{name}: {given} is set" + (
            "." if env.get("OPENAI_MODEL") else "; OPENAI_MODEL would choose another."
        )
        return _remote(name, base_url, api_key, options, why=why, asked="auto")
    if env.get("DASHSCOPE_API_KEY"):
        name = env.get("DASHSCOPE_MODEL") or DASHSCOPE_DEFAULT
        why = f"{name}: DASHSCOPE_API_KEY is set and OPENAI_API_KEY is not."
        return _dashscope(name, None, None, options, why=why, asked="auto")
    why = "local: no OPENAI_API_KEY, OPENAI_BASE_URL or DASHSCOPE_API_KEY is set."
    return _local(None, options, why=why, asked="auto")


def _named(name: str, base_url: str | None, api_key: str | None, options: dict[str, Any]) -> Model:
    env = os.environ
    url = base_url or env.get("OPENAI_BASE_URL")
    host = (urlsplit(url).hostname or "") if url else ""
    why = f"{name}: named in the code."
    key = env.get("DASHSCOPE_API_KEY")
    if host.endswith(_DASHSCOPE_HOST) and (key or api_key):
        return _dashscope(name, url, api_key, options, why=why, asked=name)
    # Either the only key there is, or a name that is DashScope's own.
    fits = not name.startswith(_OPENAI_ONLY) and not env.get("OPENAI_API_KEY")
    if key and not url and not api_key and (fits or name.startswith(_DASHSCOPE_NAMES)):
        return _dashscope(name, None, None, options, why=why, asked=name)
    if not (url or api_key or env.get("OPENAI_API_KEY")):
        raise ModelError(
            "model_no_key",
            f"There is no key for the model {name!r}. Set OPENAI_API_KEY (with OPENAI_BASE_URL for "
            "a service that is not OpenAI's) or DASHSCOPE_API_KEY, give base_url= for a server "
            'that needs no key, or use model("local"), which needs nothing.',
        )
    return _remote(name, base_url, api_key, options, why=why, asked=name)


def _remote(
    name: str,
    base_url: str | None,
    api_key: str | None,
    options: dict[str, Any],
    *,
    why: str,
    asked: str,
) -> Model:
    url = base_url or os.environ.get("OPENAI_BASE_URL") or None
    key = api_key or os.environ.get("OPENAI_API_KEY")
    host = (urlsplit(url).hostname or url) if url else _OPENAI_HOST
    official = host == _OPENAI_HOST
    return Model(
        name=name,
        provider="openai" if official else "custom",
        why=why,
        label=f"{name} (OpenAI)" if official else f"{name} ({host})",
        options=options,
        _asked=asked,
        _url=_Secret(url) if url else None,
        _key=_Secret(key) if key else None,
    )


def _dashscope(
    name: str,
    base_url: str | None,
    api_key: str | None,
    options: dict[str, Any],
    *,
    why: str,
    asked: str,
) -> Model:
    return Model(
        name=name,
        provider="dashscope",
        why=why,
        label=f"{name} (DashScope)",
        options=options,
        _asked=asked,
        _url=_Secret(base_url or os.environ.get("DASHSCOPE_BASE_URL") or DASHSCOPE_URL),
        _key=_Secret(api_key or os.environ.get("DASHSCOPE_API_KEY") or _NO_KEY),
    )


def _local(
    path: Path | None, options: dict[str, Any], *, why: str = "", asked: str = "local"
) -> Model:
    name = path.stem if path else LOCAL_NAME
    return Model(
        name=name,
        provider="local",
        why=why or f"{name}: named in the code; it runs on this machine and needs no key.",
        label=f"{name} (local)" if path else f"{name} (local, a toy)",
        # The toy writes tool calls that are wrong more often than not; others may well manage.
        supports_tools=path is not None,
        options=options,
        path=path,
        _asked=str(path) if path else asked,
    )


def _scripted(script: Any, options: dict[str, Any]) -> Model:
    from agentscope_runtime_nb.models.script import load_script
    from agentscope_runtime_nb.models.scripted_server import (
        ScriptedServer,
        default_server,
    )

    loaded = load_script(script) if script is not None else None
    return Model(
        name="scripted",
        provider="scripted",
        why="scripted: named in the code; the same conversation always gets the same answer.",
        label="scripted (answers from a script)",
        options=options,
        _asked="scripted",
        _script=loaded,
        _server=default_server() if loaded is None else ScriptedServer(loaded),
    )


def _again(asked: str, url: str | None, script: Any, options: dict[str, Any]) -> Model:
    """Describe an unpickled model, with the keys of the environment that it has come to."""
    ours = asked in {"local", "scripted"} or asked.endswith(".gguf")
    dashscope = url == DASHSCOPE_URL
    base_url = None if ours or dashscope or asked == "auto" else url
    return model(asked, base_url=base_url, script=script, **options)


def _open(secret: _Secret | None) -> str | None:
    return secret.value if secret else None


def _is_file(name: str) -> bool:
    return Path(name).expanduser().is_file()


def _without_login(url: str | None) -> str | None:
    if url is None:
        return None
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _escaped(text: str) -> str:
    return "".join(f"\\{char}" if char in "\\`*_[]<>#|" else char for char in text)
