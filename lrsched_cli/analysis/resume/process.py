"""Starting, watching and ending the fresh process in which runs are resumed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from typing import IO, TYPE_CHECKING, Self

from lrsched_cli.analysis.resume.job import FAILURE, GO, RESULTS, Job, read_result, updates_of
from lrsched_cli.analysis.resume.recording import disk
from lrsched_cli.analysis.resume.results import SkippedRecipe
from lrsched_cli.errors import ResumeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lrsched_cli.analysis.resume.results import SavePointResult

_LOG = "worker.log"
_SECONDS_BETWEEN_LOOKS = 0.02
_SECONDS_TO_DIE = 1.0
_MOST_SHOWN = 200  # characters
# The same interpreter with the same import path; -P keeps the current folder from shadowing modules.
_START = """
import json, sys
sys.path[:] = json.loads(sys.argv[2])
from pathlib import Path
from lrsched_cli.analysis.resume.worker import main
main(Path(sys.argv[1]))
"""


class ResumingProcess:
    """A Python process that resumes runs; leaving the context ends it, whatever it is doing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._done = 0

    def __enter__(self) -> Self:
        command = [sys.executable, "-P", "-c", _START, str(self._folder), json.dumps(sys.path)]
        with disk(self._folder):
            (self._folder / RESULTS).touch()
            log = (self._folder / _LOG).open("wb")
        with log:
            try:
                self._process = subprocess.Popen(  # noqa: S603 - our own command
                    command,
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    process_group=0,  # it may fork, and is then ended as a whole
                )
            except OSError as error:
                raise ResumeError(
                    f"no Python process can be started: {command[0]}: {error.strerror}"
                ) from None
        return self

    def __exit__(self, *_: object) -> None:
        _end_all(self._process)
        with contextlib.suppress(BrokenPipeError):
            self._stdin.close()

    def results(
        self, job: Job, time_limit: float, progress: Callable[[int], None]
    ) -> Iterator[SavePointResult | SkippedRecipe]:
        """Hand over the job; gives each result as it comes, and ends when the process has ended well.

        Args:
            job: what to resume.
            time_limit: how many seconds the process may be silent.
            progress: called with the updates made so far.

        Raises ResumeError where the process fails, dies, hangs, or writes what is no result.
        """
        with disk(self._folder):
            job.write(self._folder)
        with contextlib.suppress(BrokenPipeError):  # it is dead already, which its end will tell
            self._stdin.write(GO.encode())
            self._stdin.flush()
        missing = {(recipe, save_at) for recipe in job.recipes for save_at in job.save_points}
        made = 0
        with (self._folder / RESULTS).open(encoding="utf-8", errors="replace") as file:
            for line in self._lines(file, time_limit):
                try:
                    updates = updates_of(line)
                    result = read_result(line) if updates is None else None
                except (ValueError, KeyError, TypeError, AttributeError):
                    raise self._error(f"wrote what is no result: {line.strip()[:_MOST_SHOWN]!r}") from None
                if result is None:
                    made += updates or 0
                    progress(made)
                    continue
                self._done += 1
                missing -= {one for one in missing if _is_done(one, result)}
                yield result
        self._check_the_end()
        if missing:
            raise self._error("ended before it was done")

    @property
    def _stdin(self) -> IO[bytes]:
        stdin = self._process.stdin
        if stdin is None:
            raise ResumeError("the process of the resumed runs has no standard input")
        return stdin

    def _lines(self, file: IO[str], time_limit: float) -> Iterator[str]:
        """The lines of a file that is being written, until the process has ended."""
        begun, heard = "", time.monotonic()
        while True:
            # Asked first: what it wrote before its end is read after it.
            ended = self._process.poll() is not None
            new = file.read()
            if new:
                heard = time.monotonic()
                *whole, begun = (begun + new).split("\n")
                yield from whole
            if ended:
                if begun and not self._process.returncode:
                    yield begun
                return
            if time.monotonic() - heard > time_limit:
                raise self._error(f"has been silent for {time_limit:g} s (--time-limit gives it longer)")
            if not new:
                time.sleep(_SECONDS_BETWEEN_LOOKS)

    def _check_the_end(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # it may have had no room to say why
            raise ResumeError(str(json.loads((self._folder / FAILURE).read_text(encoding="utf-8"))))
        code = self._process.returncode
        if code < 0:
            raise self._error(f"was killed by {_signal_name(-code)}")
        if code > 0:
            raise self._error(f"ended with exit code {code}{self._last_words()}")

    def _last_words(self) -> str:
        said = (self._folder / _LOG).read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return f": {said[-1][:_MOST_SHOWN]}" if said else ""

    def _error(self, what: str) -> ResumeError:
        return ResumeError(f"the process of the resumed runs {what}; it had finished {self._done} of them")


def _end_all(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and what it forked, and wait until all of them are gone."""
    if not hasattr(os, "killpg"):
        process.kill()
        process.wait()
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    give_up = time.monotonic() + _SECONDS_TO_DIE
    with contextlib.suppress(ProcessLookupError, PermissionError):
        while time.monotonic() < give_up:
            os.killpg(process.pid, 0)
            time.sleep(_SECONDS_BETWEEN_LOOKS / 4)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # the real-time ones have none
        return f"signal {number}"


def _is_done(run: tuple[str, int], result: SavePointResult | SkippedRecipe) -> bool:
    """Whether a result is about a run (recipe, save point); a skipped recipe is about all of its own."""
    return run[0] == result.recipe and (isinstance(result, SkippedRecipe) or run[1] == result.save_at)
