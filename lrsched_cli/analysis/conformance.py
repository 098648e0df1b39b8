"""Every scheduler that a file can name, saved and restored in every way: which of them goes on exactly?"""

from __future__ import annotations

import json
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from lrsched_cli.analysis.resume.recipes import COMPLETE, chosen_recipes
from lrsched_cli.analysis.resume.results import Shape
from lrsched_cli.analysis.resume.verify import verify_resume
from lrsched_cli.core.config import schedule_from_text
from lrsched_cli.core.families import FAMILIES, family_of
from lrsched_cli.core.messages import did_you_mean
from lrsched_cli.errors import ResumeError, ScheduleFileError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from lrsched_cli.analysis.resume.results import ResumeReport, SavePointResult
    from lrsched_cli.core.config import Schedule
    from lrsched_cli.core.families.family import Example, Family

    Progress = Callable[[int, int], None]

Outcome = Literal["exact", "LRs exact", "fails", "n/a"] | Shape
"""Of one recipe at all save points: everything is as it should be; at least every number of the param groups
is; a run could not be restored; the recipe cannot be tried; or how the worst fault runs."""

SAVE_AT = (1, 4, 5, 6, 13, 20, 31, 39)
"""The first updates, the milestones of the examples with their neighbours, the middle, the last but one."""
BASE_LRS = (0.1, 0.02)
OPTIMIZER = {"type": "SGD", "momentum": 0.9}
"""Some schedulers change the momentum as well."""
_WORST_FIRST: tuple[Shape, ...] = ("permanent", "late", "heals", "first update only")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a recipe comes to. ``wrong_at`` are the save points that do not go on at the right numbers.

    ``largest`` is the largest absolute difference of an LR at any of them, None where there is none.
    """

    outcome: Outcome
    largest: float | None = None
    wrong_at: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Configuration:
    """A scheduler with its settings (short phrases), and its check; ``failure`` says why there is none."""

    family: str
    type: str
    settings: tuple[str, ...]
    report: ResumeReport | None
    failure: str = ""

    def verdict(self, recipe: str) -> Verdict:
        """What the recipe of this label comes to."""
        return Verdict("fails") if self.report is None else verdict(self.report.of_recipe(recipe))


@dataclass(frozen=True, slots=True)
class Library:
    """A library of schedulers in its installed version, or what to do about its absence."""

    name: str
    version: str | None
    missing: str = ""


@dataclass(frozen=True, slots=True)
class ConformanceReport:
    """What ``conformance`` found; ``recipes`` are labels.

    ``no_example`` are types that need settings and have none here: they are not checked.
    """

    libraries: tuple[Library, ...]
    recipes: tuple[str, ...]
    configurations: tuple[Configuration, ...]
    no_example: tuple[str, ...]

    @property
    def inexact(self) -> tuple[Configuration, ...]:
        """The configurations that do not go on exactly though both states are loaded."""
        return tuple(one for one in self.configurations if one.verdict(COMPLETE).outcome != "exact")


def conformance(
    patterns: Sequence[str] = (), recipes: Sequence[str] = ("all",), progress: Progress | None = None
) -> ConformanceReport:
    """Check that a resumed run continues exactly, with an example of every scheduler of every family.

    Each trains two param groups for a few dozen updates, saved after those of ``SAVE_AT``, and is restored
    in this process.

    Args:
        patterns: types, as a file writes them, or globs of them; none: all types.
        recipes: the ways to restore, besides ``"complete"``: names of ``RECIPES``, or ``"all"``.
        progress: called with the configurations checked and the configurations in all.

    Raises:
        UsageError: a pattern that fits no type, a recipe that is none.
        OutputError: the temporary folder cannot be written.
    """
    labels = tuple(one.label for one in chosen_recipes(recipes))
    families = sorted((one for one in FAMILIES if one.names() or one.missing()), key=lambda one: one.name)
    examples = [(family, one) for family in families for one in family.examples()]
    with_example = {str(one.section["type"]) for _, one in examples}
    types = dict.fromkeys([name for family in families for name in family.names()])
    for pattern in patterns:
        _check_pattern(pattern, types)
    chosen = [one for one in types if not patterns or any(fnmatchcase(one, each) for each in patterns)]
    wanted = [(family, one) for family, one in examples if one.section["type"] in chosen]
    found: list[Configuration] = []
    tell = progress or (lambda *_: None)
    tell(0, len(wanted))
    for family, example in wanted:
        found.append(_checked(family, example, recipes))
        tell(len(found), len(wanted))
    return ConformanceReport(
        libraries=tuple(Library(one.name, one.version(), one.missing()) for one in families),
        recipes=labels,
        configurations=tuple(found),
        no_example=tuple(one for one in chosen if one not in with_example),
    )


def _check_pattern(pattern: str, types: Iterable[str]) -> None:
    """UsageError for a pattern that fits no type."""
    if any(fnmatchcase(one, pattern) for one in types):
        return
    missing = family_of(pattern).missing()
    raise UsageError(f"{pattern}: {missing or f'no scheduler has such a type{did_you_mean(pattern, types)}'}")


def _checked(family: Family, example: Example, recipes: Sequence[str]) -> Configuration:
    settings: tuple[str, ...] = ()
    report, failure = None, ""
    try:
        schedule = schedule_of(example)
        settings = _words(family, schedule)
        report = verify_resume(
            schedule,
            save_at=[one for one in SAVE_AT if one < example.steps],
            recipes=recipes,
            steps=example.steps,
        )
    except ScheduleFileError as error:
        failure = "; ".join(f"{one.key}: {one.message}" for one in error.problems)
    except ResumeError as error:
        failure = str(error)
    return Configuration(family.name, str(example.section["type"]), settings, report, failure)


def schedule_of(example: Example) -> Schedule:
    """The example as a schedule, over two param groups; ScheduleFileError where it is none."""
    names = ("first", "second")
    stated = {
        "name": "example",
        "steps": example.steps,
        "optimizer": {"lr": BASE_LRS[0], **(example.optimizer or OPTIMIZER)},
        "param_groups": [{"name": name, "lr": lr} for name, lr in zip(names, BASE_LRS, strict=True)],
        "scheduler": dict(example.section),
    }
    return schedule_from_text(json.dumps(stated), f"example of {example.section['type']}")


def _words(family: Family, schedule: Schedule) -> tuple[str, ...]:
    """The settings as the headline of a picture has them, without the type."""
    phrases = [*family.headline(schedule), *family.further_settings(schedule)]
    return tuple(one for one in phrases if one != schedule.scheduler.type)


def verdict(results: Sequence[SavePointResult]) -> Verdict:
    """What a recipe comes to, by its results at all save points; none: it could not be tried.

    A tail of one update can only be wrong in its first one; where there are longer tails, it has no say in
    the shape.
    """
    if not results:
        return Verdict("n/a")
    failed = tuple(one.save_at for one in results if one.failure is not None)
    if failed:
        return Verdict("fails", None, failed)
    wrong = [one for one in results if not one.numbers_identical]
    if not wrong:
        return Verdict("exact" if all(one.identical for one in results) else "LRs exact")
    shapes = {one.kinds[0].shape for one in ([one for one in wrong if one.updates > 1] or wrong)}
    return Verdict(
        next(shape for shape in _WORST_FIRST if shape in shapes),
        max((one.largest_lr.value for one in wrong if one.largest_lr is not None), default=None),
        tuple(one.save_at for one in wrong),
    )
