"""From an agent framework's own objects to events: one module per framework.

A framework is a coroutine function `adapt(natives, emit)`: it reads what the query handler yields
and writes to the `Emitter`. It knows nothing of HTTP, sessions or widgets. Registered by the
entry-point group `agentscope_runtime_nb.frameworks`.
"""
