"""What a scheduler under way will do next, without touching it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lrsched_cli.analysis.record import About, Turns, Watched, record
from lrsched_cli.core.config import MAX_STEPS
from lrsched_cli.core.families.own import OwnFamily

if TYPE_CHECKING:
    from lrsched_cli.analysis.trace import Trace
    from lrsched_cli.core.scheduler import LRScheduler


def look_ahead(scheduler: LRScheduler, max_steps: int, batch_size: float | None = None) -> Trace:
    """The next ``max_steps`` steps of a copy of ``scheduler``, each with this batch size.

    Raises ValueError where ``max_steps`` is no whole number from 1 to 10,000,000.
    """
    if isinstance(max_steps, bool) or not isinstance(max_steps, int) or not 1 <= max_steps <= MAX_STEPS:
        raise ValueError(f"max_steps must be a whole number from 1 to {MAX_STEPS:,} (got {max_steps!r})")
    twin = scheduler.detached_copy()
    first = twin.last_epoch + 1
    return record(
        Watched(twin, twin.optimizer, OwnFamily().view(twin)),
        Turns(lambda one, _: one.step(batch_size), lambda _: batch_size, first, first + max_steps - 1),
        About("LRScheduler", "optimizer-first"),
    )
