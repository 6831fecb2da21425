"""The main job, without a browser, a key or Docker.

Runs the quickstart notebook with the small local model, exports its app, gives the exported
service an environment and a process of its own, and asks it: over server-sent events, and with
OpenAI's SDK.
All that it makes is in `.cache/demo`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from openai import OpenAI

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "notebooks" / "01_quickstart.ipynb"
DEMO = ROOT / ".cache" / "demo"
SERVICE = DEMO / "service"
VENV = DEMO / "venv"
LOG = DEMO / "service.log"

FIRST = "Hello! I am Ada. In one short sentence, what can you do?"
SECOND = "What did I just say?"
APP = "friday"
CELL_SECONDS = 300
READY_SECONDS = 120
STOP_SECONDS = 15
LINE, LINES = 90, 6


class DemoError(Exception):
    """A step that did not work; the text names the cause."""


def main() -> int:
    """Do it all, and say what is being done."""
    os.environ["AGENTSCOPE_NB_CACHE"] = str(ROOT / ".cache")
    os.environ["AGENTSCOPE_NB_DATA"] = str(DEMO / "data")
    os.environ["IPYTHONDIR"] = str(DEMO / "ipython")
    os.environ["PATH"] = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "DASHSCOPE_API_KEY"):
        os.environ.pop(name, None)  # the demo is what somebody without a key gets
    DEMO.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    try:
        fetch_model()
        run_notebook()
        export()
        install()
        with service() as url:
            first = ask_over_sse(url)
            ask_with_openai(url)
            addresses(url)
    except (DemoError, httpx2.HTTPError, subprocess.SubprocessError) as error:
        print(f"\ndemo: {error}", file=sys.stderr)
        return 1
    if not first:
        print("\ndemo: the service answered with nothing", file=sys.stderr)
        return 1
    print(f"\nDone in {time.monotonic() - began:.0f} s. Next: make lab")
    return 0


def fetch_model() -> None:
    """Have the local model here; 98 MB, once."""
    step("The local model: a toy of 98 MB that needs no key")
    tool("agentscope-nb", "models", "pull")


def run_notebook() -> None:
    """Execute the quickstart as `jupyter execute` would, and show what its cells said."""
    step(f"The notebook, headless: {NOTEBOOK.relative_to(ROOT)}")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    folder = DEMO / "notebook"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        extra_arguments=["--log-level=ERROR"],
        on_cell_executed=show_cell,
    )
    try:
        client.execute()
    except CellExecutionError as error:
        raise DemoError(f"a cell of the notebook failed:\n{error}") from error
    finally:
        nbformat.write(notebook, folder / NOTEBOOK.name)


def show_cell(cell: Any, **_: Any) -> None:
    """Show a cell that was run: its first line, and the start of what it showed."""
    source = cell.source.splitlines()
    print(f"  In:  {source[0][:LINE]}{' …' if source[1:] else ''}")
    lines = list(shown(cell))
    for line in lines[:LINES]:
        print(f"       {line}")
    if lines[LINES:]:
        print(f"       … and {len(lines) - LINES} lines more")


def shown(cell: Any) -> Iterator[str]:
    """What a cell showed, as plain text, its lines shortened."""
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        text = output.get("text") or data.get("text/markdown") or data.get("text/plain") or ""
        if "application/vnd.jupyter.widget-view+json" in data:
            continue
        for line in "".join(text).splitlines():
            if line.strip():
                yield line[:LINE] + (" …" if line[LINE:] else "")


def export() -> None:
    """Export the app as a package, from the notebook's text alone."""
    step("The export: from the notebook to a service")
    shutil.rmtree(SERVICE, ignore_errors=True)
    tool("agentscope-nb", "export", NOTEBOOK, "--app", APP, "-o", SERVICE)


def install() -> None:
    """Give the service an environment of its own, with the package from this checkout."""
    step("The service's own environment")
    sources = sorted((ROOT / "agentscope_runtime_nb").rglob("*.py"))
    stamp, digest = DEMO / "installed", hashlib.sha256(sys.version.encode())
    for path in (ROOT / "pyproject.toml", SERVICE / "pyproject.toml", *sources):
        digest.update(path.read_bytes())
    if stamp.exists() and stamp.read_text() == digest.hexdigest() and VENV.exists():
        print("  as it was")
        return
    stamp.unlink(missing_ok=True)
    wheels = DEMO / "wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    pip = ("-m", "pip", "--disable-pip-version-check")
    # The front end is no part of a service, so it needs not be built for it.
    wheel = (*pip, "wheel", "--no-deps", "--wheel-dir", wheels, ROOT)
    tool(sys.executable, *wheel, quietly=True, SKIP_JUPYTER_BUILDER="1")
    tool(sys.executable, "-m", "venv", "--clear", VENV, quietly=True)
    needed = (SERVICE, f"agentscope-runtime-nb[local] @ {next(wheels.glob('*.whl')).as_uri()}")
    print("  pip install service agentscope-runtime-nb[local], the latter from this checkout")
    tool(VENV / "bin" / "python", *pip, "install", *needed, quietly=True)
    stamp.write_text(digest.hexdigest())


