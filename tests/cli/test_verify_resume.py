"""``lrsched verify-resume``: what is asked, what is printed, and how it ends."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from command_line import Result, run, written
from PIL import Image

from lrsched_cli.analysis.resume import reference, verify
from lrsched_cli.analysis.resume.results import KINDS, KindResult, ResumeReport, SavePoint, SavePointResult

if TYPE_CHECKING:
    from collections.abc import Iterator

STEPS = 20
EXACTLY = "Continues exactly: every number of the param groups"
SMALL = """
loop: scheduler-first
param_groups: [{name: trunk, lr: 1}, {name: head, lr: 0.5}]
scheduler: {warmup_steps: 4, T_0: 8, T_mult: 1}
steps: 20
"""
# A staircase over two groups: half the LR every four steps.
OWN = """
import sys
from pathlib import Path

import torch

Path("imported").touch()
print("a word while it is imported")


class Halving:
    lag = 0

    def __init__(self, optimizer):
        self.optimizer, self.count = optimizer, 0

    def step(self, metric=None):
        self.count += 1
        for group in self.optimizer.param_groups:
            group["lr"] = group["base"] / 2 ** (self.count // 4)

    def state_dict(self):
        return {"count": self.count}

    def load_state_dict(self, state):
        self.count = state["count"] - self.lag


class Lagging(Halving):
    lag = 1


class Silly(Lagging):
    def step(self):
        super().step()
        if self.count > 12:
            for group in self.optimizer.param_groups:
                group["lr"] = float("nan")


def trained_by(kind):
    print("a word while it is called")
    model = torch.nn.ModuleDict({"trunk": torch.nn.Linear(2, 2), "head": torch.nn.Linear(2, 1)})
    groups = [
        {"params": list(model[name].parameters()), "name": name, "lr": lr, "base": lr}
        for name, lr in (("trunk", 0.5), ("head", 0.25))
    ]
    optimizer = torch.optim.SGD(groups, lr=0.5, momentum=0.9)
    return model, optimizer, kind(optimizer)


def right():
    return trained_by(Halving)


def lagging():
    return trained_by(Lagging)


def silly():
    return trained_by(Silly)


def plateau():
    return trained_by(lambda optimizer: torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=2))


def metric(scheduler, update):
    scheduler.step(1.0 / update if update < 6 else 1.0)


def ends_early():
    if "lrsched_cli.cli.app" not in sys.modules:
        import os

        os._exit(0)
    return trained_by(Halving)
"""
LAGGING = ("--factory", "own:lagging", "--trust", "--steps", str(STEPS))


@pytest.fixture(autouse=True)
def own_code(in_an_empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Code of the user's in the current folder, forgotten afterwards."""
    (in_an_empty_folder / "own.py").write_text(OWN)
    (in_an_empty_folder / "small.yaml").write_text(SMALL)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield
    for name in ("own", "formulas"):
        sys.modules.pop(name, None)


def verified(*arguments: str, stdin: bytes = b"") -> Result:
    return run("verify-resume", *arguments, stdin=stdin)


def refused(*arguments: str) -> str:
    """What a command says that could not run, in one line."""
    result = verified(*arguments)
    assert (result.code, result.out) == (2, "")
    assert "Traceback" not in result.err
    assert written() == {}
    (line,) = result.err.splitlines()
    return line


def document(*arguments: str, code: int = 0, stdin: bytes = b"") -> Any:
    result = verified(*arguments, "--json", stdin=stdin)
    assert result.code == code, result.err
    return json.loads(result.out)


def steps_in(found: Any) -> list[int]:
    return [point["step"] for point in found["save_points"]]


class Expected(NamedTuple):
    """What is wrong with a run of ``Lagging`` after a save point."""

    updates: list[int]
    before: float
    after: float


