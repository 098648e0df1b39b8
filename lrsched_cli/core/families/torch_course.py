"""The courses of PyTorch's schedulers in closed form, for looking at a long run without stepping it.

The formulas are those of the classes' documentation. A training multiplies step by step where these work a
value out at once, so the last digits may differ: they agree to 1e-9 of the base LR, which a test holds for
every class. A class that is not here has no closed form and is stepped, and so are settings to which the
formula does not apply: what the class does with them is its own affair.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, NamedTuple

from lrsched_cli.core.expressions import Expression
from lrsched_cli.core.factors import cosine_factor, cycle_position, end_of_cycle
from lrsched_cli.core.families.course import (
    CLIMBS,
    STAYS,
    Course,
    Cycles,
    Horizon,
    Milestone,
    Outline,
    Range,
    Warmup,
)
from lrsched_cli.core.families.formulas import whole_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lrsched_cli.core.families.family import Path

    Factor = Callable[[int], float]
    Maker = Callable[["Part"], Outline | None]

RESTARTS_LOOKED_AT = 64
_STEPS_LOOKED_AT = 200


class Part(NamedTuple):
    """A section: its type, its arguments with their defaults, its place, and the groups' base LRs.

    ``schedulers`` are the parts that it is made of. ``default_lr`` is the optimizer's own, which some
    schedulers work with instead of the groups'; None where it has none.
    """

    kind: str
    arguments: Mapping[str, Any]
    path: Path
    base: tuple[float, ...]
    schedulers: Sequence[Part] = ()
    default_lr: float | None = None

    def at(self, key: str) -> Path:
        """Where an argument stands."""
        return (*self.path, key)


def scaled(base: tuple[float, ...], factor: Factor) -> Callable[[int], tuple[float, ...]]:
    """Every base LR times a factor of the step; an LR of 0 stays that, whatever the factor grows to."""

    def lrs(step: int) -> tuple[float, ...]:
        share = factor(step)
        return tuple(lr * share if lr else 0.0 for lr in base)

    return lrs


def power(gamma: float, times: int) -> float:
    """So many multiplications by ``gamma``: infinite where they overflow, as they are step by step."""
    try:
        return float(gamma) ** times
    except OverflowError:
        return -math.inf if gamma < 0 and times % 2 else math.inf


def counts(*values: object) -> bool:
    """Whether all of them are whole numbers from 1 on."""
    return all(type(one) is int and one >= 1 for one in values)


def each(value: Any, base: tuple[float, ...]) -> list[float] | None:
    """One number for each group; None where the list has another length, which the library refuses."""
    if isinstance(value, list):
        return value if len(value) == len(base) else None
    return [value] * len(base)


def inverted(
    path: Path, floors: Sequence[float], peaks: Sequence[float], above: str = ""
) -> tuple[Range, ...]:
    """The range of the first group whose floor is above its peak, if there is one."""
    pairs = enumerate(zip(floors, peaks, strict=True))
    return tuple(Range(path, group, low, high, above) for group, (low, high) in pairs if low > high)[:1]


def _above_the_base(part: Part) -> tuple[Range, ...]:
    """Where ``eta_min`` is above a base LR; a group that is not trained has none."""
    low = part.arguments["eta_min"]
    return inverted(part.at("eta_min"), [low if lr else 0.0 for lr in part.base], part.base)


def _lambda(part: Part) -> Outline | None:
    stated = part.arguments["lr_lambda"]
    texts = stated if isinstance(stated, list) else [stated]
    own = isinstance(stated, list)
    if not all(isinstance(one, str) for one in texts):
        return Outline(per_group=own)  # functions of the user's own
    formulas = [Expression(one) for one in texts]
    if len(formulas) == 1:
        lrs = scaled(part.base, formulas[0])
    elif len(formulas) == len(part.base):

        def lrs(step: int) -> tuple[float, ...]:
            return tuple(lr * formula(step) for lr, formula in zip(part.base, formulas, strict=True))
    else:
        return None
    turns = sorted({turn for one in texts for turn in whole_numbers(one)})
    return Course(lrs, turns=tuple(turns), per_group=own)


def _multiplicative(part: Part) -> Outline:
    return Outline(per_group=isinstance(part.arguments["lr_lambda"], list))


def _step(part: Part) -> Course | None:
    size, gamma = part.arguments["step_size"], part.arguments["gamma"]
    if not counts(size):
        return None
    return Course(
        scaled(part.base, lambda step: power(gamma, step // size)),
        turns=tuple(size * number for number in range(1, _STEPS_LOOKED_AT)),
        milestones=(Milestone(part.at("step_size"), size),),
        drops=lambda step: step % size == 0,
    )


def _multi_step(part: Part) -> Course:
    gamma, stated = part.arguments["gamma"], part.arguments["milestones"]
    milestones = sorted(one for one in stated if one >= 0)  # no step is ever a negative one
    return Course(
        scaled(part.base, lambda step: power(gamma, bisect_right(milestones, step))),
        turns=tuple(milestones),
        milestones=tuple(Milestone((*part.at("milestones"), place), one) for place, one in enumerate(stated)),
        drops=set(milestones).__contains__,
    )


def _constant(part: Part) -> Course | None:
    factor, total = part.arguments["factor"], part.arguments["total_iters"]
    if not counts(total) or not 0 < factor <= 1 or math.isinf(1 / factor):
        return None
    return Course(
        scaled(part.base, lambda step: factor if step < total else 1.0),
        turns=(total,),
        warmups=(Warmup(total, part.at("total_iters")),) if factor < 1 else (),
        drops=lambda step: step == total,
    )


def _linear(part: Part) -> Course | None:
    start, end, total = (part.arguments[key] for key in ("start_factor", "end_factor", "total_iters"))
    if not counts(total) or not 0 < start <= 1 or not 0 <= end <= 1 or math.isinf(1 / start):
        return None
    rises = end > start
    return Course(
        scaled(part.base, lambda step: start + (end - start) * (min(step, total) / total)),
        turns=(total,),
        warmups=(Warmup(total, part.at("total_iters")),) if rises else (),
        horizons=() if rises else (Horizon(part.at("total_iters"), total, STAYS),),
    )


def _exponential(part: Part) -> Course:
    gamma = part.arguments["gamma"]
    return Course(scaled(part.base, lambda step: power(gamma, step)))


def _polynomial(part: Part) -> Course | None:
    total, exponent = part.arguments["total_iters"], part.arguments["power"]
    if not counts(total) or not exponent >= 0:
        return None
    return Course(
        scaled(part.base, lambda step: float((1 - min(step, total) / total) ** exponent)),
        turns=(total,),
        horizons=(Horizon(part.at("total_iters"), total, STAYS),),
    )


def _cosine(part: Part) -> Course | None:
    T_max, low = part.arguments["T_max"], part.arguments["eta_min"]
    if not counts(T_max):
        return None

    def lrs(step: int) -> tuple[float, ...]:
        share = (1 + math.cos(math.pi * (step / T_max))) / 2
        return tuple(low + (lr - low) * share for lr in part.base)

    return Course(
        lrs,
        turns=tuple(T_max * number for number in range(1, RESTARTS_LOOKED_AT)),
        horizons=(Horizon(part.at("T_max"), T_max, CLIMBS),),
        inverted=_above_the_base(part),
    )


def _warm_restarts(part: Part) -> Course | None:
    T_0, T_mult, low = (part.arguments[key] for key in ("T_0", "T_mult", "eta_min"))
    if not counts(T_0, T_mult):
        return None

    def lrs(step: int) -> tuple[float, ...]:
        T_cur, T_i, _ = cycle_position(step, 0, T_0, T_mult)
        share = cosine_factor(T_cur, T_i)
        return tuple(low + (lr - low) * share for lr in part.base)

    cycles = RESTARTS_LOOKED_AT if T_mult == 1 else 24
    return Course(
        lrs,
        turns=tuple(end_of_cycle(number, 0, T_0, T_mult) for number in range(1, cycles)),
        cycles=tuple(Cycles(0, T_0, T_mult, low, lr, part.path) for lr in part.base),
        inverted=_above_the_base(part),
    )


def _swa(part: Part) -> Outline:
    epochs = part.arguments["anneal_epochs"]
    return Outline(
        turns=(epochs,) if counts(epochs) else (), per_group=isinstance(part.arguments["swa_lr"], list)
    )


MAKERS: dict[str, Maker] = {
    "LambdaLR": _lambda,
    "MultiplicativeLR": _multiplicative,
    "StepLR": _step,
    "MultiStepLR": _multi_step,
    "ConstantLR": _constant,
    "LinearLR": _linear,
    "ExponentialLR": _exponential,
    "PolynomialLR": _polynomial,
    "CosineAnnealingLR": _cosine,
    "CosineAnnealingWarmRestarts": _warm_restarts,
    "SWALR": _swa,
}
"""The classes that bring one thing to the LR each."""

FACTORS = {"StepLR", "MultiStepLR", "ConstantLR", "LinearLR", "ExponentialLR", "PolynomialLR"}
"""Classes that multiply the LR which they find: parts of a chain take their factors together."""
