"""The law of the learning rate: each factor's formula, once.

Every function here is pure and takes one step (Python numbers in, a float out) or an array of steps
(float64 arrays in, a float64 array out), with the same bits either way. That is why cosines and powers
go through ``math`` one by one: numpy's own vectorised ones may differ from them in the last bit.

The law, for scheduler step ``t`` (counted from 1):

    lr_scale = batch * warmup * cosine * decay * custom          (multiplied in this order)
    lr       = min + (max - min) * lr_scale
    min, max = base_lr * eta_scal_min, base_lr * eta_scal_max

Cosine annealing with warm restarts is SGDR (Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5), here as
a factor between 0 and 1; linear batch-size scaling is that of Goyal et al. 2017 (arXiv:1706.02677), the
square-root rule that of Krizhevsky 2014 (arXiv:1404.5997).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_NUMBER = (float, int)

Value = TypeVar("Value", float, "Floats")
"""One step's number, or an array with one number per step."""


def batch_factor(batch_size: Value, base_batch_size: int, batch_size_mode: str) -> Value:
    """How the batch size lifts the LR: ``r``, ``sqrt(r)`` or their mean, with ``r = max(1, size) / base``.

    ``batch_size_mode`` is ``"linear"``, ``"sqrt"`` or ``"blend"``. The factor is positive and has no unit.

    >>> batch_factor(256, 64, "sqrt")
    2.0
    """
    r = _at_least(batch_size, 1) / base_batch_size
    if batch_size_mode == "linear":
        return r
    if batch_size_mode == "sqrt":
        return _sqrt(r)
    return 0.5 * r + 0.5 * _sqrt(r)


def warmup_factor(step: Value, warmup_steps: int, warmup_scale_min: float, warmup_type: str) -> Value:
    """The rise from ``warmup_scale_min`` to 1 over the first ``warmup_steps`` steps, and 1 after them.

    ``warmup_type`` is ``"linear"`` (``t / W``) or ``"cosine"`` (``0.5 * (1 - cos(pi * (t / W)))``).

    >>> warmup_factor(50, 200, 0.05, "linear")
    0.25
    """
    if warmup_steps == 0:
        return _at_most(step, 0) * 0.0 + 1.0
    # The quotient comes first in both shapes; pi * t / W would round differently in the cosine.
    progress = _at_most(step, warmup_steps) / warmup_steps
    if warmup_type == "linear":
        return _at_least(progress, warmup_scale_min)
    return _at_least(0.5 * (1 - _cos(math.pi * progress)), warmup_scale_min)


def cosine_factor(T_cur: Value, T_i: Value) -> Value:
    """The annealing from 1 to 0 over a cycle: ``0.5 * (1 + cos(pi * T_cur / T_i))``.

    ``T_cur`` is the number of steps since the last restart, ``T_i >= 1`` the cycle's length in steps.

    >>> cosine_factor(50, 100)
    0.5
    """
    return 0.5 * (1 + _cos(math.pi * T_cur / T_i))


def decay_factor(gamma: float, cycle: Value) -> Value:
    """The decay, applied once per restart: ``gamma ** cycle``; infinite where that overflows.

    >>> decay_factor(0.5, 3)
    0.125
    """
    if isinstance(cycle, _NUMBER):
        try:
            return float(gamma**cycle)
        except OverflowError:
            return math.inf
    import numpy as np  # noqa: PLC0415 - a caller with an array has imported it already

    cycles, where = np.unique(cycle, return_inverse=True)
    powers = np.array([decay_factor(gamma, one) for one in cycles.tolist()], dtype=np.float64)
    return cast("Value", powers[where].reshape(cycle.shape))


def learning_rate(base_lr: Value, eta_scal_min: float, eta_scal_max: float, lr_scale: Value) -> Value:
    """The LR at a multiplier: from ``base_lr * eta_scal_min`` at 0 to ``base_lr * eta_scal_max`` at 1.

    A multiplier above 1 (a large batch, a growing decay) lifts the LR above the upper end.

    >>> learning_rate(1e-3, 0.0, 2.0, 0.5)
    0.001
    """
    lowest = base_lr * eta_scal_min
    return lowest + (base_lr * eta_scal_max - lowest) * lr_scale


def multiplier(batch: Value, warmup: Value, cosine: Value, decay: Value, custom: Value) -> Value:
    """The product of the five factors, multiplied in this order.

    >>> multiplier(2.0, 1.0, 0.5, 0.9, 1.0)
    0.9
    """
    return batch * warmup * cosine * decay * custom


def cycle_position(step: int, warmup_steps: int, T_0: int, T_mult: int) -> tuple[int, int, int]:
    """``T_cur``, ``T_i`` and ``cycle`` after ``step`` steps of a run, without walking there.

    >>> cycle_position(901, warmup_steps=200, T_0=100, T_mult=2)
    (1, 800, 3)
    """
    T_cur, T_i, cycle = max(0, step - warmup_steps), T_0, 0
    if T_mult == 1:
        return T_cur % T_0, T_0, T_cur // T_0
    while T_cur >= T_i:
        T_cur, T_i, cycle = T_cur - T_i, T_i * T_mult, cycle + 1
    return T_cur, T_i, cycle


def end_of_cycle(cycles: int, warmup_steps: int, T_0: int, T_mult: int) -> int:
    """The last scheduler step before restart number ``cycles``: the end of that many whole cycles.

    >>> end_of_cycle(2, warmup_steps=100, T_0=300, T_mult=2)
    999
    """
    length = 0
    for i in range(cycles):
        length += T_0 * T_mult**i
    return warmup_steps + length - 1


def _cos(x: Value) -> Value:
    if isinstance(x, float):
        return math.cos(x)
    import numpy as np  # noqa: PLC0415

    flat = np.fromiter(map(math.cos, x.ravel().tolist()), dtype=np.float64, count=x.size)
    return cast("Value", flat.reshape(x.shape))


def _sqrt(x: Value) -> Value:
    if isinstance(x, float):
        return math.sqrt(x)
    import numpy as np  # noqa: PLC0415

    # IEEE 754 demands a correctly rounded square root, so numpy's is math's.
    return np.sqrt(x)


def _at_least(x: Value, low: float) -> Value:
    if isinstance(x, _NUMBER):
        return max(low, x)
    import numpy as np  # noqa: PLC0415

    return np.maximum(x, low)


def _at_most(x: Value, high: float) -> Value:
    if isinstance(x, _NUMBER):
        return min(high, x)
    import numpy as np  # noqa: PLC0415

    return np.minimum(x, high)
