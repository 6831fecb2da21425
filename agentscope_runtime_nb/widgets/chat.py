"""The chat widget: a window onto a conversation that the kernel holds."""

# ipywidgets and traitlets have no types:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false

from __future__ import annotations

import difflib
import json
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets
from IPython.display import display, publish_display_data
from traitlets import HasTraits

from agentscope_runtime_nb.widgets import transcript

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentscope_runtime_nb.events import Message
    from agentscope_runtime_nb.notebook.conversation import Conversation
    from agentscope_runtime_nb.notebook.handle import AgentHandle

STATIC = Path(__file__).parent / "static"
BUILD = "make setup"

_MISSING = """
export default {
  render({ el }) {
    el.className = "asnb-chat asnb-missing";
    el.textContent = "The chat's front end is not built in this checkout. Run `BUILD`, restart the "
      + "kernel and run the cell again. Until then: ask() in a cell works without it.";
  },
};
""".replace("BUILD", BUILD)


def built() -> tuple[str, str, str]:
    """The front end's files: the loader's source, the names of the script and the style sheet."""
    try:
        manifest = _manifest()
        loader = (STATIC / "loader.js").read_text(encoding="utf-8")
        return loader, manifest["chat"], manifest["css"]
    except (OSError, ValueError, KeyError):
        return _MISSING, "", ""


def asset_files(name: str) -> tuple[str, str] | None:
    """A script of the front end and its style sheet, if there is one; None for no name of a script.

    Only what the build lists can be had: a name is looked up there and is never a path.
    """
    try:
        manifest = _manifest()
    except (OSError, ValueError):
        return None
    if name == manifest.get("chat"):
        return name, str(manifest.get("css") or "")
    return (name, "") if name in manifest.get("assets", {}).values() else None


def _manifest() -> dict[str, Any]:
    return json.loads((STATIC / "manifest.json").read_text(encoding="utf-8"))


