"""What the commands have in common: read the schedule, step it under a progress bar."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.progress import Progress, TaskID

    from lrsched_cli.analysis.trace import Trace
    from lrsched_cli.core.config import Schedule

_QUIET_SECONDS = 1.0


def load(config: str, overrides: Sequence[str] | None, *, trust: bool) -> Schedule:
    """Read and validate CONFIG with the ``--set`` overrides."""
    from lrsched_cli.core.config import load_schedule  # noqa: PLC0415 - not for --help

    with redirect_stdout(sys.stderr):  # what a function of the user's prints is no result
        return load_schedule(config, overrides=overrides or (), trust=trust)


def stepped(schedule: Schedule, steps: int | None) -> Trace:
    """The dry run, with a progress bar from its second second on."""
    from lrsched_cli.analysis.trace import dry_run  # noqa: PLC0415 - not for --help

    with progress_bar(f"stepping {schedule.name}") as advance, redirect_stdout(sys.stderr):
        return dry_run(schedule, steps, advance)


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
