"""At which step a checkpoint stands, by everything in it that knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lrsched_cli.core.stepping import scheduler_steps
from lrsched_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lrsched_cli.analysis.checkpoint.parts import FoundPart
    from lrsched_cli.analysis.checkpoint.saved import SavedOptimizer, SavedScheduler
    from lrsched_cli.core.config import Schedule

Source = Literal["scheduler", "step", "optimizer"]
Reason = Literal[
    "between the steps",
    "other loop order",
    "counted from 0",
    "counted ahead",
    "several scheduler steps per update",
    "several updates per scheduler step",
    "apart",
]
"""Why two numbers differ.

``between the steps``: written between the optimizer's step and the scheduler's, in the order of the file's
loop. ``other loop order``: one apart the other way. ``counted from 0``, ``counted ahead``: the step entry is
one below, or one above. ``several ...``: the one is a multiple of the other. ``apart``: anything else.
"""


@dataclass(frozen=True, slots=True)
class KnownStep:
    """What one part of the file says, and how far that is from the step that the checkpoint stands at.

    ``factor`` goes with the two reasons that speak of several steps. ``fewest`` is the smallest of the
    optimizer's counters where they differ; ``steps`` is the largest.
    """

    source: Source
    where: str
    steps: int
    offset: int
    reason: Reason | None
    factor: int | None = None
    fewest: int | None = None


@dataclass(frozen=True, slots=True)
class StepsReport:
    """The step that the checkpoint stands at, and everything in it that says so; the first one counts."""

    step: int
    known: tuple[KnownStep, ...]

    @property
    def agree(self) -> bool:
        """Whether all that know the step say the same; a single one agrees with itself."""
        return all(one.offset == 0 for one in self.known)

    @property
    def ahead(self) -> int:
        """How many updates more than scheduler steps were made, where they are one apart; else 0."""
        apart = [one.offset for one in self.known if one.reason in {"between the steps", "other loop order"}]
        return apart[0] if apart else 0


def steps_report(
    optimizer: SavedOptimizer | None,
    scheduler: SavedScheduler | None,
    step: FoundPart | None,
    schedule: Schedule,
    path: Path,
) -> StepsReport:
    """Compare what the scheduler's state, the step entry and the optimizer's counters say, in this order.

    Where the scheduler is stepped every epoch, its steps are told as the updates that they stand for: as many
    as another part says, if those belong to as many steps, else those of whole epochs.

    Raises UsageError where none of them knows a step.
    """
    found = _in_updates(list(_sources(optimizer, scheduler, step)), schedule)
    if not found:
        raise UsageError(
            f"{path}: does not say at which step it stands: no scheduler state with a step, no step entry, "
            "and no counters in the optimizer's state; name an entry with --step-key"
        )
    first, _, stands_at = found[0]
    known = []
    for source, where, steps in found:
        reason, factor = _reason(source, steps, stands_at, schedule.loop, by_scheduler=first == "scheduler")
        fewest = optimizer.updates[0] if source == "optimizer" and optimizer and optimizer.updates else None
        known.append(
            KnownStep(
                source=source,
                where=where,
                steps=steps,
                offset=steps - stands_at,
                reason=reason,
                factor=factor,
                fewest=fewest if fewest != steps else None,
            )
        )
    return StepsReport(stands_at, tuple(known))


def _sources(
    optimizer: SavedOptimizer | None, scheduler: SavedScheduler | None, step: FoundPart | None
) -> Iterator[tuple[Source, str, int]]:
    if scheduler is not None and scheduler.step is not None:
        yield "scheduler", _joined(scheduler.key, scheduler.step_field), scheduler.step
    if step is not None:
        yield "step", step.key, step.value
    if optimizer is not None and optimizer.updates is not None:
        yield "optimizer", _joined(optimizer.key, "state.*.step"), optimizer.updates[1]


def _in_updates(found: list[tuple[Source, str, int]], schedule: Schedule) -> list[tuple[Source, str, int]]:
    if not found or found[0][0] != "scheduler" or schedule.updates_per_step == 1:
        return found
    (_, where, taken), *others = found
    fitting = [updates for _, _, updates in others if scheduler_steps(schedule, updates) == taken]
    return [("scheduler", where, fitting[0] if fitting else taken * schedule.updates_per_step), *others]


def _joined(key: str, field: str) -> str:
    return f"{key}.{field}" if key else field


def _reason(
    source: Source, steps: int, stands_at: int, loop: str, *, by_scheduler: bool
) -> tuple[Reason | None, int | None]:
    """Why ``steps`` is not the step that the checkpoint stands at; None where it is."""
    offset = steps - stands_at
    if offset == 0:
        return None, None
    if abs(offset) == 1 and source == "optimizer" and by_scheduler:
        ahead = 1 if loop == "optimizer-first" else -1  # of what steps first, when the other has yet to
        return ("between the steps" if offset == ahead else "other loop order"), None
    if abs(offset) == 1:
        return ("counted from 0" if offset < 0 else "counted ahead"), None
    if source == "optimizer" and steps and stands_at:
        if stands_at % steps == 0:
            return "several scheduler steps per update", stands_at // steps
        if steps % stands_at == 0:
            return "several updates per scheduler step", steps // stands_at
    return "apart", None