def expected(save_at: int, *, scheduler_first: bool = False) -> Expected:
    """The updates at which the LR of the trunk differs, and its two values at the first of them."""
    ahead = int(scheduler_first)

    def lr(update: int, lag: int) -> float:
        return 0.5 / (1 << (update - 1 + ahead - lag) // 4)

    # In the loop optimizer-first the first resumed update runs at the loaded LR.
    late = [update for update in range(save_at + 2 - ahead, STEPS + 1) if lr(update, 0) != lr(update, 1)]
    return Expected(late, lr(late[0], 0), lr(late[0], 1))


def test_without_a_config_the_shipped_default_is_checked() -> None:
    result = verified("--steps", "12")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0] == "default: LRScheduler over Adam, 3 param groups, 12 updates, loop scheduler-first"
    assert lines[1].startswith("Saved by torch.save, restored in a new Python process, trained to the end")
    assert lines[3] == "Identical at 3 of 3 save points: 1 (first), 6 (middle), 11 (last but one)"
    assert lines[-1].startswith(EXACTLY)
    assert written() == {}


def test_a_file_is_saved_where_it_turns() -> None:
    found = document("small.yaml")
    assert [(point["step"], point["label"]) for point in found["save_points"]] == [
        (1, "first"),
        (3, "warm-up end - 1"),
        (4, "warm-up end"),
        (5, "warm-up end + 1"),
        (10, "middle"),
        (11, "restart 1 - 1"),
        (12, "restart 1"),
        (13, "restart 1 + 1"),
        (19, "last but one"),
    ]
    assert (found["identical"], found["fresh_process"], found["steps"]) == (True, True, 20)


def test_save_points_of_all_forms_are_joined() -> None:
    found = document(
        "small.yaml",
        "--save-at",
        "3, 17",
        "--save-at",
        "every:8",
        "--save-at",
        "3",
        "--save-at",
        "boundaries",
    )
    assert steps_in(found) == [1, 3, 4, 5, 8, 10, 11, 12, 13, 16, 17, 19]
    assert [one["save_at"] for one in found["results"]] == steps_in(found)


def test_every_step_can_be_saved_after() -> None:
    result = verified("small.yaml", "--save-at", "all")
    assert "Identical at 19 of 19 save points: 1-19 (warm-up end, restart 1)" in result.out.splitlines()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["0"], "--save-at 0: must be a step from 1 on, a list such as 100,200, every:K, boundaries or all"),
        (["x,3", "every:0", "-1"], "--save-at x, every:0, -1: must be a step"),
        (["2.5"], "--save-at 2.5: must be"),
        (["every:"], "--save-at every:: must be"),
        (["20"], "--save-at 20: the run has 20 updates; the last one to save after is 19"),
        (["5,20", "every:30"], "--save-at 20, every:30: the run has 20 updates"),
    ],
    ids=str,
)
def test_save_points_that_are_none_are_refused(given: list[str], words: str) -> None:
    options = [word for one in given for word in ("--save-at", one)]
    assert words in refused("small.yaml", *options)


def test_one_update_cannot_be_resumed() -> None:
    assert "a run of 1 update cannot be resumed: at least 2 are needed" in refused("--steps", "1")


def test_other_ways_to_restore_are_told_and_do_not_count() -> None:
    result = verified("small.yaml", "--save-at", "4,12", "--recipe", "scheduler-only", "--recipe", "replay")
    assert result.code == 0
    lines = result.out.splitlines()
    start = lines.index("Ways to restore, by save point")
    assert lines[start + 1].split() == ["recipe", "4…12"]
    assert [line.split()[0] for line in lines[start + 3 : start + 6]] == [
        "complete",
        "scheduler-only",
        "replay",
    ]
    assert lines[-1].startswith(EXACTLY)


def test_all_ways_to_restore_can_be_asked_for() -> None:
    found = document("small.yaml", "--save-at", "4", "--recipe", "all")
    assert found["recipes"] == [
        "complete", "optimizer-first", "scheduler-only", "optimizer-only", "optimizer-only-2", "saved-early",
        "loaded-twice", "replay", "last-epoch",
    ]  # fmt: skip
    assert [one["recipe"] for one in found["results"]] == found["recipes"][:-1]
    assert [one["recipe"] for one in found["skipped"]] == ["last-epoch"]
    verdicts = {one["recipe"]: one["identical"] for one in found["results"]}
    assert verdicts["complete"]
    assert not verdicts["optimizer-only"]
    assert found["identical"] is True


def test_a_way_to_restore_that_is_none_is_refused() -> None:
    line = refused("--recipe", "all", "--recipe", "scheduler-ony")
    assert "--recipe scheduler-ony: no such recipe; did you mean scheduler-only?" in line
    assert "loaded-twice" in line


