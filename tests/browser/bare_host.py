"""A page that shows widgets and belongs to no Jupyter server: an imitation of VS Code and Colab.

What they give a widget is a model (`get`, `on`, `send`) and an element, in a frame without an
origin, and the kernel's comms, by way of the host. So does this, with a real kernel. What is
particular to them (their widget managers, policies and proxies) is not imitated.
"""

from __future__ import annotations

import asyncio
import base64
import os
from typing import TYPE_CHECKING, Any

from jupyter_client.manager import AsyncKernelManager

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Frame, Page

# `sandbox` without allow-same-origin: no storage, no cookies, an origin of its own.
_PAGE = """<!doctype html><title>host</title>
<iframe sandbox="allow-scripts" style="width: 100%; height: 860px; border: 0"
  srcdoc="<!doctype html><body></body>"></iframe>"""
_HOST = """
class Model {
  constructor(id, state) { this.id = id; this.state = state; this.heard = new Map(); }
  get(name) { return this.state[name]; }
  set(name, value) { this.state[name] = value; }
  save_changes() {}
  on(event, callback) { this.heard.set(event, [...(this.heard.get(event) ?? []), callback]); }
  off(event, callback) {
    const kept = (this.heard.get(event) ?? []).filter((known) => callback && known !== callback);
    this.heard.set(event, kept);
  }
  say(event, ...words) { for (const callback of this.heard.get(event) ?? []) callback(...words); }
  send(content) { void window.toKernel(this.id, content); }
}
const models = new Map();
const bytes = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
window.host = {
  open(id, state) { models.set(id, new Model(id, state)); },
  update(id, state) {
    const model = models.get(id);
    Object.assign(model.state, state);
    for (const name of Object.keys(state)) model.say(`change:${name}`);
  },
  custom(id, content, buffers) { models.get(id).say("msg:custom", content, buffers.map(bytes)); },
  async show(id) {
    const model = models.get(id);
    const source = new Blob([model.get("_esm")], { type: "text/javascript" });
    const widget = (await import(URL.createObjectURL(source))).default;
    const el = document.createElement("div");
    el.className = `view-${id}`;
    document.body.append(el);
    await widget.initialize?.({ model });
    const leave = await widget.render({ model, el });
    el.addEventListener("leave", () => { leave?.(); el.remove(); });
  },
  leave(id) { document.querySelector(`.view-${id}`).dispatchEvent(new Event("leave")); },
};
"""


class BareHost:
    """A kernel, and a page that shows its widgets.

    Args:
        page: An empty page.
        folder: Where the kernel works.
    """

    def __init__(self, page: Page, folder: Path) -> None:
        self.page = page
        self.folder = folder
        self._frame: Frame
        self._manager = AsyncKernelManager()
        self._client: Any = None
        self._pumping: asyncio.Task[None]
        self._models: set[str] = set()
        self._shown: list[str] = []
        self._idle: dict[str, asyncio.Event] = {}

    async def start(self) -> None:
        """Start the kernel and make the page."""
        environment = os.environ | {"IPYTHONDIR": str(self.folder / "ipython")}
        await self._manager.start_kernel(cwd=str(self.folder), env=environment)
        self._client = self._manager.client()
        self._client.start_channels()
        await self._client.wait_for_ready(timeout=60)
        await self.page.expose_function("toKernel", self._to_kernel)
        await self.page.set_content(_PAGE)
        self._frame = self.page.frames[1]
        await self._frame.evaluate(_HOST)
        self._pumping = asyncio.create_task(self._pump())

    async def run(self, source: str) -> list[str]:
        """Run a cell; the models of the widgets that it displayed."""
        self._shown.clear()
        ident = self._client.execute(source)
        idle = self._idle.setdefault(ident, asyncio.Event())
        await asyncio.wait_for(idle.wait(), 60)
        return list(self._shown)

    async def show(self, model: str) -> None:
        """Draw a widget."""
        await self._frame.evaluate("id => window.host.show(id)", model)

    async def leave(self, model: str) -> None:
        """Take its drawing away, as when it scrolls out of a long notebook."""
        await self._frame.evaluate("id => window.host.leave(id)", model)

    def card(self, model: str) -> Any:
        """The chat in it."""
        return self._frame.locator(f".view-{model} .asnb-card")

    async def close(self) -> None:
        """End the kernel."""
        if hasattr(self, "_pumping"):
            self._pumping.cancel()
        if self._client is not None:
            self._client.stop_channels()
        await self._manager.shutdown_kernel(now=True)

    async def _to_kernel(self, model: str, content: Any) -> None:
        data = {"comm_id": model, "data": {"method": "custom", "content": content}}
        self._client.shell_channel.send(self._client.session.msg("comm_msg", data))

    async def _pump(self) -> None:
        while True:
            message = await self._client.get_iopub_msg(timeout=None)
            kind, content = message["msg_type"], message["content"]
            if kind == "comm_open" and "_esm" in content["data"]["state"]:
                await self._tell("open", content["comm_id"], content["data"]["state"])
                self._models.add(content["comm_id"])
            elif kind == "comm_msg" and content["comm_id"] in self._models:
                await self._comm(content, message["buffers"])
            elif kind == "display_data":
                view = content["data"].get("application/vnd.jupyter.widget-view+json")
                if view:
                    self._shown.append(view["model_id"])
            elif kind == "status" and content["execution_state"] == "idle":
                parent = message["parent_header"].get("msg_id", "")
                self._idle.setdefault(parent, asyncio.Event()).set()

    async def _comm(self, content: Any, buffers: list[Any]) -> None:
        data = content["data"]
        if data["method"] == "update":
            await self._tell("update", content["comm_id"], data["state"])
        elif data["method"] == "custom":
            texts = [base64.b64encode(bytes(buffer)).decode() for buffer in buffers]
            await self._tell("custom", content["comm_id"], data["content"], texts)

    async def _tell(self, what: str, *words: Any) -> None:
        script = f"words => window.host.{what}(...words)"
        await self._frame.evaluate(script, list(words))
