"""Jupyter servers for browser tests: JupyterLab, Notebook, a JupyterHub with one user.

Each lives in a folder of its own and shares nothing with whoever runs the tests.
"""

from __future__ import annotations

import itertools
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import nbformat

if TYPE_CHECKING:
    from playwright.async_api import Page

ROOT = Path(__file__).resolve().parents[2]
BASE = "/user/ann/"
TOKEN = "not-a-secret"
_NAME = "agentscope-runtime-nb"
_START_SECONDS = 60
_numbers = itertools.count(1)


class Lab:
    """A `jupyter lab` of its own, under a hub's prefix.

    Args:
        folder: Where everything of it lives.
        kernel: The Python of its notebooks' kernels; by default the server's own.
        package: Whether the server has the package: its proxy and the built front end.
        python: The server's own Python.
    """

    program = "jupyterlab"
    settings = ("--expose-app-in-browser",)

    def __init__(
        self,
        folder: Path,
        *,
        kernel: Path | None = None,
        package: bool = True,
        python: Path | str = sys.executable,
    ) -> None:
        self.folder = folder
        self.root = folder / "notebooks"
        self.root.mkdir()
        self.package = package
        self.python = Path(python)
        self.kernel = kernel or self.python
        shared = folder / "share" / "jupyter"
        (shared / "labextensions").mkdir(parents=True)
        if package:
            built = ROOT / "agentscope_runtime_nb" / "labextension"
            (shared / "labextensions" / _NAME).symlink_to(built)
        else:
            self._without_ours(shared / "labextensions")
        self._spec = {"display_name": "Python 3", "language": "python", "name": "python3"}
        if kernel is not None:
            self._spec |= {"display_name": "Elsewhere", "name": "elsewhere"}
            self._kernel_spec(shared / "kernels" / "elsewhere", kernel)
        self._quiet(folder / "settings")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}{BASE}"
        self._log = (folder / "server.log").open("wb")
        self._process = subprocess.Popen(
            self.command(),
            env=os.environ | self.environment(),
            cwd=self.root,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self._await()

    def _without_ours(self, folder: Path) -> None:
        """Offer the front end all extensions that are installed, but for the package's."""
        for other in (Path(sys.prefix) / "share" / "jupyter" / "labextensions").iterdir():
            if other.name != _NAME:
                (folder / other.name).symlink_to(other)
        self.settings = (*self.settings, f"--LabApp.labextensions_path={folder}")

    def command(self) -> list[str]:
        """What is started."""
        return [
            str(self.python),
            "-m",
            self.program,
            *self.settings,
            "--no-browser",
            f"--port={self.port}",
            "--ServerApp.port_retries=0",
            f"--ServerApp.base_url={BASE}",
            f"--IdentityProvider.token={TOKEN}",
            *self.options(),
        ]

    def options(self) -> list[str]:
        """What every server is told that a notebook runs in."""
        return [
            "--allow-root",
            f"--ServerApp.root_dir={self.root}",
            f"--ServerApp.jpserver_extensions=agentscope_runtime_nb={self.package}",
        ]

    def environment(self) -> dict[str, str]:
        """Where it keeps its things."""
        return {
            "JUPYTER_CONFIG_DIR": str(self.folder / "config"),
            "JUPYTER_DATA_DIR": str(self.folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(self.folder / "runtime"),
            "JUPYTER_PATH": str(self.folder / "share" / "jupyter"),
            "JUPYTERLAB_SETTINGS_DIR": str(self.folder / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(self.folder / "workspaces"),
            "AGENTSCOPE_NB_DATA": str(self.folder / "sessions"),
            "IPYTHONDIR": str(self.folder / "ipython"),
        }

    def address(self) -> str:
        """Where a page begins."""
        return f"{self.url}lab/workspaces/{secrets.token_hex(4)}?token={TOKEN}"

    async def enter(self, page: Page) -> None:
        """Open a page of it, which may be loaded again."""
        await page.goto(self.address())

    def write(self, *cells: str) -> str:
        """A new notebook with these cells; its path."""
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": self._spec},
        )
        path = f"n{next(_numbers)}.ipynb"
        nbformat.write(notebook, self.root / path)
        return path

    def close(self) -> None:
        """End the server, which ends its kernels."""
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def ready(self) -> None:
        """Ask whether it answers.

        Raises:
            httpx2.HTTPError: It does not, yet.
        """
        httpx2.get(f"{self.url}api/status", params={"token": TOKEN}).raise_for_status()

    def _await(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                self.ready()
            except httpx2.HTTPError:
                said = (self.folder / "server.log").read_text()
                assert self._process.poll() is None, said
                assert time.monotonic() < deadline, said
                time.sleep(0.1)
            else:
                return

    @staticmethod
    def _quiet(folder: Path) -> None:
        """No news, no questions about updates: they cover the page."""
        quiet = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}
        path = folder / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(quiet))

    def _kernel_spec(self, folder: Path, python: Path) -> None:
        """Have kernels started with another Python."""
        command = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps(self._spec | {"argv": command}))


