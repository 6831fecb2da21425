"""A shell in this process and a real kernel in its own, as tests use them."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.manager import KernelManager

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOAD = "%load_ext agentscope_runtime_nb"


class Shell:
    """An IPython shell with the extension loaded."""

    def __init__(self) -> None:
        InteractiveShell.clear_instance()
        self.ip = InteractiveShell.instance(colors="nocolor")
        self.ip.history_manager.enabled = False
        self.run(LOAD)

    def run(self, cell: str) -> Any:
        """Run a cell; its value, or its error is raised."""
        result = self.ip.run_cell(cell, store_history=True)
        result.raise_error()
        return result.result

    def fail(self, cell: str) -> BaseException:
        """Run a cell that has to fail; the error."""
        result = self.ip.run_cell(cell, store_history=True)
        error = result.error_in_exec or result.error_before_exec
        assert error is not None, "the cell should have failed"
        return error

    def __getitem__(self, name: str) -> Any:
        return self.ip.user_ns[name]


@dataclass
class Result:
    """What a cell did."""

    status: str
    messages: list[dict[str, Any]]
    reply: dict[str, Any] = field(default_factory=dict)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [m["content"] for m in self.messages if m["msg_type"] == kind]

    @property
    def text(self) -> str:
        """Streams and displays, as text."""
        parts = [content["text"] for content in self.of("stream")]
        for kind in ("display_data", "execute_result"):
            parts += [content["data"].get("text/plain", "") for content in self.of(kind)]
        return "\n".join(parts)

    @property
    def error(self) -> str:
        return "\n".join(line for content in self.of("error") for line in content["traceback"])

    @property
    def value(self) -> dict[str, str]:
        results = self.of("execute_result")
        return results[-1]["data"] if results else {}


class Kernel:
    """A real ipykernel, and everything it says on iopub."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.manager = KernelManager(kernel_name="python3")
        runtime = folder / "runtime"
        self.kernel_id = f"k{time.monotonic_ns()}"
        self.manager.connection_file = str(runtime / f"kernel-{self.kernel_id}.json")
        runtime.mkdir(parents=True, exist_ok=True)
        self.environment = os.environ | {
            "JUPYTER_RUNTIME_DIR": str(runtime),
            "AGENTSCOPE_NB_DATA": str(folder / "data"),
            "IPYTHONDIR": str(folder / "ipython"),
            **environment,
        }
        self.manager.start_kernel(env=self.environment, cwd=str(folder))
        self.heard: list[dict[str, Any]] = []
        self._news = threading.Condition()
        self._connect()

    def _connect(self) -> None:
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=30)
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        # Straight from the sockets: the blocking client would make an event loop for this thread.
        iopub, session = self.client.iopub_channel.socket, self.client.session
        while not self._ended:
            if iopub.poll(100):
                _, message = session.recv(iopub, mode=0)
                if message is None:
                    continue
                with self._news:
                    self.heard.append(message)
                    self._news.notify_all()

    @property
    def pid(self) -> int:
        return self.manager.provisioner.pid

    @property
    def registry(self) -> Path:
        return self.folder / "runtime" / "agentscope-nb" / f"{self.kernel_id}.json"

    def wait(
        self, wanted: Callable[[dict[str, Any]], bool], *, after: int = 0, timeout: float = 20
    ) -> dict[str, Any]:
        """The first message, from number `after` on, that is wanted."""
        until = time.monotonic() + timeout
        with self._news:
            while True:
                for message in self.heard[after:]:
                    if wanted(message):
                        return message
                left = until - time.monotonic()
                if left <= 0:
                    raise TimeoutError("the kernel never said it")
                self._news.wait(left)

    def start(self, code: str) -> str:
        """Send a cell; the id of the request."""
        return self.client.execute(code, allow_stdin=False)

    def finish(self, request: str, timeout: float = 40) -> Result:
        """Wait for a cell."""
        self.wait(
            lambda m: (
                m["msg_type"] == "status"
                and m["content"]["execution_state"] == "idle"
                and m["parent_header"].get("msg_id") == request
            ),
            timeout=timeout,
        )
        reply = self._reply(request, timeout)
        mine = [m for m in self.heard if m["parent_header"].get("msg_id") == request]
        return Result(reply["content"]["status"], mine, reply["content"])

    def _reply(self, request: str, timeout: float) -> dict[str, Any]:
        while True:
            reply = self.client.get_shell_msg(timeout=timeout)
            if reply["parent_header"]["msg_id"] == request:
                return reply

    def run(self, code: str, timeout: float = 40) -> Result:
        """Run a cell that has to succeed."""
        result = self.finish(self.start(code), timeout)
        assert result.status == "ok", result.error
        return result

    def fail(self, code: str, timeout: float = 40) -> Result:
        """Run a cell that has to fail."""
        result = self.finish(self.start(code), timeout)
        assert result.status == "error"
        return result

    # The chat's comm, as a front end would use it.

    def widget(self, result: Result) -> str:
        """The id of the chat widget that a cell displayed."""
        for content in result.of("display_data"):
            view = content["data"].get("application/vnd.jupyter.widget-view+json")
            if view:
                return view["model_id"]
        raise AssertionError("the cell displayed no widget")

    def say(self, comm_id: str, message: dict[str, Any]) -> None:
        """Send a custom message to a widget."""
        content = {"comm_id": comm_id, "data": {"method": "custom", "content": message}}
        self.client.shell_channel.send(self.client.session.msg("comm_msg", content))

    def custom(
        self, comm_id: str, kind: str, *, after: int = 0, timeout: float = 20, **fields: Any
    ) -> dict[str, Any]:
        """The next custom message of a kind from a widget."""

        def wanted(message: dict[str, Any]) -> bool:
            content = custom(message, comm_id)
            return content.get("type") == kind and fields.items() <= content.items()

        return custom(self.wait(wanted, after=after, timeout=timeout), comm_id)

    def state(
        self, comm_id: str, *, after: int = 0, timeout: float = 20, **status: str
    ) -> dict[str, Any]:
        """Wait until a widget's status is that; the status."""

        def wanted(message: dict[str, Any]) -> bool:
            return status.items() <= status_of(message, comm_id).items()

        return status_of(self.wait(wanted, after=after, timeout=timeout), comm_id)

    @property
    def mark(self) -> int:
        """The number of the next message."""
        return len(self.heard)

    def close(self) -> None:
        self._ended = True
        self._reader.join(2)
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()


def custom(message: dict[str, Any], comm_id: str) -> dict[str, Any]:
    """The custom message of a widget that an iopub message carries, if it does."""
    content = message["content"]
    if message["msg_type"] != "comm_msg" or content["comm_id"] != comm_id:
        return {}
    return content["data"].get("content", {}) if content["data"].get("method") == "custom" else {}


def customs(kernel: Kernel, comm_id: str, mark: int, **fields: Any) -> list[dict[str, Any]]:
    """Every custom message of a widget with these fields, from a mark on."""
    wanted = {"type" if name == "kind" else name: value for name, value in fields.items()}
    found = [custom(message, comm_id) for message in kernel.heard[mark:]]
    return [message for message in found if wanted.items() <= message.items()]


def status_of(message: dict[str, Any], comm_id: str) -> dict[str, Any]:
    """The new status of a widget that an iopub message carries, if it does."""
    content = message["content"]
    if message["msg_type"] != "comm_msg" or content["comm_id"] != comm_id:
        return {}
    return (
        content["data"].get("state", {}).get("status", {})
        if content["data"].get("method") == "update"
        else {}
    )


def until(condition: Callable[[], object], seconds: float = 15) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)
