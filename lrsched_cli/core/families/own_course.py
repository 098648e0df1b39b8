"""The law of this package's scheduler at any step, with the bits that stepping there gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lrsched_cli.core.expressions import Expression
from lrsched_cli.core.factors import (
    batch_factor,
    cosine_factor,
    cycle_position,
    decay_factor,
    end_of_cycle,
    learning_rate,
    multiplier,
    warmup_factor,
)
from lrsched_cli.core.families.course import Course, Cycles, Warmup
from lrsched_cli.core.families.formulas import whole_numbers
from lrsched_cli.core.stepping import one_line
from lrsched_cli.errors import CustomLambdaError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lrsched_cli.core.config import Schedule
    from lrsched_cli.core.families.family import Path
    from lrsched_cli.core.parameters import Parameters

    Custom = Callable[[int], float] | None

_CYCLES_LOOKED_AT = 64


def multiplier_at(
    step: int, parameters: Parameters, custom_lambda: Custom, batch_size: float | None
) -> float:
    """The multiplier of a scheduler step, counted from 1. Raises what ``custom_lambda`` does."""
    p = parameters
    batch = 1.0 if batch_size is None else batch_factor(batch_size, p.base_batch_size, p.batch_size_mode)
    custom = 1.0 if custom_lambda is None else float(custom_lambda(step))
    if step <= p.warmup_steps:
        warmup = warmup_factor(step, p.warmup_steps, p.warmup_scale_min, p.warmup_type)
        return multiplier(batch, warmup, 1.0, 1.0, custom)
    T_cur, T_i, cycle = cycle_position(step, p.warmup_steps, p.T_0, p.T_mult)
    decay = decay_factor(p.gamma, cycle)
    return multiplier(batch, 1.0, cosine_factor(T_cur, T_i), decay, custom)


def own_course(schedule: Schedule, tracks: list[tuple[Parameters, Custom, Path]]) -> Course:
    """The course of a schedule whose groups each have parameters, a custom factor, and a place for both."""
    base = [schedule.base_lr(group) for group in schedule.param_groups]
    groups = list(zip(base, tracks, strict=True))
    names = [group.name for group in schedule.param_groups]

    def lrs(step: int) -> tuple[float, ...]:
        if step == 0:
            return tuple(base)  # construction writes none
        size = schedule.batch_plan.size_at(_update_of(schedule, step))
        known: dict[int, float] = {}
        found = []
        for name, (lr, track) in zip(names, groups, strict=True):
            parameters, _, path = track
            if id(parameters) not in known:
                known[id(parameters)] = _tried(step, track, size, None if path == ("scheduler",) else name)
            scale = known[id(parameters)]
            found.append(learning_rate(lr, parameters.eta_scal_min, parameters.eta_scal_max, scale))
        return tuple(found)

    sections = {track[2]: track for track in tracks}
    return Course(
        lrs=lrs,
        turns=tuple(sorted({turn for track in sections.values() for turn in _turns(schedule, track)})),
        warmups=tuple(
            Warmup(parameters.warmup_steps, (*path, "warmup_steps"), _held(parameters))
            for path, (parameters, _, _) in sections.items()
            if parameters.warmup_steps
        ),
        cycles=tuple(
            Cycles(p.warmup_steps, p.T_0, p.T_mult, lr * p.eta_scal_min, lr * p.eta_scal_max, path)
            for lr, (p, _, path) in groups
        ),
        drops=_phase_begins(schedule),
    )


def _tried(step: int, track: tuple[Parameters, Custom, Path], size: float | None, group: str | None) -> float:
    parameters, custom, _ = track
    try:
        return multiplier_at(step, parameters, custom, size)
    except (Exception, SystemExit) as error:  # whatever a function of the user's raises
        message = f"custom_lambda failed at step {step}: {one_line(error)}"
        raise CustomLambdaError(message, step, group) from error


def _update_of(schedule: Schedule, step: int) -> int:
    """The update at which a scheduler step is taken; both count from 1."""
    every = schedule.updates_per_step
    return (step - 1) * every + 1 if schedule.loop == "scheduler-first" else step * every


def _turns(schedule: Schedule, track: tuple[Parameters, Custom, Path]) -> list[int]:
    parameters, custom, _ = track
    W, T_0, T_mult = parameters.warmup_steps, parameters.T_0, parameters.T_mult
    cycles = _CYCLES_LOOKED_AT if T_mult == 1 else 24  # 2**24 cycles are longer than any run
    ends = [end_of_cycle(number, W, T_0, T_mult) for number in range(1, cycles)]
    formula: list[int] = whole_numbers(custom.text) if isinstance(custom, Expression) else []
    phases = [end // schedule.updates_per_step for end in schedule.batch_plan.ends]
    return [1, int(W * parameters.warmup_scale_min), W, *ends, *formula, *phases]


def _held(parameters: Parameters) -> int:
    """How many of the first steps of a warm-up stand at its floor: the line has not reached it."""
    W, floor = parameters.warmup_steps, parameters.warmup_scale_min
    low, high = 1, W
    while low < high:  # the factor never falls on its way up
        middle = (low + high + 1) // 2
        if warmup_factor(middle, W, floor, parameters.warmup_type) > floor:
            high = middle - 1
        else:
            low = middle
    return low


def _phase_begins(schedule: Schedule) -> Callable[[int], bool]:
    """Whether a scheduler step is the first one of a batch size."""
    plan = schedule.batch_plan
    begins = {end + 1 for end in plan.ends}
    return lambda step: (
        bool(begins)
        and any(_update_of(schedule, step - 1) < begin <= _update_of(schedule, step) for begin in begins)
    )
