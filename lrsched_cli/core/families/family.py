"""What every family of schedulers offers: the one thing that the rest of the program knows of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import torch

    from lrsched_cli.core.config import Schedule
    from lrsched_cli.core.families.course import Outline
    from lrsched_cli.core.families.resume_notes import ResumeNote
    from lrsched_cli.core.script.script import Script

Path = tuple[str | int, ...]
"""Keys and indices from the top of the file to a setting."""

Finding = tuple[Path, str, bool]
"""Where (a path of keys), what is wrong, and whether it is the key itself that is wrong."""

Stepper = "Callable[[Any, int, float | None], object]"
"""Steps a scheduler once: the scheduler, which of its steps it is (from 1), and the batch size."""


NOT_TOLD = object()
"""Stands for a setting of which a state says nothing: what a restored run does must tell."""
NOT_SAVED = object()
"""Stands for a setting that no state holds, such as a formula: a restored run has that of its own file."""

Holder = tuple["Schedule", int | None]
"""A schedule, and the index of the param group whose own setting is meant; None: that of all groups."""


@dataclass(frozen=True, slots=True)
class View:
    """What a scheduler says of itself besides the LRs: the multiplier, its factors and its cycle state.

    ``read`` gives one row: the multipliers of all groups, then the factors group by group, then the state
    group by group. ``lrs_only``: it never changes any other number of a param group.
    """

    factors: tuple[str, ...]
    state: tuple[str, ...]
    read: Callable[[], list[float]]
    lrs_only: bool = False


@dataclass(frozen=True, slots=True)
class Example:
    """A scheduler with settings that show what it does: what ``lrsched conformance`` runs.

    ``section`` is the ``scheduler:`` of a schedule file, with its type; ``optimizer`` is its ``optimizer:``,
    None where SGD with momentum will do; ``steps`` are the updates that show it.
    """

    section: Mapping[str, Any]
    steps: int = 40
    optimizer: Mapping[str, Any] | None = None


class Family(Protocol):
    """One library's schedulers. Its module imports the library only to build, never to check a file."""

    name: str
    """Of the library."""

    def has(self, kind: str) -> bool:
        """Whether a ``scheduler.type`` is written as this family's are, known or not."""

    def names(self) -> tuple[str, ...]:
        """Every type of the installed version, as a file writes it, sorted; none where it is missing."""

    def version(self) -> str | None:
        """The installed version; None where the library is missing."""

    def missing(self) -> str:
        """What the library's absence asks for, in a few words; empty where it is there or none is needed."""

    def findings(self, section: Mapping[str, Any], path: Path) -> Iterator[Finding]:
        """What is wrong with a scheduler section beyond the kinds of the fields that all types share."""

    def imported_findings(
        self, section: Mapping[str, Any], path: Path, imported: Mapping[str, Any]
    ) -> Iterator[Finding]:
        """What is wrong with it that only the objects of the user's own tell, which are imported by now."""

    def references(self, section: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
        """What it would import of the user's own (``package.module:name``), and where that is said."""

    def step_counts(self, section: Mapping[str, Any], path: Path) -> Iterator[Path]:
        """The settings of a scheduler section that count scheduler steps, as far as they are stated."""

    def settings(self, schedule: Schedule) -> dict[str, Any]:
        """Every setting of the scheduler with its value, defaults included; formulas as their text."""

    def setting(self, holder: Holder, key: str) -> Any:
        """One of them; None where there is no such setting."""

    def with_setting(self, holder: Holder, key: str, other: Holder) -> Schedule | None:
        """The holder's schedule with the other's value of a setting; None where that cannot be made."""

    def with_batch_rule(self, schedule: Schedule, rule: str) -> Schedule | None:
        """The schedule with another rule (``batch_size_mode``) for all groups; None where there is none."""

    def restored_setting(self, state: Mapping[str, Any], key: str, saved: Holder, restored: Holder) -> Any:
        """What a restored state says of a setting; NOT_TOLD or NOT_SAVED where it does not.

        It was saved under the one schedule and restored under the other.
        """

    def headline(self, schedule: Schedule) -> list[str]:
        """The schedule in a few short phrases, for the line below a picture's title."""

    def further_settings(self, schedule: Schedule) -> list[str]:
        """The settings that differ from the defaults and are not in the headline, each as ``key value``."""

    def scheduler_steps(self, schedule: Schedule) -> int | None:
        """How many scheduler steps show all of it; None where only the file can say."""

    def course(self, schedule: Schedule) -> Outline | None:
        """What the file says of the LRs, without importing anything; None where only stepping tells.

        Where it gives them at any step in closed form, it is a ``Course``.
        """

    def resume_notes(self, schedule: Schedule) -> Iterable[ResumeNote]:
        """Which settings a checkpoint overrides, does not hold, or gives back wrongly in some order."""

    def try_out(self, schedule: Schedule, scheduler_steps: int) -> None:
        """Find what fails at some step without importing anything; StepError where something does."""

    def build(self, schedule: Schedule, optimizer: torch.optim.Optimizer) -> Any:
        """The scheduler over ``optimizer``. Raises ScheduleFileError for what its library refuses."""

    def written(self, schedule: Schedule, script: Script) -> str:
        """What ``build`` does as Python source: an expression with the name ``optimizer`` in it."""

    def stepper(self, schedule: Schedule) -> Callable[[Any, int, float | None], object]:
        """How one step is taken; given the scheduler, the number of the step (from 1) and the batch size."""

    def view(self, scheduler: Any) -> View | None:
        """What the scheduler says of itself; None where it says nothing but LRs."""

    def kind_of_state(self, state: Mapping[str, Any]) -> str:
        """Of which of its types a scheduler's saved state looks; empty where it looks like none."""

    def examples(self) -> Iterable[Example]:
        """One or more of every type, for the conformance matrix."""
