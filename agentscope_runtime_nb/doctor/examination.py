"""Runs the checks side by side; one that hangs is reported and left behind."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from agentscope_runtime_nb.doctor import (
    boxes,
    environment,
    extensions,
    jupyter,
    machine,
    models,
    servers,
    storage,
)
from agentscope_runtime_nb.doctor.findings import Finding, warning
from agentscope_runtime_nb.doctor.report import Report
from agentscope_runtime_nb.progress import steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


_WORDS = 200


class Check(NamedTuple):
    """A look at one thing.

    Attributes:
        group: Where its findings stand.
        look: Gives them.
        seconds: How long it may take.
    """

    group: str
    look: Callable[[], Iterable[Finding]]
    seconds: float = 5.0


CHECKS = (
    Check("Environment", environment.python),
    Check("Environment", environment.package),
    Check("Environment", environment.home),
    Check("Environment", environment.locale),
    Check("Environment", environment.proxies),
    Check("Environment", environment.clock),
    Check("Environment", environment.node),
    Check("Jupyter", jupyter.packages),
    Check("Jupyter", jupyter.front_end),
    Check("Jupyter", extensions.jupyter_extensions),
    Check("Jupyter", servers.jupyter_server, 15),
    Check("Jupyter", servers.kernels),
    Check("Models", models.choice),
    Check("Models", models.local_model, 20),
    Check("Storage", storage.data_folder),
    Check("Storage", storage.session_file, 10),
    Check("Machine", machine.disks, 10),
    Check("Machine", machine.ports),
    Check("Machine", boxes.docker),
    Check("Machine", boxes.bubblewrap),
)
QUESTION = Check("Models", models.answer, 120)


def examine(*, ask: bool = False, checks: Sequence[Check] = CHECKS) -> Report:
    """Look at everything.

    Args:
        ask: Whether to put a question to the model, which may take a while and cost a little.
        checks: What to look at.

    Returns:
        What was found, in the order of the checks.
    """
    checks = [*checks, QUESTION] if ask else list(checks)
    done: queue.SimpleQueue[tuple[int, list[Finding]]] = queue.SimpleQueue()
    for number, check in enumerate(checks):
        # A daemon, so that one that hangs does not keep the process.
        threading.Thread(target=_run, args=(number, check, done), daemon=True).start()
    began = time.monotonic()
    found: dict[int, list[Finding]] = {}
    with steps("Looking around", len(checks)) as step:
        while len(found) < len(checks):
            waiting = [number for number in range(len(checks)) if number not in found]
            step(f"{', '.join(_name(checks[number]) for number in waiting[:3])} …")
            until = began + min(checks[number].seconds for number in waiting)
            try:
                number, findings = done.get(timeout=max(until - time.monotonic(), 0.01))
            except queue.Empty:
                for number in waiting:
                    if time.monotonic() - began >= checks[number].seconds:
                        found[number] = [_hangs(checks[number])]
            else:
                found.setdefault(number, findings)
    order = list(dict.fromkeys(check.group for check in checks))
    groups = {
        group: [f for n, check in enumerate(checks) if check.group == group for f in found[n]]
        for group in order
    }
    return Report(groups, time.monotonic() - began)


def _run(number: int, check: Check, done: queue.SimpleQueue[tuple[int, list[Finding]]]) -> None:
    try:
        findings = list(check.look())
    except Exception as error:  # noqa: BLE001 - a check that fails is itself a finding
        said = f"{type(error).__name__}: {error}"[:_WORDS]
        findings = [warning(_name(check), f"This could not be looked at: {said}")]
    done.put((number, findings))


def _hangs(check: Check) -> Finding:
    text = f"This hangs: there was no answer within {check.seconds:.0f} s."
    return warning(_name(check), text)


def _name(check: Check) -> str:
    return check.look.__name__.replace("_", "-")
