"""Errors a caller sees: an HTTP status, a stable code, a sentence that names the way out."""

from __future__ import annotations

from typing import Any

# Codes are the original's where one fits (its `schemas/exception.py`); the rest are ours.
_STATUS = {
    "INVALID_PARAMETER": 400,
    "AUTH_FAILED": 401,
    "ACCESS_DENIED": 403,
    "RESOURCE_NOT_FOUND": 404,
    "SESSION_BUSY": 409,
    "ID_IN_USE": 409,
    "INTERRUPTED": 409,
    "APPROVAL_NOT_PENDING": 409,
    "BODY_TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "PARAMETER_VALIDATION": 422,
    "RATE_LIMIT_EXCEEDED": 429,
    "SHUTTING_DOWN": 503,
}

# What a model's client raises, by the name of its class: openai is not imported for this.
_MODEL_CODES = {
    "AuthenticationError": "MODEL_UNAUTHORIZED_ACCESS",
    "PermissionDeniedError": "MODEL_UNAUTHORIZED_ACCESS",
    "RateLimitError": "MODEL_QUOTA_EXCEEDED",
    "NotFoundError": "MODEL_NOT_FOUND",
    "APITimeoutError": "MODEL_TIMEOUT",
    "APIConnectionError": "NETWORK_ERROR",
    "BadRequestError": "MODEL_EXECUTION_FAILED",
    "InternalServerError": "MODEL_EXECUTION_FAILED",
    "APIStatusError": "MODEL_EXECUTION_FAILED",
    "APIError": "MODEL_EXECUTION_FAILED",
}
_TOO_LONG = {"context_length_exceeded", "exceed_context_size_error"}  # a service's; the engine's
_MODEL_TEXTS = {
    "MODEL_UNAUTHORIZED_ACCESS": "The model's service refused the API key.",
    "MODEL_QUOTA_EXCEEDED": "The model's service says its quota or rate limit is used up.",
    "MODEL_NOT_FOUND": "The model's service does not know this model.",
    "MODEL_TIMEOUT": "The model did not answer in time.",
    "NETWORK_ERROR": "The model's service could not be reached.",
    "MODEL_EXECUTION_FAILED": "The model's service answered with an error.",
    "MODEL_CONTEXT_LENGTH_EXCEEDED": "The conversation is longer than the model can read.",
}


class AppError(Exception):
    """Something a caller did that cannot be served, or an agent's deliberate failure.

    An agent may raise it: its code and message then reach the caller as they are.

    Args:
        code: A stable code; `docs/errors` lists ours.
        message: A sentence for people.
        status: The HTTP status, when it is answered before a run; by default the code's own.
        headers: Further HTTP headers.
        details: Further fields of the JSON body's `error`.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        headers: dict[str, str] | None = None,
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status or _STATUS.get(code, 500)
        self.headers = headers or {}
        self.details = details

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the sentence; the frames above it are not the user's."""
        return [f"{type(self).__name__}: {self}"]

    def body(self) -> dict[str, Any]:
        """The JSON body: `{"error": {"code", "message", …}}`."""
        return {"error": {"code": self.code, "message": self.message, **self.details}}


class DefinitionError(Exception):
    """An app is not defined well enough to serve; the text says what is missing."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the sentence; the frames above it are not the user's."""
        return [f"{type(self).__name__}: {self}"]


def wire_error(error: BaseException, run_id: str) -> dict[str, str]:
    """What a client may know of an agent's failure: never a traceback, a value or a secret."""
    if isinstance(error, AppError):
        return {"code": error.code, "message": error.message}
    kind, package = type(error).__name__, type(error).__module__.partition(".")[0]
    own_code = getattr(error, "code", None)
    if package == __name__.partition(".")[0] and isinstance(own_code, str):
        return {"code": own_code, "message": str(error)}  # a rule of ours, written for people
    if package == "openai":
        code = _MODEL_CODES.get(kind, "MODEL_EXECUTION_FAILED")
        if {own_code, getattr(error, "type", None)} & _TOO_LONG:
            code = "MODEL_CONTEXT_LENGTH_EXCEEDED"
        return {"code": code, "message": f"{_MODEL_TEXTS[code]} (run {run_id})"}
    where = _place(error)
    return {
        "code": "AGENT_UNKNOWN_ERROR",
        "message": f"The agent failed with {kind}{where}. The log has the details of run {run_id}.",
    }


def _place(error: BaseException) -> str:
    """` in f(), line 3`: the innermost frame of the agent's own code, without its file's path."""
    from agentscope_runtime_nb.app.whereabouts import is_library

    trace, place = error.__traceback__, ""
    while trace is not None:
        code = trace.tb_frame.f_code
        if not is_library(code.co_filename):
            place = f" in {code.co_name}(), line {trace.tb_lineno}"
        trace = trace.tb_next
    return place