def test_the_recipes_are_listed_once() -> None:
    assert refused("--recipe", "xyz").count("loaded-twice") == 1


def test_a_broken_scheduler_is_found_and_told_in_numbers() -> None:
    result = verified(*LAGGING, "--save-at", "1,5,10")
    assert result.code == 1
    rows = [line.split() for line in result.out.splitlines()]
    for save_at, apart in ((5, "0.125"), (10, "6.25e-2")):
        want = expected(save_at)
        first = want.updates[0]
        assert want.after - want.before == float(apart)
        row = [str(save_at), "late", "update", f"{first}:", "lr", "of", "trunk"]
        place = rows.index([*row, str(len(want.updates)), "of", str(STEPS - save_at), apart])
        assert rows[place + 1] == ["@", str(first)]
    want = expected(1)
    assert (
        f"Saved after 1, update {want.updates[0]}: lr of trunk is {want.after} instead of {want.before}; "
        f"largest |ΔLR| {want.after - want.before} in trunk, update {want.updates[0]}.\n"
        "There also: lr of head.\n" in result.out
    )
    differing = sum(len(expected(save_at).updates) for save_at in (1, 5, 10))
    words = f"update {want.updates[0]}: lr of trunk".split()
    assert ["param", "groups", "3", "of", "3", str(differing), *words] in rows
    assert "Identical at 0 of 3 save points" in result.out.splitlines()
    assert "Does not continue exactly after 3 of 3 save points." in result.out.splitlines()
    assert "leaves something out." in result.out.splitlines()[-1]
    assert written() == {}


def test_what_code_of_the_users_prints_is_no_result() -> None:
    result = verified("--factory", "own:right", "--trust", "--steps", "12", "--save-at", "5")
    assert result.code == 0
    assert "a word" not in result.out
    assert set(result.err.splitlines()) == {"a word while it is imported", "a word while it is called"}


def test_json_is_one_document_with_the_whole_result() -> None:
    found = document(*LAGGING, "--save-at", "5", code=1)
    assert list(found) == [
        "identical", "files", "name", "optimizer", "scheduler", "groups", "loop", "steps", "save_points",
        "boundaries_left_out", "recipes", "results", "skipped", "fresh_process", "torch_version",
    ]  # fmt: skip
    assert (found["identical"], found["files"], found["fresh_process"]) == (False, [], True)
    assert (found["name"], found["optimizer"], found["scheduler"]) == ("own:lagging", "SGD", "Lagging")
    assert (found["groups"], found["loop"]) == (["trunk", "head"], "optimizer-first")
    (result,) = found["results"]
    want = expected(5)
    numbers, state, moments, weights = result["kinds"]
    assert (result["identical"], result["numbers_identical"], result["failure"]) == (False, False, None)
    assert (numbers["kind"], numbers["differing"], numbers["shape"]) == (
        "param groups",
        len(want.updates),
        "late",
    )
    assert numbers["first"] == {
        "quantity": "lr of trunk",
        "update": want.updates[0],
        "expected": want.before,
        "resumed": want.after,
    }
    assert numbers["also"] == ["lr of head"]
    assert result["largest_lr"] == {
        "value": want.after - want.before,
        "update": want.updates[0],
        "group": "trunk",
    }
    assert (state["differing"], state["first"]["expected"], state["first"]["resumed"]) == (15, 6, 5)
    assert moments["differing"] == 0  # the gradients are those of the run without interruption
    assert weights["first"]["update"] == want.updates[0]


def test_a_factory_is_imported_only_when_trusted() -> None:
    line = refused("--factory", "own:right", "--step-with", "own:metric")
    assert "--factory imports and calls own:right and own:metric; give --trust" in line
    assert not Path("imported").exists()


@pytest.mark.parametrize(
    ("factory", "words"),
    [
        ("nowhere:make", 'cannot import "nowhere:make": ModuleNotFoundError'),
        ("own:nothing", 'cannot import "own:nothing": AttributeError'),
        ("own", 'must be "package.module:function" (got "own")'),
    ],
)
def test_a_factory_that_is_none_is_refused(factory: str, words: str) -> None:
    result = verified("--factory", factory, "--trust")
    assert (result.code, result.out) == (2, "")
    assert words in result.err.splitlines()[-1]


