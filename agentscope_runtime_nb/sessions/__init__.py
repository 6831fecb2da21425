"""Conversations: what was said in a session, kept in the user's data folder.

May be imported by `app` and everything above; imports `events` alone.
"""

from __future__ import annotations

from agentscope_runtime_nb.sessions.store import SessionKey, SessionStore, StoreError

__all__ = ["SessionKey", "SessionStore", "StoreError"]
