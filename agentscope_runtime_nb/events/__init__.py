"""The spine: one ordered stream of events per run.

The wire model, the `Emitter` that framework adapters write to, the encoding of frames, and the
grammar as a checker. Imports nothing else of this package; everything else may import it.
"""

from __future__ import annotations

from agentscope_runtime_nb.events.approvals import (
    Decision,
    always_allowed,
    approval_response,
    decisions,
    pending,
)
from agentscope_runtime_nb.events.emitter import Emitter, RunStoppedError
from agentscope_runtime_nb.events.encoding import encode
from agentscope_runtime_nb.events.grammar import Grammar, GrammarError, check
from agentscope_runtime_nb.events.parts import (
    ApprovalRequest,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Usage,
)
from agentscope_runtime_nb.events.wire import (
    AgentRequest,
    AgentResponse,
    AnyContent,
    AudioContent,
    Content,
    ContentType,
    DataContent,
    Error,
    Event,
    FileContent,
    FunctionCall,
    FunctionCallOutput,
    ImageContent,
    Message,
    MessageType,
    RefusalContent,
    Role,
    RunStatus,
    TextContent,
    VideoContent,
    fresh_id,
    user_message,
)

__all__ = [
    "AgentRequest",
    "AgentResponse",
    "AnyContent",
    "ApprovalRequest",
    "AudioContent",
    "Content",
    "ContentType",
    "DataContent",
    "Decision",
    "Emitter",
    "Error",
    "Event",
    "FileContent",
    "FunctionCall",
    "FunctionCallOutput",
    "Grammar",
    "GrammarError",
    "ImageContent",
    "Message",
    "MessageType",
    "Part",
    "Reasoning",
    "RefusalContent",
    "Role",
    "RunStatus",
    "RunStoppedError",
    "Text",
    "TextContent",
    "ToolCall",
    "ToolResult",
    "Usage",
    "VideoContent",
    "always_allowed",
    "approval_response",
    "check",
    "decisions",
    "encode",
    "fresh_id",
    "pending",
    "user_message",
]