def test_a_scheduler_that_wants_a_metric_is_stepped_by_a_function() -> None:
    factory = ("--factory", "own:plateau", "--trust", "--steps", "20", "--save-at", "7,9,10")
    found = document(*factory, "--step-with", "own:metric")
    assert (found["identical"], found["scheduler"]) == (True, "ReduceLROnPlateau")
    without = verified(*factory)
    assert without.code == 2
    assert "the run without interruption failed at update 1: TypeError: " in without.err


def test_the_loop_of_a_factory_may_be_told() -> None:
    found = document(*LAGGING, "--save-at", "6", "--loop", "scheduler-first", code=1)
    want = expected(6, scheduler_first=True)
    assert found["loop"] == "scheduler-first"
    (numbers, *_) = found["results"][0]["kinds"]
    assert (numbers["first"]["update"], numbers["differing"]) == (want.updates[0], len(want.updates))
    assert expected(6).updates != want.updates


REFUSED = {
    "a factory and a file": (
        "small.yaml --factory own:right --set steps=3 --optimizer-key x",
        ["CONFIG does", "--set does", "--optimizer-key does"],
        "not go with --factory",
    ),
    "a checkpoint and a check": (
        "--checkpoint c.pt --save-at 5 --recipe all --plot --out x.png",
        ["--save-at does", "--recipe does", "--plot does", "--out does"],
        "not go with --checkpoint",
    ),
    "a checkpoint and a loop": (
        "--checkpoint c.pt --step-with own:metric --loop scheduler-first",
        ["--step-with does", "--loop does"],
        "not go with --checkpoint",
    ),
    "a plan and a recipe": (
        "--resume-config small.yaml --recipe all --step-with a:b --loop optimizer-first --scheduler-key x",
        ["--recipe does", "--step-with does", "--loop does", "--scheduler-key does"],
        "not go with --resume-config",
    ),
    "a setting and a recipe": (
        "--resume-set steps=4 --recipe all --step-key x",
        ["--recipe does", "--step-key does"],
        "not go with --resume-set",
    ),
    "options of a factory alone": (
        "small.yaml --step-with own:metric --loop scheduler-first",
        ["--step-with needs", "--loop needs"],
        "--factory",
    ),
    "options of a checkpoint alone": (
        "--optimizer-key a --scheduler-key b --step-key c",
        ["--optimizer-key needs", "--scheduler-key needs", "--step-key needs"],
        "--checkpoint",
    ),
    "three questions": (
        "--factory own:right --checkpoint c.pt --resume-config small.yaml",
        ["--factory and --checkpoint and --resume-config are different questions"],
        "ask one at a time",
    ),
    "two questions": (
        "--checkpoint c.pt --resume-set steps=3",
        ["--checkpoint and --resume-set are different questions"],
        "ask one at a time",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_options_that_do_not_go_together_are_refused_all_at_once(case: str) -> None:
    arguments, starts, end = REFUSED[case]
    line = refused(*arguments.split(), "--trust")
    assert line.startswith("lrsched: ")
    assert [start for start in starts if start not in line] == []
    assert end in line
    assert not Path("imported").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--dark", "--log-y"),
        ("--checkpoint", "c.pt", "--seed", "3"),
        ("--checkpoint", "c.pt", "--time-limit", "3"),
        ("--resume-set", "scheduler.gamma=0.5", "--time-limit", "3"),
    ],
    ids=" ".join,
)
def test_options_without_an_effect_are_refused(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "check", lambda _: (_exact(), None))
    assert arguments[-2] in refused("small.yaml", *arguments)


@pytest.mark.parametrize("arguments", [("",), ("--factory", "", "--trust")], ids=["CONFIG", "factory"])
def test_an_empty_name_is_no_name(arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "check", lambda _: (_exact(), None))
    assert refused(*arguments)


