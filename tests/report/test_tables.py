"""Results as tables, read back as plain text."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from lrsched_cli import Trace, dry_run, load_schedule
from lrsched_cli.analysis.param_groups import ParameterInfo, ParamGroupInfo
from lrsched_cli.analysis.summary import GroupSummary, LRAt, key_steps, summarize
from lrsched_cli.report.tables import (
    MAX_KEY_ROWS,
    MAX_RESTARTS_SHOWN,
    course_lines,
    key_steps_tables,
    other_settings_lines,
    param_groups_table,
    parameters_table,
    row_meaning,
    shape_text,
    summary_table,
)
from lrsched_cli.report.text import UNLIMITED_WIDTH, plain_text


def rows_of(*parts: Any) -> list[list[str]]:
    """The cells of each row; at least two blanks stand between cells."""
    lines = [line.strip() for line in plain_text(*parts).split("\n")]
    return [re.split(r" {2,}", line) for line in lines if line.strip("─ ")]


def summary(name: str = "body", warmup_end: int = 0, restarts: tuple[int, ...] = ()) -> GroupSummary:
    return GroupSummary(
        name=name,
        base_lr=1e-3,
        first=LRAt(2.5e-4, 1),
        peak=LRAt(2e-3, 200),
        minimum=LRAt(2e-4, 1234567),
        final=LRAt(3e-4, 2000000),
        mean=1.23456789e-3,
        sum=2469.13,
        warmup_end=warmup_end,
        restarts=restarts,
    )


def group(name: str | None = "body", index: int = 0, **settings: Any) -> ParamGroupInfo:
    parameters = (ParameterInfo("0.weight", (3, 4)), ParameterInfo(None, ()))
    return ParamGroupInfo(index, name, 1e-3, 1e-3, settings, 13_000, parameters)


def trace_from(yaml: str) -> Trace:
    Path("one.yaml").write_text(yaml, encoding="utf-8")
    return dry_run(load_schedule("one.yaml"))


def course(**values: Any) -> str:
    return plain_text(*course_lines([summary(**values)]))


def test_the_summary_has_each_lr_with_its_step_below() -> None:
    header, lrs, steps = rows_of(summary_table([summary()]))
    assert header == ["group", "base LR", "first", "peak", "minimum", "final", "mean", "sum"]
    assert lrs == ["body", "1e-3", "2.5e-4", "2e-3", "2e-4", "3e-4", "1.235e-3", "2469"]
    assert steps == ["@ 1", "@ 200", "@ 1,234,567", "@ 2,000,000"]


def test_the_summary_has_a_row_for_each_group() -> None:
    rows = rows_of(summary_table([summary("a"), summary("b")]))
    assert [row[0] for row in rows if not row[0].startswith("@")] == ["group", "a", "b"]


@pytest.mark.parametrize(
    ("warmup_end", "restarts", "said"),
    [
        (0, (), "no warm-up; no restart"),
        (1500, (), "warm-up through step 1,500; no restart"),
        (0, (300,), "no warm-up; restart at step 300"),
        (200, (300, 500), "warm-up through step 200; restarts at step 300, 500"),
    ],
)
def test_the_course_is_said_in_words(warmup_end: int, restarts: tuple[int, ...], said: str) -> None:
    assert course(warmup_end=warmup_end, restarts=restarts) == said


def test_of_many_restarts_the_first_are_named_and_the_rest_counted() -> None:
    said = course(restarts=tuple(range(100, 5100, 100)))
    assert said == "no warm-up; restarts at step 100, 200, 300, 400 and 46 more"
    assert MAX_RESTARTS_SHOWN == 4


def test_a_course_that_all_groups_share_is_said_once() -> None:
    lines = course_lines([summary("a", 10, (30,)), summary("b", 10, (30,))])
    assert plain_text(*lines) == "warm-up through step 10; restart at step 30"


def test_courses_that_differ_are_said_group_by_group() -> None:
    lines = course_lines([summary("a", 10), summary("b", 20), summary("c", 10)])
    assert [line.plain.split(":")[0] for line in lines] == ["a", "b", "c"]


def test_param_groups_show_the_main_settings_that_the_optimizer_has() -> None:
    adam: dict[str, Any] = {"eps": 1e-8, "weight_decay": 0.01, "betas": (0.9, 0.999), "amsgrad": False}
    header, row = rows_of(param_groups_table([group(**adam)]))
    assert header == ["#", "group", "LR", "eps", "weight_decay", "betas", "tensors", "elements"]
    assert row == ["0", "body", "1e-3", "1e-8", "1e-2", "0.9, 0.999", "2", "13,000"]
    header, row = rows_of(param_groups_table([group(momentum=0.9, weight_decay=0)]))
    assert header == ["#", "group", "LR", "weight_decay", "momentum", "tensors", "elements"]
    assert row == ["0", "body", "1e-3", "0", "0.9", "2", "13,000"]


def test_a_setting_that_only_one_group_has_is_a_dash_for_the_other() -> None:
    _, first, second = rows_of(param_groups_table([group(eps=1e-8), group("head", 1)]))
    assert (first[3], second[3]) == ("1e-8", "-")


def test_a_group_without_a_name_is_marked_unnamed() -> None:
    assert rows_of(param_groups_table([group(None)]))[1][1] == "(unnamed)"


def test_other_settings_that_agree_share_a_line() -> None:
    groups = [group(name, amsgrad=False, foreach=None, maximize=True, eps=1e-8) for name in "ab"]
    assert plain_text(*other_settings_lines(groups)) == "amsgrad no · foreach - · maximize yes"


def test_other_settings_that_differ_are_told_group_by_group() -> None:
    groups = [group("a", dampening=0.5, nesterov=False), group("b", dampening=0.0, nesterov=False)]
    assert [line.plain for line in other_settings_lines(groups)] == ["nesterov no", "dampening: a 0.5, b 0"]


def test_no_other_setting_is_no_line() -> None:
    assert other_settings_lines([group(eps=1e-8)]) == []


def test_every_parameter_is_listed_with_its_shape_under_its_group() -> None:
    rows = rows_of(parameters_table([group("a"), group("b", 1)]))
    assert rows == [
        ["#", "group", "parameter", "shape"],
        ["0", "a", "0.weight", "3 x 4"],
        ["(unnamed)", "scalar"],
        ["1", "b", "0.weight", "3 x 4"],
        ["(unnamed)", "scalar"],
    ]


@pytest.mark.parametrize(("shape", "text"), [((), "scalar"), ((7,), "7"), ((2, 0, 3), "2 x 0 x 3")])
def test_shapes_are_told_as_people_write_them(shape: tuple[int, ...], text: str) -> None:
    assert shape_text(shape) == text


def test_key_steps_say_which_update_runs_at_each() -> None:
    yaml = (
        "{{steps: 30, loop: {}, optimizer: {{lr: 1.0}}, scheduler: {{warmup_steps: 10, eta_scal_min: 0.0}}}}"
    )
    updates = {}
    for loop in ("scheduler-first", "optimizer-first"):
        (table,) = key_steps_tables(trace_from(yaml.format(loop)), [0, 1, 10, 30], UNLIMITED_WIDTH)
        header, *rows = rows_of(table)
        assert header == ["step", "update", "default"]
        assert [row[0] for row in rows] == ["0", "1", "10", "30"]
        assert [row[2] for row in rows[:3]] == ["1", "0.2", "2"]
        updates[loop] = [row[1] for row in rows]
    assert updates == {"scheduler-first": ["-", "1", "10", "30"], "optimizer-first": ["1", "2", "11", "-"]}


def test_a_narrow_terminal_gets_several_tables() -> None:
    names = [f"g{index}" for index in range(7)]
    trace = trace_from(f"{{steps: 5, param_groups: {json.dumps([{'name': name} for name in names])}}}")
    tables = key_steps_tables(trace, [0, 5], 60)
    assert len(tables) > 1
    headers = [rows_of(table)[0] for table in tables]
    assert all(header[:2] == ["step", "update"] for header in headers)
    assert [name for header in headers for name in header[2:]] == names
    assert max(len(line) for table in tables for line in plain_text(table).split("\n")) <= 60
    assert len(key_steps_tables(trace, [0, 5], 1)) == len(names)


def test_a_long_list_of_key_steps_is_cut_in_the_middle_and_says_so() -> None:
    trace = trace_from("{steps: 500, scheduler: {warmup_steps: 0, T_0: 10, T_mult: 1}}")
    steps = key_steps(trace)
    (table,) = key_steps_tables(trace, steps, UNLIMITED_WIDTH)
    _, *rows = rows_of(table)
    half = MAX_KEY_ROWS // 2
    assert rows[half] == ["…", f"{len(steps) - MAX_KEY_ROWS} more", "…"]
    shown = [int(row[0]) for row in rows[:half] + rows[half + 1 :]]
    assert shown == steps[:half] + steps[-half:]


def test_row_meaning_follows_the_loop() -> None:
    first = row_meaning(trace_from("{steps: 2, loop: scheduler-first}")).plain
    assert "update k runs at row k;" in first
    assert "never used" in first
    assert "update k+1 runs at row k" in row_meaning(trace_from("{steps: 2}")).plain


@pytest.mark.parametrize("name", ["[bold red]x[/]", ":smile:", "[/]", "$x$", "<&>", "naïve λ", "a_b"])
def test_names_stay_as_they_are_in_every_table(name: str) -> None:
    trace = trace_from(f"{{steps: 3, param_groups: [{{name: {json.dumps(name)}}}]}}")
    groups = [group(name, amsgrad=False), group("other", amsgrad=True)]
    texts = [
        plain_text(summary_table(summarize(trace))),
        plain_text(*course_lines([summary(name, 1), summary("other", 2)])),
        plain_text(param_groups_table(groups)),
        plain_text(*other_settings_lines(groups)),
        plain_text(parameters_table([ParamGroupInfo(0, "g", 1.0, 1.0, {}, 1, (ParameterInfo(name, ()),))])),
        plain_text(*key_steps_tables(trace, [0], UNLIMITED_WIDTH)),
    ]
    assert [text for text in texts if name not in text] == []


def test_long_names_are_never_cut_in_a_pipe() -> None:
    name = "encoder.layers.11." * 12
    assert name in plain_text(summary_table([summary(name)]), param_groups_table([group(name)]))
