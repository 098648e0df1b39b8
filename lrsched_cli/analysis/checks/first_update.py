"""Rules 01: the first update."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lrsched_cli.analysis.checks.rule import rule
from lrsched_cli.analysis.checks.tracks import tracks_of
from lrsched_cli.analysis.checks.words import lr, times

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lrsched_cli.analysis.checks.rule import Found
    from lrsched_cli.analysis.plan import Plan


@rule("LRS011", "warning")
def before_the_warmup(plan: Plan) -> Iterator[Found]:
    """The first update runs at the base LR, before the warm-up.

    Construction of this package's scheduler writes no LR. In PyTorch's usual order of the loop,
    ``optimizer.step()`` before ``scheduler.step()``, the first update therefore runs at the base LR, far
    above what the warm-up begins with: the one large update that the warm-up was to prevent. Say ``loop:
    scheduler-first`` and call ``scheduler.step()`` first.

    Triggers::

        steps: 1000
        loop: optimizer-first
        scheduler: {warmup_steps: 100, T_0: 300}

    Silent::

        steps: 999
        loop: scheduler-first
        scheduler: {warmup_steps: 100, T_0: 300}
    """
    if plan.first_step > 0 or plan.last_step < 1 or plan.course.lrs(0) != plan.base_lrs:
        return
    first, second = plan.course.lrs(0), plan.course.lrs(1)
    for track in tracks_of(plan):
        group = track.group
        if track.cycles.start >= 1 and first[group] > second[group]:
            message = (
                f"the first update{track.whose} runs at {lr(first[group])},"
                f" {times(first[group], second[group])} the warm-up's start at {lr(second[group])} (update"
                f" {plan.update(1):,}): construction writes no LR; say loop: scheduler-first, and call"
                " scheduler.step() before optimizer.step()"
            )
            yield ("loop",), message


CHECKS = (before_the_warmup,)