def _exact() -> ResumeReport:
    result = SavePointResult("complete", 1, 1, tuple(KindResult(kind, 0) for kind in KINDS))
    return ResumeReport(
        name="s",
        optimizer="SGD",
        scheduler="StepLR",
        groups=("a",),
        loop="optimizer-first",
        steps=2,
        save_points=(SavePoint(1),),
        boundaries_left_out=0,
        recipes=("complete",),
        results=(result,),
        skipped=(),
        fresh_process=True,
        torch_version="9.9.9",
    )


def test_every_option_reaches_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def check(given: Any) -> tuple[ResumeReport, None]:
        asked.append(given)
        return _exact(), None

    monkeypatch.setattr(verify, "check", check)
    assert verified("small.yaml").code == 0
    options = ("--seed", "7", "--time-limit", "2.5", "--steps", "33", "--set", "scheduler.T_0=9")
    assert verified("small.yaml", *options, "--recipe", "replay", "--save-at", "4").code == 0
    own = ("--factory", "own:right", "--trust", "--step-with", "own:metric", "--loop", "scheduler-first")
    assert verified(*own).code == 0
    plain, full, factory = asked
    assert (plain.subject.steps, plain.subject.seed, plain.time_limit) == (20, 0, 120.0)
    assert (plain.save_at, [one.label for one in plain.recipes]) == (("boundaries",), ["complete"])
    assert plain.keep_lrs is False
    assert (full.subject.steps, full.subject.seed, full.time_limit) == (33, 7, 2.5)
    assert (full.save_at, [one.label for one in full.recipes]) == (("4",), ["complete", "replay"])
    assert full.subject.job_fields["origin"]["overrides"] == ("scheduler.T_0=9", "steps=33")
    assert (factory.subject.steps, factory.subject.loop) == (200, "scheduler-first")
    assert (factory.subject.job_fields["factory"], factory.subject.job_fields["step"]) == (
        "own:right",
        "own:metric",
    )


def test_the_picture_is_drawn_when_asked_for() -> None:
    result = verified(*LAGGING, "--save-at", "5", "--plot", "--size", "4x3", "--dpi", "50", "--dark")
    assert result.code == 1
    assert result.out.endswith("\n\noutputs/resume-lagging.png\n")
    assert list(written()) == ["resume-lagging.png"]
    with Image.open("outputs/resume-lagging.png") as picture:
        assert picture.size == (200, 150)
        corner = picture.convert("L").getpixel((2, 2))
        assert isinstance(corner, int)
        assert corner < 60
        assert picture.info["Title"] == "own:lagging, resumed"


@pytest.mark.parametrize(
    ("out", "file", "start"),
    [
        ("new/x.svg", "new/x.svg", b"<?xml"),
        ("new/x.PDF", "new/x.PDF", b"%PDF"),
        ("f/", "f/resume-small.png", b"\x89PNG"),
    ],
)
def test_out_alone_asks_for_the_picture(out: str, file: str, start: bytes) -> None:
    found = document("small.yaml", "--steps", "6", "--save-at", "3", "--out", out)
    assert found["files"] == [file]
    assert Path(file).read_bytes().startswith(start)
    assert written() == {}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--size", "8"), "--size must be WIDTHxHEIGHT"),
        (("--size", "2x9"), "--size must be from 3 to 40 inches"),
        (("--out", "x.jpg"), "--out x.jpg: the name must end in"),
        (("--out", "-"), "--out -: this goes to a file"),
    ],
    ids=str,
)
def test_a_picture_that_cannot_be_is_refused_before_anything_is_run(
    options: tuple[str, ...], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "check", None)
    assert words in refused("small.yaml", *options)


@pytest.mark.parametrize(
    "options",
    [
        ("--steps", "0"),
        ("--seed", "-1"),
        ("--seed", "2147483648"),
        ("--time-limit", "0.5"),
        ("--time-limit", "x"),
        ("--loop", "sideways"),
        ("--dpi", "5"),
    ],
    ids=" ".join,
)
def test_values_out_of_range_are_refused(options: tuple[str, ...]) -> None:
    result = verified(*options)
    assert (result.code, result.out) == (2, "")
    assert f"Invalid value for '{options[0]}'" in result.err


def test_lrs_that_are_no_numbers_are_told_and_drawn() -> None:
    result = verified("--factory", "own:silly", "--trust", "--steps", "20", "--save-at", "5", "--plot")
    assert result.code == 1
    assert "Does not continue exactly after 1 of 1 save points." in result.out


