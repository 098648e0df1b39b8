"""The scheduler's parameters: names, types, ranges and defaults, once for the class and for the file."""

from __future__ import annotations

import numbers
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

LARGEST_WHOLE = 2**53
"""The largest whole number up to which every whole number is an exact double."""


def plain_number(value: Any) -> Any:
    """Turn numpy's and other libraries' numbers into Python's; a state must hold plain ones."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return value
    return int(value) if isinstance(value, numbers.Integral) else float(value)


Plain = BeforeValidator(plain_number)

WholeFrom0 = Annotated[int, Plain, Field(strict=True, ge=0, le=LARGEST_WHOLE)]
WholeFrom1 = Annotated[int, Plain, Field(strict=True, ge=1, le=LARGEST_WHOLE)]
RealFrom0 = Annotated[float, Plain, Field(strict=True, ge=0, allow_inf_nan=False)]
RealAbove0 = Annotated[float, Plain, Field(strict=True, gt=0, allow_inf_nan=False)]
Share = Annotated[float, Plain, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]


class Section(BaseModel):
    """A part of a schedule: frozen, with no keys but the declared ones."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Parameters(Section):
    """What one schedule is made of; the names are those of torch.optim.lr_scheduler where it has them.

    LRs have no unit here: the two ``eta_scal_*`` are multiples of each param group's base LR.
    """

    warmup_steps: WholeFrom0 = Field(100, description="length of the warm-up, in scheduler steps; 0 = none")
    warmup_scale_min: Share = Field(0.05, description="floor of the warm-up factor")
    warmup_type: Literal["linear", "cosine"] = Field("linear", description="shape of the warm-up")
    T_0: WholeFrom1 = Field(200, description="length of the first cosine cycle, in scheduler steps")
    T_mult: WholeFrom1 = Field(2, description="each cycle is this many times as long as the one before")
    eta_scal_min: RealFrom0 = Field(0.2, description="lower end, as a multiple of the group's base LR")
    eta_scal_max: RealFrom0 = Field(2.0, description="upper end, as a multiple of the group's base LR")
    gamma: RealAbove0 = Field(0.97, description="decay factor, applied once per restart")
    base_batch_size: WholeFrom1 = Field(64, description="batch size at which the batch factor is 1")
    batch_size_mode: Literal["linear", "sqrt", "blend"] = Field(
        "sqrt", description="how the batch factor grows with the batch size"
    )


DEFAULTS = Parameters()
