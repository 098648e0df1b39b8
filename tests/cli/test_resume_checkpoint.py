"""``lrsched verify-resume --checkpoint``: what is printed, and what the caller gets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

from lrsched_cli import load_schedule
from lrsched_cli.cli.resume_checkpoint import inspect
from lrsched_cli.errors import UsageError

if TYPE_CHECKING:
    from lrsched_cli.core.config import Schedule

FILE = Path("c.pt")
NO_KEYS = dict.fromkeys(("optimizer", "scheduler", "step"))


@pytest.fixture
def schedule() -> Schedule:
    return load_schedule("growing-batch", overrides=["steps=300"])


@pytest.fixture
def good(schedule: Schedule) -> dict[str, Any]:
    """A checkpoint after 120 steps, with torch's own optimizer and real updates."""
    model = torch.nn.Linear(2, 1)
    optimizer = schedule.build_optimizer(model)
    scheduler = schedule.build_scheduler(optimizer)
    for step in range(1, 121):
        scheduler.step(schedule.batch_plan.size_at(step))
        model(torch.ones(1, 2)).sum().backward()
        optimizer.step()
    return {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "lr_scheduler": scheduler.state_dict(),
        "global_step": 120,
    }


def test_a_good_checkpoint_is_told_as_such(
    schedule: Schedule, good: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(good, FILE)
    assert inspect(schedule, FILE, NO_KEYS, as_json=False)
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("c.pt: stands at scheduler step 120 of 300 (growing-batch)\n")
    assert out.endswith("c.pt holds: a run goes on from it as growing-batch plans.\n")


def test_a_checkpoint_that_does_not_hold_is_told_as_such(
    schedule: Schedule, good: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({**good, "global_step": 119}, FILE)
    assert not inspect(schedule, FILE, NO_KEYS, as_json=False)
    out, err = capsys.readouterr()
    assert err == ""
    assert "it may be counted from 0" in out
    assert out.endswith("c.pt does not hold: the steps in it do not agree.\n")


def test_the_keys_are_taken(
    schedule: Schedule, good: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"run": [good], "n": 120}, FILE)
    keys = {"optimizer": "run.0.optimizer", "scheduler": "run.0.lr_scheduler", "step": "n"}
    assert inspect(schedule, FILE, keys, as_json=False)
    assert "Read: optimizer from run.0.optimizer; scheduler from run.0.lr_scheduler; step from n." in (
        capsys.readouterr().out
    )


def test_json_is_one_document_with_the_verdicts(
    schedule: Schedule, good: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    group = good["optimizer"]["param_groups"][0]
    lr, group["lr"], group["weight_decay"] = group["lr"], float("nan"), 0.5
    torch.save(good, FILE)
    assert not inspect(schedule, FILE, NO_KEYS, as_json=True)
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert err == ""
    verdicts = (
        "holds",
        "steps_agree",
        "scheduler_and_optimizer_agree",
        "as_planned",
        "groups_in_order",
    )
    assert [document[key] for key in verdicts] == [False, True, False, False, True]
    assert document["optimizer"] == {"key": "optimizer", "how": "default"}
    assert document["steps"]["step"] == 120
    (read,) = document["groups"]
    assert (read["planned"], read["optimizer"]["value"], read["scheduler"]["value"]) == (lr, None, lr)
    assert document["settings"] == [
        {
            "part": "optimizer",
            "group": "default",
            "key": "weight_decay",
            "saved": 0.5,
            "file": 1e-4,
            "wins": "checkpoint",
        }
    ]
    assert [one["update"] for one in document["restore"]["next"]] == [121, 122, 123, 124, 125]


def test_a_file_that_cannot_be_read_is_an_error_of_the_users(
    schedule: Schedule, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match=r"^c\.pt: there is no such file$"):
        inspect(schedule, FILE, NO_KEYS, as_json=False)
    assert capsys.readouterr() == ("", "")


def test_what_a_formula_of_the_users_prints_is_no_result(
    good: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    (tmp_path / "talking.py").write_text("def factor(step):\n    print('hello')\n    return 1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    schedule = load_schedule(
        "growing-batch",
        overrides=["steps=130", "scheduler.custom_lambda={import: 'talking:factor'}"],
        trust=True,
    )
    torch.save(good, FILE)
    assert inspect(schedule, FILE, NO_KEYS, as_json=True)
    out, err = capsys.readouterr()
    assert json.loads(out)["holds"]
    assert set(err.splitlines()) == {"hello"}
