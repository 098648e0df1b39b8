"""What a valid schedule file gives: settings, defaults, what follows from them, and their fingerprint."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from lrsched_cli.core.config import MAX_STEPS, Schedule, load_schedule
from lrsched_cli.core.expressions import Expression
from lrsched_cli.core.families import own
from lrsched_cli.core.parameters import DEFAULTS
from lrsched_cli.errors import ScheduleFileError

if TYPE_CHECKING:
    from collections.abc import Iterator


def loaded(text: str, *overrides: str, trust: bool = False) -> Schedule:
    Path("s.yaml").write_text(text)
    return load_schedule("s.yaml", overrides=overrides, trust=trust)


def problems(text: str) -> list[str]:
    with pytest.raises(ScheduleFileError) as caught:
        loaded(text)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("written", "value"), [("1e-3", 1e-3), ("1E-3", 1e-3), ("3e-4", 3e-4), ("1_000", 1000.0), ("0", 0.0)]
)
def test_numbers_are_read_as_people_write_them(written: str, value: float) -> None:
    lr = loaded(f"optimizer: {{lr: {written}}}\n").optimizer.lr
    assert (type(lr), lr) == (float, value)


@pytest.mark.parametrize(("written", "value"), [("1e3", 1000), ("2_500", 2500), ("10_000_000", MAX_STEPS)])
def test_steps_are_read_as_people_write_them(written: str, value: int) -> None:
    assert loaded(f"steps: {written}\n").steps == value


def test_a_file_without_settings_is_the_default_of_everything() -> None:
    schedule = loaded("{}\n")
    assert (schedule.name, schedule.description, schedule.loop) == ("s", None, "optimizer-first")
    assert (schedule.optimizer.type, schedule.optimizer.settings) == ("Adam", {})
    assert [group.name for group in schedule.param_groups] == ["default"]
    assert own.parameters_of(schedule, schedule.param_groups[0]) == DEFAULTS
    assert own.custom_lambda_of(schedule) is None


def test_the_defaults_are_those_of_the_scheduler() -> None:
    assert DEFAULTS.model_dump() == {
        "warmup_steps": 100,
        "warmup_scale_min": 0.05,
        "warmup_type": "linear",
        "T_0": 200,
        "T_mult": 2,
        "eta_scal_min": 0.2,
        "eta_scal_max": 2.0,
        "gamma": 0.97,
        "base_batch_size": 64,
        "batch_size_mode": "sqrt",
    }


def test_a_stated_name_wins_over_the_files() -> None:
    assert loaded("name: run-7.b\n").name == "run-7.b"


@pytest.mark.parametrize(
    ("text", "lrs"),
    [
        ("{}", [1e-3]),
        ("optimizer: {type: Adadelta}", [1.0]),
        ("optimizer: {lr: 0.5}", [0.5]),
        ("optimizer: {lr: 0}", [0.0]),
        ("param_groups: [{name: a, lr: 2}, {name: b}]", [2.0, 1e-3]),
        ("optimizer: {type: SGD, lr: 0.5}\nparam_groups: [{name: a, lr: 0}, {name: b}]", [0.0, 0.5]),
    ],
)
def test_a_base_lr_is_the_groups_else_the_optimizers_else_torchs(text: str, lrs: list[float]) -> None:
    schedule = loaded(text)
    assert [schedule.base_lr(group) for group in schedule.param_groups] == lrs


@pytest.mark.parametrize(
    ("scheduler", "steps"),
    [
        ("{}", 100 + 200 * (1 + 2 + 4 + 8) - 1),
        ("{warmup_steps: 0, T_0: 10, T_mult: 1}", 39),
        ("{warmup_steps: 7, T_0: 1, T_mult: 3}", 7 + 40 - 1),
        ("{warmup_steps: 0, T_0: 1, T_mult: 1}", 3),
    ],
)
def test_a_run_goes_through_the_end_of_the_fourth_cycle(scheduler: str, steps: int) -> None:
    assert loaded(f"scheduler: {scheduler}\n").total_steps == steps


def test_a_run_goes_through_the_end_of_every_groups_fourth_cycle() -> None:
    text = "scheduler: {warmup_steps: 0, T_0: 10, T_mult: 1}\nparam_groups:\n- {name: a}\n"
    assert loaded(text + "- {name: b, scheduler: {T_0: 30}}\n").total_steps == 119


def test_stated_steps_win() -> None:
    assert loaded("steps: 5\n").total_steps == 5


@pytest.mark.parametrize(
    ("written", "sizes", "ends"),
    [
        ("null", (None,), ()),
        ("128", (128,), ()),
        ("{size: 128}", (128,), ()),
        ("[128]", (128,), ()),
        ("{per_device: 16, devices: 8, accumulate: 4}", (512,), ()),
        ("{per_device: 16, devices: 8}", (128,), ()),
        ("{per_device: 16}", (16,), ()),
        ("[{until: 500, size: 32}, {until: 1200, size: 96}, {size: 256}]", (32, 96, 256), (500, 1200)),
        ("[{until: 5, per_device: 2, accumulate: 3}, 8]", (6, 8), (5,)),
    ],
)
def test_a_batch_plan_may_be_said_in_many_ways(
    written: str, sizes: tuple[int | None, ...], ends: tuple[int, ...]
) -> None:
    plan = loaded(f"batch_size: {written}\n").batch_plan
    assert (plan.sizes, plan.ends) == (sizes, ends)


def test_the_optimizers_arguments_are_torchs() -> None:
    schedule = loaded(
        "optimizer: {type: AdamW, lr: 1, betas: [0.9, 0.95], weight_decay: 0.01, foreach: null}\n"
    )
    assert schedule.optimizer.settings == {"betas": (0.9, 0.95), "weight_decay": 0.01, "foreach": None}


def test_a_group_may_have_arguments_of_its_own() -> None:
    text = "param_groups: [{name: a, lr: 1, weight_decay: 0.5, match: ['x.*'], shapes: {w: [3, 4], b: []}}]\n"
    (group,) = loaded(text).param_groups
    assert group.settings == {"weight_decay": 0.5}
    assert (group.match, group.shapes) == (("x.*",), {"w": (3, 4), "b": ()})


def test_a_groups_own_schedule_lies_over_that_of_all() -> None:
    text = (
        "scheduler: {T_0: 50, gamma: 0.5}\nparam_groups: [{name: a, scheduler: {gamma: 0.97}}, {name: b}]\n"
    )
    schedule = loaded(text)
    found = [own.parameters_of(schedule, group) for group in schedule.param_groups]
    assert [(one.T_0, one.gamma, one.T_mult) for one in found] == [(50, 0.97, 2), (50, 0.5, 2)]


def test_a_formula_is_a_function_of_the_step() -> None:
    schedule = loaded("scheduler:\n  custom_lambda: >-\n    1.0 if step < 10\n    else 0.5\n")
    function = own.custom_lambda_of(schedule)
    assert function is not None
    assert [function(9), function(10)] == [1.0, 0.5]


def test_a_groups_own_formula_is_the_groups() -> None:
    schedule = loaded("param_groups: [{name: a, scheduler: {custom_lambda: step / 2}}, {name: b}]\n")
    assert own.custom_lambda_of(schedule, schedule.param_groups[0]) == Expression("step / 2")
    assert own.custom_lambda_of(schedule) is None


def test_a_trusted_file_may_import_a_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setitem(sys.modules, "half", None)
    del sys.modules["half"]
    Path("half.py").write_text("def of(step): return step / 2\n")
    function = own.custom_lambda_of(loaded("scheduler: {custom_lambda: {import: 'half:of'}}\n", trust=True))
    assert function is not None
    assert function(5) == 2.5


def test_a_file_that_imports_must_be_trusted() -> None:
    Path("half.py").write_text("raise AssertionError('imported')\n")
    (problem,) = problems("scheduler: {custom_lambda: {import: 'half:of'}}\n")
    assert problem == (
        's.yaml:1:37: scheduler.custom_lambda.import: would import "half" and call its "of"; '
        "allow it with --trust (trust=True)"
    )


def test_standard_input_is_a_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"steps: 7\n")))
    schedule = load_schedule("-")
    assert (schedule.name, schedule.steps) == ("stdin", 7)


def test_a_shipped_schedule_goes_by_its_name() -> None:
    assert load_schedule("default").name == "default"


def test_a_file_wins_over_a_shipped_schedule_of_its_name() -> None:
    Path("default").write_text("name: mine\n")
    assert load_schedule("default").name == "mine"


def test_a_path_may_be_a_path() -> None:
    Path("a.yaml").write_text("steps: 7\n")
    assert load_schedule(Path("a.yaml")).steps == 7


def test_a_schedule_cannot_be_changed() -> None:
    schedule = loaded("{}\n")
    for holder, key in ((schedule, "name"), (schedule.scheduler, "gamma"), (schedule.param_groups[0], "lr")):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(holder, key, 1)


def test_all_problems_are_told_in_the_order_of_the_file() -> None:
    places = [
        problem.split(": ")[0] for problem in problems("stepss: 1\nsteps: 0\nloop: x\nzzz: 1\nname: .\n")
    ]
    assert places == ["s.yaml:1:1", "s.yaml:2:8", "s.yaml:3:7", "s.yaml:4:1", "s.yaml:5:7"]


FULL = """
name: full
steps: 50
batch_size: 128
optimizer: {type: AdamW, lr: 1e-3, weight_decay: 0.5, betas: [0.9, 0.95]}
param_groups: [{name: a, lr: 2e-3, scheduler: {gamma: 0.8}}, {name: b}]
scheduler: {T_0: 20, custom_lambda: step / 9}
"""

REWRITTEN = """
# the same, written differently
scheduler:
  custom_lambda: "step / 9"
  T_0: 2e1
  T_mult: 2
