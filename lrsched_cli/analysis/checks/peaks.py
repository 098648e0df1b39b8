"""Rules 08: how the peaks of a schedule in cycles go on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lrsched_cli.analysis.checks.rule import rule
from lrsched_cli.analysis.checks.tracks import tracks_of
from lrsched_cli.analysis.checks.words import count, lr, percent, times
from lrsched_cli.core.factors import decay_factor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lrsched_cli.analysis.checks.rule import Found
    from lrsched_cli.analysis.plan import Plan

_FLAT = 0.1


@rule("LRS081", "warning")
def flat_peaks(plan: Plan) -> Iterator[Found]:
    """``gamma`` has flattened the peaks to the floor before the run ends.

    Each restart multiplies the height of the cycle by ``gamma``. Once a tenth of it is left, restarts do
    nothing any more: the rest of the run is trained at the minimum. Raise ``gamma``, or make fewer and longer
    cycles.

    Triggers::

        steps: 3099
        loop: scheduler-first
        scheduler: {warmup_steps: 100, T_0: 300, T_mult: 1, gamma: 0.6}

    Silent::

        steps: 3099
        loop: scheduler-first
        scheduler: {warmup_steps: 100, T_0: 300, T_mult: 1, gamma: 0.9}
    """
    for track in tracks_of(plan):
        gamma, restarts = _gamma(plan, track.group), track.position[2]
        if not 0 < gamma < 1 or track.cycles.peak <= track.cycles.floor:
            continue
        first = math.ceil(math.log(_FLAT) / math.log(gamma) - 1e-12)
        if restarts >= first:
            step = track.end(first) + 1
            height = track.cycles.peak - track.cycles.floor
            highest = track.cycles.floor + height * gamma**first
            enough = _FLAT ** (1 / restarts)
            yield (
                track.at("gamma"),
                (
                    f"gamma {gamma:g} has flattened the peaks{track.whose} to {percent(gamma**first)} of"
                    f" their height by restart {first}, at update {plan.update(step):,} of {plan.updates:,}:"
                    f" {lr(highest)} over a floor of {lr(track.cycles.floor)}; gamma"
                    f" {math.ceil(enough * 10_000) / 10_000:g} would keep them above a tenth"
                ),
            )


@rule("LRS082", "warning")
def growing_peaks(plan: Plan) -> Iterator[Found]:
    """``gamma`` above 1 makes the peaks grow.

    Each restart reaches a higher LR than the one before, without an end. That is hardly ever meant; ``gamma``
    is 1 for equal peaks, and below 1 for falling ones.

    Triggers::

        steps: 999
        loop: scheduler-first
        scheduler: {warmup_steps: 100, T_0: 300, gamma: 1.1}

    Silent::

        steps: 999
        loop: scheduler-first
        scheduler: {warmup_steps: 100, T_0: 300, gamma: 1.0}
    """
    for track in tracks_of(plan):
        gamma, restarts = _gamma(plan, track.group), track.position[2]
        if gamma > 1 and restarts > 0 and track.cycles.peak > track.cycles.floor:
            peak = track.cycles.floor + (track.cycles.peak - track.cycles.floor) * decay_factor(
                gamma, restarts
            )
            yield (
                track.at("gamma"),
                (
                    f"gamma {gamma:g} lets the peaks{track.whose} grow with each restart, from"
                    f" {lr(track.cycles.peak)} to {lr(peak)} at restart {count(restarts)}"
                    f" ({times(peak, track.cycles.peak)}); set gamma to 1 or less"
                ),
            )


@rule("LRS083", "warning")
def inverted_range(plan: Plan) -> Iterator[Found]:
    """The range is inverted: the minimum is above the peak.

    With ``eta_scal_min`` above ``eta_scal_max`` the warm-up falls and the annealing rises, and so does a
    cosine of torch whose ``eta_min`` is above the base LR. It is legal, for those who want an LR that grows
    through each cycle; in any other file two numbers have changed places.

    Triggers::

        steps: 999
        loop: scheduler-first
        scheduler: {warmup_steps: 100, T_0: 300, eta_scal_min: 2.0, eta_scal_max: 0.2}

    Silent::

        steps: 999
        loop: scheduler-first
        scheduler: {warmup_steps: 100, T_0: 300, eta_scal_min: 0.2, eta_scal_max: 2.0}
    """
    for one in plan.course.inverted:
        key, above = one.path[-1], one.above or "the base LR"
        mend = f"let {key} and {above} change places" if one.above else f"set {key} below {above}"
        yield (
            one.path,
            (
                f"the range{plan.whose(one.group)} is inverted: {key} is {lr(one.floor)}, and {above} is"
                f" {lr(one.peak)}, so that the LR rises where it is to fall; if that is not meant, {mend}"
            ),
        )
    for track in tracks_of(plan):
        own = track.cycles.section not in {one.path[:-1] for one in plan.course.inverted}
        if own and track.cycles.floor > track.cycles.peak:
            yield (
                track.at("eta_scal_min"),
                (
                    f"the range{track.whose} is inverted: the LR rises through each cycle from"
                    f" {lr(track.cycles.peak)} to {lr(track.cycles.floor)}; if that is not meant, let"
                    " eta_scal_min and eta_scal_max change places"
                ),
            )


def _gamma(plan: Plan, group: int) -> float:
    """How much the height of a cycle is of that before it; 1 where nothing changes it."""
    found = plan.schedule.family.setting((plan.schedule, group), "gamma")
    return 1.0 if found is None else float(found)


CHECKS = (flat_peaks, growing_peaks, inverted_range)
