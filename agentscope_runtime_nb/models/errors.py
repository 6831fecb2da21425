"""What goes wrong with a model, with a code that programs can rely on."""

from __future__ import annotations


class ModelError(RuntimeError):
    """A model that cannot be described, fetched, started or reached.

    Attributes:
        code: A stable name of the cause, such as ``model_no_key`` or ``model_checksum``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the sentence; the frames above it are not the user's."""
        return [f"{type(self).__name__}: {self}"]

    def __reduce__(self) -> tuple[type[ModelError], tuple[str, str]]:
        return type(self), (self.code, str(self))