batch_size: [{size: 128}]
optimizer:
  betas: &betas [0.90, 95e-2]
  weight_decay: .5
  lr: 0.001
  type: "AdamW"
steps: 5_0
name: full
loop: optimizer-first
param_groups:
- name: a
  scheduler: {gamma: 8e-1}
  lr: 0.0020
- name: b
"""


def test_the_same_settings_have_one_fingerprint_however_written() -> None:
    assert loaded(FULL).fingerprint == loaded(REWRITTEN).fingerprint


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("{}", "name: s"),
        ("batch_size: 128", "batch_size: [{size: 128}]"),
        ("optimizer: {lr: 1}", "optimizer: {lr: 1.0}"),
        ("optimizer: {weight_decay: 0}", "optimizer: {weight_decay: 0.0}"),
        ("optimizer: {weight_decay: 1}", "optimizer: {weight_decay: 1.0}"),
        ("optimizer: {betas: [0, 0.9]}", "optimizer: {betas: [0.0, 0.9]}"),
        ("param_groups: [{name: a, weight_decay: 1}]", "param_groups: [{name: a, weight_decay: 1.0}]"),
    ],
)
def test_numbers_and_defaults_written_differently_have_one_fingerprint(one: str, other: str) -> None:
    assert loaded(one).fingerprint == loaded(other).fingerprint


OTHERS = [
    *(
        "{}",
        "name: t",
        "description: d",
        "steps: 9",
        "batch_size: 9",
        "batch_size: 8",
        "loop: scheduler-first",
    ),
    *("optimizer: {type: SGD}", "optimizer: {lr: 1}", "optimizer: {weight_decay: 1}"),
    *(
        "param_groups: [{name: a}]",
        "param_groups: [{name: a}, {name: b}]",
        "param_groups: [{name: a, lr: 1}]",
    ),
    *("param_groups: [{name: a, match: [x]}]", "param_groups: [{name: a, shapes: {x: [1]}}]"),
    *("scheduler: {gamma: 0.9}", "scheduler: {T_0: 9}", "scheduler: {custom_lambda: step}"),
    "param_groups: [{name: a, scheduler: {gamma: 0.9}}]",
    "scheduler: {gamma: 0.9}\nparam_groups: [{name: a, scheduler: {T_0: 9}}]",
    "scheduler: {gamma: 0.9}\nparam_groups: [{name: a, scheduler: {T_0: 9, gamma: 0.97}}]",
    "scheduler: {custom_lambda: step}\nparam_groups: [{name: a, scheduler: {T_0: 9}}]",
    "scheduler: {custom_lambda: step}\nparam_groups: [{name: a, scheduler: {T_0: 9, custom_lambda: null}}]",
]


def test_different_settings_have_different_fingerprints() -> None:
    seen: dict[str, str] = {}
    for text in OTHERS:
        fingerprint = loaded(text).fingerprint
        assert len(fingerprint) == 64
        assert seen.setdefault(fingerprint, text) == text


def test_a_fingerprint_does_not_depend_on_where_the_file_lies() -> None:
    Path("elsewhere").mkdir()
    Path("elsewhere/s.yaml").write_text(FULL)
    assert load_schedule("elsewhere/s.yaml").fingerprint == loaded(FULL).fingerprint


def test_a_problem_found_later_is_told_at_its_place() -> None:
    schedule = loaded("steps: 5\nparam_groups:\n- {name: a}\n- {name: big head, lr: 1}\n")
    problem = schedule.problem_at(("param_groups", 1, "lr"), "is too high")
    assert str(problem) == "s.yaml:4:24: param_groups.big head.lr: is too high"


def test_a_problem_of_a_setting_that_is_not_stated_is_told_at_its_section() -> None:
    problem = loaded("steps: 5\nscheduler: {T_0: 5}\n").problem_at(("scheduler", "T_mult"), "is too high")
    assert str(problem) == "s.yaml:2:12: scheduler.T_mult: is too high"


def is_no_number(word: str) -> bool:
    """PyYAML writes the text ``1e3`` without quotes, for it is text in YAML 1.1; here it is a number."""
    try:
        float(word)
    except ValueError:
        return True
    return False


numbers = st.floats(0, 1e6) | st.integers(0, 10**6)
wholes = st.integers(1, 10**6)
words = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=20)
labels = words.filter(lambda word: bool(word.strip()) and word.isprintable() and is_no_number(word))
file_names = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,30}x", fullmatch=True).filter(is_no_number)
PARAMETERS = {
    "warmup_steps": st.integers(0, 10**6),
    "warmup_scale_min": st.floats(0, 1),
    "warmup_type": st.sampled_from(["linear", "cosine"]),
    "T_0": wholes,
    "T_mult": wholes,
    "eta_scal_min": numbers,
    "eta_scal_max": numbers,
    "gamma": st.floats(1e-9, 10),
    "base_batch_size": wholes,
    "batch_size_mode": st.sampled_from(["linear", "sqrt", "blend"]),
    "custom_lambda": st.sampled_from(["step", "max(0.5, 1 - step * 1e-4)", "1 if step < 5 else 2", None]),
}
schedulers: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries({}, optional=PARAMETERS)
groups: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"name": labels},
    optional={
        "lr": numbers,
        "match": st.lists(labels, max_size=3),
        "shapes": st.dictionaries(labels, st.lists(st.integers(0, 99), max_size=3), max_size=3),
        "scheduler": schedulers,
        "weight_decay": numbers,
    },
)
phases = st.lists(wholes, min_size=1, max_size=4, unique=True).map(
    lambda ends: [*({"until": end, "size": end + 1} for end in sorted(ends)), {"size": 7}]
)
documents = st.fixed_dictionaries(
    {},
    optional={
        "name": file_names,
        "description": labels,
        "steps": st.integers(1, MAX_STEPS),
        "batch_size": wholes | phases,
        "loop": st.sampled_from(["optimizer-first", "scheduler-first"]),
        "optimizer": st.fixed_dictionaries(
            {},
            optional={
                "type": st.just("AdamW"),
                "lr": numbers,
                "weight_decay": numbers,
                "amsgrad": st.booleans(),
            },
        ),
        "param_groups": st.lists(groups, min_size=1, max_size=3, unique_by=lambda group: group["name"]),
        "scheduler": schedulers,
    },
)


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every value that is stated, with the keys that lead to it."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from leaves(one, (*path, key))
    elif isinstance(value, list) and value:
        for index, one in enumerate(value):
            yield from leaves(one, (*path, index))
    else:
        yield path, value


def setting_at(schedule: Schedule, path: tuple[Any, ...]) -> Any:
    found: Any = schedule
    for part in path:
        found = getattr(found, part) if isinstance(found, BaseModel) else found[part]
    text = getattr(found, "text", found)
    return list(text) if isinstance(text, tuple) else text


@given(documents)
@settings(deadline=None, max_examples=60)
def test_whatever_yaml_writes_is_read_back(document: dict[str, Any]) -> None:
    schedule = loaded(yaml.safe_dump(document, allow_unicode=True, sort_keys=False))
    plain = {**document}
    if isinstance(plain.get("batch_size"), int):
        plain["batch_size"] = [{"size": plain["batch_size"]}]
    for path, value in leaves(plain):
        assert setting_at(schedule, path) == value


@given(documents)
@settings(deadline=None, max_examples=30)
def test_a_document_has_one_fingerprint_in_any_style(document: dict[str, Any]) -> None:
    flow = loaded(yaml.safe_dump(document, default_flow_style=True, sort_keys=True)).fingerprint
    block = loaded(yaml.safe_dump(document, default_flow_style=False, sort_keys=False)).fingerprint
    assert flow == block


@pytest.mark.parametrize(
    ("base", "own", "sizes"),
    [
        ("{per_device: 16, devices: 4}", "{size: 128}", (128,)),
        ("[{until: 5, size: 32}, {size: 64}]", "{size: 128}", (128,)),
        ("64", "null", (None,)),
    ],
)
def test_a_batch_plan_replaces_that_of_the_base_whole(base: str, own: str, sizes: tuple[int | None]) -> None:
    Path("base.yaml").write_text(f"batch_size: {base}\n", encoding="utf-8")
    Path("own.yaml").write_text(f"extends: base.yaml\nbatch_size: {own}\n", encoding="utf-8")
    assert load_schedule("own.yaml").batch_plan.sizes == sizes


def test_under_another_optimizer_the_bases_arguments_are_left_out_but_for_the_lr() -> None:
    Path("base.yaml").write_text("optimizer: {type: SGD, momentum: 0.9, lr: 0.05}\n", encoding="utf-8")
    Path("own.yaml").write_text("extends: base.yaml\noptimizer: {type: Adam, eps: 1e-6}\n", encoding="utf-8")
    optimizer = load_schedule("own.yaml").optimizer
    assert (optimizer.type, optimizer.lr, optimizer.settings) == ("Adam", 0.05, {"eps": 1e-6})


def test_under_the_same_optimizer_the_bases_arguments_are_kept() -> None:
    Path("base.yaml").write_text("optimizer: {type: SGD, momentum: 0.9}\n", encoding="utf-8")
    Path("own.yaml").write_text("extends: base.yaml\noptimizer: {type: SGD, lr: 1.0}\n", encoding="utf-8")
    assert load_schedule("own.yaml").optimizer.settings == {"momentum": 0.9}


def test_of_very_many_wrong_settings_the_first_are_told_and_that_there_are_more() -> None:
    Path("s.yaml").write_text("scheduler:\n" + "".join(f"  k{one}: 1\n" for one in range(300)))
    with pytest.raises(ScheduleFileError) as caught:
        load_schedule("s.yaml")
    said = [problem.message for problem in caught.value.problems]
    assert len(said) == 200
    assert said[-1] == "and so on: the first 199 problems of single settings are told"
