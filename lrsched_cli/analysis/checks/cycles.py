"""Rules 03 and 04: where a run ends in its cycles, and how many of them it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lrsched_cli.analysis.checks.rule import rule
from lrsched_cli.analysis.checks.tracks import ANNEALED, tracks_of
from lrsched_cli.analysis.checks.words import count, lr, percent, times, updates
from lrsched_cli.core.factors import cosine_factor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lrsched_cli.analysis.checks.rule import Found
    from lrsched_cli.analysis.checks.tracks import Track
    from lrsched_cli.analysis.plan import Plan

_ON_THE_PEAK = 0.02
_HALF = 0.5
_BARELY = 0.9
MOST_RESTARTS = 50


@rule("LRS031", "warning")
def inside_a_cycle(plan: Plan) -> Iterator[Found]:
    """The run ends inside a cycle.

    The weights are taken while the LR is still high; the fall to the minimum, which is what warm restarts are
    for, does not take place. Let the run end with a cycle: the best models stand right before a restart
    (Loshchilov & Hutter 2017, arXiv:1608.03983).

    Triggers::

        steps: 800
        loop: scheduler-first
        scheduler: {warmup_steps: 100, T_0: 300, T_mult: 2}

    Silent::

        steps: 999
        loop: scheduler-first
        scheduler: {warmup_steps: 100, T_0: 300, T_mult: 2}
    """
    for track in tracks_of(plan):
        if _cut_short(track) and track.position[2] > 0 and not _cut_in_its_first_half(track):
            yield (
                ("steps",),
                (
                    f"the run{track.whose} ends at {percent(track.share)} of cycle {track.position[2] + 1}"
                    f" ({_of_its_length(track)}), {_last_lr(track)}; {_steps_that_fit(track)}"
                ),
            )


@rule("LRS032", "warning")
def on_a_peak(plan: Plan) -> Iterator[Found]:
    """The run ends on a restart's peak.

    One step too many, and the last updates run at the highest LR of all: they undo what the cycle before them
    has settled. Which step is the last depends on the ``loop``: in the order ``optimizer-first`` the last
    scheduler step is never used, so that the same schedule has room for one update more.

    Triggers::

        steps: 1000
        loop: scheduler-first
        scheduler: {warmup_steps: 100, T_0: 300, T_mult: 2}

    Silent::

        steps: 999
        loop: scheduler-first
        scheduler: {warmup_steps: 100, T_0: 300, T_mult: 2}
    """
    for track in tracks_of(plan):
        if not _ends_on_a_peak(track):
            continue
        T_cur, _, cycle = track.position
        late = plan.updates - plan.steps_through(plan.last_step - T_cur - 1)
        last = plan.course.lrs(plan.last_step)[track.group]
        before = plan.course.lrs(plan.last_step - T_cur - 1)[track.group]
        if last <= before * (1 + ANNEALED):
            continue  # gamma has flattened the peak
        yield (
            ("steps",),
            (
                f"the run{track.whose} ends {updates(late)} too late, on the peak of restart {cycle}: the"
                f" last LR is {lr(last)}, {times(last, before)} the {lr(before)} right before the restart;"
                f" steps: {plan.updates - late} ends with the cycle"
            ),
        )


@rule("LRS041", "warning")
def never_restarts(plan: Plan) -> Iterator[Found]:
    """The next restart falls beyond the run.

    ``T_0`` or ``T_mult`` makes a cycle so long that the run gets no more than the first part of it: the
    restarts that the file asks for do not come, and the LR hardly falls. Take a shorter ``T_0``, a smaller
    ``T_mult``, or a run that ends with the cycle before.

    Triggers::

        steps: 1000
        loop: scheduler-first
        scheduler: {warmup_steps: 100, T_0: 200, T_mult: 10}

    Silent::

        steps: 899
        loop: scheduler-first
        scheduler: {warmup_steps: 100, T_0: 200, T_mult: 3}
    """
    for track in tracks_of(plan):
        _, T_i, cycle = track.position
        if not _cut_short(track) or _hardly_falls(track) or (cycle > 0 and not _cut_in_its_first_half(track)):
            continue
        restart = plan.update(track.end(cycle + 1) + 1)
        so_far = "it never restarts" if cycle == 0 else f"it never restarts again after restart {cycle}"
        grown = f"T_mult {track.cycles.T_mult} makes cycle {cycle + 1} {count(T_i)} steps long"
        why = grown if cycle else f"T_0 is {count(T_i)}"
        yield (
            track.at("T_mult" if cycle else "T_0"),
            (
                f"{why}, so the next restart{track.whose} would come at update {restart:,}, beyond the run's"
                f" {plan.updates:,}: {so_far}, and ends at {percent(track.share)} of the cycle,"
                f" {_last_lr(track)}; {_steps_that_fit(track)}"
            ),
        )


@rule("LRS042", "warning")
def too_many_restarts(plan: Plan) -> Iterator[Found]:
    """There are more restarts than can be meant.

    A cycle of a few updates anneals nothing. It comes from a ``T_0`` that was meant in epochs: multiply it by
    the updates of an epoch, or say ``step_every: epoch``.

    Triggers::

        steps: 20010
        loop: scheduler-first
        scheduler: {warmup_steps: 0, T_0: 10, T_mult: 1}

    Silent::

        steps: 20999
        loop: scheduler-first
        scheduler: {warmup_steps: 0, T_0: 3000, T_mult: 1}
    """
    for track in tracks_of(plan):
        restarts = track.position[2]
        if restarts > MOST_RESTARTS:
            one = track.cycles
            last = track.position[1]
            length = (
                f"every {count(one.T_0)} steps"
                if one.T_mult == 1
                else f"{count(last)} steps in the last cycle"
            )
            epochs = (
                f" if T_0: {one.T_0} is in epochs, multiply it by the updates of an epoch;"
                if plan.schedule.updates_per_step == 1
                else ""
            )
            yield (
                track.at("T_0"),
                (
                    f"the schedule{track.whose} restarts {count(restarts)} times, {length};{epochs} for 4"
                    f" cycles, T_0: {_for_four(track)}"
                ),
            )


def _for_four(track: Track) -> int:
    left = track.plan.last_step + 1 - track.cycles.start
    lengths = [int(track.cycles.T_mult**number) for number in range(4)]
    return -(-left // sum(lengths))  # rounded up: the last of them may be cut short, not followed by a fifth


def _cut_short(track: Track) -> bool:
    return track.began and not track.annealed and not _ends_on_a_peak(track)


def _ends_on_a_peak(track: Track) -> bool:
    T_cur, T_i, cycle = track.position
    return track.began and cycle > 0 and not track.annealed and T_cur <= _ON_THE_PEAK * T_i


def _cut_in_its_first_half(track: Track) -> bool:
    return track.cycles.T_mult > 1 and track.share < _HALF


def _hardly_falls(track: Track) -> bool:
    T_cur, T_i, cycle = track.position
    return cycle == 0 and cosine_factor(T_cur, T_i) > _BARELY


def _of_its_length(track: Track) -> str:
    T_cur, T_i, _ = track.position
    return f"step {count(T_cur + 1)} of {count(T_i)}"


def _last_lr(track: Track) -> str:
    last = track.plan.course.lrs(track.plan.last_step)[track.group]
    floor = track.cycles.floor
    share = (last - floor) / (track.cycles.peak - floor) if track.cycles.peak != floor else 0.0
    above = f"{times(last, floor)} the minimum {lr(floor)}" if floor else f"{percent(share)} of the peak"
    return f"at an LR of {lr(last)}, {above}"


def _steps_that_fit(track: Track) -> str:
    """The lengths of a run that would end with a cycle, shorter and longer."""
    cycle = track.position[2]
    after = track.plan.steps_through(track.end(cycle + 1))
    if cycle == 0:
        return f"steps: {after} ends with the cycle"
    before = track.plan.steps_through(track.end(cycle))
    return f"steps: {before} or steps: {after} ends with a cycle"


CHECKS = (inside_a_cycle, on_a_peak, never_restarts, too_many_restarts)
