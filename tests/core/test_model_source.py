"""Where a model comes from: the key of the file, the argument, a function; and who may import what."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from models import schedule_of

from lrsched_cli import ScheduleFileError, UsageError, load_schedule
from lrsched_cli.core.model_source import assignment_of, read_model

if TYPE_CHECKING:
    from lrsched_cli import Schedule

NAMES = "a.weight [2, 3]\na.bias [2]\n"
MODULE = """\
from pathlib import Path
import torch

Path("imported").touch()

def build():
    return torch.nn.Linear(3, 2)

def training():
    model = build()
    return model, torch.optim.SGD(model.parameters()), None

def fails():
    raise RuntimeError("no such weights")

number = 3

class Own(torch.optim.SGD):
    def __init__(self, params, lr, *, shift: float = 0.5, names: "list[str] | None" = None):
        super().__init__(params, lr=lr)
        self.defaults["shift"] = shift

class Open(torch.optim.SGD):
    def __init__(self, params, **settings):
        super().__init__(params, lr=settings["lr"])

class NoRate(torch.optim.SGD):
    def __init__(self, params, momentum=0.0):
        super().__init__(params, momentum=momentum)

class NoOptimizer:
    def __init__(self, params, lr=1.0):
        pass
"""


@pytest.fixture(autouse=True)
def a_module_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mine.py").write_text(MODULE)
    Path("names.txt").write_text(NAMES)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setitem(sys.modules, "mine", sys)
    monkeypatch.delitem(sys.modules, "mine")


def imported() -> bool:
    return Path("imported").exists()


def shapes(schedule: Schedule) -> dict[str, tuple[int, ...]]:
    return dict(schedule.param_groups[0].shapes)


def told(text: str, **options: bool) -> list[str]:
    with pytest.raises(ScheduleFileError) as caught:
        schedule_of(text, **options)
    return [str(problem) for problem in caught.value.problems]


class TestTheKey:
    def test_a_file_is_read_only_when_it_is_asked_for(self) -> None:
        schedule = schedule_of("model: not-there.txt")
        assert shapes(schedule) == {}
        assert len(schedule.build_optimizer(torch.nn.Linear(1, 1)).param_groups) == 1
        with pytest.raises(ScheduleFileError) as caught:
            schedule.with_model()
        assert str(caught.value) == "s.yaml:1:8: model: cannot be used: not-there.txt: no such file"

    def test_its_path_is_relative_to_the_file_that_states_it(self) -> None:
        Path("base").mkdir()
        Path("names.txt").rename("base/names.txt")
        Path("base/base.yaml").write_text("model: names.txt")
        Path("run").mkdir()
        Path("run/run.yaml").write_text("extends: ../base/base.yaml")
        for file in ("base/base.yaml", "run/run.yaml"):
            assert shapes(load_schedule(file).with_model()) == {"a.weight": (2, 3), "a.bias": (2,)}

    def test_in_an_override_it_is_relative_to_the_current_folder(self) -> None:
        Path("runs").mkdir()
        Path("runs/s.yaml").write_text("model: other.txt")
        schedule = load_schedule("runs/s.yaml", overrides=["model=names.txt"])
        assert set(shapes(schedule.with_model())) == {"a.weight", "a.bias"}

    def test_an_argument_goes_before_it(self) -> None:
        Path("other.txt").write_text("b")
        assert set(shapes(schedule_of("model: names.txt").with_model("other.txt"))) == {"b"}

    def test_without_any_model_that_is_said(self) -> None:
        with pytest.raises(UsageError, match="give --model FILE, or state model: in the schedule file"):
            schedule_of("steps: 3").with_model()

    def test_an_absolute_path_is_one(self) -> None:
        schedule = schedule_of(f"model: {Path('names.txt').resolve()}")
        os.chdir("/")
        assert set(shapes(schedule.with_model())) == {"a.weight", "a.bias"}

    @pytest.mark.parametrize("value", ["3", "[a]", '""'])
    def test_what_is_no_text_is_told(self, value: str) -> None:
        (problem,) = told(f"model: {value}")
        assert problem.startswith("s.yaml:1:8: model: must be text")


class TestTrust:
    def test_a_model_to_be_imported_is_refused_without_it(self) -> None:
        assert told("model: mine:build") == [
            's.yaml:1:8: model: would import "mine" and call its "build"; allow it with --trust (trust=True)'
        ]
        with pytest.raises(UsageError, match=r"would import .* allow it with --trust"):
            read_model("mine:build", trust=False)
        with pytest.raises(UsageError, match="would import"):
            schedule_of("steps: 3").with_model("mine:build")
        assert not imported()

    def test_an_optimizer_to_be_imported_is_refused_without_it(self) -> None:
        assert told("optimizer: {type: mine:Own, lr: 1, nonsense: 3}") == [
            's.yaml:1:19: optimizer.type: would import "mine" and call its "Own"; allow it with --trust (trust=True)'  # noqa: E501 - as it is told
        ]
        assert not imported()

    def test_loading_a_trusted_file_does_not_build_its_model(self) -> None:
        schedule = schedule_of("model: mine:build", trust=True)
        assert not imported()
        assert set(shapes(schedule.with_model())) == {"weight", "bias"}
        assert imported()

    def test_a_factory_of_verify_resume_is_a_model_too(self) -> None:
        assert shapes(schedule_of("model: mine:training", trust=True).with_model()) == {
            "weight": (2, 3),
            "bias": (2,),
        }

    @pytest.mark.parametrize(
        ("reference", "said"),
        [
            ("mine:fails", "mine:fails: RuntimeError: no such weights"),
            ("mine:missing", "AttributeError"),
            ("mine:number", "cannot be called"),
            ("mine:Path", "must give a torch.nn.Module (got"),
            ("absent:build", "ModuleNotFoundError"),
        ],
    )
    def test_one_that_cannot_be_built_is_told_at_its_line(self, reference: str, said: str) -> None:
        with pytest.raises(ScheduleFileError) as caught:
            schedule_of(f"model: {reference}", trust=True).with_model()
        assert str(caught.value).startswith("s.yaml:1:8: model: cannot be used: ")
        assert said in str(caught.value)


class TestOwnOptimizers:
    def test_it_gets_the_groups_and_its_arguments(self) -> None:
        text = "optimizer: {type: mine:Own, lr: 0.2, shift: 0.25}\nparam_groups: [{name: a, shift: 1}]"
        optimizer = schedule_of(text, trust=True).build_optimizer(torch.nn.Linear(2, 1))
        assert type(optimizer).__name__ == "Own"
        (group,) = optimizer.param_groups
        assert (group["lr"], group["shift"], optimizer.defaults["shift"]) == (0.2, 1, 0.25)

    @pytest.mark.parametrize(
        ("optimizer", "said"),
        [
            ("type: mine:Own, lr: 1, shfit: 3", "optimizer.shfit: is no known key; did you mean shift?"),
            ("type: mine:Own, lr: 1, shift: big", 'optimizer.shift: must be a number (got "big")'),
            ("type: mine:Own", 'optimizer.type: "mine:Own" needs lr; state it beside the type'),
            ("type: mine:Open", '"mine:Open" needs lr; state it beside the type'),
            ("type: mine:NoRate", "takes no lr, and nothing else is scheduled"),
            ("type: mine:build, lr: 1", '"mine:build" is no class'),
            ("type: mine:missing, lr: 1", "AttributeError"),
            ("type: 'mine:', lr: 1", 'must be "package.module:function"'),
            ("type: SGDD", "did you mean SGD?"),
        ],
    )
    def test_what_it_does_not_take_is_told_when_the_file_is_read(self, optimizer: str, said: str) -> None:
        (problem,) = told(f"optimizer: {{{optimizer}}}", trust=True)
        assert said in problem
        assert problem.startswith("s.yaml:1:")

    def test_a_class_that_takes_any_argument_gets_any(self) -> None:
        schedule = schedule_of("optimizer: {type: mine:Open, lr: 1, whatever: 3}", trust=True)
        assert schedule.build_optimizer(torch.nn.Linear(1, 1)).param_groups[0]["lr"] == 1

    def test_a_class_that_is_no_optimizer_is_told(self) -> None:
        schedule = schedule_of("optimizer: {type: mine:NoOptimizer}", trust=True)
        with pytest.raises(ScheduleFileError, match=r"'mine:NoOptimizer' is no torch\.optim\.Optimizer"):
            schedule.build_optimizer(torch.nn.Linear(1, 1))

    def test_what_it_refuses_is_told_in_its_name(self) -> None:
        schedule = schedule_of("optimizer: {type: mine:Own, lr: 1e-3}\nmodel: names.txt", trust=True)
        assert schedule.base_lr(schedule.param_groups[0]) == 1e-3
        with pytest.raises(ScheduleFileError, match=r"s\.yaml:1:1\d: optimizer: mine:Own refuses"):
            schedule.model_copy(
                update={"optimizer": schedule.optimizer.model_copy(update={"lr": -1.0})}
            ).build_optimizer(torch.nn.Linear(1, 1))


def test_the_groups_say_which_pattern_took_what() -> None:
    text = 'model: names.txt\nparam_groups: [{name: a, match: ["z*", "*.bias"]}, {name: b}]'
    with pytest.raises(ScheduleFileError, match="'z\\*' matches no parameter of the model"):
        schedule_of(text).with_model()
    assignment, listing = assignment_of(schedule_of(text.replace('"z*", ', "")))
    assert assignment.pattern_of == {"a.weight": None, "a.bias": 0}
    assert listing.source == "names.txt"


def test_another_process_is_told_of_the_model() -> None:
    origin = schedule_of("model: names.txt").with_model().origin
    assert origin is not None
    assert origin.model == "names.txt"
    assert schedule_of("steps: 3").with_model(torch.nn.Linear(1, 1)).origin is None
