"""The courses of the schedulers of ``transformers`` in closed form: each is a factor of the base LR.

Held against the installed version by a test. A name that is not here is stepped.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lrsched_cli.core.families.course import CLIMBS, STAYS, Course, Horizon, Warmup
from lrsched_cli.core.families.torch_course import Part, scaled

if TYPE_CHECKING:
    from collections.abc import Callable

    After = Callable[[int, int, dict[str, Any]], float]


def transformers_course(part: Part, name: str) -> Course | None:
    """The course of a section; ``name`` is the type's in its library. None where there is no closed form."""
    after = _AFTER.get(name)
    if after is None:
        return None
    stated = dict(part.arguments)
    W, total = stated.get("num_warmup_steps") or 0, stated.get("num_training_steps")
    if name != "constant" and name not in _WITHOUT_END and total is None:
        return None

    def factor(step: int) -> float:
        if step < W and name != "constant":
            return step / max(1, W)
        return after(step - W, W, stated)

    ends = total is not None and name not in {"constant", *_WITHOUT_END}
    beyond = CLIMBS if name == "cosine" else STAYS
    return Course(
        scaled(part.base, factor),
        turns=tuple(one for one in (W, total) if one),
        warmups=(Warmup(W, part.at("num_warmup_steps")),) if W and name != "constant" else (),
        horizons=(Horizon(part.at("num_training_steps"), total, beyond),) if ends and total else (),
    )


def _progress(step: int, W: int, stated: dict[str, Any]) -> float:
    return float(step / max(1, stated["num_training_steps"] - W))


def _linear(step: int, W: int, stated: dict[str, Any]) -> float:
    return max(0.0, 1 - _progress(step, W, stated))


def _cosine(step: int, W: int, stated: dict[str, Any]) -> float:
    cycles = stated.get("num_cycles", 0.5)
    return max(0.0, 0.5 * (1 + math.cos(math.pi * cycles * 2 * _progress(step, W, stated))))


def _with_restarts(step: int, W: int, stated: dict[str, Any]) -> float:
    progress = _progress(step, W, stated)
    if progress >= 1:
        return 0.0
    return max(0.0, 0.5 * (1 + math.cos(math.pi * ((stated.get("num_cycles", 1) * progress) % 1.0))))


def _inverse_sqrt(step: int, W: int, stated: dict[str, Any]) -> float:
    timescale = stated.get("timescale") or W or 10_000
    return 1 / math.sqrt((step + timescale) / timescale)


_AFTER: dict[str, After] = {
    "constant": lambda *_: 1.0,
    "constant_with_warmup": lambda *_: 1.0,
    "linear": _linear,
    "cosine": _cosine,
    "cosine_with_restarts": _with_restarts,
    "inverse_sqrt": _inverse_sqrt,
}
"""The factor so many steps after the warm-up."""

_WITHOUT_END = {"constant_with_warmup", "inverse_sqrt"}
