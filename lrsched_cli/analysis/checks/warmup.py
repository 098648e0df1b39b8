"""Rules 05 and 06: how long a warm-up is, and what it begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lrsched_cli.analysis.checks.rule import rule
from lrsched_cli.analysis.checks.tracks import tracks_of
from lrsched_cli.analysis.checks.words import count, lr, percent, times, updates
from lrsched_cli.core.factors import cosine_factor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lrsched_cli.analysis.checks.rule import Found
    from lrsched_cli.analysis.plan import Plan
    from lrsched_cli.core.families.course import Warmup

_THIRD = 3
_FLAT = 0.2
_BARELY = 0.9


@rule("LRS051", "warning")
def longer_than_the_run(plan: Plan) -> Iterator[Found]:
    """The warm-up is longer than the run.

    The LR never gets where it was to go: the whole run is warm-up. Either ``steps`` counts epochs where
    updates are meant, or the warm-up is from another, longer run.

    Triggers::

        steps: 400
        loop: scheduler-first
        scheduler: {warmup_steps: 500, T_0: 300}

    Silent::

        steps: 1999
        loop: scheduler-first
        scheduler: {warmup_steps: 500, T_0: 1500}
    """
    for warmup in plan.course.warmups:
        if warmup.steps > plan.last_step:
            group = _group_of(plan, warmup)
            highest, reached = (plan.course.lrs(step)[group] for step in (warmup.steps, plan.last_step))
            of_it = (
                ""
                if reached >= highest
                else f", {percent(reached / highest)} of the {lr(highest)} that the warm-up leads to"
            )
            yield (
                warmup.path,
                (
                    f"the warm-up{_whose(plan, warmup)} takes {count(warmup.steps)} steps, the run has"
                    f" {updates(plan.updates)}: it ends at {lr(reached)}"
                    f"{of_it}; a tenth of the run would be"
                    f" {count(max(1, plan.last_step // 10))}"
                ),
            )


@rule("LRS052", "warning")
def long_warmup(plan: Plan) -> Iterator[Found]:
    """The warm-up takes more than a third of the run.

    Warm-ups of published runs take from a thousandth to a tenth of the updates. A longer one spends on small
    LRs what is missing for the annealing.

    Triggers::

        steps: 999
        loop: scheduler-first
        scheduler: {warmup_steps: 500, T_0: 500}

    Silent::

        steps: 999
        loop: scheduler-first
        scheduler: {warmup_steps: 100, T_0: 900}
    """
    run = plan.last_step
    for warmup in plan.course.warmups:
        if run >= warmup.steps > run / _THIRD:
            yield (
                warmup.path,
                (
                    f"the warm-up{_whose(plan, warmup)} takes {count(warmup.steps)} of the run's {count(run)}"
                    f" scheduler steps ({percent(warmup.steps / run)}), more than a third; a tenth would be"
                    f" {count(max(1, run // 10))}"
                ),
            )


def _group_of(plan: Plan, warmup: Warmup) -> int:
    """The first group that has a warm-up: the one that states it, or one that states no schedule."""
    if warmup.path[0] == "param_groups":
        return int(warmup.path[1])
    return next((place for place, one in enumerate(plan.schedule.param_groups) if one.scheduler is None), 0)


def _whose(plan: Plan, warmup: Warmup) -> str:
    return plan.whose(_group_of(plan, warmup)) if warmup.path[0] == "param_groups" else ""


@rule("LRS053", "warning")
def no_annealing(plan: Plan) -> Iterator[Found]:
    """No annealing is left after the warm-up.

    The cosine has only begun when the run ends, so that the LR stays where it is nearly highest: a constant
    LR with a warm-up, not what a file with cycles asks for. Make ``T_0`` as long as what is left after the
    warm-up.

    Triggers::

        steps: 1000
        loop: scheduler-first
        scheduler: {warmup_steps: 100, T_0: 10000}

    Silent::

        steps: 999
        loop: scheduler-first
        scheduler: {warmup_steps: 100, T_0: 900}
    """
    for track in tracks_of(plan):
        T_cur, T_i, cycle = track.position
        left = plan.last_step - track.cycles.start
        if left == 0 and track.cycles.start:
            last = plan.course.lrs(plan.last_step)[track.group]
            yield (
                track.at("warmup_steps"),
                (
                    f"the run{track.whose} ends with its warm-up, at {lr(last)}:"
                    f" nothing is left for the first cycle of {count(T_i)} steps; shorten the warm-up, or"
                    " lengthen the run"
                ),
            )
        if left > 0 and cycle == 0 and not track.annealed and cosine_factor(T_cur, T_i) > _BARELY:
            fall = 1 - cosine_factor(T_cur, T_i)
            yield (
                track.at("T_0"),
                (
                    f"after the warm-up the LR{track.whose} makes {percent(fall)} of its fall before the run"
                    f" ends: the first cycle has {count(T_i)} steps, {count(left)} are left; T_0: {left + 1}"
                    " would end with the run"
                ),
            )


@rule("LRS061", "warning")
def flat_warmup(plan: Plan) -> Iterator[Found]:
    """The warm-up's floor holds a good part of it flat.

    The warm-up factor is never below ``warmup_scale_min``, so the LR jumps from the base LR to the floor,
    stands there, and rises only when the line reaches it. With a high floor most of the warm-up is a constant
    LR. Lower the floor: 0.05 holds a linear warm-up for a twentieth of its length.

    Triggers::

        steps: 999
        loop: scheduler-first
        scheduler: {warmup_steps: 100, warmup_scale_min: 0.3, T_0: 900}

    Silent::

        steps: 999
        loop: scheduler-first
        scheduler: {warmup_steps: 100, warmup_scale_min: 0.05, T_0: 900}
    """
    held_by = {warmup.path[:-1]: warmup.held for warmup in plan.course.warmups}
    for track in tracks_of(plan):
        held, W = held_by.get(track.cycles.section, 0), track.cycles.start
        if held > max(1, _FLAT * W):
            floor, base = plan.course.lrs(1)[track.group], plan.base_lrs[track.group]
            yield (
                track.at("warmup_scale_min"),
                (
                    f"the warm-up{track.whose} jumps from the base LR {lr(base)} to its floor {lr(floor)}"
                    f" ({times(floor, base)} the base LR) and stays flat there for {count(held)} of its"
                    f" {count(W)} steps; lower warmup_scale_min"
                ),
            )


@rule("LRS062", "warning")
def warmup_above_the_base_lr(plan: Plan) -> Iterator[Found]:
    """The warm-up begins above the base LR.

    ``eta_scal_max`` raises the peak above the base LR, and with it the floor of the warm-up. Where that
    stands above the base LR, the first update is larger than any without a warm-up would be.

    Triggers::

        steps: 999
        loop: scheduler-first
        scheduler: {warmup_steps: 100, warmup_scale_min: 0.05, eta_scal_max: 20, T_0: 900}

    Silent::

        steps: 999
        loop: scheduler-first
        scheduler: {warmup_steps: 100, warmup_scale_min: 0.05, eta_scal_max: 2, T_0: 900}
    """
    for track in tracks_of(plan):
        base = plan.base_lrs[track.group]
        start = plan.course.lrs(1)[track.group] if track.cycles.start else 0.0
        if start > base and track.cycles.peak >= track.cycles.floor:
            low, high = track.cycles.floor / base, track.cycles.peak / base
            mend = "lengthen it" if track.cycles.start == 1 else "lower the minimum or warmup_scale_min"
            if start > track.cycles.floor + (track.cycles.peak - track.cycles.floor):
                mend = "mind the batch factor"
            yield (
                track.at("warmup_steps"),
                (
                    f"the warm-up{track.whose} begins at {lr(start)}, {times(start, base)} the base LR"
                    f" {lr(base)}, between {low:g} × and {high:g} × of which the schedule runs; {mend}"
                ),
            )


CHECKS = (longer_than_the_run, long_warmup, no_annealing, flat_warmup, warmup_above_the_base_lr)