@contextlib.contextmanager
def service() -> Iterator[str]:
    """Run the service as its own process while the block runs."""
    step("The service, as its own process")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [VENV / "bin" / "agentscope-nb", "run", SERVICE, "--port", str(port)]
    print(f"  {shlex.join(str(part) for part in command)}")
    with LOG.open("wb") as log:
        process = subprocess.Popen(
            command, cwd=SERVICE, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        wait_until_healthy(process, url)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        print("\nThe service has stopped.")


def wait_until_healthy(process: subprocess.Popen[bytes], url: str) -> None:
    """Wait for /health, and say how long it took."""
    began = time.monotonic()
    while time.monotonic() - began < READY_SECONDS:
        if process.poll() is not None:
            break
        with contextlib.suppress(httpx2.TransportError):
            if httpx2.get(f"{url}/health").is_success:
                print(f"  healthy after {time.monotonic() - began:.1f} s")
                return
        time.sleep(0.05)
    raise DemoError(f"the service does not start; it wrote:\n{LOG.read_text()[-3000:]}")


def ask_over_sse(url: str) -> str:
    """Ask once over server-sent events; the answer is printed as it comes."""
    step("Asked over server-sent events")
    print(f"  you: {FIRST}\n  it:  ", end="", flush=True)
    answer = ""
    message = {"role": "user", "type": "message", "content": [{"type": "text", "text": FIRST}]}
    with httpx2.stream(
        "POST", f"{url}/process", json={"input": [message]}, timeout=120
    ) as response:
        if not response.is_success:
            raise DemoError(f"it answered {response.status_code}: {response.read().decode()}")
        for line in response.iter_lines():
            if not line.startswith("data:"):
                continue
            event = json.loads(line.removeprefix("data:"))
            if event["object"] == "content" and event.get("delta") and event.get("text"):
                answer += event["text"]
                print(event["text"], end="", flush=True)
            if event["object"] == "response" and event["status"] == "failed":
                raise DemoError(f"the run failed: {event['error']}")
    print()
    return answer


def ask_with_openai(url: str) -> None:
    """Ask twice with OpenAI's SDK; the second question needs the first."""
    step("Asked with OpenAI's SDK, the Responses API")
    client = OpenAI(base_url=f"{url}/compatible-mode/v1", api_key="none is needed on loopback")
    previous: str | None = None
    for question in (FIRST, SECOND):
        print(f"  you: {question}\n  it:  ", end="", flush=True)
        with client.responses.stream(
            model=APP, input=question, previous_response_id=previous
        ) as events:
            for event in events:
                if event.type == "response.output_text.delta":
                    print(event.delta, end="", flush=True)
            response = events.get_final_response()
        if response.status != "completed":
            raise DemoError(f"the run ended as {response.status}: {response.error}")
        previous = response.id
        print(f"\n       ({response.usage.total_tokens} tokens)" if response.usage else "")


def addresses(url: str) -> None:
    """Say what was asked where, and how to do it by hand."""
    step("Its addresses, while it ran")
    print(f"  {url}/process\n  {url}/compatible-mode/v1/responses\n  {url}/health\n  {url}/docs")
    print("\n  By hand:")
    run = f"{VENV.relative_to(ROOT)}/bin/agentscope-nb run {SERVICE.relative_to(ROOT)}"
    print(f"  AGENTSCOPE_NB_CACHE=.cache {run}")
    print("  curl -N localhost:8090/process -H 'content-type: application/json' \\")
    print("""    -d '{"input": "Hi"}'""")


def tool(*command: object, quietly: bool = False, **environment: str) -> None:
    """Run a command; what it writes is shown, or, quietly, only when it fails."""
    words = [str(part) for part in command]
    done = subprocess.run(
        words,
        cwd=DEMO,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if quietly else None,
        stderr=subprocess.STDOUT if quietly else None,
        check=False,
    )
    if done.returncode:
        said = (done.stdout or b"").decode(errors="replace")[-3000:]
        raise DemoError(f"this failed with code {done.returncode}: {' '.join(words)}\n{said}")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def step(title: str) -> None:
    """Name the step."""
    print(f"\n== {title}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
