"""One schedule on its way through the law: where it stands in its cycles, and its last factors."""

from __future__ import annotations

import numbers
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

from lrsched_cli.core.factors import (
    batch_factor,
    cosine_factor,
    cycle_position,
    decay_factor,
    multiplier,
    warmup_factor,
)
from lrsched_cli.errors import CustomLambdaError, StepError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lrsched_cli.core.parameters import Parameters


class Factors(NamedTuple):
    """The five factors of one step; the product in this order is the multiplier ``lr_scale``."""

    batch: float
    warmup: float
    cosine: float
    decay: float
    custom: float


class Position(NamedTuple):
    """Where a schedule stands: steps since the restart, cycle length in steps, restarts so far."""

    T_cur: int
    T_i: int
    cycle: int


_Moment = tuple[int, int, int, float, float | None, float, float, float, float, float, float]
"""T_cur, T_i, cycle, gamma ** cycle, batch size, the five factors, and the multiplier of a step."""


class Track:
    """The law under one set of parameters, advanced step by step; several param groups may share it.

    A training loop runs ``prepare`` and ``commit`` once per step: so the state is one plain tuple, and
    parameters stand beside the model that holds them.
    """

    __slots__ = (
        "T_mult",
        "_next",
        "_now",
        "custom_lambda",
        "eta_scal_max",
        "eta_scal_min",
        "group",
        "lr_scale",
        "parameters",
        "warmup_steps",
    )

    def __init__(
        self,
        parameters: Parameters,
        custom_lambda: Callable[[int], float] | None = None,
        group: str | int | None = None,
    ) -> None:
        """``group`` names the param group whose own schedule this is; None: the schedule of all."""
        self.parameters = parameters
        self.custom_lambda = custom_lambda
        self.group = group
        self.warmup_steps = parameters.warmup_steps
        self.T_mult = parameters.T_mult
        self.eta_scal_min = parameters.eta_scal_min
        self.eta_scal_max = parameters.eta_scal_max
        self._next: _Moment = (0, parameters.T_0, 0, 1.0, None, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
        self.commit()

    @property
    def position(self) -> Position:
        """Where the schedule stands."""
        return Position(*self._now[:3])

    @property
    def batch_size(self) -> float | None:
        """The last step's batch size."""
        return self._now[4]

    @property
    def factors(self) -> Factors:
        """The last step's factors; all 1 before the first step."""
        return Factors(*self._now[5:10])

    def prepare(self, step: int, batch_size: float | None) -> None:
        """Work out ``step``; nothing that can be seen changes before ``commit``.

        Raises CustomLambdaError where the custom factor raises or gives no finite number, StepError
        where the multiplier grows beyond what a number can hold.
        """
        T_cur, T_i, cycle, power, last_size, batch, _, _, _, _, _ = self._now
        custom = 1.0 if self.custom_lambda is None else self._custom(self.custom_lambda, step)
        if batch_size != last_size:
            batch = self._batch(batch_size)
        if step > self.warmup_steps:
            T_cur += 1
            if T_cur >= T_i:
                T_cur = 0
                T_i *= self.T_mult
                cycle += 1
                power = decay_factor(self.parameters.gamma, cycle)
            warmup, cosine, decay = 1.0, cosine_factor(T_cur, T_i), power
        else:
            shape = self.parameters
            warmup = warmup_factor(step, self.warmup_steps, shape.warmup_scale_min, shape.warmup_type)
            cosine = decay = 1.0
        lr_scale = multiplier(batch, warmup, cosine, decay, custom)
        if not isfinite(lr_scale):
            message = f"the multiplier is {lr_scale} at step {step}: a factor is beyond what a number holds"
            raise StepError(message, step, self.group)
        self._next = (T_cur, T_i, cycle, power, batch_size, batch, warmup, cosine, decay, custom, lr_scale)

    def commit(self) -> None:
        """Take the step that ``prepare`` has worked out."""
        self._now = self._next
        self.lr_scale = self._next[10]

    def _custom(self, custom_lambda: Callable[[int], float], step: int) -> float:
        try:
            value = custom_lambda(step)
        except (Exception, SystemExit) as error:
            reason = str(error) or type(error).__name__
            message = f"custom_lambda failed at step {step}: {reason}"
            raise CustomLambdaError(message, step, self.group) from error
        # The first question spares the training loop the slow second one.
        if not ((type(value) is float or isinstance(value, numbers.Real)) and _is_finite(value)):
            message = f"custom_lambda gave {repr(value)[:60]} at step {step}; it must give a finite number"
            raise CustomLambdaError(message, step, self.group)
        return float(value)

    def _batch(self, batch_size: float | None) -> float:
        shape = self.parameters
        if batch_size is None:
            return 1.0
        return batch_factor(batch_size, shape.base_batch_size, shape.batch_size_mode)

    def restored(self, position: Position, step: int, batch_size: float | None) -> Track:
        """This schedule as it stood after ``step`` at ``position``; this object stays as it is.

        Raises what ``prepare`` raises.
        """
        track = Track(self.parameters, self.custom_lambda, self.group)
        T_cur, T_i, cycle = position
        power = decay_factor(self.parameters.gamma, cycle)
        # One step back inside the cycle, from where the law itself leads to the position.
        before = T_cur - 1 if step > self.warmup_steps else T_cur
        track._now = (before, T_i, cycle, power, None, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
        if step > 0:
            track.prepare(step, batch_size)
            track.commit()
        return track

    def position_at(self, step: int) -> Position:
        """The position after ``step`` steps from the start."""
        shape = self.parameters
        return Position(*cycle_position(step, shape.warmup_steps, shape.T_0, shape.T_mult))


def _is_finite(value: float) -> bool:
    try:
        return isfinite(value)
    except OverflowError:  # a whole number beyond the largest double
        return False
