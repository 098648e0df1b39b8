"""Schedulers and functions of the user's own: never imported unasked, and told where they do not fit."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.append(str(Path(__file__).resolve().parent.parent / "cli"))

from command_line import Result, run, written

if TYPE_CHECKING:
    from collections.abc import Iterator

# The LR is multiplied by a factor at every so many steps, and the weight decay grows.
MINE = """
import functools
from pathlib import Path

Path("imported").touch()


class Stairs:
    def __init__(self, optimizer, every: int, factor: float = 0.5, last_epoch=-1):
        self.optimizer, self.every, self.factor, self.taken = optimizer, every, factor, 0

    def step(self):
        self.taken += 1
        if self.taken % self.every == 0:
            for group in self.optimizer.param_groups:
                group["lr"] *= self.factor
                group["weight_decay"] = self.taken / 10

    def state_dict(self):
        return {"taken": self.taken}

    def load_state_dict(self, state):
        self.taken = state["taken"]


class Threes(Stairs):
    def __init__(self, optimizer):
        super().__init__(optimizer, 3)


class WithLoss(Threes):
    def step(self, loss):
        super().step()


class WithTwo(Threes):
    def step(self, loss, accuracy):
        super().step()


class Talking(Threes):
    def __init__(self, optimizer):
        print("a word from the constructor")
        super().__init__(optimizer)


class Anything:
    def __init__(self, *args, **kwargs):
        self.args, self.kwargs = args, kwargs

    def step(self, *args, **kwargs):
        self.args[0].param_groups[0]["lr"] = self.kwargs["lr"]


class ByName(Stairs):
    def __init__(self, optimizer, *, every):
        super().__init__(optimizer, every)


class Forgetful(Threes):
    state_dict = load_state_dict = None


class Bare:
    def __init__(self, optimizer):
        self.optimizer = optimizer

    def step(self):
        self.optimizer.param_groups[0]["lr"] *= 0.9


class Lost(Threes):
    def load_state_dict(self, state):
        pass


class NoStep:
    def __init__(self, optimizer):
        pass


class NoOptimizer:
    def __init__(self):
        pass


class Refusing:
    def __init__(self, optimizer):
        raise RuntimeError("not\\n today")


class Leaving:
    def __init__(self, optimizer):
        raise SystemExit(3)


class Failing(Threes):
    def step(self):
        super().step()
        if self.taken == 5:
            raise ValueError("five")


class Written(Threes):
    def step(self):
        self.optimizer.param_groups[1]["lr"] = {"nan": float("nan"), "text": "much", "none": None}[KIND]


class Taken(Threes):
    def step(self):
        self.optimizer.param_groups[1].pop("lr", None)


KIND = "text"
fours = functools.partial(Stairs, every=4)
tenths = functools.partial(Stairs, factor=0.1)
number = 5


def made(optimizer, every: int = 2):
    return Stairs(optimizer, every)


def nothing(optimizer):
    return None


def falling(step):
    return 1 / (step + 1)


def of_two(step, other):
    return 1


def text(step):
    return "much"
