"""What the process of the resumed runs is told, and what it tells: files in one folder, as JSON."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lrsched_cli.analysis.resume.results import (
    Difference,
    KindResult,
    LargestLR,
    SavePointResult,
    SkippedRecipe,
)

if TYPE_CHECKING:
    from pathlib import Path

GO = "go\n"
"""What the process waits for on its standard input: the job is there."""
JOB = "job.json"
RESULTS = "results.jsonl"
"""One line for each resumed run, and lines in between that say how many updates were made meanwhile."""
FAILURE = "failure.json"
"""Why no run could be resumed."""
LRS = "lrs"
"""A folder with the LRs of each resumed run as doubles, named by its recipe and save point."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to train, and where to resume it.

    Either ``origin`` (the arguments of ``load_schedule``, and the fingerprint that must come out) or
    ``factory`` (and ``step``), both as ``package.module:function``.
    """

    steps: int
    seed: int
    recipes: tuple[str, ...]
    save_points: tuple[int, ...]
    groups: tuple[str, ...]
    unsaved: dict[str, str]
    keep_lrs: bool = False
    origin: dict[str, Any] | None = None
    fingerprint: str | None = None
    factory: str | None = None
    step: str | None = None
    scheduler_first: bool = False

    def write(self, folder: Path) -> None:
        """Leave the job in the folder."""
        (folder / JOB).write_text(json.dumps(dataclasses.asdict(self)), encoding="utf-8")


def read_job(folder: Path) -> Job:
    """The job in a folder."""
    stored = json.loads((folder / JOB).read_text(encoding="utf-8"))
    lists = {"recipes", "save_points", "groups"}
    fields: dict[str, Any] = {key: tuple(one) if key in lists else one for key, one in stored.items()}
    return Job(**fields)


def result_line(result: SavePointResult | SkippedRecipe) -> str:
    """A result as one line of JSON."""
    return json.dumps(dataclasses.asdict(result), default=str) + "\n"


def read_result(line: str) -> SavePointResult | SkippedRecipe:
    """The result that a line tells. Raises ValueError, KeyError or TypeError where it tells none."""
    stored = json.loads(line)
    if "reason" in stored:
        return SkippedRecipe(**stored)
    kinds = tuple(
        KindResult(
            **{
                **one,
                "first": None if one["first"] is None else Difference(**one["first"]),
                "also": tuple(one["also"]),
            }
        )
        for one in stored["kinds"]
    )
    largest = None if stored["largest_lr"] is None else LargestLR(**stored["largest_lr"])
    return SavePointResult(**{**stored, "kinds": kinds, "largest_lr": largest})


def alive_line(updates: int) -> str:
    """A sign of life: how many updates have been made since the last one."""
    return json.dumps({"updates": updates}) + "\n"


def updates_of(line: str) -> int | None:
    """The updates that a sign of life tells of; None where the line is something else."""
    stored = json.loads(line)
    updates = stored.get("updates") if isinstance(stored, dict) and len(stored) == 1 else None
    return updates if isinstance(updates, int) else None