class ChatWidget(anywidget.AnyWidget):
    """A chat with an agent of this kernel. Several may show one conversation.

    An ordinary DOMWidget: it can stand in a `VBox`, and other code can follow it by `messages`,
    `busy` and `on_message`.

    Args:
        agent: The agent, as `%%agent_app` bound it.
        conversation: The conversation to show; by default the agent's own.
        **traits: Traits of a DOMWidget, such as `layout`.

    Raises:
        TypeError: There is no trait of a name given; it says which was probably meant.
    """

    schema = traitlets.Int(1).tag(sync=True)
    version = traitlets.Unicode("").tag(sync=True)
    app = traitlets.Unicode("").tag(sync=True)
    session_id = traitlets.Unicode("").tag(sync=True)
    status = traitlets.Dict().tag(sync=True)
    busy = traitlets.Bool(default_value=False).tag(sync=True)
    # Read whenever a view asks for the whole state, and never pushed: live views get messages.
    turns = traitlets.List().tag(sync=True, to_json=lambda _value, widget: widget.turns_now())
    http_path = traitlets.Unicode("").tag(sync=True)
    stop_path = traitlets.Unicode("").tag(sync=True)
    asset = traitlets.Unicode("").tag(sync=True)
    asset_css = traitlets.Unicode("").tag(sync=True)
    model_label = traitlets.Unicode("").tag(sync=True)
    description = traitlets.Unicode("").tag(sync=True)
    # What the app says of itself: starters, commands, the settings and models it offers.
    info = traitlets.Dict().tag(sync=True)
    settings = traitlets.Dict().tag(sync=True)
    title = traitlets.Unicode("").tag(sync=True)
    lang = traitlets.Unicode("").tag(sync=True)

    def __init__(
        self, agent: AgentHandle, conversation: Conversation | None = None, **traits: Any
    ) -> None:
        for name in traits:
            if not self.has_trait(name):
                close = difflib.get_close_matches(name, self.trait_names(), n=1)
                hint = f"; did you mean {close[0]}?" if close else ""
                raise TypeError(f"ChatWidget has no option {name!r}{hint}")
        self._agent = agent
        self._host = agent.host
        self._conversation = conversation or agent.conversation()
        loader, asset, css = built()
        chosen = traits.pop("settings", None)
        if chosen:
            self._host.control.run(self._settle(chosen))
        super().__init__(
            _esm=loader,
            version=version("agentscope-runtime-nb"),
            app=agent.name,
            asset=asset,
            asset_css=css,
            description=agent.description,
            model_label=agent.model_label,
            info=agent.info,
            settings=self._conversation.settings,
            title=self._conversation.title,
            session_id=self._conversation.session_id,
            status=self._conversation.status,
            busy=self._conversation.busy,
            **traits,
        )
        if self._host.kernel_id:
            root = f"agentscope-nb/apps/{self._host.kernel_id}/{agent.name}"
            self.http_path = f"{root}/chat/{self.model_id}"
            self.stop_path = f"{root}/process/stop"
        self._host.chats[self.model_id] = self._take
        self._conversation.listeners.append(self)
        self.on_msg(self._arrived)

    @property
    def messages(self) -> list[Message]:
        """Every message so far, the user's and the agent's."""
        return self._conversation.messages

    def on_message(self, callback: Callable[[Message], object]) -> None:
        """Have `callback` called on the agents' loop with each message the agent finishes."""
        self._conversation.on_message.append(callback)

    def turns_now(self) -> list[dict[str, Any]]:
        """The turns as a view that attaches needs them."""
        return self._conversation.snapshot()["turns"]

    def refresh(self) -> None:
        """Take over what a new version of the agent says about itself."""
        self.description = self._agent.description
        self.model_label = self._agent.model_label
        self.info = self._agent.info

    def close(self) -> None:
        """Take the widget away; the conversation goes on."""
        if self in self._conversation.listeners:
            self._conversation.listeners.remove(self)
        self._host.chats.pop(self.model_id or "", None)
        super().close()

    def heard(self, message: dict[str, Any]) -> None:
        """Pass on what happens in the conversation. On the control thread."""
        if self.comm is None:
            return
        self.send(message)
        ended = message["type"] in ("snapshot", "turn") or (
            message["type"] == "events"
            and any(
                event["object"] != "content" and event["status"] != "in_progress"
                for event in message["events"]
            )
        )
        if ended:
            self._update_transcript()

    def state_changed(self) -> None:
        """Take over the conversation's state. On the control thread."""
        self.session_id = self._conversation.session_id
        self.title = self._conversation.title
        self.settings = self._conversation.settings
        self.busy = self._conversation.busy
        self.status = self._conversation.status

    def notify_change(self, change: Any) -> None:
        """Send a trait's new value; observers of it never run on the control thread."""
        if not self._host.control.is_current():
            if change["name"] == "settings":  # assigned by code; the conversation's own come below
                self._chosen(change["new"])
            super().notify_change(change)
            return
        if self.comm is not None and change["name"] in self.keys:
            self.send_state(change["name"])
        self._host.agent.call(HasTraits.notify_change, self, change)

    def _arrived(self, _widget: Any, message: Any, _buffers: Any) -> None:
        # Whatever thread the kernel delivers on: the work is done on the control thread.
        if isinstance(message, dict):
            self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        kind = message.get("type")
        if kind == "snapshot":
            self._host.control.call(lambda: self.send(self._conversation.snapshot()))
        elif kind == "asset":
            self._send_asset(str(message.get("name") or ""))
        else:
            self._conversation.take(message, self.send)

    def _chosen(self, after: dict[str, Any]) -> None:
        """Have the conversation take over the settings that code gave the widget."""
        before = self._conversation.settings
        if after != before:
            values = dict.fromkeys(before) | after
            self._conversation.take({"type": "settings", "values": values})

    async def _settle(self, settings: dict[str, Any]) -> None:
        self._conversation.change_settings(settings)

    def _send_asset(self, name: str) -> None:
        files = asset_files(name or self.asset)
        if files is None:
            text = "The page and the kernel have different versions: restart and reload."
            self.send({"type": "notice", "level": "error", "text": text})
            return
        script, css = files
        buffers = [(STATIC / file).read_bytes() for file in files if file]
        self.send({"type": "asset", "name": script, "css": css}, buffers=buffers)

    def _ipython_display_(self) -> None:
        """Show the chat, and after it the transcript that is left when no kernel answers."""
        bundle = self._repr_mimebundle_() or {}
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        publish_display_data(data=data, metadata=metadata)
        display(self._transcript(), raw=True, display_id=self._transcript_id())

    def _update_transcript(self) -> None:
        display(self._transcript(), raw=True, display_id=self._transcript_id(), update=True)

    def _transcript_id(self) -> str:
        return f"asnb-{self.model_id}"

    def _transcript(self) -> dict[str, str]:
        return transcript.bundle(self.app, self.turns_now())
