"""``steps`` as a mapping: how long a run is in epochs, samples or tokens, and what that takes to know."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from lrsched_cli.core.clock.timeline import Loading
from lrsched_cli.core.clock.units import EPOCHS, SAMPLES, TOKENS, Quantity, number, quantity
from lrsched_cli.core.messages import shown
from lrsched_cli.core.parameters import Section, WholeFrom1

LENGTHS = ("epochs", "updates", "samples", "tokens")
_UNITS = {"epochs": EPOCHS, "samples": SAMPLES, "tokens": TOKENS}


def _amount(unit: str) -> BeforeValidator:
    """Reads a number, or a text with this unit."""

    def read(value: Any) -> Quantity:
        found: Quantity | None = None
        if isinstance(value, str):
            found = quantity(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found = Quantity(number(repr(value)), unit, f"{value}{unit}") if value > 0 else None
        if found is None or found.unit != unit or not found.amount:
            raise ValueError(f"must be a number above 0, or one with the unit {unit} (got {shown(value)})")
        return found

    return BeforeValidator(read)


_IN_SCHEMAS = WithJsonSchema({"type": "number", "exclusiveMinimum": 0})
"""Without the texts, which a schema has from elsewhere."""


class RunLength(Section):
    """How long a run is, in one of four units; what its data are; how its loop treats an epoch's end."""

    epochs: Annotated[Quantity | None, _amount(EPOCHS), _IN_SCHEMAS] = Field(
        None, description="length of the run in epochs"
    )
    updates: WholeFrom1 | None = Field(None, description="length of the run in updates")
    samples: Annotated[Quantity | None, _amount(SAMPLES), _IN_SCHEMAS] = Field(
        None, description="length of the run in samples"
    )
    tokens: Annotated[Quantity | None, _amount(TOKENS), _IN_SCHEMAS] = Field(
        None, description="length of the run in tokens, such as 300Btok"
    )
    dataset_size: WholeFrom1 | None = Field(None, description="samples of an epoch")
    tokens_per_sample: WholeFrom1 | None = Field(None, description="tokens of a sample")
    drop_last: Annotated[bool, Field(strict=True)] = Field(
        Loading().drop_last, description="DataLoader(drop_last=...)"
    )
    sampler_drop_last: Annotated[bool, Field(strict=True)] = Field(
        Loading().sampler_drop_last, description="DistributedSampler(drop_last=...)"
    )
    partial_accumulation: Literal["update", "drop"] = Field(
        "update", description="what an epoch's last micro-batches are for, where fewer than accumulate"
    )
    rounding: Literal["up", "down", "nearest", "exact"] = Field(
        "up", description="to which step an amount goes that falls between two"
    )

    @model_validator(mode="after")
    def _one_length(self) -> RunLength:
        stated = [key for key in LENGTHS if getattr(self, key) is not None]
        if len(stated) != 1:
            gives = f"gives both {stated[0]} and {stated[1]}" if stated else "says no length"
            raise ValueError(f"{gives}; give one of {', '.join(LENGTHS)}")
        return self

    @property
    def length(self) -> Quantity | int:
        """The one that is stated; a whole number counts updates."""
        found = next(getattr(self, key) for key in LENGTHS if getattr(self, key) is not None)
        length: Quantity | int = found
        return length

    @property
    def loading(self) -> Loading:
        """How an epoch's end is treated."""
        return Loading(self.drop_last, self.sampler_drop_last, self.partial_accumulation == "update")


def length_key(stated: Quantity) -> str | None:
    """Under which key of the mapping an amount stands; None for a share of the run itself."""
    return next((key for key, unit in _UNITS.items() if unit == stated.unit), None)


def run_length(stated: Quantity) -> RunLength:
    """The mapping that a text stands for.

    Raises ValueError for a share of the run itself.
    """
    key = length_key(stated)
    if key is None:
        raise ValueError(f"must say how long the run is, which {stated.text} of it does not")
    return RunLength(**{key: stated.text})
