"""Rules 09 and 10: jumps, a rise at the end, and the mean of the curve."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from lrsched_cli.analysis.checks.rule import rule
from lrsched_cli.analysis.checks.tracks import tracks_of
from lrsched_cli.analysis.checks.words import count, lr, percent, times
from lrsched_cli.core.families.course import STAYS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lrsched_cli.analysis.checks.rule import Found
    from lrsched_cli.analysis.plan import Plan

_HALF, _OF_THE_PEAK = 0.5, 0.1
_ROUNDING = 1e-9
_THE_END, _A_RISE = 0.05, 0.01
_LOW_MEAN, _HIGH_MEAN = 0.6, 1.6


@rule("LRS091", "warning")
def jump(plan: Plan) -> Iterator[Found]:
    """The LR jumps by more than half between neighbouring steps.

    Restarts jump, and so do drops at milestones and new phases of the batch; nothing else should. Where
    two schedules are joined, or a formula has cases, a jump mostly means that one of them does not end where
    the next begins. Only jumps of a tenth of the peak and more are told, and none inside the first rise.

    Triggers::

        steps: 1000
        optimizer: {lr: 1e-3}
        scheduler: {type: LambdaLR, lr_lambda: "(step + 1) / 100 if step < 100 else 0.3 * (1 - step / 1000)"}

    Silent::

        steps: 1000
        optimizer: {lr: 1e-3}
        scheduler: {type: LambdaLR, lr_lambda: "(step + 1) / 100 if step < 100 else (1000 - step) / 900"}
    """
    for group in range(len(plan.names)):
        found = list(_jumps(plan, group))
        if found:
            step, low, high = found[0]
            change = percent(abs(high - low) / max(abs(high), abs(low)))
            word = "rises" if high > low else "falls"
            more = f"; {count(len(found) - 1)} more of the kind" if len(found) > 1 else ""
            yield (
                ("scheduler",),
                (
                    f"the LR{plan.whose(group)} {word} from {lr(low)} to {lr(high)} between updates"
                    f" {plan.update(step) - 1:,} and {plan.update(step):,} ({change}), and no restart or"
                    f" drop is there{more}; let one part end where the next begins"
                ),
            )
            return


def _jumps(plan: Plan, group: int) -> Iterator[tuple[int, float, float]]:
    lrs = plan.of_group(group)
    peak = max(map(abs, lrs), default=0.0)
    meant = {track.group: track for track in tracks_of(plan)}
    rising = True
    for (before, low), (step, high) in pairwise(zip(plan.steps, lrs, strict=True)):
        fell_at_first = before == 0 and high < low  # construction wrote none: a rule of its own
        rising = rising and (high >= low or fell_at_first)
        if step - before > 1 or rising or fell_at_first or plan.course.drops(step):
            continue
        size = abs(high - low)
        if size <= _HALF * max(abs(low), abs(high)) + _ROUNDING * peak or size < _OF_THE_PEAK * peak:
            continue
        if any(track.position_at(step)[2] > track.position_at(before)[2] for track in meant.values()):
            continue
        yield step, low, high


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
        tail = [(step, one) for step, one in zip(plan.steps, lrs, strict=True) if step >= begin]
        if len(tail) < 2:  # noqa: PLR2004 - a rise has two ends
            return
        at, low = min(tail, key=lambda one: one[1])
        last = tail[-1][1]
        if last - low > _A_RISE * max(lrs) and last > low * (1 + _A_RISE):
            yield (
                ("scheduler",),
                (
                    f"the LR{plan.whose(group)} rises in the last 5% of the run, from {lr(low)} at update"
                    f" {plan.update(at):,} to {lr(last)} at the last one, {plan.updates:,}; end the run"
                    f" at update {plan.update(at):,}, or stretch the schedule to the run's length"
                ),
            )
            return


def _other_rules_tell(plan: Plan) -> bool:
    """Whether a restart, a warm-up, a short horizon or an inverted range makes the LR rise at the end."""
    begin, tracks = _begin_of_the_end(plan), list(tracks_of(plan))
    return (
        any(track.position[2] != track.position_at(begin)[2] for track in tracks)
        or any(track.cycles.floor > track.cycles.peak for track in tracks)
        or any(warmup.steps >= begin for warmup in plan.course.warmups)
        or any(
            one.beyond != STAYS and one.until is None and one.start + one.value < plan.last_step
            for one in plan.course.horizons
        )
    )


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
        if low is None or _LOW_MEAN <= mean / base <= _HIGH_MEAN:
            continue
        high = track.cycles.peak / base
        wanted = 2 / (low + high) if low + high else 0.0
        advice = (
            f"eta_scal_min {low * wanted:.3g} and eta_scal_max {high * wanted:.3g} would bring a cycle's mean"
            " to the base LR"
            if wanted
            else "eta_scal_min 0.2 and eta_scal_max 2.0 would bring a cycle's mean near the base LR"
        )
        about = "" if plan.in_full else "about "
        yield (
            track.at("eta_scal_max"),
            (
                f"the mean LR{track.whose} is {about}{lr(mean)}, {times(mean, base)} the base LR"
                f" {lr(base)}: a cosine cycle from {low:g} to {high:g} × has a mean of"
                f" {(low + high) / 2:.3g} ×; {advice}"
            ),
        )


CHECKS = (jump, rising_at_the_end, far_mean)
