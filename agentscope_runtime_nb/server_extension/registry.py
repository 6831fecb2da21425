"""Where kernels tell the Jupyter server which socket their apps listen on.

A kernel that serves apps writes one small file into Jupyter's runtime folder and removes it when it
ends; the server reads it, and never takes an address from a browser. Both sides use this module, so
it imports nothing but the standard library and `jupyter_core.paths`.

The file is a promise between two processes of one user. It is believed only when it is a regular
file that belongs to this user and that nobody else can open, and when the socket that it names is a
socket of this user in a folder that nobody else can enter.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from jupyter_core.paths import jupyter_runtime_dir

if TYPE_CHECKING:
    from collections.abc import Iterable

SCHEMA = 1
KERNEL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
APP_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")

_FOLDER = "agentscope-nb"
_SOCKETS = "asnb-"  # the start of a socket folder's name: nothing else is ever removed
_SOCKET_PATH_BYTES = 100  # the system's limit is 107 on Linux and 103 on macOS
_FILE_BYTES = 65_536


class RegistryError(Exception):
    """A registry entry that cannot be used; `code` says why to programs, the text to people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What one kernel says about itself.

    `host` and `started` name the process beyond its number: numbers are used again, and a home
    folder may be shared by several machines. Entries written by others may lack them.
    """

    kernel_id: str
    pid: int
    socket: str
    version: str
    apps: tuple[str, ...] = ()
    schema: int = SCHEMA
    host: str = ""
    started: str = ""


def folder() -> Path:
    """The folder of the registry, which may not exist yet."""
    return Path(jupyter_runtime_dir()) / _FOLDER


def new_socket_path() -> Path:
    """Make a private folder and name a socket in it, short enough for every system.

    Returns:
        A path that does not exist yet, in a new folder that only this user can enter.
    """
    bases = [os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), "/tmp"]  # noqa: S108
    for base in bases:
        if not base or len(os.fsencode(base)) > _SOCKET_PATH_BYTES - len(_SOCKETS) - 16:
            continue
        with contextlib.suppress(OSError):
            return Path(tempfile.mkdtemp(prefix=_SOCKETS, dir=base)) / "s"
    raise RegistryError("CONFIGURATION_ERROR", f"no folder for a socket in any of {bases}")


def write(
    kernel_id: str, socket: str | os.PathLike[str], version: str, apps: Iterable[str] = ()
) -> Path:
    """Write, or replace, the entry of this process.

    Args:
        kernel_id: The kernel's id, as in the name of its connection file.
        socket: The unix socket that serves the apps.
        version: The version of this package in the kernel's environment.
        apps: The names of the apps; write again when they change.

    Returns:
        The file written.

    Raises:
        RegistryError: If the kernel id could not stand in an address, or the registry's folder
            belongs to somebody else.
    """
    path = _path(kernel_id)
    _ensure_private(path.parent)
    entry = Registration(
        kernel_id=kernel_id,
        pid=os.getpid(),
        socket=os.fspath(socket),
        version=version,
        apps=tuple(apps),
        host=os.uname().nodename,
        started=_start_time(os.getpid()),
    )
    # Renamed into place: a reader sees the old entry or the new one, never half of one.
    draft, name = tempfile.mkstemp(prefix=f".{kernel_id}-", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(draft, "w", encoding="utf-8") as file:
            json.dump(asdict(entry), file)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def read(kernel_id: str) -> Registration:
    """Read a kernel's entry and check that it may be followed.

    Args:
        kernel_id: The kernel asked for.

    Returns:
        The entry; its socket existed and belonged to this user a moment ago.

    Raises:
        RegistryError: With the code `KERNEL_NOT_FOUND`, `KERNEL_GONE`, `SCHEMA_MISMATCH` or
            `REGISTRY_INVALID`.
    """
    entry = _load(_path(kernel_id))
    if entry.kernel_id != kernel_id:
        raise RegistryError("REGISTRY_INVALID", f"the entry of {kernel_id} names another kernel")
    if not is_alive(entry):
        raise RegistryError(
            "KERNEL_GONE", f"the kernel's process {entry.pid} has ended; restart the kernel"
        )
    _check_socket(Path(entry.socket))
    return entry


def remove(kernel_id: str) -> None:
    """Remove a kernel's entry, its socket and the socket's folder, as far as they are there."""
    path = _path(kernel_id)
    with contextlib.suppress(RegistryError):
        _remove_socket(Path(_load(path).socket))
    path.unlink(missing_ok=True)


def sweep() -> list[str]:
    """Remove what kernels left behind that ended without a chance to remove it themselves.

    Returns:
        The ids of the kernels whose entries were removed.
    """
    gone: list[str] = []
    for path in folder().glob("*.json"):
        with contextlib.suppress(OSError, RegistryError):
            entry = _load(path)
            if entry.host in ("", os.uname().nodename) and not is_alive(entry):
                remove(path.stem)
                gone.append(path.stem)
    return gone


def is_alive(entry: Registration) -> bool:
    """Whether the process that wrote an entry still runs, and is not another with its number."""
    try:
        os.kill(entry.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's: the number was given away
        return False
    return not entry.started or entry.started == _start_time(entry.pid)


def _path(kernel_id: str) -> Path:
    if not KERNEL_ID.fullmatch(kernel_id):
        raise RegistryError("INVALID_PARAMETER", "this is not the id of a kernel")
    return folder() / f"{kernel_id}.json"


def _ensure_private(directory: Path) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise RegistryError("CONFIGURATION_ERROR", f"{directory} does not belong to this user")
    if status.st_mode & 0o077:
        directory.chmod(0o700)


def _load(path: Path) -> Registration:
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise RegistryError(
            "KERNEL_NOT_FOUND", "this kernel serves no app: run a cell that defines one"
        ) from None
    except OSError as error:
        raise RegistryError("REGISTRY_INVALID", f"the entry cannot be read: {error}") from error
    with os.fdopen(file, "rb") as stream:
        status = os.fstat(file)
        if (
            not stat.S_ISREG(status.st_mode)
            or status.st_uid != os.getuid()
            or status.st_mode & 0o077
        ):
            raise RegistryError("REGISTRY_INVALID", "the entry is not a private file of this user")
        content = stream.read(_FILE_BYTES)
    return _parse(content)


def _parse(content: bytes) -> Registration:
    try:
        loaded: Any = json.loads(content)
        fields = cast("dict[str, Any]", loaded)
        schema = fields["schema"]
    except (ValueError, TypeError, KeyError) as error:
        raise RegistryError("REGISTRY_INVALID", "the entry is not what a kernel writes") from error
    if schema != SCHEMA:
        newer = isinstance(schema, int) and schema > SCHEMA
        side = "Jupyter server's" if newer else "kernel's"
        raise RegistryError(
            "SCHEMA_MISMATCH",
            f"the kernel's agentscope-runtime-nb {fields.get('version', '?')} and the server's do "
            f"not understand each other: upgrade it in the {side} environment and restart",
        )
    try:
        entry = Registration(
            kernel_id=fields["kernel_id"],
            pid=fields["pid"],
            socket=fields["socket"],
            version=fields["version"],
            apps=tuple(fields.get("apps", ())),
            host=fields.get("host", ""),
            started=fields.get("started", ""),
        )
    except (KeyError, TypeError) as error:
        raise RegistryError("REGISTRY_INVALID", f"the entry lacks {error}") from error
    words: list[Any] = [entry.kernel_id, entry.socket, entry.version, entry.host, entry.started]
    if not (
        all(isinstance(word, str) for word in (*words, *entry.apps)) and type(entry.pid) is int
    ):
        raise RegistryError("REGISTRY_INVALID", "the entry has fields of the wrong type")
    # A pid below 1 would ask about a whole group of processes.
    if not 0 < entry.pid < 2**31 or "\0" in entry.socket or not Path(entry.socket).is_absolute():
        raise RegistryError("REGISTRY_INVALID", "the entry names no process or no socket")
    return entry


def _check_socket(path: Path) -> None:
    try:
        target, parent = path.lstat(), path.parent.lstat()
    except OSError:
        raise RegistryError(
            "KERNEL_GONE", "the kernel's socket is not there any more; run the app's cell again"
        ) from None
    user = os.getuid()
    private = stat.S_ISDIR(parent.st_mode) and parent.st_uid == user and not parent.st_mode & 0o077
    if not (private and stat.S_ISSOCK(target.st_mode) and target.st_uid == user):
        raise RegistryError("REGISTRY_INVALID", "the entry names no private socket of this user")


def _remove_socket(path: Path) -> None:
    """Remove the socket and its folder, and nothing that could be anything else."""
    with contextlib.suppress(RegistryError, OSError):
        if path.parent.name.startswith(_SOCKETS):
            with contextlib.suppress(FileNotFoundError):
                if stat.S_ISSOCK(path.lstat().st_mode) and path.lstat().st_uid == os.getuid():
                    path.unlink()
            path.parent.rmdir()


def _start_time(pid: int) -> str:
    """When a process started, in whatever words this system has; empty if it cannot be known."""
    try:
        # The name, in parentheses, may hold spaces and parentheses of its own.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return fields.rpartition(")")[2].split()[19]
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return ""
    command = ["ps", "-o", "lstart=", "-p", str(pid)]  # macOS has no /proc
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)  # noqa: S603
        return done.stdout.strip()
    return ""