"""
HEAD = "steps: 12\noptimizer: {lr: 0.1}\nparam_groups: [{name: a}, {name: b}]\n"


@pytest.fixture(autouse=True)
def own_code(in_an_empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (in_an_empty_folder / "mine.py").write_text(MINE)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield
    sys.modules.pop("mine", None)


def asked(scheduler: str, *arguments: str, command: str = "show") -> Result:
    Path("s.yaml").write_text(f"{HEAD}scheduler: {scheduler}\n", encoding="utf-8")
    return run(command, "s.yaml", *arguments)


def refused(scheduler: str, *arguments: str, command: str = "show") -> list[str]:
    result = asked(scheduler, *arguments, command=command)
    assert (result.code, result.out) == (2, "")
    assert "Traceback" not in result.err
    assert written() == {}
    return result.err.splitlines()


def lrs(scheduler: str) -> list[list[float]]:
    """The LRs of both groups at rows 0 to 12, of a trusted file."""
    result = asked(scheduler, "--trust", "--json", "--out", "x.csv", command="trace")
    assert result.code == 0, result.err
    rows = [line.split(",") for line in Path("x.csv").read_text(encoding="utf-8").splitlines()]
    columns = [rows[0].index(name) for name in ("lr.a", "lr.b")]
    return [[float(row[column]) for column in columns] for row in rows[1:]]


UNTRUSTED = {
    "{type: mine:Stairs, every: 3}": ["type: Stairs"],
    "{type: LambdaLR, lr_lambda: {import: mine:falling}}": ["lr_lambda.import: falling"],
    "{type: LambdaLR, lr_lambda: ['1', {import: mine:falling}]}": ["lr_lambda.1.import: falling"],
    "{custom_lambda: {import: mine:falling}}": ["custom_lambda.import: falling"],
    "{type: SequentialLR, milestones: [3], schedulers: [{type: mine:Stairs}, {type: ChainedScheduler,"
    " schedulers: [{type: LambdaLR, lr_lambda: {import: mine:falling}}]}]}": [
        "schedulers.0.type: Stairs",
        "schedulers.1.schedulers.0.lr_lambda.import: falling",
    ],
    "{type: mine:Anything, fn: {import: mine:falling}, part: {type: mine:Threes}}": [
        "type: Anything",
        "fn.import: falling",
        "part.type: Threes",
    ],
}


@pytest.mark.parametrize("command", ["show", "plot", "trace", "compare", "verify-resume"])
@pytest.mark.parametrize("scheduler", UNTRUSTED)
def test_a_file_that_is_not_trusted_never_imports(scheduler: str, command: str) -> None:
    *told, hint = refused(scheduler, *(["default"] if command == "compare" else []), command=command)
    assert [line.partition("scheduler.")[2] for line in told] == [
        f'{key}: would import "mine" and call its "{name}"; allow it with --trust (trust=True)'
        for key, _, name in (one.partition(": ") for one in UNTRUSTED[scheduler])
    ]
    assert all(line.startswith("s.yaml:4:") for line in told)
    assert hint == "Give --trust only for files whose code you would run yourself."
    assert not Path("imported").exists()


@pytest.mark.parametrize("trust", [[], ["--trust"]])
def test_a_metric_is_never_imported(trust: list[str]) -> None:
    told = refused("{type: ReduceLROnPlateau, metric: {import: mine:falling}}", *trust)
    assert "s.yaml:4:47: scheduler.metric.import: is no known key" in told
    assert not Path("imported").exists()


def test_a_trusted_class_is_called_with_the_optimizer_and_its_arguments() -> None:
    assert [row[0] for row in lrs("{type: mine:Stairs, every: 5, factor: 0.25}")] == [
        *[0.1] * 5,
        *[0.025] * 5,
        *[0.00625] * 3,
    ]
    assert Path("imported").exists()


@pytest.mark.parametrize(
    ("scheduler", "every", "factor"),
    [
        ("{type: mine:Threes}", 3, 0.5),
        ("{type: mine:Talking}", 3, 0.5),
        ("{type: mine:WithLoss, metric: 1 / step}", 3, 0.5),
        ("{type: mine:ByName, every: 4}", 4, 0.5),
        ("{type: mine:fours}", 4, 0.5),
        ("{type: mine:fours, every: 6}", 6, 0.5),
        ("{type: mine:tenths, every: 2}", 2, 0.1),
        ("{type: mine:made}", 2, 0.5),
        ("{type: ChainedScheduler, schedulers: [{type: mine:made, every: 5}]}", 5, 0.5),
    ],
)
def test_whatever_gives_a_scheduler_is_called(scheduler: str, every: int, factor: float) -> None:
    expected, lr = [], 0.1
    for step in range(13):
        lr *= factor if step and step % every == 0 else 1.0
        expected.append([lr, lr])
    assert lrs(scheduler) == expected


def test_what_takes_anything_gets_what_the_file_says() -> None:
    assert lrs("{type: mine:Anything, lr: 0.7, more: [1, {deep: true}]}")[1:] == [[0.7, 0.1]] * 12


def test_trusted_functions_take_the_place_of_formulas() -> None:
    found = lrs("{type: LambdaLR, lr_lambda: [{import: mine:falling}, 1 / (step + 1)]}")
    assert found == [[0.1 * (1 / (step + 1))] * 2 for step in range(13)]


def test_what_it_prints_stays_off_standard_output() -> None:
    result = asked("{type: mine:Talking}", "--trust", "--json")
    assert json.loads(result.out)["name"] == "s"
    assert result.err == "a word from the constructor\n"


@pytest.mark.parametrize(
    ("scheduler", "told"),
    [
        ("{type: mine:Stairs}", ["12: scheduler.every: is missing; mine:Stairs needs it"]),
        (
            "{type: mine:Stairs, evry: 3, factor: much}",
            [
                "12: scheduler.every: is missing; mine:Stairs needs it",
                "32: scheduler.evry: is no known key; did you mean every?",
                '49: scheduler.factor: must be a number (got "much")',
            ],
        ),
        (
            "{type: SequentialLR, milestones: [3], schedulers: [{type: mine:ByName}, {type: mine:Stairs}]}",
            [
                "63: scheduler.schedulers.0.every: is missing; mine:ByName needs it",
                "84: scheduler.schedulers.1.every: is missing; mine:Stairs needs it",
            ],
        ),
        (
            "{type: mine:Stairs, every: 3, last_epoch: 3}",
            ["42: scheduler.last_epoch: is no known key; known here: every, factor, type"],
        ),
        (
            "{type: mine:Threes, metric: 1 / step}",
            ["32: scheduler.metric: mine:Threes takes no metric"],
        ),
        (
            "{type: mine:WithLoss}",
            [
                (
                    "12: scheduler.metric: is missing; mine:WithLoss is stepped with one: a formula of step, "
                    "or {csv: FILE, column: NAME}"
                )
            ],
        ),
        (
            "{type: mine:Missing}",
            [
                (
                    '19: scheduler.type: cannot import "mine:Missing": AttributeError: '
                    "module 'mine' has no attribute 'Missing'"
                )
            ],
        ),
        ("{type: mine:number}", ['19: scheduler.type: "mine:number" cannot be called']),
        (
            "{type: 'mine:'}",
            ['19: scheduler.type: must be "package.module:function" (got "mine:")'],
        ),
        (
            "{type: not_there:It}",
            [
                (
                    '19: scheduler.type: cannot import "not_there:It": ModuleNotFoundError: '
                    "No module named 'not_there'"
                )
            ],
        ),
        (
            "{type: mine:NoStep}",
            ["12: scheduler: mine:NoStep fails at update 1: 'NoStep' object has no attribute 'step'"],
        ),
        (
            "{type: mine:nothing}",
            ["12: scheduler: mine:nothing fails at update 1: 'NoneType' object has no attribute 'step'"],
        ),
        (
            "{type: mine:NoOptimizer}",
            [
                (
                    "12: scheduler: mine:NoOptimizer refuses these settings: NoOptimizer.__init__() takes 1 "
                    "positional argument but 2 were given"
                )
            ],
        ),
        ("{type: mine:Refusing}", ["12: scheduler: mine:Refusing refuses these settings: not today"]),
        ("{type: mine:Leaving}", ["12: scheduler: mine:Leaving refuses these settings: 3"]),
        ("{type: mine:Failing}", ["12: scheduler: mine:Failing fails at update 5: five"]),
        (
            "{type: mine:WithTwo, metric: 1 / step}",
            [
                (
                    "12: scheduler: mine:WithTwo fails at update 1: WithTwo.step() missing 1 required "
                    "positional argument: 'accuracy'"
                )
            ],
        ),
        ("{type: mine:Written}", ["12: scheduler: the LR of group 'b' is no number at step 1"]),
        ("{type: mine:Taken}", ["12: scheduler: the LR of group 'b' is no number at step 1"]),
        (
            "{type: 'builtins:dict'}",
            ["12: scheduler: builtins:dict refuses these settings: 'Adam' object is not iterable"],
        ),
        (
            "{type: LambdaLR, lr_lambda: {import: mine:of_two}}",
            [
                (
                    "12: scheduler: LambdaLR refuses these settings: of_two() missing 1 required positional "
                    "argument: 'other'"
                )
            ],
        ),
        (
            "{type: LambdaLR, lr_lambda: {import: mine:text}}",
            [
                (
                    "12: scheduler: LambdaLR refuses these settings: can't multiply sequence by non-int of "
                    "type 'float'"
                )
            ],
        ),
        (
            "{type: ChainedScheduler, schedulers: [{type: mine:Refusing}]}",
            ["50: scheduler.schedulers.0: mine:Refusing refuses these settings: not today"],
        ),
    ],
)
def test_what_does_not_fit_is_told_at_its_place(scheduler: str, told: list[str]) -> None:
    assert refused(scheduler, "--trust") == [f"s.yaml:4:{one}" for one in told]


@pytest.mark.parametrize("kind", ["Threes", "Talking", "WithLoss, metric: 1 / step", "made"])
def test_a_class_that_keeps_its_state_resumes_in_a_new_process(kind: str) -> None:
    result = asked(f"{{type: mine:{kind}}}", "--trust", "--save-at", "5", "--json", command="verify-resume")
    assert result.code == 0, result.err
    assert json.loads(result.out)["identical"] is True


@pytest.mark.parametrize("kind", ["Lost", "Bare"])
def test_a_class_that_keeps_nothing_is_found_out_if_it_counts(kind: str) -> None:
    result = asked(f"{{type: mine:{kind}}}", "--trust", "--save-at", "5", "--json", command="verify-resume")
    assert result.code == 1, result.err
    assert json.loads(result.out)["identical"] is False


def test_a_class_that_cannot_be_saved_is_told() -> None:
    (told,) = refused("{type: mine:Forgetful}", "--trust", "--save-at", "5", command="verify-resume")
    assert told.startswith("lrsched: the run without interruption failed at update 1: TypeError:")
