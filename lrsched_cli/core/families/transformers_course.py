"""The courses of the schedulers of ``transformers`` in closed form: each is a factor of the base LR.

Held against the installed version by a test. A name that is not here is stepped, and so are settings that
the library refuses, or fails with.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from lrsched_cli.core.families.course import CLIMBS, STAYS, Course, Horizon, Warmup
from lrsched_cli.core.families.torch_course import Part, scaled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class _Stated(NamedTuple):
    """The arguments, and those that most have: the warm-up, the run, and the optimizer's own LR."""

    arguments: Mapping[str, Any]
    W: int
    total: int | None
    default_lr: float | None

    def progress(self, step: int) -> float:
        """How much of the way from the warm-up to the run's end a step is at."""
        return float((step - self.W) / max(1, (self.total or 0) - self.W))


class _Law(NamedTuple):
    """A name's factor of the step, after the warm-up and inside it, and what it does beyond its horizon.

    ``after`` gives None for settings that have no closed form. ``beyond`` is empty where there is no end.
    """

    after: Callable[[_Stated], Callable[[int], float] | None]
    beyond: str = ""
    inside: Callable[[_Stated], Callable[[int], float]] = lambda stated: lambda step: step / max(1, stated.W)
    horizon: Callable[[Part, _Stated], Horizon | None] | None = None


def transformers_course(part: Part, name: str) -> Course | None:
    """The course of a section; ``name`` is the type's in its library. None where there is no closed form."""
    law, stated = _LAWS.get(name), _stated(part, name)
    after = None if law is None or stated is None else law.after(stated)
    if law is None or stated is None or after is None:
        return None
    W, inside = stated.W, law.inside(stated)
    horizon = law.horizon(part, stated) if law.horizon else _to_the_end(part, stated, law.beyond)
    ends = [] if horizon is None else [horizon.start + horizon.value]
    return Course(
        scaled(part.base, lambda step: inside(step) if step < W else after(step)),
        turns=tuple(one for one in (W, *ends) if one > 0),
        warmups=(Warmup(W, part.at("num_warmup_steps")),) if W > 0 else (),
        horizons=() if horizon is None else (horizon,),
    )


def _stated(part: Part, name: str) -> _Stated | None:
    """None where the numbers of steps are none."""
    W, total = (part.arguments.get(key) for key in ("num_warmup_steps", "num_training_steps"))
    numbers = [_whole(one) for one in (W, total)]
    if name == "constant":
        return _Stated(part.arguments, 0, None, part.default_lr)
    if numbers[0] is None or (total is not None and numbers[1] is None):
        return None
    return _Stated(part.arguments, numbers[0], numbers[1], part.default_lr)


