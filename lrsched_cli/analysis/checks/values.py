"""Rules 02: updates at an LR that cannot be meant."""

from __future__ import annotations

import math
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from lrsched_cli.analysis.checks.rule import rule
from lrsched_cli.analysis.checks.words import lr, updates
from lrsched_cli.errors import StepError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lrsched_cli.analysis.checks.rule import Found
    from lrsched_cli.analysis.plan import Plan
    from lrsched_cli.core.families.family import Path

_NOTHING = 1e-15
"""A share of the peak LR at which no weight changes any more, in any precision."""
_SHOWN, _EARLY = 3, 0.2


@rule("LRS021", "warning")
def at_zero(plan: Plan) -> Iterator[Found]:
    """Updates at LR 0 are wasted.

    They cost as much as any other and change no weight (the optimizer's moments alone take notice). Most
    often it is the first one, under a warm-up that counts from 0: begin it with ``(step + 1) / W``, or with a
    small ``start_factor``. At the end of a run, plan for one update more.

    Triggers::

        steps: 1000
        optimizer: {lr: 1e-3}
        scheduler: {type: LambdaLR, lr_lambda: "step / 100 if step < 100 else (1000 - step) / 900"}

    Silent::

        steps: 1000
        optimizer: {lr: 1e-3}
        scheduler: {type: LambdaLR, lr_lambda: "(step + 1) / 100 if step < 100 else (1000 - step) / 900"}
    """
    told: set[tuple[Path, tuple[_Stretch, ...]]] = set()
    for group, base in enumerate(plan.base_lrs):
        path, stretches = _curve_of(plan, group), tuple(_wasted(plan, group))
        if not stretches or base == 0 or (path, stretches) in told:
            continue
        told.add((path, stretches))
        yield path, _wasted_updates(plan, group, stretches)


def _wasted_updates(plan: Plan, group: int, stretches: Sequence[_Stretch]) -> str:
    number = sum(one.updates for one in stretches)
    least = "" if plan.in_full else "at least "
    whose = "" if _is_that_of_all(plan, group) else plan.whose(group)
    run, change = ("runs", "changes") if number == 1 else ("run", "change")
    which = _in_words(stretches)
    which = (
        f"{which}{whose}" if number == 1 and plan.in_full else f"{least}{updates(number)}{whose} ({which})"
    )
    value = "LR 0" if any(one.at_zero for one in stretches) else f"an LR below {_NOTHING:g} of the peak"
    return f"{which} {run} at {value} and {change} no weight; {_mend(plan, group, stretches)}"


class _Stretch(NamedTuple):
    """Updates in a row at an LR that changes nothing; ``at_zero``: that is 0 somewhere."""

    first: int
    last: int
    at_zero: bool

    @property
    def updates(self) -> int:
        """How many they are."""
        return self.last - self.first + 1


def _wasted(plan: Plan, group: int) -> Iterator[_Stretch]:
    """The stretches of a run at LR 0, or at what is left of an LR that has been multiplied away."""
    lrs = plan.of_group(group)
    little = _NOTHING * max(map(abs, lrs), default=0.0)

    def is_nothing(value: float) -> bool:
        return abs(value) <= little

    for nothing, places in groupby(range(len(lrs)), key=lambda place: is_nothing(lrs[place])):
        if nothing:
            run = list(places)
            begin = plan.onset(run[0], group, is_nothing)
            end = plan.onset(run[-1] + 1, group, lambda value: not is_nothing(value))
            final = min(plan.update(end) - 1, plan.updates)
            yield _Stretch(plan.update(begin), final, any(lrs[place] == 0 for place in run))


def _in_words(stretches: Sequence[_Stretch]) -> str:
    shown = [
        f"update {one.first:,}" if one.updates == 1 else f"updates {one.first:,} to {one.last:,}"
        for one in stretches[:_SHOWN]
    ]
    return ", ".join(shown) + (", …" if len(stretches) > _SHOWN else "")


