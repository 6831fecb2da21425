"""Agents in a kernel: the magics, the two threads they run on, and what the notebook shows.

`magics` is the way in; `host` has the apps by name, `control` their sockets, `conversation` the
chats; `export` turns an agent's cells into a service. May use everything but `cli`.
"""
