"""The child process that runs the local model. It imports nothing of ours, and starts as a script.

It reads one line of JSON from its input (``model``, ``alias``, ``key``, ``context``, ``slots``,
``max_tokens``) and writes one to its output: ``{"url": …}`` or ``{"error": …}``. Then it waits for
its input to end. The system closes that pipe however the parent dies, so nothing outlives it. The
key comes by the pipe because arguments and environments can be read by others.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import NoReturn

_LOOK_EVERY = 2.0


def main() -> NoReturn:
    """Serve until the parent is gone."""
    parent = os.getppid()
    try:
        server = _serve(json.loads(sys.stdin.readline()))
        _report({"url": str(server.listening_address)})
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent has to hear of it
        _report({"error": f"{type(error).__name__}: {error}"})
        os._exit(1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nobody reads the output from here on
    # A fork of the parent may hold the pipe open, so the parent's id is looked at as well.
    while os.getppid() == parent:
        ready, _, _ = select.select([sys.stdin.fileno()], [], [], _LOOK_EVERY)
        if ready and not os.read(sys.stdin.fileno(), 1024):
            break
    os._exit(0)  # the server's own shutdown would wait for generations that nobody reads


def _serve(settings: dict[str, Any]) -> Any:
    # 34 MB of native code, and without types: imported last, and as what it is.
    xllamacpp: Any = importlib.import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = settings["model"]
    params.model_alias = {settings["alias"]}
    params.api_keys = [settings["key"]]
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = settings["context"]
    params.n_parallel = settings["slots"]
    params.kv_unified = True  # one memory for all slots, so that each can use the whole context
    params.n_predict = settings["max_tokens"]
    params.sampling.temp = 0.2
    params.sampling.top_p = 0.9
    params.cache_ram_mib = 64
    params.ui = False
    params.cors_origins = "http://127.0.0.1"
    params.verbosity = 1
    # Threads that wait for each other are quick on an idle machine, and a hundred times slower as
    # soon as they share their cores with a kernel, a browser or a test.
    threads = max(1, min(4, (os.cpu_count() or 2) // 2))
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    os.nice(5)  # a notebook has to stay usable while the model computes
    return xllamacpp.Server(params)


def _report(message: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