def _is_that_of_all(plan: Plan, group: int) -> bool:
    """Whether every group that has an LR at all stands at 0 where this one does."""
    there = [one == 0 for one in plan.of_group(group)]
    others = (place for place, base in enumerate(plan.base_lrs) if base)
    return all([one == 0 for one in plan.of_group(place)] == there for place in others)


def _mend(plan: Plan, group: int, stretches: Sequence[_Stretch]) -> str:
    advice = []
    first, last = stretches[0], stretches[-1]
    if first.first == 1 and last.last == plan.updates and len(stretches) == 1:
        return "give it an LR"
    if first.first == 1:
        following = next(one for one in plan.of_group(group) if one)
        above = f"begin the warm-up above 0 (its first LR above 0 is {lr(following)})"
        step_first = (
            plan.schedule.loop == "optimizer-first" and first.updates <= plan.schedule.updates_per_step
        )
        advice.append(f"{above}, or let scheduler.step() come first" if step_first else above)
    if last.last == plan.updates:
        every = plan.schedule.updates_per_step == 1 and last.first < _EARLY * plan.updates
        epochs = "; if the schedule counts epochs, say step_every: epoch and steps_per_epoch" if every else ""
        advice.append(f"end the run after update {last.first - 1:,}, or let the LR reach 0 later{epochs}")
    return "; ".join(advice) or "raise the minimum"


@rule("LRS022", "error")
def no_learning_rate(plan: Plan) -> Iterator[Found]:
    """The LR is negative, or no finite number.

    A negative LR walks uphill, and one that is no number ruins every weight in a single update. It comes from
    a formula: a line that goes on falling below 0, a division by 0 at one step, a factor that grows for ever.
    Bound the formula with ``max(0, …)`` or ``min(1, …)``.

    Triggers::

        steps: 2999
        loop: scheduler-first
        scheduler: {warmup_steps: 300, T_0: 2700, eta_scal_min: 0, custom_lambda: "1 - step / 2000"}

    Silent::

        steps: 2999
        loop: scheduler-first
        scheduler: {warmup_steps: 300, T_0: 2700, eta_scal_min: 0, custom_lambda: "1 - step / 4000"}
    """
    if plan.failures:
        step, error = plan.failures[0]
        key = error.key if isinstance(error, StepError) else ()
        path = ("scheduler", *key) if key else _curve_of(plan, 0)
        yield path, f"there is no LR for update {plan.update(step):,}: {error}"
    told: set[Path] = set()
    for group in range(len(plan.names)):
        wrong = [
            (step, value)
            for step, value in zip(plan.steps, plan.of_group(group), strict=True)
            if value < 0 or not math.isfinite(value)
        ]
        path = _curve_of(plan, group)
        if not wrong or path in told:
            continue
        told.add(path)
        step, value = wrong[0]
        lowest = min(one for _, one in wrong)
        message = f"the LR{plan.whose(group)} is {lr(value)} at update {plan.update(step):,}"
        if math.isfinite(lowest) and lowest < value:
            message += f" and falls to {lr(lowest)}{'' if plan.in_full else ' or below'}"
        mend = "bound what makes it, such as max(0, …)" if value < 0 else "look for what grows without end"
        yield path, f"{message}; {mend}"


def _curve_of(plan: Plan, group: int) -> Path:
    """The setting that most says how the LR of a group runs: a formula if there is one."""
    own = plan.schedule.param_groups[group].scheduler
    if own is not None and own.model_fields_set:
        path: Path = ("param_groups", group, "scheduler")
        return (*path, "custom_lambda") if "custom_lambda" in own.model_fields_set else path
    section = plan.schedule.scheduler
    for key in ("custom_lambda", "lr_lambda"):
        stated = getattr(section, key, None) or (section.model_extra or {}).get(key)
        if isinstance(stated, list) and group < len(stated):
            return ("scheduler", key, group)
        if stated is not None:
            return ("scheduler", key)
    return ("scheduler",)


CHECKS = (at_zero, no_learning_rate)
