"""A class of the user's own over one scheduler of a library: a warm-up in front of it, for one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from lrsched_cli import ScheduleFileError, dry_run, load_schedule, verify_resume

GRADUAL = """
class Gradual:
    def __init__(self, optimizer, total, after_scheduler=None):
        self.optimizer, self.total, self.after, self.taken = optimizer, total, after_scheduler, 0
        self.base = [group["lr"] for group in optimizer.param_groups]

    def step(self):
        self.taken += 1
        if self.taken <= self.total:
            for base, group in zip(self.base, self.optimizer.param_groups):
                group["lr"] = base * self.taken / self.total
        elif self.after is not None:
            self.after.step()

    def state_dict(self):
        return {"taken": self.taken, "after": self.after.state_dict()}

    def load_state_dict(self, state):
        self.taken = state["taken"]
        self.after.load_state_dict(state["after"])
"""
YAML = """\
steps: 20
optimizer: {type: SGD, lr: 0.8}
scheduler:
  type: gradual_warm_up:Gradual
  total: 4
  after_scheduler: {type: StepLR, step_size: 3, gamma: 0.5}
"""


@pytest.fixture(autouse=True)
def module(in_an_empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "gradual_warm_up", raising=False)
    (in_an_empty_folder / "gradual_warm_up.py").write_text(GRADUAL)
    (in_an_empty_folder / "s.yaml").write_text(YAML)


def test_it_runs_as_a_plain_loop_does() -> None:
    trace = dry_run(load_schedule("s.yaml", trust=True))
    from gradual_warm_up import Gradual  # type: ignore[import-not-found]  # noqa: PLC0415 - made above

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.8)
    after = torch.optim.lr_scheduler.StepLR(optimizer, 3, 0.5)
    scheduler = Gradual(optimizer, 4, after)
    lrs = []
    for _ in range(20):
        lrs.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert trace.lr[trace.updates, 0].tolist() == lrs
    assert len(set(lrs)) > 5


def test_it_resumes_with_its_part() -> None:
    report = verify_resume(load_schedule("s.yaml", trust=True), save_at=[3, 9])
    assert (report.identical, report.scheduler) == (True, "gradual_warm_up:Gradual")


def test_its_part_is_checked_as_any_scheduler_is() -> None:
    Path("s.yaml").write_text(YAML.replace("step_size: 3", "step_sze: 3"))
    with pytest.raises(ScheduleFileError) as error:
        load_schedule("s.yaml", trust=True)
    assert [str(one) for one in error.value.problems] == [
        "s.yaml:6:20: scheduler.after_scheduler.step_size: is missing; StepLR needs it",
        "s.yaml:6:35: scheduler.after_scheduler.step_sze: is no known key; did you mean step_size?",
    ]


def test_a_part_in_a_list_where_one_alone_is_meant_is_built_as_written() -> None:
    Path("s.yaml").write_text(
        YAML.replace("{type: StepLR, step_size: 3, gamma: 0.5}", "[{type: StepLR, step_size: 3}]")
    )
    with pytest.raises(ScheduleFileError, match=r"fails at update 5: 'list' object has no attribute 'step'"):
        dry_run(load_schedule("s.yaml", trust=True))
