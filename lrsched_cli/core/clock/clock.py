"""The clock of a run: how many updates it has, and where each stands in epochs, samples and tokens."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from lrsched_cli.core.clock.units import EPOCHS, SAMPLES, SHARE, TOKENS
from lrsched_cli.core.parameters import LARGEST_WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from lrsched_cli.core.clock.timeline import Timeline
    from lrsched_cli.core.clock.units import Quantity

UP, DOWN, NEAREST, EXACT = "up", "down", "nearest", "exact"


class Moment(NamedTuple):
    """A point of the run in every unit; None where the file does not say what a unit needs."""

    update: int
    share: Fraction | None
    """Of the run, 1 at its end."""
    epochs: Fraction | None
    samples: int | None
    tokens: int | None


@dataclass(frozen=True, slots=True)
class Clock:
    """Turns amounts in any unit into counts of steps, and updates into amounts; exact throughout."""

    timeline: Timeline | None
    """None where there is no batch plan."""
    tokens_per_sample: int | None = None
    rounding: str = UP
    updates: int | None = None
    """Of the run; None as long as that is not known."""

    def at(self, update: int) -> Moment:
        """The run after so many updates."""
        line = self.timeline
        samples = line.samples_at(update) if line is not None else None
        return Moment(
            update,
            Fraction(update, self.updates) if self.updates else None,
            line.epochs_at(update) if line is not None and line.dataset_size is not None else None,
            samples,
            samples * self.tokens_per_sample if samples is not None and self.tokens_per_sample else None,
        )

    def count(self, wanted: Quantity, updates_per_step: int = 1, since: int = 0) -> int:
        """The steps, of so many updates each, after which an amount is reached.

        Where it falls between two steps ``rounding`` decides: ``up``, to the first by whose end it is
        reached; ``down``, to the step before; ``nearest``, to the one whose amount is nearer, up from the
        middle. Raises ValueError where the unit needs what is not known, where ``rounding`` is ``exact``
        and no step fits, and for more than 2**53 updates. The search is short where the amount is reached
        soon after ``since`` steps.
        """
        measure = self._measure(wanted)
        if not wanted.amount:
            return 0
        most = LARGEST_WHOLE // updates_per_step

        def reached(steps: int) -> bool:
            return measure(steps * updates_per_step) >= wanted.amount

        low, stride = (0 if reached(since) else since), 1
        while not reached(low + stride):
            if low + stride > most:
                raise ValueError(f"{wanted.text} is more than {LARGEST_WHOLE:,} updates")
            low, stride = low + stride, 2 * stride
        high = low + stride
        while low + 1 < high:
            middle = (low + high) // 2
            low, high = (low, middle) if reached(middle) else (middle, high)
        return self._rounded(wanted, [(one, measure(one * updates_per_step)) for one in (low, high)])

    def is_exact(self, wanted: Quantity, steps: int, updates_per_step: int = 1) -> bool:
        """Whether an amount is reached exactly at the end of a step."""
        return self._measure(wanted)(steps * updates_per_step) == wanted.amount

    def _rounded(self, wanted: Quantity, neighbours: list[tuple[int, Fraction | int]]) -> int:
        (below, too_little), (above, enough) = neighbours
        if enough == wanted.amount or self.rounding == UP:
            return above
        if self.rounding == EXACT:
            raise ValueError(
                f"{wanted.text} falls between steps {below:,} and {above:,}, and rounding is exact"
            )
        nearer_below = wanted.amount - too_little < enough - wanted.amount
        return below if self.rounding == DOWN or nearer_below else above

    def _measure(self, wanted: Quantity) -> Callable[[int], Fraction | int]:
        """The function that gives the amount, in the unit that is wanted, after so many updates."""
        line, total, tokens = self.timeline, self.updates, self.tokens_per_sample
        if wanted.unit == SHARE:
            if total is None:
                raise ValueError(f"{wanted.text} of a run whose length is not known by then; {_SAY[SHARE]}")
            return lambda update: Fraction(100 * update, total)
        if line is None:
            raise ValueError(f"{wanted.text} needs a batch size; give batch_size")
        if wanted.unit == EPOCHS:
            if line.dataset_size is None:
                raise ValueError(f"{wanted.text} needs the size of the data set; {_SAY[EPOCHS]}")
            return line.epochs_at
        if wanted.unit == SAMPLES:
            return line.samples_at
        if tokens is None:
            raise ValueError(f"{wanted.text} needs the tokens of a sample; {_SAY[TOKENS]}")
        return lambda update: line.samples_at(update) * tokens


_SAY = {
    SHARE: "state steps, or this in another unit",
    EPOCHS: "say it in steps: {epochs: 90, dataset_size: 1281167}",
    TOKENS: "say it in steps: {updates: 1000, tokens_per_sample: 2048}",
}
