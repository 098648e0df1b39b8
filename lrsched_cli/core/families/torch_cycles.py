"""The courses of PyTorch's schedulers between two LRs of their own: CyclicLR and OneCycleLR."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lrsched_cli.core.families.course import RAISES, Course, Horizon, Outline
from lrsched_cli.core.families.torch_course import RESTARTS_LOOKED_AT, Part, counts, each, inverted
from lrsched_cli.errors import StepError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lrsched_cli.core.families.torch_course import Maker

    Phase = tuple[float, float, int, int]
    """Where it begins and ends, and which of the start, the peak and the end it leads from and to."""


def _cyclic(part: Part) -> Outline | None:
    stated = part.arguments
    per_group = isinstance(stated["base_lr"], list) or isinstance(stated["max_lr"], list)
    up, down = stated["step_size_up"], stated["step_size_down"]
    down = up if down is None else down
    low, high = (each(stated[key], part.base) for key in ("base_lr", "max_lr"))
    if low is None or high is None or not counts(up, down):
        return None
    known = Outline(
        turns=tuple(
            (up + down) * number + place for number in range(RESTARTS_LOOKED_AT) for place in (0, up)
        ),
        inverted=inverted(part.at("base_lr"), low, high, "max_lr"),
        per_group=per_group,
    )
    if stated["scale_fn"] is not None:
        return known  # what a function of the user's own gives, stepping tells
    share = _share(up, down, _HEIGHTS[stated["mode"]], stated["gamma"])

    def lrs(step: int) -> tuple[float, ...]:
        scale = share(step)
        return tuple(one + (other - one) * scale for one, other in zip(low, high, strict=True))

    return known.filled(lrs)


def _share(
    up: int, down: int, height: Callable[[int, int, float], float], gamma: float
) -> Callable[[int], float]:
    """How much of the way from the lower to the upper LR a step is at."""
    size, ratio = up + down, up / (up + down)

    def share(step: int) -> float:
        cycle = math.floor(1 + step / size)
        x = 1.0 + step / size - cycle
        try:
            return (x / ratio if x <= ratio else (x - 1) / (ratio - 1)) * height(cycle, step, gamma)
        except OverflowError:  # a power, which the class does not take step by step: it fails there
            raise StepError(f"the scale of cycle {cycle:,} is too large a number", step) from None

    return share


_HEIGHTS: Mapping[str, Callable[[int, int, float], float]] = {
    "triangular": lambda *_: 1.0,
    "triangular2": lambda cycle, *_: float(1 / 2.0 ** (cycle - 1)),
    "exp_range": lambda _, step, gamma: float(float(gamma) ** step),
}
"""How high a cycle is: by its number, or by the step."""


def _one_cycle(part: Part) -> Outline | None:
    stated = part.arguments
    highest = each(stated["max_lr"], part.base)
    total, key = stated["total_steps"], "total_steps"
    if total is None and counts(stated["epochs"], stated["steps_per_epoch"]):
        total, key = stated["epochs"] * stated["steps_per_epoch"], "epochs"
    rising = stated["pct_start"]
    if not counts(total) or highest is None or not isinstance(rising, float) or not 0 <= rising <= 1:
        return None
    phases = _phases(total, rising, three=stated["three_phase"])
    if any(begin == end for begin, end, *_ in phases) or stated["anneal_strategy"] not in {"cos", "linear"}:
        return None  # the class refuses these, or divides by the length of a phase that has none
    divs = stated["div_factor"], stated["final_div_factor"]
    points = [(one / divs[0], one, one / divs[0] / divs[1]) for one in highest]
    cosine = stated["anneal_strategy"] == "cos"

    def lrs(step: int) -> tuple[float, ...]:
        at = min(step, total)  # there are none beyond, of which the horizon tells
        start, end, begin, finish = next(phase for phase in phases if at <= phase[1] or phase is phases[-1])
        done = (at - start) / (end - start)
        share = (1 - math.cos(math.pi * done)) / 2 if cosine else done
        return tuple(one[begin] + (one[finish] - one[begin]) * share for one in points)

    return Course(
        lrs,
        turns=tuple(int(phase[1]) for phase in phases),
        horizons=(Horizon(part.at(key), total - 1, RAISES),),
        per_group=isinstance(stated["max_lr"], list),
    )


def _phases(total: int, rising: float, *, three: Any) -> list[Phase]:
    rise, fall = float(rising * total) - 1, float(2 * rising * total) - 2
    if three:
        return [(0.0, rise, 0, 1), (rise, fall, 1, 0), (fall, total - 1.0, 0, 2)]
    return [(0.0, rise, 0, 1), (rise, total - 1.0, 1, 2)]


CYCLE_MAKERS: dict[str, Maker] = {"CyclicLR": _cyclic, "OneCycleLR": _one_cycle}
