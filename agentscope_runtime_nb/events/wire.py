"""The objects of the wire format: what clients send and what they read.

Field names and values are those of AgentScope Runtime 1.1.x and do not change. Unknown fields are
kept, never an error, so that a newer client and an older service understand each other.
"""

from __future__ import annotations

import os
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, PrivateAttr, Tag, field_validator

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class MessageType(StrEnum):
    """What a message is about."""

    MESSAGE = "message"
    REASONING = "reasoning"
    FUNCTION_CALL = "function_call"
    FUNCTION_CALL_OUTPUT = "function_call_output"
    PLUGIN_CALL = "plugin_call"
    PLUGIN_CALL_OUTPUT = "plugin_call_output"
    COMPONENT_CALL = "component_call"
    COMPONENT_CALL_OUTPUT = "component_call_output"
    MCP_LIST_TOOLS = "mcp_list_tools"
    MCP_APPROVAL_REQUEST = "mcp_approval_request"
    MCP_APPROVAL_RESPONSE = "mcp_approval_response"
    MCP_CALL = "mcp_call"
    MCP_CALL_OUTPUT = "mcp_call_output"
    HEARTBEAT = "heartbeat"
    ERROR = "error"
    A2UI_RESPONSE = "a2ui_response"
    A2UI_ACTION = "a2ui_action"


class Role(StrEnum):
    """Who speaks."""

    ASSISTANT = "assistant"
    USER = "user"
    SYSTEM = "system"
    TOOL = "tool"


class RunStatus(StrEnum):
    """Where a response, a message or a content stands."""

    CREATED = "created"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    CANCELED = "canceled"
    FAILED = "failed"
    REJECTED = "rejected"
    QUEUED = "queued"
    INCOMPLETE = "incomplete"
    UNKNOWN = "unknown"


class ContentType(StrEnum):
    """What a content carries."""

    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    FILE = "file"
    DATA = "data"
    REFUSAL = "refusal"


class Error(BaseModel):
    """Why something failed: a stable `code` for programs and a sentence for people."""

    code: str
    message: str


class Event(BaseModel):
    """What all objects of a stream share.

    Attributes:
        sequence_number: Position in the run, from 0, over all kinds of objects.
        object: `response`, `message` or `content`.
        status: One of `RunStatus`.
        error: Set when `status` is `failed`.
    """

    model_config = ConfigDict(extra="allow")

    sequence_number: int | None = None
    object: str = ""
    status: str | None = RunStatus.CREATED
    error: Error | None = None


class Content(Event):
    """A piece of a message.

    Attributes:
        index: Position in the message.
        delta: True when the payload is only what was added since the last event.
        msg_id: The message it belongs to.
    """

    object: str = "content"
    index: int | None = 0
    delta: bool | None = False
    msg_id: str | None = None


class TextContent(Content):
    """Text, Markdown as a rule."""

    type: Literal["text"] = "text"
    text: str | None = None


class ImageContent(Content):
    """An image, by URL or data URI."""

    type: Literal["image"] = "image"
    image_url: str | None = None


class AudioContent(Content):
    """Sound: a URL or base64 in `data`, its codec in `format`."""

    type: Literal["audio"] = "audio"
    data: str | None = None
    format: str | None = None


class VideoContent(Content):
    """A film, by URL or data URI."""

    type: Literal["video"] = "video"
    video_url: str | None = None


class FileContent(Content):
    """A file: by URL, by id, or base64 in `file_data`."""

    type: Literal["file"] = "file"
    file_url: str | None = None
    file_id: str | None = None
    filename: str | None = None
    file_data: str | None = None


class DataContent(Content):
    """A JSON object; tool calls and their results travel in it."""

    type: Literal["data"] = "data"
    data: dict[str, Any] | None = None


class RefusalContent(Content):
    """The model's own words for not answering."""

    type: Literal["refusal"] = "refusal"
    refusal: str | None = None


class UnknownContent(Content):
    """A content of a type that this version does not know; kept as it came."""

    type: str


_KNOWN_CONTENT = frozenset(ContentType)


def _content_tag(value: Any) -> str:
    """The discriminator: the content's type, or `unknown` for one we have no class for."""
    kind: Any = value.get("type") if hasattr(value, "get") else getattr(value, "type", None)
    return str(kind) if kind in _KNOWN_CONTENT else "unknown"


AnyContent = Annotated[
    Annotated[TextContent, Tag("text")]
    | Annotated[ImageContent, Tag("image")]
    | Annotated[AudioContent, Tag("audio")]
    | Annotated[VideoContent, Tag("video")]
    | Annotated[FileContent, Tag("file")]
    | Annotated[DataContent, Tag("data")]
    | Annotated[RefusalContent, Tag("refusal")]
    | Annotated[UnknownContent, Tag("unknown")],
    Discriminator(_content_tag),
]


class FunctionCall(BaseModel):
    """A tool call, as it stands in a data content. `arguments` is JSON text."""

    call_id: str
    name: str
    arguments: str = ""


