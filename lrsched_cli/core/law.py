"""One schedule on its way through the law: where it stands in its cycles, and its last factors."""

from __future__ import annotations

import copy
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
from lrsched_cli.errors import CustomLambdaError

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


class Track:
    """The law under one set of parameters, advanced step by step; several param groups may share it.

    Attributes are plain slots, and parameters stand beside the model that holds them: a training loop
    runs ``advance`` once per step.
    """

    __slots__ = (
        "T_cur",
        "T_i",
        "T_mult",
        "batch",
        "batch_size",
        "cosine",
        "custom",
        "custom_lambda",
        "cycle",
        "decay",
        "eta_scal_max",
        "eta_scal_min",
        "group",
        "lr_scale",
        "next_custom",
        "parameters",
        "power",
        "warmup",
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
        self.T_cur, self.T_i, self.cycle = 0, parameters.T_0, 0
        self.power = 1.0  # gamma ** cycle: the decay that is in force outside the warm-up
        self.next_custom = 1.0
        self._clear_factors()

    def _clear_factors(self) -> None:
        """As before the first step."""
        self.batch_size: float | None = None
        self.batch = self.warmup = self.cosine = self.decay = self.custom = self.lr_scale = 1.0

    @property
    def position(self) -> Position:
        """Where the schedule stands."""
        return Position(self.T_cur, self.T_i, self.cycle)

    @property
    def factors(self) -> Factors:
        """The last step's factors."""
        return Factors(self.batch, self.warmup, self.cosine, self.decay, self.custom)

    def prepare(self, step: int) -> None:
        """Ask the custom factor for ``step``: the one part of a step that can fail.

        Raises CustomLambdaError where it raises or gives no finite number. Nothing that can be seen
        changes before ``advance``.
        """
        if self.custom_lambda is None:
            return
        try:
            value = self.custom_lambda(step)
        except (Exception, SystemExit) as error:
            reason = str(error) or type(error).__name__
            message = f"custom_lambda failed at step {step}: {reason}"
            raise CustomLambdaError(message, step, self.group) from error
        # The first question spares the training loop the slow second one.
        if not ((type(value) is float or isinstance(value, numbers.Real)) and _is_finite(value)):
            message = f"custom_lambda gave {repr(value)[:60]} at step {step}; it must give a finite number"
            raise CustomLambdaError(message, step, self.group)
        self.next_custom = float(value)

    def advance(self, step: int, batch_size: float | None) -> None:
        """Take ``step``, for which ``prepare`` has been called."""
        if step > self.warmup_steps:
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur = 0
                self.T_i *= self.T_mult
                self.cycle += 1
                self.power = decay_factor(self.parameters.gamma, self.cycle)
        self._set_factors(step, batch_size)

    def _set_factors(self, step: int, batch_size: float | None) -> None:
        if batch_size != self.batch_size:
            self._set_batch(batch_size)
        if step > self.warmup_steps:
            self.warmup = 1.0
            self.cosine = cosine_factor(self.T_cur, self.T_i)
            self.decay = self.power
        else:
            shape = self.parameters
            self.warmup = warmup_factor(step, self.warmup_steps, shape.warmup_scale_min, shape.warmup_type)
            self.cosine = self.decay = 1.0
        self.custom = self.next_custom
        self.lr_scale = multiplier(self.batch, self.warmup, self.cosine, self.decay, self.custom)

    def _set_batch(self, batch_size: float | None) -> None:
        shape = self.parameters
        self.batch_size = batch_size
        self.batch = (
            1.0
            if batch_size is None
            else batch_factor(batch_size, shape.base_batch_size, shape.batch_size_mode)
        )

    def restored(self, position: Position, step: int, batch_size: float | None) -> Track:
        """This schedule as it stood after ``step`` at ``position``; this object stays as it is.

        Raises CustomLambdaError as ``prepare`` does.
        """
        track = copy.copy(self)
        track.T_cur, track.T_i, track.cycle = position
        track.power = decay_factor(track.parameters.gamma, track.cycle)
        if step == 0:
            track._clear_factors()
        else:
            track.prepare(step)
            track._set_factors(step, batch_size)
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
