"""What ``lrsched compare`` is given: schedules are stepped, stored traces read; all problems come at once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lrsched_cli.cli.run import load, stepped
from lrsched_cli.core.visible_text import visible
from lrsched_cli.errors import Problem, ScheduleFileError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lrsched_cli.analysis.stored_trace import StoredTrace
    from lrsched_cli.analysis.trace import Trace
    from lrsched_cli.core.config import Schedule

_Read = TypeVar("_Read")


@dataclass(frozen=True)
class Inputs:
    """The traces, and the schedules behind those that were stepped (as they were), each under its label."""

    traces: dict[str, Trace | StoredTrace]
    schedules: dict[str, Schedule]


@dataclass
class _Problems:
    """Gathers the problems of all inputs."""

    found: dict[Problem, list[str]] = field(default_factory=dict)
    hint: str = ""

    def of(self, label: str, read: Callable[[], _Read]) -> _Read | None:
        """What ``read`` gives; None where it finds problems."""
        try:
            return read()
        except ScheduleFileError as error:
            for problem in error.problems:
                self.found.setdefault(problem, []).append(label)
            self.hint = self.hint or error.hint
            return None

    def tell(self, schedules: int) -> None:
        """Raise them all, if there are any; an override's says where it is one of some schedules only."""
        if self.found:
            from lrsched_cli.core.sources import override_number  # noqa: PLC0415 - imports yaml

            problems = [
                replace(problem, message=f"{problem.message} (in {', '.join(labels)})")
                if override_number(problem.file) and len(labels) < schedules
                else problem
                for problem, labels in self.found.items()
            ]
            raise ScheduleFileError(problems, self.hint)


def read_inputs(
    inputs: Sequence[str],
    overrides: Sequence[str] | None,
    steps: int | None,
    *,
    trust: bool,
    model: str | None = None,
) -> Inputs:
    """Load, step and read every input; overrides, ``steps`` and ``model`` go to the schedules.

    Raises ScheduleFileError with the problems of all inputs.
    """
    _check(inputs, [*(overrides or ()), *([] if model is None else [model])], steps)
    labels = labels_of(inputs)
    problems = _Problems()
    schedules: dict[str, Schedule] = {}
    stored: dict[str, StoredTrace] = {}
    for label, given in zip(labels, inputs, strict=True):
        if is_stored(given):
            trace = problems.of(label, partial(_read, given))
            stored |= {} if trace is None else {label: trace}
        else:
            schedule = problems.of(label, partial(load, given, overrides, trust=trust, model=model))
            schedules |= {} if schedule is None else {label: schedule}
    count = sum(not is_stored(given) for given in inputs)
    problems.tell(count)
    traces: dict[str, Trace | StoredTrace | None] = {
        label: stored.get(label) or problems.of(label, partial(_stepped, schedules, label, steps))
        for label in labels
    }
    problems.tell(count)
    if steps is not None:
        schedules = {label: one.model_copy(update={"steps": steps}) for label, one in schedules.items()}
    return Inputs({label: trace for label, trace in traces.items() if trace is not None}, schedules)


def is_stored(given: str) -> bool:
    """Whether an input is a trace as CSV."""
    return Path(given).suffix.lower() == ".csv"


def _read(given: str) -> StoredTrace:
    from lrsched_cli.analysis.stored_trace import read_stored_trace  # noqa: PLC0415 - imports numpy

    return read_stored_trace(Path(given))


def _stepped(schedules: dict[str, Schedule], label: str, steps: int | None) -> Trace:
    return stepped(schedules[label], steps)


def _check(inputs: Sequence[str], overrides: Sequence[str] | None, steps: int | None) -> None:
    if len(inputs) < 2:  # noqa: PLR2004 - a pair
        raise UsageError(
            "compare takes two or more schedules or traces, such as: lrsched compare A.yaml B.csv"
        )
    if list(inputs).count("-") > 1:
        raise UsageError("standard input (-) can be read only once")
    if (overrides or steps) and all(map(is_stored, inputs)):
        raise UsageError("--set, --steps and --model need a schedule; all of these are stored traces")


def labels_of(inputs: Sequence[str]) -> list[str]:
    """A label for each input: its name without the suffix, or as much of its path as tells it from others.

    >>> labels_of(["default", "runs/a.csv"]), labels_of(["old/a.yaml", "new/a.yaml"])
    (['default', 'a'], ['old/a.yaml', 'new/a.yaml'])
    >>> labels_of(["default", "default.csv"]), labels_of(["default", "default"])
    (['default', 'default.csv'], ['default', 'default (2)'])
    """
    stems = ["stdin" if given == "-" else visible(Path(given).stem) for given in inputs]
    labels = [
        stem if stems.count(stem) == 1 else _telling_part(given, _namesakes(inputs, stems, stem))
        for stem, given in zip(stems, inputs, strict=True)
    ]
    for place, label in enumerate(labels):
        copy = 2
        while labels[place] in labels[:place]:
            labels[place] = f"{label} ({copy})"
            copy += 1
    return labels


def _namesakes(inputs: Sequence[str], stems: Sequence[str], stem: str) -> list[str]:
    return [given for given, other in zip(inputs, stems, strict=True) if other == stem]


def _telling_part(given: str, namesakes: Sequence[str]) -> str:
    """The shortest end of a path that no other of the paths ends in."""
    parts = Path(given).parts
    others = [Path(other).parts for other in namesakes if other != given]
    for length in range(1, len(parts) + 1):
        if all(other[-length:] != parts[-length:] for other in others):
            return visible("/".join(parts[-length:]))
    return visible(given)
