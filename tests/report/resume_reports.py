"""Resume reports made by hand, for the tests of what is told of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lrsched_cli.analysis.resume.results import (
    KINDS,
    Difference,
    KindResult,
    LargestLR,
    ResumeReport,
    SavePoint,
    SavePointResult,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

STEPS = 100


def right(save_at: int, recipe: str = "complete", *, steps: int = STEPS) -> SavePointResult:
    """A run that continues exactly."""
    return SavePointResult(recipe, save_at, steps - save_at, tuple(KindResult(kind, 0) for kind in KINDS))


def wrong(  # noqa: PLR0913 - whatever a result may hold
    save_at: int,
    recipe: str = "complete",
    *,
    kind: str = "param groups",
    quantity: str = "lr of trunk",
    shape: Any = "permanent",
    update: int | None = None,
    differing: int = 3,
    values: tuple[Any, Any] = (0.5, 0.25),
    largest: float | None = 0.25,
    group: str = "trunk",
    also: tuple[str, ...] = (),
    failure: str | None = None,
    updates: int | None = None,
) -> SavePointResult:
    """A run in which one kind differs; ``values`` are the expected one and the resumed one."""
    at = save_at + 1 if update is None else update
    found = KindResult(kind, differing, Difference(quantity, at, *values), shape, also)  # type: ignore[arg-type]
    return SavePointResult(
        recipe,
        save_at,
        STEPS - save_at if updates is None else updates,
        tuple(found if one == kind else KindResult(one, 0) for one in KINDS),
        None if largest is None else LargestLR(largest, at, group),
        failure,
    )


def failed(save_at: int, recipe: str = "complete", *, why: str = "restoring failed: no") -> SavePointResult:
    """A run that could not be restored."""
    return SavePointResult(recipe, save_at, 0, tuple(KindResult(kind, 0) for kind in KINDS), failure=why)


def report_of(
    results: Iterable[SavePointResult], labels: dict[int, str] | None = None, **fields: Any
) -> ResumeReport:
    """A report of these results; recipes and save points are those of the results."""
    results = tuple(results)
    named = labels or {}
    points = tuple(SavePoint(step, named.get(step, "")) for step in sorted({one.save_at for one in results}))
    made: dict[str, Any] = {
        "name": "s",
        "optimizer": "SGD",
        "scheduler": "StepLR",
        "groups": ("trunk", "head"),
        "loop": "optimizer-first",
        "steps": STEPS,
        "save_points": points,
        "boundaries_left_out": 0,
        "recipes": tuple(dict.fromkeys(one.recipe for one in results)),
        "results": results,
        "skipped": (),
        "fresh_process": True,
        "torch_version": "9.9.9",
    }
    return ResumeReport(**{**made, **fields})
