"""A training loop in plain torch.

``python plain_loop.py CHECKPOINT...`` goes on from each file and prints the LRs that each run uses.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import torch
from small_training import (
    SCHEDULES,
    UPDATES,
    Lrs,
    Net,
    Points,
    batch_size_of,
    lrs_used_by,
    optimizer_for,
)

from lrsched_cli import LRScheduler

if TYPE_CHECKING:
    from pathlib import Path


class Run:
    """Model, optimizer and scheduler, and the LRs that the updates used."""

    def __init__(self, schedule: str, *, batch_size: bool) -> None:
        self.model = Net()
        self.optimizer = optimizer_for(self.model)
        self.scheduler = LRScheduler(self.optimizer, **SCHEDULES[schedule])
        self.schedule = schedule
        self.batch_size = batch_size
        self.lrs: Lrs = lrs_used_by(self.optimizer)

    def train(self, until: int) -> None:
        """Update the model up to update ``until``."""
        points = Points()
        for update in range(self.scheduler.last_epoch + 1, until + 1):
            self.optimizer.zero_grad()
            self.model(points.x, points.y)["loss"].backward()
            self.optimizer.step()
            if self.batch_size:
                self.scheduler.step(batch_size_of(update))
            else:
                self.scheduler.step()

    def save(self, path: Path) -> None:
        """Write everything into one file."""
        states = {name: getattr(self, name).state_dict() for name in _STATES}
        torch.save({"schedule": self.schedule, "batch_size": self.batch_size, **states}, path)

    @classmethod
    def resumed(cls, path: Path | str) -> Run:
        """A new run that stands where the saved one stood; the file is read as data only."""
        saved = torch.load(path, weights_only=True)
        run = cls(saved["schedule"], batch_size=saved["batch_size"])
        for name in _STATES:
            getattr(run, name).load_state_dict(saved[name])
        return run


_STATES = ("model", "optimizer", "scheduler")

if __name__ == "__main__":
    runs = [Run.resumed(path) for path in sys.argv[1:]]
    for run in runs:
        run.train(UPDATES)
    print(json.dumps([run.lrs for run in runs]))  # noqa: T201 - the test reads it