def test_a_picture_that_cannot_be_written_does_not_cost_the_report() -> None:
    Path("x").write_text("in the way")
    result = verified("small.yaml", "--save-at", "5", "--out", "x/y.png")
    assert result.code == 2
    assert EXACTLY in result.out


def test_a_process_that_ends_before_it_is_done_is_an_error() -> None:
    result = verified("--factory", "own:ends_early", "--trust", "--steps", "12", "--save-at", "5")
    assert (result.code, result.out) == (2, "")


def test_a_schedule_from_standard_input_is_resumed_too() -> None:
    found = document("-", "--save-at", "12", stdin=SMALL.encode())
    assert (found["identical"], found["name"], found["groups"]) == (True, "stdin", ["trunk", "head"])


def test_a_function_of_the_users_in_a_schedule_is_resumed_when_trusted() -> None:
    Path("formulas.py").write_text("def factor(step):\n    print('a word')\n    return 1 / (1 + step)\n")
    Path("own.yaml").write_text(
        SMALL.replace("T_mult: 1", "T_mult: 1, custom_lambda: {import: 'formulas:factor'}")
    )
    result = verified("own.yaml")
    assert (result.code, result.out) == (2, "")
    assert "--trust" in result.err
    assert "formulas" not in sys.modules
    trusted = verified("own.yaml", "--save-at", "12", "--trust")
    assert trusted.code == 0
    assert "Identical at 1 of 1 save points: 12 (restart 1)" in trusted.out
    assert set(trusted.err.splitlines()) == {"a word"}
    assert "a word" not in trusted.out


def test_a_file_that_changes_while_it_is_checked_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    record = reference.record_reference

    def changing(*arguments: Any, **named: Any) -> Any:
        Path("small.yaml").write_text(SMALL.replace("T_0: 8", "T_0: 9"))
        return record(*arguments, **named)

    monkeypatch.setattr(reference, "record_reference", changing)
    assert refused("small.yaml") == "lrsched: small.yaml was changed while it was checked; check it again"


def test_a_process_that_cannot_be_started_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert "standard output" not in refused("small.yaml")


def test_problems_of_the_file_are_told_with_their_places() -> None:
    Path("bad.yaml").write_text("steps: -1\nscheduler: {gama: 1}\n")
    result = verified("bad.yaml", "--save-at", "3")
    assert (result.code, result.out) == (2, "")
    assert [line.split(" ")[0] for line in result.err.splitlines()[:2]] == ["bad.yaml:1:8:", "bad.yaml:2:13:"]


def test_a_changed_plan_and_a_checkpoint_are_asked_about_too() -> None:
    plan = verified("small.yaml", "--resume-set", "scheduler.gamma=0.5", "--save-at", "7", "--out", "x.svg")
    assert plan.code == 0
    assert "Saved after update 7." in plan.out
    assert plan.out.endswith("\nx.svg\nx.csv\n")
    assert refused("small.yaml", "--checkpoint", "c.pt") == "lrsched: c.pt: there is no such file"


@pytest.mark.parametrize("save_at", ["all", "3,4", "0", "boundaries"])
def test_a_forecast_is_about_one_save_point(save_at: str) -> None:
    options = ("--resume-set", "scheduler.gamma=0.5", "--save-at", save_at)
    assert "give one --save-at K" in refused("small.yaml", *options)


def test_help_names_every_option_and_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    result = verified("--help")
    assert (result.code, result.err) == (0, "")
    for option in (
        "CONFIG", "--save-at", "--recipe", "--set", "--steps", "--seed", "--time-limit", "--plot", "--out",
        "--log-y", "--size", "--dpi", "--dark", "--json", "--trust", "--factory", "--step-with", "--loop",
        "--resume-config", "--resume-set", "--checkpoint", "--optimizer-key", "--scheduler-key", "--step-key",
    ):  # fmt: skip
        assert option in result.out
    words = " ".join(result.out.split())
    for said in (
        "Ends with 1 where",
        "every:K, boundaries or all",
        "[default: (boundaries)]",
        "Needs --trust",
    ):
        assert said in words
    assert max(map(len, result.out.splitlines())) <= 80
