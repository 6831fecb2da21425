"""`python -m agentscope_runtime_nb.cli` is `agentscope-nb`."""

from __future__ import annotations

from agentscope_runtime_nb.cli import main

if __name__ == "__main__":
    main()