def _whole(value: object) -> int | None:
    """A number of steps; the library takes ``1e3`` as well."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return int(value) if value == int(value) else None


def _to_the_end(part: Part, stated: _Stated, beyond: str) -> Horizon | None:
    if not beyond or not stated.total or stated.total < 1:
        return None
    return Horizon(part.at("num_training_steps"), stated.total, beyond)


def _linear(stated: _Stated) -> Callable[[int], float] | None:
    total = stated.total
    if total is None:
        return None
    return lambda step: max(0.0, (total - step) / max(1, total - stated.W))


def _cosine(stated: _Stated) -> Callable[[int], float] | None:
    return None if stated.total is None else _wave(stated, stated.arguments.get("num_cycles", 0.5), 0.0)


def _wave(stated: _Stated, cycles: float, floor: float, ahead: int = 0) -> Callable[[int], float]:
    """A cosine down to a floor; ``ahead`` is how many steps it is further than the step."""

    def after(step: int) -> float:
        share = 0.5 * (1 + math.cos(math.pi * cycles * 2 * stated.progress(step + ahead)))
        return max(0.0, share * (1 - floor) + floor)

    return after


def _with_restarts(stated: _Stated) -> Callable[[int], float] | None:
    if stated.total is None:
        return None
    cycles = stated.arguments.get("num_cycles", 1)

    def after(step: int) -> float:
        progress = stated.progress(step)
        if progress >= 1:
            return 0.0
        return max(0.0, 0.5 * (1 + math.cos(math.pi * ((cycles * progress) % 1.0))))

    return after


def _inverse_sqrt(stated: _Stated) -> Callable[[int], float] | None:
    timescale = stated.arguments.get("timescale")
    timescale = (stated.W or 10_000) if timescale is None else timescale
    if timescale <= 0:
        return None
    return lambda step: 1 / math.sqrt((step - stated.W + timescale) / timescale)


def _polynomial(stated: _Stated) -> Callable[[int], float] | None:
    low, exponent = stated.arguments["lr_end"], stated.arguments["power"]
    high, W, total = stated.default_lr, stated.W, stated.total
    if high is None or total is None or total == W or not high > low or not exponent >= 0:
        return None

    def after(step: int) -> float:
        if step > total:
            return float(low / high)
        left = 1 - (step - W) / (total - W)
        return float(((high - low) * left**exponent + low) / high)

    return after


def _down_to(stated: _Stated) -> float | None:
    """The least share of the base LR, which is stated as one or as an LR; None where both are, or none is."""
    low, share = stated.arguments["min_lr"], stated.arguments["min_lr_rate"]
    if (low is None) == (share is None):
        return None
    if low is None:
        return float(share)
    return float(low / stated.default_lr) if stated.default_lr else None


def _cosine_to_a_minimum(stated: _Stated) -> Callable[[int], float] | None:
    floor = _down_to(stated)
    if floor is None or stated.total is None:
        return None
    return _wave(stated, stated.arguments["num_cycles"], floor)


def _one_step_ahead(stated: _Stated) -> Callable[[int], float] | None:
    floor = _down_to(stated)
    if floor is None or stated.total is None:
        return None
    return _wave(stated, stated.arguments["num_cycles"], floor, ahead=1)


def _from_a_share(stated: _Stated) -> Callable[[int], float]:
    """A warm-up that begins at a share of the base LR, or with its first step done."""
    start, W = stated.arguments["warmup_lr_rate"], stated.W
    if start is None:
        return lambda step: (step + 1) / max(1, W)
    return lambda step: float(start + (1 - start) * step / max(1, W - 1))


def _stable_steps(stated: _Stated) -> int | None:
    stable, decay = stated.arguments["num_stable_steps"], _whole(stated.arguments["num_decay_steps"])
    if stable is not None:
        return _whole(stable)
    return None if stated.total is None or decay is None else stated.total - stated.W - decay


def _stable_then_down(stated: _Stated) -> Callable[[int], float] | None:
    stable, decay = _stable_steps(stated), _whole(stated.arguments["num_decay_steps"])
    shapes = {**_SHAPES, "cosine": _cosine_shape(stated.arguments["num_cycles"])}
    shape, floor = shapes.get(stated.arguments["decay_type"]), stated.arguments["min_lr_ratio"]
    if stable is None or decay is None or shape is None or stated.arguments["warmup_type"] not in shapes:
        return None
    begin = stated.W + stable

    def after(step: int) -> float:
        if step < begin:
            return 1.0
        if step >= begin + decay:
            return float(floor)
        share = shape((step - begin) / max(1, decay))
        return max(0.0, float(share * (1 - floor) + floor))

    return after


_SHAPES: Mapping[str, Callable[[float], float]] = {
    "linear": lambda done: 1 - done,
    "1-sqrt": lambda done: 1 - math.sqrt(done),
}
"""How much is left of the height."""


def _cosine_shape(cycles: float) -> Callable[[float], float]:
    return lambda done: 0.5 * (1 + math.cos(math.pi * cycles * 2 * done))


def _rising_shape(stated: _Stated) -> Callable[[int], float]:
    """A warm-up in one of the same shapes, from the least share on; its square root is turned round."""
    shape, floor = stated.arguments["warmup_type"], stated.arguments["min_lr_ratio"]

    def inside(step: int) -> float:
        done = step / max(1, stated.W)
        if shape == "cosine":
            done = 0.5 * (1 - math.cos(math.pi * done))
        elif shape == "1-sqrt":
            done = 1 - math.sqrt(1 - done)
        return max(0.0, float(done * (1 - floor) + floor))

    return inside


def _of_phases(part: Part, stated: _Stated) -> Horizon | None:
    """The end of the last phase, by the setting that would be changed to move it.

    That of the stable phase is as if it came last: only the sum of all of them counts.
    """
    stable, decay = _stable_steps(stated), _whole(stated.arguments["num_decay_steps"])
    if part.arguments["num_stable_steps"] is None or stable is None or decay is None:
        return _to_the_end(part, stated, STAYS)
    return Horizon(part.at("num_stable_steps"), stable, STAYS, start=stated.W + decay)


_LAWS: dict[str, _Law] = {
    "constant": _Law(lambda _: lambda _: 1.0),
    "constant_with_warmup": _Law(lambda _: lambda _: 1.0),
    "linear": _Law(_linear, STAYS),
    "cosine": _Law(_cosine, CLIMBS),
    "cosine_with_restarts": _Law(_with_restarts, STAYS),
    "inverse_sqrt": _Law(_inverse_sqrt),
    "polynomial": _Law(_polynomial, STAYS),
    "cosine_with_min_lr": _Law(_cosine_to_a_minimum, CLIMBS),
    "cosine_warmup_with_min_lr": _Law(_one_step_ahead, CLIMBS, _from_a_share),
    "warmup_stable_decay": _Law(_stable_then_down, STAYS, _rising_shape, _of_phases),
}
