"""Rules 02: updates at an LR that cannot be meant."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lrsched_cli.analysis.checks.rule import rule
from lrsched_cli.analysis.checks.words import lr, updates
from lrsched_cli.errors import StepError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lrsched_cli.analysis.checks.rule import Found
    from lrsched_cli.analysis.plan import Plan
    from lrsched_cli.core.families.family import Path


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
    for group, base in enumerate(plan.base_lrs):
        lrs = plan.of_group(group)
        zeros = [place for place, one in enumerate(lrs) if one == 0]
        if not zeros or base == 0:
            continue
        # Between two steps at 0 that are neighbours in a sample, the LR is 0 as well.
        between = [
            plan.update(plan.steps[place]) - plan.update(plan.steps[place - 1]) - plan.updates_at(place - 1)
            for place in zeros
            if place and lrs[place - 1] == 0
        ]
        wasted = sum(map(plan.updates_at, zeros)) + sum(between)
        begin = plan.update(plan.steps[zeros[0]])
        about = "" if plan.in_full else "about "
        which = (
            f"update {begin:,} runs"
            if wasted == 1
            else f"{about}{updates(wasted)}, from update {begin:,} on, run"
        )
        yield (
            _curve_of(plan),
            f"{which} at LR 0 and {'changes' if wasted == 1 else 'change'} no weight; {_mend(plan, begin)}",
        )
        return  # one group's LR 0 is the others' too, mostly


def _mend(plan: Plan, begin: int) -> str:
    if begin == 1:
        following = next((lrs for lrs in plan.lrs if any(lrs)), plan.lrs[-1])
        return f"begin the warm-up above 0 (its first LR above 0 is {lr(max(following))})"
    if not any(plan.lrs[-1]):
        return f"end the run after update {begin - 1:,}, or let the LR reach 0 later"
    return "raise the minimum"


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
        path = ("scheduler", *key) if key else _curve_of(plan)
        yield path, f"there is no LR for update {plan.update(step):,}: {error}"
    for group in range(len(plan.names)):
        wrong = [
            (step, value)
            for step, value in zip(plan.steps, plan.of_group(group), strict=True)
            if value < 0 or not math.isfinite(value)
        ]
        if wrong:
            step, value = wrong[0]
            lowest = min(one for _, one in wrong)
            message = f"the LR{plan.whose(group)} is {lr(value)} at update {plan.update(step):,}"
            if math.isfinite(lowest) and lowest < value:
                message += f" and falls to {lr(lowest)}"
            yield _curve_of(plan), f"{message}; bound what makes it, such as max(0, …)"


def _curve_of(plan: Plan) -> Path:
    """The setting that most says how the LR runs: a formula if there is one."""
    section = plan.schedule.scheduler
    for key in ("custom_lambda", "lr_lambda"):
        if getattr(section, key, None) is not None or key in (section.model_extra or {}):
            return ("scheduler", key)
    return ("scheduler",)


CHECKS = (at_zero, no_learning_rate)
