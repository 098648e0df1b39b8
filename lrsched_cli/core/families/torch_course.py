"""The courses of PyTorch's schedulers in closed form, for looking at a long run without stepping it.

The formulas are those of the classes' documentation. A training multiplies step by step where these work a
value out at once, so the last digits may differ: they agree to 1e-9 of the base LR, which a test holds for
every class. A class, or a setting, that is not here has no closed form and is stepped.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from lrsched_cli.core.expressions import Expression
from lrsched_cli.core.factors import cosine_factor, cycle_position, end_of_cycle
from lrsched_cli.core.families.course import CLIMBS, RAISES, STAYS, Course, Cycles, Horizon, Warmup
from lrsched_cli.core.families.formulas import whole_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lrsched_cli.core.families.family import Path

    Factor = Callable[[int], float]

_RESTARTS_LOOKED_AT = 64
_STEPS_LOOKED_AT = 200


class Part(NamedTuple):
    """A section: its type, its arguments with their defaults, its place, and the groups' base LRs.

    ``schedulers`` are the parts that it is made of.
    """

    kind: str
    arguments: Mapping[str, Any]
    path: Path
    base: tuple[float, ...]
    schedulers: Sequence[Part] = ()

    def at(self, key: str) -> Path:
        """Where an argument stands."""
        return (*self.path, key)


def torch_course(part: Part) -> Course | None:
    """The course of a section; None where there is no closed form for its type or its settings."""
    maker = _MAKERS.get(part.kind)
    return None if maker is None else maker(part)


def scaled(base: tuple[float, ...], factor: Factor) -> Callable[[int], tuple[float, ...]]:
    """Every base LR times a factor of the step."""

    def lrs(step: int) -> tuple[float, ...]:
        share = factor(step)
        return tuple(lr * share for lr in base)

    return lrs


def _lambda(part: Part) -> Course | None:
    stated = part.arguments["lr_lambda"]
    texts = stated if isinstance(stated, list) else [stated]
    if not all(isinstance(one, str) for one in texts):
        return None  # functions of the user's own
    formulas = [Expression(one) for one in texts]
    if len(formulas) == 1:
        lrs = scaled(part.base, formulas[0])
    elif len(formulas) == len(part.base):

        def lrs(step: int) -> tuple[float, ...]:
            return tuple(lr * formula(step) for lr, formula in zip(part.base, formulas, strict=True))
    else:
        return None
    turns = sorted({turn for one in texts for turn in whole_numbers(one)})
    return Course(lrs, tuple(turns), per_group=isinstance(stated, list))


def _step(part: Part) -> Course:
    size, gamma = part.arguments["step_size"], part.arguments["gamma"]
    return Course(
        scaled(part.base, lambda step: float(gamma ** (step // size))),
        turns=tuple(size * number for number in range(1, _STEPS_LOOKED_AT)),
        milestones=((part.at("step_size"), size),),
        drops=lambda step: step % size == 0,
    )


def _multi_step(part: Part) -> Course:
    gamma, stated = part.arguments["gamma"], part.arguments["milestones"]
    milestones = sorted(stated)
    return Course(
        scaled(part.base, lambda step: float(gamma ** bisect_right(milestones, step))),
        turns=tuple(milestones),
        milestones=tuple(((*part.at("milestones"), place), one) for place, one in enumerate(stated)),
        drops=set(milestones).__contains__,
    )


def _constant(part: Part) -> Course:
    factor, total = part.arguments["factor"], part.arguments["total_iters"]
    return Course(
        scaled(part.base, lambda step: factor if step < total else 1.0),
        turns=(total,),
        warmups=(Warmup(total, part.at("total_iters")),) if factor < 1 else (),
        drops=lambda step: step == total,
    )


def _linear(part: Part) -> Course:
    start, end, total = (part.arguments[key] for key in ("start_factor", "end_factor", "total_iters"))
    rises = end > start
    return Course(
        scaled(part.base, lambda step: start + (end - start) * min(step, total) / total),
        turns=(total,),
        warmups=(Warmup(total, part.at("total_iters")),) if rises else (),
        horizons=() if rises else (Horizon(part.at("total_iters"), total, STAYS),),
    )


def _exponential(part: Part) -> Course:
    gamma = part.arguments["gamma"]
    return Course(scaled(part.base, lambda step: float(gamma**step)))


def _polynomial(part: Part) -> Course:
    total, power = part.arguments["total_iters"], part.arguments["power"]
    return Course(
        scaled(part.base, lambda step: float((1 - min(step, total) / total) ** power)),
        turns=(total,),
        horizons=(Horizon(part.at("total_iters"), total, STAYS),),
    )


def _cosine(part: Part) -> Course:
    T_max, low = part.arguments["T_max"], part.arguments["eta_min"]

    def lrs(step: int) -> tuple[float, ...]:
        share = (1 + math.cos(math.pi * step / T_max)) / 2
        return tuple(low + (lr - low) * share for lr in part.base)

    return Course(
        lrs,
        turns=tuple(T_max * number for number in range(1, _RESTARTS_LOOKED_AT)),
        horizons=(Horizon(part.at("T_max"), T_max, CLIMBS),),
    )


def _warm_restarts(part: Part) -> Course:
    T_0, T_mult, low = (part.arguments[key] for key in ("T_0", "T_mult", "eta_min"))

    def lrs(step: int) -> tuple[float, ...]:
        T_cur, T_i, _ = cycle_position(step, 0, T_0, T_mult)
        share = cosine_factor(T_cur, T_i)
        return tuple(low + (lr - low) * share for lr in part.base)

    cycles = _RESTARTS_LOOKED_AT if T_mult == 1 else 24
    return Course(
        lrs,
        turns=tuple(end_of_cycle(number, 0, T_0, T_mult) for number in range(1, cycles)),
        cycles=tuple(Cycles(0, T_0, T_mult, low, lr, part.path) for lr in part.base),
    )


def _cyclic(part: Part) -> Course | None:
    stated = part.arguments
    up, down = stated["step_size_up"], stated["step_size_down"] or stated["step_size_up"]
    low, high = (_each(stated[key], part.base) for key in ("base_lr", "max_lr"))
    if stated["scale_fn"] is not None or low is None or high is None:
        return None
    size, ratio, gamma = up + down, up / (up + down), stated["gamma"]
    heights: dict[str, Callable[[int, int], float]] = {
        "triangular": lambda _, __: 1.0,
        "triangular2": lambda cycle, _: float(0.5 ** (cycle - 1)),
        "exp_range": lambda _, step: float(gamma**step),
    }
    height = heights[stated["mode"]]

    def lrs(step: int) -> tuple[float, ...]:
        cycle = math.floor(1 + step / size)
        x = 1.0 + step / size - cycle
        share = (x / ratio if x <= ratio else (x - 1) / (ratio - 1)) * height(cycle, step)
        return tuple(one + (other - one) * share for one, other in zip(low, high, strict=True))

    turns = [size * number + place for number in range(_RESTARTS_LOOKED_AT) for place in (0, up)]
    per_group = isinstance(stated["base_lr"], list) or isinstance(stated["max_lr"], list)
    return Course(lrs, turns=tuple(turns), per_group=per_group)


def _one_cycle(part: Part) -> Course | None:
    stated = part.arguments
    highest = _each(stated["max_lr"], part.base)
    total, key = stated["total_steps"], "total_steps"
    if total is None and stated["epochs"] and stated["steps_per_epoch"]:
        total, key = stated["epochs"] * stated["steps_per_epoch"], "epochs"
    if total is None or highest is None:
        return None
    divs = stated["div_factor"], stated["final_div_factor"]
    rise = float(stated["pct_start"] * total) - 1
    phases = [(0.0, rise, 0, 1)]
    if stated["three_phase"]:
        fall = float(2 * stated["pct_start"] * total) - 2
        phases += [(rise, fall, 1, 0), (fall, total - 1.0, 0, 2)]
    else:
        phases += [(rise, total - 1.0, 1, 2)]
    cosine = stated["anneal_strategy"] == "cos"

    def share(step: int, start: float, end: float) -> float:
        done = (step - start) / (end - start)
        return (1 - math.cos(math.pi * done)) / 2 if cosine else done

    def lrs(step: int) -> tuple[float, ...]:
        start, end, begin, finish = next(phase for phase in phases if step <= phase[1] or phase is phases[-1])
        done = share(step, start, end)
        points = [(one / divs[0], one, one / divs[0] / divs[1]) for one in highest]
        return tuple(one[begin] + (one[finish] - one[begin]) * done for one in points)

    return Course(
        lrs,
        turns=tuple(int(phase[1]) for phase in phases),
        horizons=(Horizon(part.at(key), total - 1, RAISES),),
        per_group=isinstance(stated["max_lr"], list),
    )


def _sequential(part: Part) -> Course | None:
    courses = [torch_course(one) for one in part.schedulers if one.kind in _FROM_THE_BASE_LR]
    milestones = part.arguments["milestones"]
    if None in courses or len(courses) != len(part.schedulers) or len(courses) != len(milestones) + 1:
        return None
    found = [one for one in courses if one is not None]
    starts = [0, *milestones]

    def lrs(step: int) -> tuple[float, ...]:
        place = bisect_right(milestones, step)
        return found[place].lrs(step - starts[place])

    windows = list(zip(found, starts, [*milestones, None], strict=True))
    return Course(
        lrs,
        turns=tuple(
            sorted(
                {
                    start + turn
                    for one, start, end in windows
                    for turn in (0, *one.turns)
                    if _inside(start + turn, end)
                }
            )
        ),
        warmups=found[0].warmups,
        horizons=tuple(
            replace(horizon, start=start, until=end)
            for one, start, end in windows
            for horizon in one.horizons
        ),
        cycles=_shifted_cycles(found[-1], starts[-1]),
        milestones=tuple(((*part.at("milestones"), place), one) for place, one in enumerate(milestones)),
        drops=lambda step: _drops(windows, step),
    )


def _inside(step: int, end: int | None) -> bool:
    return end is None or step < end


def _shifted_cycles(course: Course, start: int) -> tuple[Cycles | None, ...]:
    return tuple(one and replace(one, start=one.start + start) for one in course.cycles)


def _drops(windows: Sequence[tuple[Course, int, int | None]], step: int) -> bool:
    """Whether a part's own jump is at a step; where one part follows another, a jump is nobody's wish."""
    return any(
        course.drops(step - start) for course, start, end in windows if start < step and _inside(step, end)
    )


def _chained(part: Part) -> Course | None:
    courses = [torch_course(one) for one in part.schedulers if one.kind in _FACTORS or _is_factor(one)]
    if None in courses or len(courses) != len(part.schedulers) or 0 in part.base:
        return None
    found = [one for one in courses if one is not None]

    def lrs(step: int) -> tuple[float, ...]:
        values = list(part.base)
        for course in found:
            values = [
                lr * own / base for lr, own, base in zip(values, course.lrs(step), part.base, strict=True)
            ]
        return tuple(values)

    return Course(
        lrs,
        turns=tuple(sorted({turn for one in found for turn in one.turns})),
        warmups=tuple(warmup for one in found for warmup in one.warmups),
        horizons=tuple(horizon for one in found for horizon in one.horizons),
        milestones=tuple(milestone for one in found for milestone in one.milestones),
        drops=lambda step: any(one.drops(step) for one in found),
    )


def _is_factor(part: Part) -> bool:
    return part.kind == "CosineAnnealingLR" and part.arguments["eta_min"] == 0


def _each(value: Any, base: tuple[float, ...]) -> list[float] | None:
    """One number for each group; None where the list has another length, which the library refuses."""
    if isinstance(value, list):
        return value if len(value) == len(base) else None
    return [value] * len(base)


_FACTORS = {"StepLR", "MultiStepLR", "ConstantLR", "LinearLR", "ExponentialLR", "PolynomialLR"}
"""Classes that multiply the LR which they find: parts of a chain take their factors together."""

_FROM_THE_BASE_LR = {*_FACTORS, "LambdaLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts"}
"""Classes that begin at the base LR where they take over from another one."""

_MAKERS: dict[str, Callable[[Part], Course | None]] = {
    "LambdaLR": _lambda,
    "StepLR": _step,
    "MultiStepLR": _multi_step,
    "ConstantLR": _constant,
    "LinearLR": _linear,
    "ExponentialLR": _exponential,
    "PolynomialLR": _polynomial,
    "CosineAnnealingLR": _cosine,
    "CosineAnnealingWarmRestarts": _warm_restarts,
    "CyclicLR": _cyclic,
    "OneCycleLR": _one_cycle,
    "SequentialLR": _sequential,
    "ChainedScheduler": _chained,
}
