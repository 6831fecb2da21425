"""Conversations: what was said in a session, kept in the user's data folder.

May be imported by `app` and everything above; imports `events` alone.
"""

from __future__ import annotations

from agentscope_runtime_nb.sessions.records import SessionInfo, SessionKey, StoredTurn
from agentscope_runtime_nb.sessions.store import SessionStore, StoreError

__all__ = ["SessionInfo", "SessionKey", "SessionStore", "StoreError", "StoredTurn"]
