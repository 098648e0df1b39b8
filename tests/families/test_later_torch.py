"""A scheduler class that a later torch brings along is known, without a change to anything here.

The later torch is the installed one, file by file, with a class added to ``lr_scheduler.py``.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

# Its LR is divided by the square root of how many periods have begun; the weight decay follows it.
ADDED = '''

class RootDecayLR(LRScheduler):
    """Made for a test."""

    def __init__(
        self, optimizer: Optimizer, period: int, floor: float | list[float] = 0.0, last_epoch: int = -1
    ) -> None:
        self.period = period
        self.floors = _format_param("floor", optimizer, floor)
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        root = (1 + self.last_epoch // self.period) ** 0.5
        for group in self.optimizer.param_groups:
            group["weight_decay"] = 0.1 / root
        return [max(base / root, floor) for base, floor in zip(self.base_lrs, self.floors)]


class RootDecayWithLoss(RootDecayLR):
    """A class below it, whose step takes a metric."""

    def step(self, loss: float) -> None:  # type: ignore[override]
        super().step()
'''
SECTION = "{type: RootDecayLR, period: 3, floor: [0.06, 0]}"
FILE = f"steps: 20\nparam_groups: [{{name: a, lr: 0.1}}, {{name: b, lr: 0.2}}]\nscheduler: {SECTION}\n"


@pytest.fixture(scope="module")
def later_torch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the import path that holds the later torch."""
    spec = find_spec("torch")
    assert spec is not None
    assert spec.origin is not None
    installed = Path(spec.origin).parent
    folder = tmp_path_factory.mktemp("later")
    for source, target in ((installed, folder / "torch"), (installed / "optim", folder / "torch" / "optim")):
        target.mkdir()
        for entry in source.iterdir():
            if entry.name not in {"optim", "lr_scheduler.py"}:
                (target / entry.name).symlink_to(entry)
    text = (installed / "optim" / "lr_scheduler.py").read_text(encoding="utf-8")
    (folder / "torch" / "optim" / "lr_scheduler.py").write_text(text + ADDED, encoding="utf-8")
    return folder


def ask(later_torch: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``lrsched ARGUMENTS`` under the later torch."""
    path = os.pathsep.join([str(later_torch), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-m", "lrsched_cli", *arguments],
        env={**os.environ, "PYTHONPATH": path},
        check=False,
        capture_output=True,
        text=True,
    )


def done(later_torch: Path, *arguments: str, text: str = FILE) -> str:
    Path("s.yaml").write_text(text, encoding="utf-8")
    result = ask(later_torch, *arguments)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def lr(row: int, base: float, floor: float) -> float:
    root: float = (1 + row // 3) ** 0.5
    return max(base / root, floor)


def test_its_trace_is_that_of_the_class(later_torch: Path) -> None:
    rows = list(csv.DictReader(done(later_torch, "trace", "s.yaml", "--out", "-").splitlines()))
    assert [(float(one["lr.a"]), float(one["lr.b"])) for one in rows] == [
        (lr(row, 0.1, 0.06), lr(row, 0.2, 0)) for row in range(21)
    ]
    assert [float(one["weight_decay.a"]) for one in rows] == [lr(row, 0.1, 0) for row in range(21)]


def test_it_is_shown(later_torch: Path) -> None:
    found = json.loads(done(later_torch, "show", "s.yaml", "--json"))
    assert [group["minimum"]["lr"] for group in found["groups"]] == [0.06, lr(19, 0.2, 0)]


def test_it_is_drawn_under_its_name(later_torch: Path) -> None:
    done(later_torch, "plot", "s.yaml", "--out", "s.svg")
    assert "RootDecayLR" in Path("s.svg").read_text(encoding="utf-8")


def test_it_resumes(later_torch: Path) -> None:
    found = json.loads(done(later_torch, "verify-resume", "s.yaml", "--save-at", "7", "--json"))
    assert (found["identical"], found["scheduler"], found["fresh_process"]) == (True, "RootDecayLR", True)


def test_it_is_a_part_of_others(later_torch: Path) -> None:
    section = f"{{type: SequentialLR, milestones: [5], schedulers: [{{type: LinearLR}}, {SECTION}]}}"
    out = done(later_torch, "trace", "s.yaml", "--out", "-", text=FILE.replace(SECTION, section))
    rows = list(csv.DictReader(out.splitlines()))
    assert float(rows[20]["lr.b"]) == lr(15, 0.2, 0)


def test_its_arguments_are_checked(later_torch: Path) -> None:
    Path("s.yaml").write_text(FILE.replace("period: 3, floor: [0.06, 0]", "perod: 3, floor: low"))
    result = ask(later_torch, "show", "s.yaml")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [
        "s.yaml:3:12: scheduler.period: is missing; RootDecayLR needs it",
        "s.yaml:3:32: scheduler.perod: is no known key; did you mean period?",
        's.yaml:3:49: scheduler.floor: must be a number or a list of numbers (got "low")',
    ]


def test_a_class_below_it_whose_step_takes_a_metric_needs_one(later_torch: Path) -> None:
    with_loss = FILE.replace("RootDecayLR", "RootDecayWithLoss")
    Path("s.yaml").write_text(with_loss, encoding="utf-8")
    result = ask(later_torch, "show", "s.yaml")
    assert result.returncode == 2
    assert "scheduler.metric: is missing; RootDecayWithLoss is stepped with one" in result.stderr


def test_the_installed_torch_does_not_have_it() -> None:
    Path("s.yaml").write_text(FILE, encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-m", "lrsched_cli", "show", "s.yaml"], check=False, capture_output=True, text=True
    )
    assert result.returncode == 2
    assert '"RootDecayLR" is no scheduler of torch.optim' in result.stderr
