"""The fresh Python process in which runs are resumed.

It is started early, so that its imports overlap the run without interruption; a line on standard input
says that the job is there. When standard input ends, its parent is gone, and so is it.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import sys
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from lrsched_cli.analysis.resume.job import (
    FAILURE,
    GO,
    RESULTS,
    Job,
    alive_line,
    read_job,
    result_line,
)
from lrsched_cli.analysis.resume.recording import unusable
from lrsched_cli.analysis.resume.tails import resume
from lrsched_cli.analysis.resume.training import Training, factory_training, training_of
from lrsched_cli.core.config import Origin, load_schedule
from lrsched_cli.core.user_code import import_function
from lrsched_cli.errors import LrschedError, ResumeError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO, TextIO

ORPHANED, FAILED = 3, 4
_SECONDS_BETWEEN_SIGNS = 0.25
_LONG = 10_000
"""Updates from which on a second process is worth it."""
_TWO = 2


def main(folder: Path) -> None:
    """Wait for the job, do it, and leave the results in the folder."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    commands = sys.stdin
    if commands.readline() != GO:
        os._exit(ORPHANED)
    job, other = _shared(read_job(folder))
    threading.Thread(target=_end_with_the_parent, args=(commands,), daemon=True).start()
    try:
        do(job, folder)
    except (LrschedError, OSError) as error:
        told = error if isinstance(error, LrschedError) else unusable(folder, error)
        with contextlib.suppress(OSError):
            (folder / FAILURE).write_text(json.dumps(str(told)), encoding="utf-8")
        _end(FAILED)
    _end(0 if other is None else _outcome(other))


def _outcome(forked: int) -> int:
    """The exit code of the other process; what has killed it kills this one."""
    code = os.waitstatus_to_exitcode(os.waitpid(forked, 0)[1])
    if code < 0:
        with contextlib.suppress(OSError):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


def _shared(job: Job) -> tuple[Job, int | None]:
    """The part of a job that this process does, and the process that it has forked for the rest.

    A long job is done by two processes where there are two processors. Nothing has been built yet, so
    that both are as fresh as one.
    """
    updates = sum(job.steps - save_at for save_at in job.save_points) * len(job.recipes)
    if updates < _LONG or len(job.save_points) < _TWO or _processors() < _TWO or not hasattr(os, "fork"):
        return job, None
    ours, others = _halves(job)
    forked = os.fork()
    return replace(job, save_points=ours if forked else others), forked or None


def _halves(job: Job) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The save points in two parts that take about as long: each goes where less is to be done so far."""
    ours: list[int] = []
    others: list[int] = []
    ahead = 0  # by how many updates our part is the longer one
    for save_at in job.save_points:  # the longest tails first
        tail = job.steps - save_at
        (others if ahead > 0 else ours).append(save_at)
        ahead += -tail if ahead > 0 else tail
    return tuple(ours), tuple(others)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _end(code: int) -> None:
    """End, whatever threads code of the user's may have left."""
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _end_with_the_parent(commands: TextIO) -> None:
    commands.read()
    os._exit(ORPHANED)


def do(job: Job, folder: Path) -> None:
    """Build the training anew from what the job names, resume it, and write a line for each run."""
    training = _training(job)
    with (folder / RESULTS).open("ab", buffering=0) as results:  # each line is written at once, and whole
        for result in resume(job, training, folder, _Signs(results).give):
            results.write(result_line(result).encode())


class _Signs:
    """Signs of life with the number of updates made since the last one, a few in a second."""

    def __init__(self, results: IO[bytes]) -> None:
        self._results = results
        self._last = time.monotonic()
        self._told = 0

    def give(self, updates: int) -> None:
        now = time.monotonic()
        if now - self._last > _SECONDS_BETWEEN_SIGNS:
            self._last = now
            self._results.write(alive_line(updates - self._told).encode())
            self._told = updates


def _training(job: Job) -> Training:
    if job.origin is None:
        return _factory_training(job)
    origin = Origin(**{**job.origin, "overrides": tuple(job.origin["overrides"])})
    if origin.stdin is not None:
        sys.stdin = io.TextIOWrapper(io.BytesIO(origin.stdin.encode()))
    schedule = load_schedule(origin.config, overrides=origin.overrides, trust=origin.trust)
    if origin.model is not None:
        schedule = schedule.with_model(origin.model)
    if schedule.fingerprint != job.fingerprint:
        raise ResumeError(f"{origin.config} was changed while it was checked; check it again")
    return training_of(schedule, job.steps, job.seed)


def _factory_training(job: Job) -> Training:
    try:
        factory = import_function(job.factory or "")
        step = import_function(job.step) if job.step else None
    except ValueError as error:
        raise ResumeError(str(error)) from None
    return factory_training(
        factory, step, scheduler_first=job.scheduler_first, steps=job.steps, seed=job.seed
    )
