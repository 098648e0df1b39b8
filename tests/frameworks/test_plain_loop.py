"""A plain torch loop goes on in another process as if it had never stopped."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from plain_loop import Run
from small_training import SAVED, SCHEDULES, UPDATES, lrs_without_a_framework

SCRIPT = Path(__file__).with_name("plain_loop.py")


def test_a_fresh_process_goes_on_with_the_same_lrs(tmp_path: Path) -> None:
    # One process for all, because a process that trains takes seconds to start.
    cases = list(itertools.product(SCHEDULES, [False, True]))
    first = [Run(schedule, batch_size=batch_size) for schedule, batch_size in cases]
    files = [tmp_path / f"{number}.pt" for number in range(len(cases))]
    for run, file in zip(first, files, strict=True):
        run.train(SAVED)
        run.save(file)

    command: list[str | Path] = [sys.executable, "-W", "error", SCRIPT, *files]
    second = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)

    for (schedule, batch_size), before, after in zip(cases, first, second, strict=True):
        whole = Run(schedule, batch_size=batch_size)
        whole.train(UPDATES)
        assert whole.lrs == lrs_without_a_framework(schedule, batch_size=batch_size)
        assert before.lrs + after == whole.lrs, (schedule, batch_size)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_resumed_model_ends_the_same(schedule: str, tmp_path: Path) -> None:
    whole = Run(schedule, batch_size=True)
    whole.train(SAVED)
    whole.save(tmp_path / "checkpoint.pt")
    second = Run.resumed(tmp_path / "checkpoint.pt")
    for run in (whole, second):
        run.train(UPDATES)
    for expected, got in zip(whole.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(expected, got)


def test_the_schedules_are_past_warm_up_when_saved_and_restart_later() -> None:
    for schedule in SCHEDULES:
        run = Run(schedule, batch_size=False)
        run.train(SAVED)
        before = run.scheduler.positions
        run.train(UPDATES)
        for then, now in zip(before, run.scheduler.positions, strict=True):
            assert then.T_cur > 0
            assert now.cycle > then.cycle