class FunctionCallOutput(BaseModel):
    """A tool's result, as it stands in a data content. `output` is a JSON string."""

    call_id: str
    name: str | None = None
    output: str = ""


def fresh_id() -> str:
    """A random UUID; its text alone costs a third of what `str(uuid4())` does."""
    raw = os.urandom(16).hex()
    variant = "89ab"[int(raw[16], 16) & 3]
    return f"{raw[:8]}-{raw[8:12]}-4{raw[13:16]}-{variant}{raw[17:20]}-{raw[20:]}"


def message_id() -> str:
    """A fresh id for a message."""
    return f"msg_{fresh_id()}"


class Message(Event):
    """One utterance: who, what kind, and its contents.

    Attributes:
        type: One of `MessageType`.
        role: One of `Role`.
        content: Its contents; a plain string is taken as one text content.
        usage: Tokens of the model call that made it, where known.
        metadata: Free. `agent` names the author where several speak, `parent_id` the tool call
            that it happens in; `duration` (seconds) stands on thoughts and on a tool's result,
            `display` where a notebook has a richer form.
    """

    object: str = "message"
    id: str = Field(default_factory=message_id)
    type: str = MessageType.MESSAGE
    role: Literal["assistant", "user", "system", "tool"] | None = None
    content: list[AnyContent] | None = None
    code: str | None = None
    message: str | None = None
    usage: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None

    @field_validator("content", mode="before")
    @classmethod
    def _text_is_content(cls, value: Any) -> Any:
        return [{"type": "text", "text": value}] if isinstance(value, str) else value

    @property
    def text(self) -> str:
        """All its text contents, joined."""
        return "".join(
            part.text for part in self.content or () if isinstance(part, TextContent) and part.text
        )


class AgentRequest(BaseModel):
    """What a client asks of an agent. Fields it does not name are kept.

    Attributes:
        input: This turn's messages; a plain string means one user message.
        stream: False asks for one JSON response instead of a stream.
        id: Becomes the response's id.
        session_id: The conversation; a new one when absent.
        user_id: Subdivides the caller's sessions; the session id when absent.
        settings: Values of the settings that the app offers, by name.
    """

    model_config = ConfigDict(extra="allow")

    input: list[Message]
    stream: bool = True
    id: str | None = None
    session_id: str | None = None
    user_id: str | None = None
    model: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    max_tokens: int | None = None
    stop: str | list[str] | None = None
    n: int | None = Field(default=1, ge=1, le=5)
    seed: int | None = None
    tools: list[dict[str, Any]] | None = None
    settings: dict[str, Any] | None = None

    _history: Callable[[], Awaitable[list[Message]]] | None = PrivateAttr(default=None)
    _chosen_model: Any = PrivateAttr(default=None)
    _recall: Callable[[], Awaitable[dict[str, Any] | None]] | None = PrivateAttr(default=None)
    _kept: dict[str, Any] | None = PrivateAttr(default=None)

    @field_validator("input", mode="before")
    @classmethod
    def _text_is_input(cls, value: Any) -> Any:
        return [{"role": "user", "content": value}] if isinstance(value, str) else value

    @property
    def chosen_model(self) -> Any:
        """The model that `model` names, if the app offers it; None otherwise."""
        return self._chosen_model

    def bind_model(self, model: Any) -> None:
        """Say which of the app's models was chosen; the app does when it starts a run."""
        self._chosen_model = model

    def bind_history(
        self,
        read: Callable[[], Awaitable[list[Message]]],
        recall: Callable[[], Awaitable[dict[str, Any] | None]] | None = None,
    ) -> None:
        """Say where the session is read; the app does when it starts a run."""
        self._history = read
        self._recall = recall

    async def history(self) -> list[Message]:
        """The session so far, oldest first, without this turn's input.

        Returns:
            Finished messages of earlier turns; empty outside of a run.
        """
        return await self._history() if self._history is not None else []

    def keep(self, state: dict[str, Any]) -> None:
        """Keep something with this turn for the session's next one, as frameworks do their state.

        It is kept where the turn itself is: not if it fails, not beyond one that is taken back.
        """
        self._kept = state

    async def recall(self) -> dict[str, Any] | None:
        """What was kept with the session's last turn, if that kept something."""
        return await self._recall() if self._recall is not None else None

    @property
    def kept(self) -> dict[str, Any] | None:
        """What this turn keeps."""
        return self._kept


class AgentResponse(Event):
    """One run: its identity, its outcome and everything that was said.

    Attributes:
        id: `response_…`, the run's id.
        created_at: Unix seconds.
        completed_at: Unix seconds, once it has ended.
        output: Every finished message.
        usage: Tokens of all model calls, summed.
        session_id: The conversation it belongs to.
    """

    object: str = "response"
    id: str
    created_at: int | None = None
    completed_at: int | None = None
    output: list[Message] | None = None
    usage: dict[str, Any] | None = None
    session_id: str | None = None


def user_message(text: str) -> Message:
    """A user's message of one text content."""
    return Message(role="user", content=[TextContent(text=text)], status=RunStatus.COMPLETED)
