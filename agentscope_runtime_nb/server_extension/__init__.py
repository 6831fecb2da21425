"""The part that runs inside the Jupyter server: it lets a browser reach a kernel's apps.

`registry` is shared with the kernel: which socket a kernel's apps listen on. `proxy` passes a
request to that socket and the answer back; `http` speaks HTTP over it. The Jupyter server imports
this at its start, so it imports nothing heavy and nothing else of ours.
"""
