"""What is there on this machine and what is not, with the command that mends it.

A check is a function that returns findings (`findings.py`). They are grouped by what they look at:
`environment`, `jupyter`, `servers`, `extensions`, `models`, `storage`, `machine`, `boxes`.
`examination.py` runs them side by side, each with a time limit, and `report.py` shows what they
found. Nothing is changed, nothing is sent beyond this machine but to the package index and, when
asked to, to the model.
"""

from __future__ import annotations