class Notebook(Lab):
    """A `jupyter notebook`, version 7: a page for each notebook."""

    program = "notebook"

    def address(self) -> str:
        """Where a page begins."""
        return f"{self.url}tree?token={TOKEN}"


class Hub(Lab):
    """A JupyterHub with its proxy and one user, ann, whose server has a JupyterLab.

    Args:
        folder: Where everything of it lives.
        python: The Python that has jupyterhub, for the hub and for ann's server.
        proxy: The program of configurable-http-proxy.
    """

    def __init__(self, folder: Path, *, python: Path, proxy: Path) -> None:
        self._proxy = proxy
        super().__init__(folder, python=python)

    def command(self) -> list[str]:
        """What is started."""
        config = self.folder / "jupyterhub_config.py"
        config.write_text(self._config())
        return [str(self.python), "-m", "jupyterhub", "-f", str(config)]

    def ready(self) -> None:
        """Ask whether the hub answers; ann's server is started when she logs in."""
        httpx2.get(f"http://127.0.0.1:{self.port}/hub/api/").raise_for_status()

    async def enter(self, page: Page) -> None:
        """Log in as ann, which starts her server, and go to a page of it."""
        await page.goto(f"http://127.0.0.1:{self.port}/hub/login")
        await page.get_by_label("Username").fill("ann")
        await page.get_by_label("Password").fill(TOKEN)
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url("**/user/ann/lab**", timeout=90_000)
        await page.goto(self.address().partition("?")[0])

    def _config(self) -> str:
        spawned = {
            "cmd": [str(self.python), "-m", "jupyterhub.singleuser"],
            "args": [*self.options(), "--LabApp.expose_app_in_browser=True"],
            "environment": {name: os.environ[name] for name in _INHERITED if name in os.environ}
            | self.environment(),
            "default_url": "/lab",
            "http_timeout": 60,
            "start_timeout": 60,
        }
        settings = {
            "JupyterHub.bind_url": f"http://127.0.0.1:{self.port}/",
            "JupyterHub.hub_bind_url": f"http://127.0.0.1:{free_port()}/",
            "JupyterHub.authenticator_class": "dummy",
            "JupyterHub.spawner_class": "simple",
            "JupyterHub.db_url": f"sqlite:///{self.folder}/hub.sqlite",
            "JupyterHub.cookie_secret_file": str(self.folder / "cookie-secret"),
            "ConfigurableHTTPProxy.api_url": f"http://127.0.0.1:{free_port()}",
            "ConfigurableHTTPProxy.command": [str(self._proxy)],
            "ConfigurableHTTPProxy.pid_file": str(self.folder / "proxy.pid"),
            "Authenticator.allow_all": True,
            "DummyAuthenticator.password": TOKEN,
            "SimpleLocalProcessSpawner.home_dir_template": str(self.folder / "home-{username}"),
            **{f"Spawner.{name}": value for name, value in spawned.items()},
        }
        lines = [f"c.{name} = {value!r}" for name, value in settings.items()]
        return "\n".join(["c = get_config()", *lines, ""])


_INHERITED = ("PATH", "PYTHONPATH", "LANG")


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
