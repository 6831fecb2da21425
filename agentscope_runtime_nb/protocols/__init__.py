"""Ways in: each module mounts one protocol's routes on an app and encodes runs for it.

A protocol starts runs through `AgentApp.start_run` and reads their events; it knows nothing of
frameworks. Registered by the entry-point group `agentscope_runtime_nb.protocols`.
"""
