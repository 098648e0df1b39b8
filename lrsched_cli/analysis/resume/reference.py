"""The run without interruption: recorded update by update, its checkpoints written on the way."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lrsched_cli.analysis.resume.checkpoints import checkpoint_path, write_checkpoint
from lrsched_cli.analysis.resume.reading import RecordedRun, group_names, quietly
from lrsched_cli.analysis.resume.recording import Layouts, RecordingWriter, lr_bytes
from lrsched_cli.errors import LrschedError, OutputError, ResumeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from lrsched_cli.analysis.resume.training import Built, Training

    Progress = Callable[[int, int], None]

UPDATES_AT_A_TIME = 1024
"""After so many updates ``progress`` is called."""


class Reference(NamedTuple):
    """Who took part in the run without interruption, and its LRs, update by update, group by group."""

    optimizer: str
    scheduler: str
    groups: tuple[str, ...]
    lrs: array[float]
    unsaved: dict[str, str]
    """Checkpoints (by file name) that could not be written, and why."""


def record_reference(
    training: Training,
    folder: Path,
    save_at: frozenset[int] = frozenset(),
    *,
    early: bool = False,
    progress: Progress | None = None,
) -> Reference:
    """Train from the start to the end; rows and checkpoints go to ``folder``.

    With ``early`` every save point gets a second file, written between the two steps of its update.
    Raises ResumeError where the training itself fails, OutputError where the folder cannot be written.
    """
    layouts, lrs = Layouts(), array("d")
    run = _begun(training, layouts)
    built, saving = run.built, _Saving(folder, run.built)
    groups = group_names(built.optimizer)

    def between(update: int) -> Callable[[], None] | None:
        return (lambda: saving.save(update, early=True)) if early and update in save_at else None

    with quietly(), RecordingWriter(folder, layouts) as writer:
        for update, row in enumerate(_rows(run, training.steps, between), start=1):
            writer.add(row)
            lrs.frombytes(lr_bytes(row, len(groups)))
            if update in save_at:
                saving.save(update, early=False)
            if progress is not None and update % UPDATES_AT_A_TIME == 0:
                progress(update, training.steps)
        writer.finish()
    scheduler = training.scheduler_name or type(built.scheduler).__name__
    return Reference(type(built.optimizer).__name__, scheduler, groups, lrs, saving.unsaved)


def lrs_by_step(training: Training) -> NDArray[np.float64]:
    """A run's LRs, shape (scheduler steps, groups), by the number of scheduler steps taken before, from 0.

    With the scheduler first, no update runs at 0 steps; that row is the same as the next one.
    """
    run = _begun(training, Layouts())
    groups = len(run.built.optimizer.param_groups)
    with quietly():
        lrs = b"".join(lr_bytes(row, groups) for row in _rows(run, training.steps, lambda _: None))
    table = np.frombuffer(lrs).reshape(-1, groups)
    return np.concatenate([table[:1], table]) if training.scheduler_first else table


def reason(error: BaseException) -> str:
    """An error in a line: its kind, and what it says first."""
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0]}" if said else type(error).__name__


def _begun(training: Training, layouts: Layouts) -> RecordedRun:
    try:
        return RecordedRun(training, training.build(), layouts)
    except LrschedError:
        raise
    except (Exception, SystemExit) as error:  # a factory of the user's may raise anything
        raise ResumeError(f"the training cannot be built: {reason(error)}") from error


def _rows(
    run: RecordedRun, steps: int, between: Callable[[int], Callable[[], None] | None]
) -> Iterator[bytes]:
    """Train to the end; gives the row of each update."""
    for update in range(1, steps + 1):
        try:
            row = run.update(update, between(update))
        except OutputError:
            raise
        except (Exception, SystemExit) as error:  # as above, or settings that torch trips over
            message = f"the run without interruption failed at update {update}: {reason(error)}"
            raise ResumeError(message) from error
        yield row


class _Saving:
    """Writes checkpoints, and keeps in mind which could not be."""

    def __init__(self, folder: Path, built: Built) -> None:
        self._folder = folder
        self._built = built
        self.unsaved: dict[str, str] = {}

    def save(self, update: int, *, early: bool) -> None:
        path = checkpoint_path(self._folder, update, early=early)
        try:
            write_checkpoint(path, self._built)
        except OutputError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a state may hold anything
            self.unsaved[path.name] = f"the checkpoint cannot be written: {reason(error)}"
