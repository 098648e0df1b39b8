"""Rules 09 and 10: jumps, a rise at the end, and the mean of the curve."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from lrsched_cli.analysis.checks.rule import rule
from lrsched_cli.analysis.checks.tracks import tracks_of
from lrsched_cli.analysis.checks.words import count, lr, percent, times
from lrsched_cli.core.families.course import STAYS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lrsched_cli.analysis.checks.rule import Found
    from lrsched_cli.analysis.checks.tracks import Track
    from lrsched_cli.analysis.plan import Plan

_HALF, _OF_THE_PEAK = 0.5, 0.1
_ROUNDING = 1e-9
_STANDS_OUT = 3
"""How many times a jump is larger than the changes beside it."""
_THE_END, _A_RISE = 0.05, 0.01
_LOW_MEAN, _HIGH_MEAN = 0.6, 1.6
_EXPLAINED = 0.2
"""The mean of a cycle is the reason where the run's differs from it by no more than this share."""


@rule("LRS091", "warning")
def jump(plan: Plan) -> Iterator[Found]:
    """The LR jumps by more than half between neighbouring steps.

    Restarts jump, and so do drops from one level to the next and new phases of the batch; nothing else
    should. Where two schedules are joined, or a formula has cases, a jump mostly means that one of them does
    not end where the next begins. Told are jumps of a tenth of the peak and more that stand out from the
    steps before and after them; a curve that is steep all along has none.

    Triggers::

        steps: 1000
        optimizer: {lr: 1e-3}
        scheduler: {type: LambdaLR, lr_lambda: "(step + 1) / 100 if step < 100 else 0.3 * (1 - step / 1000)"}

    Silent::

        steps: 1000
        optimizer: {lr: 1e-3}
        scheduler: {type: LambdaLR, lr_lambda: "(step + 1) / 100 if step < 100 else (1000 - step) / 900"}
    """
    if plan.failures:
        return  # of which a rule of its own tells
    told: set[tuple[int, ...]] = set()
    for group in range(len(plan.names)):
        found = list(_jumps(plan, group))
        steps = tuple(step for step, _, _ in found)
        if not found or steps in told:
            continue
        told.add(steps)
        step, low, high = found[0]
        change = percent(abs(high - low) / max(abs(high), abs(low)))
        word = "rises" if high > low else "falls"
        least = "" if plan.in_full else "at least "
        more = f"; {least}{count(len(found) - 1)} more of the kind" if len(found) > 1 else ""
        yield (
            ("scheduler",),
            (
                f"the LR{plan.whose(group)} {word} from {lr(low)} to {lr(high)} between updates"
                f" {plan.update(step) - 1:,} and {plan.update(step):,} ({change}), and no restart or"
                f" drop is there{more}; let one part end where the next begins"
            ),
        )


def _jumps(plan: Plan, group: int) -> Iterator[tuple[int, float, float]]:
    lrs = plan.of_group(group)
    if not all(map(math.isfinite, lrs)):
        return  # of which a rule of its own tells
    peak, highest = max(map(abs, lrs), default=0.0), 0.0
    meant = list(tracks_of(plan))
    for (before, low), (step, high) in pairwise(zip(plan.steps, lrs, strict=True)):
        highest = max(highest, low)
        size = abs(high - low)
        if step - before > 1 or size < _OF_THE_PEAK * peak or plan.course.drops(step):
            continue
        if size <= _HALF * max(abs(low), abs(high)) + _ROUNDING * peak:
            continue
        if before == 0 and high < low:
            continue  # construction wrote none: a rule of its own
        if any(track.position_at(step)[2] > track.position_at(before)[2] for track in meant):
            continue
        beside = (_change(plan, group, step - 1), _change(plan, group, step + 1))
        if not _is_meant(high - low, *beside, to_no_new_height=high <= highest * (1 + _ROUNDING)):
            yield step, low, high


def _change(plan: Plan, group: int, step: int) -> float | None:
    """By how much the LR changes at a step; None where the run has not both ends of that."""
    if step - 1 < plan.first_step or step > plan.last_step:
        return None
    before, after = (plan.course.lrs(one)[group] for one in (step - 1, step))
    return after - before


def _is_meant(here: float, before: float | None, following: float | None, *, to_no_new_height: bool) -> bool:
    """Whether a change is that of a steep curve, a drop between two levels, or a restart.

    ``before`` and ``following`` are the changes of the steps beside it. A restart is a rise out of a fall, to
    no new height, from where the LR falls.
    """
    beside = [abs(one) for one in (before, following) if one is not None and one * here > 0]
    if before is None or abs(here) <= _STANDS_OUT * max(beside, default=0.0):
        return True
    if here < 0:
        return before == 0 and not following
    return before < 0 and to_no_new_height and (following is None or following <= 0)


