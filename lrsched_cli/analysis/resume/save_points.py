"""After how many updates checkpoints are written: what ``--save-at`` says, as numbers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from lrsched_cli.analysis.curve import turns
from lrsched_cli.analysis.resume.results import SavePoint
from lrsched_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from lrsched_cli.analysis.trace import Trace

BOUNDARIES = "boundaries"
MAX_TURNING_POINTS = 40
_WORD = re.compile(r"boundaries|all|(every:)?0*[1-9][0-9]{0,11}")
_MUST_BE = "must be a step from 1 on, a list such as 100,200, every:K, boundaries or all"


def check_save_at(save_at: Iterable[str | int]) -> None:
    """Refuse, before anything is run, what no run could be saved at; UsageError names all that is wrong."""
    words = _words(save_at)
    wrong = [word for word in words if not _WORD.fullmatch(word)]
    if wrong or not words:
        raise UsageError(
            f"--save-at {', '.join(word or '(nothing)' for word in wrong) or '(nothing)'}: {_MUST_BE}"
        )


def _words(save_at: Iterable[str | int]) -> list[str]:
    return [part.strip() for one in save_at for part in str(one).split(",")]


def save_points(
    save_at: Sequence[str | int], steps: int, turning_points: Callable[[], Mapping[int, str]]
) -> tuple[tuple[SavePoint, ...], int]:
    """The save points, sorted, each once; and how many turning points were left out.

    Args:
        save_at: numbers, lists such as ``"100,200"``, ``"every:50"``, ``"boundaries"`` and ``"all"``.
        steps: the updates of the run. A save point is from 1 to ``steps - 1``: at the end nothing is left
            to resume.
        turning_points: gives the steps where the schedule turns, and what happens there.

    Raises UsageError for what lies beyond the run, naming all of it.
    """
    if steps < 2:  # noqa: PLR2004 - one to save after, and one to resume
        raise UsageError(f"a run of {steps} update cannot be resumed: at least 2 are needed")
    words = _words(save_at)
    labels = {step: label for step, label in turning_points().items() if 0 < step < steps}
    found: dict[int, str] = {}
    beyond: list[str] = []
    left_out = 0
    for word in words:
        kind, _, number = word.rpartition(":")
        if word == BOUNDARIES:
            chosen, left_out = _boundaries(labels, steps)
            found |= chosen
        elif word == "all":
            found |= {step: found.get(step, "") for step in range(1, steps)}
        elif int(number) >= steps:
            beyond.append(word)
        elif kind:
            found |= {step: found.get(step, "") for step in range(int(number), steps, int(number))}
        else:
            found[int(number)] = found.get(int(number), "")
    if beyond:
        last = f"the run has {steps:,} updates; the last one to save after is {steps - 1:,}"
        raise UsageError(f"--save-at {', '.join(beyond)}: {last}")
    return tuple(SavePoint(step, labels.get(step) or found[step]) for step in sorted(found)), left_out


def _boundaries(turning_points: Mapping[int, str], steps: int) -> tuple[dict[int, str], int]:
    """Every turning point with its neighbours, the first step, the middle and the last step but one."""
    kept = sorted(turning_points)
    if len(kept) > MAX_TURNING_POINTS:
        places = np.linspace(0, len(kept) - 1, MAX_TURNING_POINTS).round().astype(int)
        kept = [kept[place] for place in places]
    found = {steps - 1: "last but one", steps // 2: "middle", 1: "first"}
    for step in kept:
        found |= {step - 1: f"{turning_points[step]} - 1", step + 1: f"{turning_points[step]} + 1"}
    found |= {step: turning_points[step] for step in kept}
    left_out = len(turning_points.keys() - found)
    return {step: found[step] for step in found if 0 < step < steps}, left_out


def turning_points_of(trace: Trace, batch_ends: Iterable[int]) -> dict[int, str]:
    """Warm-up ends, restarts, other turns and the last steps of batch phases, each with its name."""
    found = dict.fromkeys(trace.turning_points(), "turn") | dict.fromkeys(batch_ends, "batch plan")
    for group in range(len(trace.groups)):
        found |= {int(row): f"restart {i}" for i, row in enumerate(trace.restarts(group), start=1)}
    ends = {trace.warmup_end(group) for group in range(len(trace.groups))}
    return found | dict.fromkeys(ends - {0}, "warm-up end")


def turning_points_in(lrs: NDArray[np.float64]) -> dict[int, str]:
    """The steps where a curve turns; ``lrs`` is of shape (steps, groups), by the scheduler steps taken."""
    return dict.fromkeys(turns(lrs).tolist(), "turn")
