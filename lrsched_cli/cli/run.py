"""What the commands have in common: read the schedule, step it under a progress bar."""

from __future__ import annotations

import io
import sys
import time
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from typing import TYPE_CHECKING

from lrsched_cli.cli.streams import print_note

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.progress import Progress, TaskID
    from rich.text import Text

    from lrsched_cli.analysis.trace import Trace
    from lrsched_cli.core.assignment import Assignment
    from lrsched_cli.core.config import Schedule
    from lrsched_cli.core.model_parameters import ModelListing

_QUIET_SECONDS = 1.0


def load(config: str, overrides: Sequence[str] | None, *, trust: bool, model: str | None = None) -> Schedule:
    """Read and validate CONFIG with the ``--set`` overrides; with a model, its groups are that model's."""
    schedule = load_as_stated(config, overrides, trust=trust)
    if model is not None or schedule.model is not None:
        return assigned(schedule, model)[0].schedule
    rules = schedule.expanding_rules
    if rules:
        what = " and ".join(rules)
        print_note(f"{schedule.name}: {what}: not shown without a model's parameters; give --model FILE")
    return schedule


def assigned(schedule: Schedule, model: str | None) -> tuple[Assignment, ModelListing]:
    """The param groups of a model, that of the file or another one; what is odd goes to stderr."""
    from lrsched_cli.core.model_source import assignment_of  # noqa: PLC0415 - not for --help

    with redirect_stdout(sys.stderr):  # as below
        assignment, listing = assignment_of(schedule, model)
    for problem in assignment.warnings:
        print_note(str(replace(problem, message=f"warning: {problem.message}")))
    unknown = sum(one.shape is None for one in listing.parameters)
    uncounted = [f"{unknown:,} tensors are of unknown shape; elements are counted without them"]
    for note in [*listing.notes, *(uncounted if unknown else [])]:
        print_note(f"{listing.source}: {note}")
    return assignment, listing


def load_as_stated(config: str, overrides: Sequence[str] | None, *, trust: bool) -> Schedule:
    """Read and validate CONFIG with the ``--set`` overrides; its groups are those of the file."""
    from lrsched_cli.core.config import load_schedule  # noqa: PLC0415 - not for --help

    with redirect_stdout(sys.stderr):  # what a function of the user's prints is no result
        return load_schedule(config, overrides=overrides or (), trust=trust)


def load_again(schedule: Schedule, overrides: Sequence[str]) -> Schedule:
    """Read the file of a schedule once more, with overrides; what came on standard input is remembered."""
    origin = schedule.origin
    if origin is None:
        raise TypeError("only a schedule that was read can be read again")
    remembered = io.TextIOWrapper(io.BytesIO((origin.stdin or "").encode()))
    stdin = sys.stdin
    try:
        sys.stdin = remembered if origin.stdin is not None else stdin
        return load(origin.config, [*origin.overrides, *overrides], trust=origin.trust)
    finally:
        sys.stdin = stdin


def stepped(schedule: Schedule, steps: int | None) -> Trace:
    """The dry run, with a progress bar from its second second on."""
    from lrsched_cli.analysis.trace import dry_run  # noqa: PLC0415 - not for --help

    with progress_bar(f"stepping {schedule.name}") as advance, redirect_stdout(sys.stderr):
        trace = dry_run(schedule, steps, advance)
    for message in trace.messages:
        print_note(f"{schedule.name}: {schedule.family.name} warns: {message}")
    return trace


def findings_lines(schedule: Schedule, trace: Trace, *, as_json: bool) -> list[Text]:
    """What ``lrsched check`` would warn of, in a line; none where it would not, or for JSON."""
    if as_json:
        return []
    from rich.text import Text  # noqa: PLC0415 - not for --help

    from lrsched_cli.analysis.checks.checking import findings_of  # noqa: PLC0415
    from lrsched_cli.report.check_text import summary_line  # noqa: PLC0415

    with redirect_stdout(sys.stderr):  # as above
        line = summary_line(schedule.name, findings_of(schedule, trace=trace))
    return [Text(line)] if line else []


@contextmanager
def progress_bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """A function to call with (done, in all); after a second a bar with the time left shows on a terminal."""
    started = time.monotonic()
    shown: list[tuple[Progress, TaskID]] = []

    def advance(done: int, total: int) -> None:
        if not shown and sys.stderr.isatty() and time.monotonic() - started > _QUIET_SECONDS:
            shown.append(_bar(description, total))
        for bar, task in shown:
            bar.update(task, completed=done)

    try:
        yield advance
    finally:
        for bar, _ in shown:
            bar.stop()


def _bar(description: str, total: int) -> tuple[Progress, TaskID]:
    from rich.console import Console  # noqa: PLC0415 - only for long runs
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        redirect_stdout=False,
        redirect_stderr=False,
        transient=True,
    )
    bar.start()
    return bar, bar.add_task(description, total=total)
