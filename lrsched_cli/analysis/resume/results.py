"""What a resume check found, as frozen values: one result per save point and recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["param groups", "scheduler state", "optimizer state", "weights"]
KINDS: tuple[Kind, ...] = ("param groups", "scheduler state", "optimizer state", "weights")

Shape = Literal["first update only", "heals", "late", "permanent"]
"""How a fault runs over the resumed updates: the first one alone is wrong (it may be the only one); several
are, and the last is right again; the first is right and later ones are wrong; wrong from the first to the
last."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A quantity at the first update where it is not as in the run without interruption.

    ``expected`` and ``resumed`` are its values in the two runs; None where a run does not have it.
    """

    quantity: str
    update: int
    expected: Any
    resumed: Any


@dataclass(frozen=True, slots=True)
class KindResult:
    """One kind of what a run holds, over the resumed updates: how many differ, and how.

    ``also`` are the other quantities that differ at the update of the first difference, twenty at most.
    """

    kind: Kind
    differing: int
    first: Difference | None = None
    shape: Shape | None = None
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LargestLR:
    """The largest absolute difference of an LR between the two runs, the first update with it, its group."""

    value: float
    update: int
    group: str


@dataclass(frozen=True, slots=True)
class SavePointResult:
    """A run resumed after ``save_at`` updates, against the run without interruption, bit for bit.

    ``updates`` are the resumed updates that were compared: all to the end. ``kinds`` are in the order of
    ``KINDS``. ``failure`` says why there is nothing to compare: the checkpoint could not be written or
    read, or restoring or training on raised.
    """

    recipe: str
    save_at: int
    updates: int
    kinds: tuple[KindResult, ...] = ()
    largest_lr: LargestLR | None = None
    failure: str | None = None

    @property
    def identical(self) -> bool:
        """Whether everything is as in the run without interruption."""
        return self.failure is None and not any(one.differing for one in self.kinds)

    @property
    def numbers_identical(self) -> bool:
        """Whether at least every LR and every other number of the param groups is."""
        return self.failure is None and not self.kinds[0].differing

    @property
    def worst(self) -> KindResult | None:
        """The kind that tells most of a fault: the param groups, or the first of the others that differs."""
        return next((one for one in self.kinds if one.differing), None)

    @property
    def first(self) -> Difference | None:
        """The first difference of all kinds."""
        found = [one.first for one in self.kinds if one.first is not None]
        return min(found, key=lambda one: one.update, default=None)


@dataclass(frozen=True, slots=True)
class SavePoint:
    """After how many updates a checkpoint is written, and what is there, such as ``restart 2 - 1``."""

    step: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class SkippedRecipe:
    """A recipe that cannot be tried here, and why."""

    recipe: str
    reason: str


@dataclass(frozen=True, slots=True)
class ResumeReport:
    """What ``verify_resume`` found. ``identical`` is the verdict of the recipe ``complete``.

    ``results`` are in the order of the recipes, then of the save points. ``fresh_process`` says whether
    the resumed runs were made in a new Python process.
    """

    name: str
    optimizer: str
    scheduler: str
    groups: tuple[str, ...]
    loop: str
    steps: int
    save_points: tuple[SavePoint, ...]
    boundaries_left_out: int
    recipes: tuple[str, ...]
    results: tuple[SavePointResult, ...]
    skipped: tuple[SkippedRecipe, ...]
    fresh_process: bool
    torch_version: str

    @property
    def identical(self) -> bool:
        """Whether the runs restored by the recipe ``complete`` continue exactly, at every save point."""
        results = self.of_recipe("complete")
        return bool(results) and all(one.identical for one in results)

    def of_recipe(self, recipe: str) -> tuple[SavePointResult, ...]:
        """The results of one recipe, by save point."""
        return tuple(one for one in self.results if one.recipe == recipe)
