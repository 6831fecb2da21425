"""What becomes of a request whose session is busy: refused, put in line, or let in at once.

Nobody who waits holds a thread, and nobody who has gone keeps a place.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from agentscope_runtime_nb.app.errors import AppError

if TYPE_CHECKING:
    from agentscope_runtime_nb.app.run import Run
    from agentscope_runtime_nb.app.runs import Runs

ON_BUSY = ("reject", "queue", "interrupt")
INTERRUPT_SECONDS = 5.0
"""How long a run that is interrupted may take to end."""


async def admit(runs: Runs, run: Run, on_busy: str) -> None:
    """Take a run in, when its session is free.

    Args:
        runs: The app's runs.
        run: Made and not started.
        on_busy: `reject`; `queue`, behind those that wait already; or `interrupt`, which stops
            the run under way.

    Raises:
        AppError: It was not taken in; besides `Runs.admit`'s codes, INTERRUPTED by a later one.
    """
    if on_busy not in ON_BUSY:
        text = f"on_busy is one of {', '.join(ON_BUSY)}, not {on_busy!r}."
        raise AppError("PARAMETER_VALIDATION", text, field="on_busy")
    if on_busy == "reject":
        runs.admit(run)
        return
    loop = asyncio.get_running_loop()
    turn: asyncio.Future[None] = loop.create_future()

    def told(error: AppError | None) -> None:
        loop.call_soon_threadsafe(_settle, turn, error)

    urgent = on_busy == "interrupt"
    busy = runs.wait(run, told, urgent=urgent)
    if busy is None:
        return
    try:
        if urgent:
            busy.stop("interrupted")
        await asyncio.wait_for(turn, INTERRUPT_SECONDS if urgent else None)
    except TimeoutError:
        if runs.leave(run) or runs.get(run.id) is not run:  # else: let in at that very moment
            raise _stuck(busy) from None
    except asyncio.CancelledError:
        if not runs.leave(run) and runs.get(run.id) is run:
            run.abandon()
        raise


def _settle(turn: asyncio.Future[None], error: AppError | None) -> None:
    if turn.done():
        return
    if error is None:
        turn.set_result(None)
    else:
        turn.set_exception(error)


def _stuck(busy: Run) -> AppError:
    where = busy.where()
    place = f": it is still running in {where}" if where else ""
    return AppError(
        "SESSION_BUSY",
        f"The run under way ({busy.id}) was interrupted and has not ended in "
        f"{INTERRUPT_SECONDS:.0f} s{place}.",
        run_id=busy.id,
        where=where,
    )
