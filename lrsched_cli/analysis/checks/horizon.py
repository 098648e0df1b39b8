"""Rules 12: epochs where steps are meant, and horizons that differ from the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lrsched_cli.analysis.checks.rule import rule
from lrsched_cli.analysis.checks.words import count, lr, percent, updates
from lrsched_cli.core.families.course import CLIMBS, RAISES
from lrsched_cli.core.stepping import scheduler_steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lrsched_cli.analysis.checks.rule import Found
    from lrsched_cli.analysis.plan import Plan
    from lrsched_cli.core.families.course import Horizon, Milestone

FEWEST_UPDATES = 200
_EPOCHS = 0.05
_NEAR = 0.01
_SPENT = 1e-6
"""A run that has come to this share of its base LR has no LR left."""
_TOTALS = {"epochs": "epochs × steps_per_epoch"}
"""Settings that give a horizon only together with another one."""


@rule("LRS121", "warning")
def run_of_epochs(plan: Plan) -> Iterator[Found]:
    """A run of fewer than 200 updates has a warm-up.

    So few updates are rarely worth a schedule: ``steps`` counts epochs, most likely, and a scheduler that is
    stepped once for each update would be through after the first. Multiply by the updates of an epoch, or say
    ``step_every: epoch`` with ``steps_per_epoch``.

    Triggers::

        steps: 90
        loop: scheduler-first
        scheduler: {warmup_steps: 5, T_0: 86}

    Silent::

        steps: 9000
        loop: scheduler-first
        scheduler: {warmup_steps: 500, T_0: 8501}
    """
    if plan.updates < FEWEST_UPDATES and plan.schedule.updates_per_step == 1 and plan.course.warmups:
        warmup = min(plan.course.warmups, key=lambda one: one.steps)
        yield (
            ("steps",),
            (
                f"the run has {updates(plan.updates)} with a warm-up of {count(warmup.steps)}; if these"
                " are epochs, multiply both by the updates of an epoch, or say step_every: epoch and"
                " steps_per_epoch"
            ),
        )


@rule("LRS122", "warning")
def milestone_out_of_place(plan: Plan) -> Iterator[Found]:
    """Milestones lie in the first steps of the run, or beyond it.

    A milestone beyond the run is never reached, so its drop never comes. Milestones that all lie in the first
    twentieth were counted in epochs, while the scheduler is stepped once for each update.

    Triggers::

        steps: 78200
        optimizer: {type: SGD, lr: 0.1}
        scheduler: {type: MultiStepLR, milestones: [60, 120, 160], gamma: 0.2}

    Silent::

        steps: 78200
        step_every: epoch
        steps_per_epoch: 391
        optimizer: {type: SGD, lr: 0.1}
        scheduler: {type: MultiStepLR, milestones: [60, 120, 160], gamma: 0.2}
    """
    run = plan.last_step
    stated = [one for one in plan.course.milestones if one.start <= run]  # of parts that the run gets to
    for one in stated:
        if not _is_reached(plan, one):
            yield one.path, f"{one.stated} lies beyond {_beyond(plan, one)}: it is never reached"
    warmed_up = _ends_of_warmups(plan)
    counted = [one for one in stated if one.step not in warmed_up]
    last = max(counted, key=lambda one: one.step, default=None)
    if last is None or last.step >= _EPOCHS * run or _lasts(plan, last):
        return
    path, where = last.path, f" (scheduler step {last.step:,})" if last.start else ""
    listed = "milestones" in path
    what = "the last of these is" if listed else f"{path[-1]} is"
    yield (
        path[: path.index("milestones") + 1] if listed else path,
        (
            f"{what} {count(last.stated)}{where}, {percent(last.step / run)} of the run's {count(run)}"
            " scheduler steps; if that is in epochs, multiply by the updates of an epoch, or say"
            " step_every: epoch and steps_per_epoch"
        ),
    )


def _ends_of_warmups(plan: Plan) -> set[int]:
    """Where a warm-up ends, as a setting or as a first part that leads to higher LRs."""
    first = min(plan.course.joins, default=0)
    rises = first and max(plan.course.lrs(0)) < max(plan.course.lrs(first))
    return {*(warmup.steps for warmup in plan.course.warmups), *([first] if rises else [])}


def _lasts(plan: Plan, milestone: Milestone) -> bool:
    """Whether it comes again and again, and the LR lasts to the end all the same: so it is meant."""
    again = plan.course.drops(milestone.step + milestone.stated)
    return again and max(plan.course.lrs(plan.last_step)) > _SPENT * max(plan.base_lrs)


def _is_reached(plan: Plan, milestone: Milestone) -> bool:
    before = milestone.until is None or milestone.step < milestone.until
    return before and milestone.step <= plan.last_step


def _beyond(plan: Plan, milestone: Milestone) -> str:
    """What ends before a milestone comes: the run, or the part that counts it."""
    start, until = milestone.start, milestone.until
    if until is not None and until <= plan.last_step:
        return f"its part, which runs for {count(until - start)} scheduler steps"
    counted = f" ({milestone.step:,} of the run, counted from {start:,} on)" if start else ""
    return f"the run's last scheduler step, {count(plan.last_step)}{counted}"


@rule("LRS123", "warning")
def other_horizon(plan: Plan) -> Iterator[Found]:
    """The schedule's horizon is not the run's.

    ``T_max``, ``total_iters`` or ``num_training_steps`` says how long the run is, and ``steps`` says
    otherwise. Beyond its horizon a cosine climbs again, and a linear fall stays at its end; a horizon beyond
    the run is never reached, so the LR ends too high.

    Triggers::

        steps: 1000
        optimizer: {type: SGD, lr: 0.1}
        scheduler: {type: CosineAnnealingLR, T_max: 600}

    Silent::

        steps: 1000
        optimizer: {type: SGD, lr: 0.1}
        scheduler: {type: CosineAnnealingLR, T_max: 1000}
    """
    for horizon in plan.course.horizons:
        window = _window(plan, horizon)
        differs = abs(horizon.value - window) > max(1, _NEAR * window)
        if not differs or window < 1 or (horizon.beyond == RAISES and horizon.value < window):
            continue  # of a scheduler that fails before the end another rule tells
        key = str(horizon.path[-1])
        name, fits = _TOTALS.get(key, key), plan.last_step + 1 if horizon.beyond == RAISES else window
        last, end = (max(plan.course.lrs(step)) for step in (_last(plan, horizon), _reached(plan, horizon)))
        if horizon.value > window:
            what = (
                f"the LR is still {lr(last)} at the end, after {percent(window / horizon.value)} of its way"
            )
        elif horizon.beyond == CLIMBS:
            what = f"the LR climbs again from update {plan.update(horizon.start + horizon.value):,} on"
            what += f", from {lr(end)} to {lr(last)} at the end"
        else:
            what = f"the LR stays at {lr(end)} for the last {count(window - horizon.value)} steps"
        yield (
            horizon.path,
            (
                f"{name} is {count(horizon.value + (horizon.beyond == RAISES))}, and there are"
                f" {count(window)} scheduler steps for it: {what}; {name}: {fits} fits"
            ),
        )


@rule("LRS124", "error")
def runs_past_its_end(plan: Plan) -> Iterator[Found]:
    """The run goes on after the scheduler's last step, and fails there.

    A schedule with ``total_steps`` raises an error at the first step beyond them: the training ends late,
    with a traceback.

    Triggers::

        steps: 1000
        optimizer: {type: SGD, lr: 0.1, momentum: 0.9}
        scheduler: {type: OneCycleLR, max_lr: 0.1, total_steps: 900}

    Silent::

        steps: 1000
        optimizer: {type: SGD, lr: 0.1, momentum: 0.9}
        scheduler: {type: OneCycleLR, max_lr: 0.1, total_steps: 1000}

    """
    taken = scheduler_steps(plan.schedule, plan.updates)
    for horizon in plan.course.horizons:
        total = horizon.value + 1
        if horizon.beyond == RAISES and taken > total:
            yield (
                horizon.path,
                (
                    f"the scheduler fails at update {_update_that_steps(plan, total + 1):,}: it takes"
                    f" {count(total)} steps, and the run takes {count(taken)};"
                    f" {_TOTALS.get(str(horizon.path[-1]), 'total_steps')}: {plan.last_step + 1} fits"
                ),
            )


def _update_that_steps(plan: Plan, number: int) -> int:
    """The update that belongs to a scheduler step."""
    every = plan.schedule.updates_per_step
    return (number - 1) * every + 1 if plan.schedule.loop == "scheduler-first" else number * every


def _window(plan: Plan, horizon: Horizon) -> int:
    """How many scheduler steps there are for it."""
    return (
        min(horizon.until, _whole_run(plan)) if horizon.until is not None else _whole_run(plan)
    ) - horizon.start


def _whole_run(plan: Plan) -> int:
    """The scheduler step at which the update after the last one would run."""
    return plan.last_step + 1 if plan.schedule.loop == "optimizer-first" else plan.last_step


def _last(plan: Plan, horizon: Horizon) -> int:
    """The last step of its part of the run that an update runs at."""
    return min(plan.last_step, plan.last_step if horizon.until is None else horizon.until - 1)


def _reached(plan: Plan, horizon: Horizon) -> int:
    return min(horizon.start + horizon.value, _last(plan, horizon))


CHECKS = (run_of_epochs, milestone_out_of_place, other_horizon, runs_past_its_end)
