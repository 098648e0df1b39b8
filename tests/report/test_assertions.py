"""``assert_resumes``: in tests of the users' own, the verdict of the command as an assertion."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

from lrsched_cli import LRScheduler, UsageError, assert_resumes, load_schedule, verify_resume
from lrsched_cli.cli.app import main
from lrsched_cli.report.resume_text import report_parts
from lrsched_cli.report.text import plain_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Built = tuple[torch.nn.Module, torch.optim.Optimizer, Any]

OWN = """
import torch

class Forgets:
    def __init__(self, optimizer):
        self.optimizer, self.count = optimizer, 0

    def step(self):
        self.count += 1
        for group in self.optimizer.param_groups:
            group["lr"] = 0.5 / (1 + self.count)

    def state_dict(self):
        return {"count": self.count}

    def load_state_dict(self, state):
        pass

def make():
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    return model, optimizer, Forgets(optimizer)
"""


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a factory whose scheduler forgets where it was, in a file of the current folder."""
    Path("forgetful.py").write_text(OWN)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield "forgetful:make"
    sys.modules.pop("forgetful", None)


def factory(kind: Callable[[torch.optim.Optimizer], Any]) -> Callable[[], Built]:
    def make() -> Built:
        model = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        return model, optimizer, kind(optimizer)

    return make


def good(optimizer: torch.optim.Optimizer) -> Any:
    return torch.optim.lr_scheduler.StepLR(optimizer, 4)


def forgetful(optimizer: torch.optim.Optimizer) -> Any:
    scheduler = good(optimizer)
    scheduler.load_state_dict = lambda _: None
    return scheduler


def test_a_run_that_continues_exactly_gives_its_report() -> None:
    report = assert_resumes(factory(good), steps=12)
    assert report == verify_resume(factory(good), steps=12)
    assert (report.identical, report.steps, report.fresh_process) == (True, 12, False)


def test_one_that_does_not_is_an_assertion_error_with_the_whole_report() -> None:
    with pytest.raises(AssertionError) as error:
        assert_resumes(factory(forgetful), save_at="every:4", steps=12)
    report = verify_resume(factory(forgetful), save_at="every:4", steps=12)
    assert str(error.value) == plain_text(*report_parts(report))
    assert "Does not continue exactly after 2 of 2 save points." in str(error.value).splitlines()


def test_all_arguments_are_those_of_verify_resume() -> None:
    told: list[tuple[int, int]] = []
    report = assert_resumes(
        factory(lambda optimizer: LRScheduler(optimizer, T_0=5)),
        save_at=[2, "5"],
        steps=3000,
        recipes=["replay"],
        loop="scheduler-first",
        step=lambda scheduler, _: scheduler.step(),
        seed=3,
        time_limit=5.0,
        progress=lambda *now: told.append(now),
    )
    assert (report.steps, report.loop, report.recipes) == (3000, "scheduler-first", ("complete", "replay"))
    assert [point.step for point in report.save_points] == [2, 5]
    assert told


def test_a_recipe_that_fails_is_no_failure_of_complete() -> None:
    report = assert_resumes(factory(good), save_at=5, steps=12, recipes="all")
    assert not all(one.identical for one in report.results)


def test_a_schedule_may_be_asked_about() -> None:
    assert assert_resumes(load_schedule("default"), save_at=5, steps=12).name == "default"


def test_arguments_that_do_not_fit_are_no_assertion() -> None:
    with pytest.raises(UsageError):
        assert_resumes(factory(good), save_at=0)


def test_a_loop_of_another_order_is_no_failure_where_warnings_are_errors() -> None:
    assert_resumes(factory(good), save_at=5, steps=12, loop="scheduler-first")


def test_the_message_is_what_the_command_prints(
    own: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AssertionError) as error:
        assert_resumes(own, save_at="3,5", steps=12, recipes=["replay"])
    options = ["--trust", "--save-at", "3,5", "--steps", "12", "--recipe", "replay"]
    monkeypatch.setattr(sys, "argv", ["lrsched", "verify-resume", "--factory", own, *options])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 1
    assert str(error.value) == capsys.readouterr().out.rstrip("\n")


def test_the_test_of_the_user_is_where_the_failure_is_shown() -> None:
    with pytest.raises(AssertionError) as error:
        assert_resumes(factory(forgetful), save_at=4, steps=12)
    hidden = [entry.frame.f_locals.get("__tracebackhide__") for entry in error.traceback]
    assert hidden[-1] is True