@rule("LRS092", "warning")
def rising_at_the_end(plan: Plan) -> Iterator[Found]:
    """The LR rises in the last twentieth of the run.

    A run should end low. A rise at its end comes from a horizon that is shorter than the run (a cosine climbs
    again), or from one cycle too many.

    Triggers::

        steps: 1000
        optimizer: {lr: 1e-3}
        scheduler: {type: LambdaLR, lr_lambda: "0.5 * (1 + cos(pi * step / 850))"}

    Silent::

        steps: 1000
        optimizer: {lr: 1e-3}
        scheduler: {type: LambdaLR, lr_lambda: "0.5 * (1 + cos(pi * step / 1000))"}
    """
    if _other_rules_tell(plan):
        return
    begin = _begin_of_the_end(plan)
    for group in range(len(plan.names)):
        lrs = plan.of_group(group)
        at = _lowest_before_the_end(plan, group)
        low, last = plan.course.lrs(max(at, begin))[group], lrs[-1]
        if last - low > _A_RISE * max(lrs) and last > low * (1 + _A_RISE):
            yield (
                ("scheduler",),
                (
                    f"the LR{plan.whose(group)} rises in the last 5% of the run, from {lr(low)} at update"
                    f" {plan.update(max(at, begin)):,} to {lr(last)} at the last one, {plan.updates:,}; end"
                    f" the run at update {plan.update(at):,}, where the rise begins, or stretch the schedule"
                    " to the run's length"
                ),
            )
            return


def _other_rules_tell(plan: Plan) -> bool:
    """Whether a restart, a warm-up, a short horizon or an inverted range makes the LR rise at the end."""
    begin, tracks = _begin_of_the_end(plan), list(tracks_of(plan))
    return (
        any(track.position[2] != track.position_at(begin)[2] for track in tracks)
        or any(track.cycles.floor > track.cycles.peak for track in tracks)
        or bool(plan.course.inverted)
        or any(warmup.steps >= begin for warmup in plan.course.warmups)
        or any(
            one.beyond != STAYS and one.until is None and one.start + one.value < plan.last_step
            for one in plan.course.horizons
        )
    )


def _lowest_before_the_end(plan: Plan, group: int) -> int:
    """The step from which on the LR only rises."""
    lrs = plan.of_group(group)
    place = len(lrs) - 1
    while place > 0 and lrs[place - 1] <= lrs[place]:
        place -= 1
    if place + 1 == len(lrs):
        return plan.steps[place]
    # Between two steps of a sample: from the one before the lowest to the one after it.
    low, high = plan.steps[max(0, place - 1)], plan.steps[place + 1]
    while low < high:
        middle = (low + high) // 2
        if plan.course.lrs(middle + 1)[group] > plan.course.lrs(middle)[group]:
            high = middle
        else:
            low = middle + 1
    return low


def _begin_of_the_end(plan: Plan) -> int:
    run = plan.last_step - plan.first_step + 1
    return plan.last_step - int(_THE_END * run)


@rule("LRS101", "note")
def far_mean(plan: Plan) -> Iterator[Found]:
    """The mean LR is far from the base LR.

    A cosine cycle spends as long above its middle as below, so its mean is (min + max) / 2: 1.1 times the
    base LR for the default range of 0.2 to 2.0, but 0.55 times for 0.1 to 1.0. A base LR that was found with
    a constant LR, or compared with one, is halved by such a range.

    Triggers::

        steps: 999
        loop: scheduler-first
        scheduler: {warmup_steps: 100, T_0: 900, eta_scal_min: 0.1, eta_scal_max: 1.0}

    Silent::

        steps: 999
        loop: scheduler-first
        scheduler: {warmup_steps: 100, T_0: 900, eta_scal_min: 0.2, eta_scal_max: 2.0}
    """
    for track in tracks_of(plan):
        base = plan.base_lrs[track.group]
        low = plan.schedule.family.setting((plan.schedule, track.group), "eta_scal_min")
        mean = plan.mean(track.group)
        if low is None or not math.isfinite(mean) or _LOW_MEAN <= mean / base <= _HIGH_MEAN:
            continue
        about = "" if plan.in_full else "about "
        yield (
            track.at("eta_scal_max"),
            (
                f"the mean LR{track.whose} is {about}{lr(mean)}, {times(mean, base)} the base LR"
                f" {lr(base)}: {_why_it_is_far(plan, track, mean / base)}"
            ),
        )


def _why_it_is_far(plan: Plan, track: Track, mean: float) -> str:
    """The range, with one that would do, where the range is the reason; else what else there is."""
    low, high = (edge / plan.base_lrs[track.group] for edge in (track.cycles.floor, track.cycles.peak))
    of_a_cycle = (low + high) / 2
    said = f"a cosine cycle from {low:g} to {high:g} × has a mean of {of_a_cycle:.3g} ×"
    if abs(mean - of_a_cycle) > _EXPLAINED * of_a_cycle or not of_a_cycle:
        keys = ("gamma", "custom_lambda", "warmup_steps", "T_0")
        others = ", ".join(["the batch factor"] * bool(plan.schedule.batch_size) + list(keys))
        return f"{said}, so that it is not the range alone; look at {others}"
    return (
        f"{said}; eta_scal_min {low / of_a_cycle:.3g} and eta_scal_max {high / of_a_cycle:.3g} would bring a"
        " cycle's mean to the base LR"
    )


CHECKS = (jump, rising_at_the_end, far_mean)
