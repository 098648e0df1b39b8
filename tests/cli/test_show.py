"""``lrsched show``: a schedule in tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import run, written

DEFAULT = """\
default: 3,000 scheduler steps
warm-up through step 200; restarts at step 300, 500, 900, 1,700
Loop scheduler-first: update k runs at row k; row 0 (before the first step) is never used.

The schedule in numbers (each LR at its step)
group     base LR     first      peak  minimum     final      mean    sum
─────────────────────────────────────────────────────────────────────────
layer 1      1e-3  3.273e-4  2.746e-3     2e-4  3.407e-4  1.231e-3  3.692
                        @ 1     @ 200  @ 1,699   @ 3,000
layer 2      2e-3  6.546e-4  5.491e-3     4e-4  6.815e-4  2.461e-3  7.384
                        @ 1     @ 200  @ 1,699   @ 3,000
layer 3      3e-3  9.818e-4  8.237e-3     6e-4  1.022e-3  3.692e-3  11.08
                        @ 1     @ 200  @ 1,699   @ 3,000

The first updates
group     update 1         2         3         4         5      peak   at
─────────────────────────────────────────────────────────────────────────
layer 1   3.273e-4  3.273e-4  3.273e-4  3.273e-4  3.273e-4  2.746e-3  200
layer 2   6.546e-4  6.546e-4  6.546e-4  6.546e-4  6.546e-4  5.491e-3  200
layer 3   9.818e-4  9.818e-4  9.818e-4  9.818e-4  9.818e-4  8.237e-3  200
Updates 1 to 10 run at the floor of the warm-up. Update 200 is the first at the peak.

Param groups
#  group     base LR   eps  weight_decay       betas  tensors  elements
───────────────────────────────────────────────────────────────────────
0  layer 1      1e-3  1e-8             0  0.9, 0.999        2        15
1  layer 2      2e-3  1e-8             0  0.9, 0.999        2         8
2  layer 3      3e-3  1e-8             0  0.9, 0.999        2         3
amsgrad no · maximize no · foreach - · capturable no · differentiable no · fused - · decoupled_weight_decay no

LRs at the key steps
 step  update   layer 1   layer 2   layer 3
───────────────────────────────────────────
    0       -      1e-3      2e-3      3e-3
    1       1  3.273e-4  6.546e-4  9.818e-4
  200     200  2.746e-3  5.491e-3  8.237e-3
  299     299  2.006e-4  4.013e-4  6.019e-4
  300     300  2.491e-3  4.982e-3  7.473e-3
  301     301  2.491e-3  4.982e-3  7.473e-3
  499     499  2.001e-4  4.003e-4  6.004e-4
  500     500  2.262e-3  4.524e-3  6.786e-3
  501     501  2.262e-3  4.524e-3  6.786e-3
  899     899      2e-4  4.001e-4  6.001e-4
  900     900  2.056e-3  4.111e-3  6.167e-3
  901     901  2.056e-3  4.111e-3  6.167e-3
1,699   1,699      2e-4      4e-4      6e-4
1,700   1,700   1.87e-3   3.74e-3   5.61e-3
1,701   1,701   1.87e-3   3.74e-3   5.61e-3
3,000   3,000  3.407e-4  6.815e-4  1.022e-3
"""


def shown(text: str, *arguments: str) -> str:
    Path("s.yaml").write_text(text)
    result = run("show", "s.yaml", *arguments)
    assert (result.code, result.err) == (0, "")
    return result.out


def key_rows(out: str) -> list[list[str]]:
    lines = out.partition("LRs at the key steps\n")[2].splitlines()
    return [line.split() for line in lines[2:]]


def test_the_default_schedule_is_shown_in_full() -> None:
    result = run("show", "default")
    assert (result.code, result.err) == (0, "")
    assert result.out == DEFAULT


def test_nothing_is_written() -> None:
    run("show", "default")
    assert written() == {}


def test_the_key_steps_are_the_ends_the_warm_up_and_the_restarts() -> None:
    out = shown("scheduler: {warmup_steps: 10, T_0: 20, T_mult: 1}\nsteps: 45\n")
    assert [row[0] for row in key_rows(out)] == ["0", "1", "10", "29", "30", "31", "45"]


def test_further_steps_are_shown_when_asked_for() -> None:
    out = shown(
        "scheduler: {warmup_steps: 10, T_0: 99}\nsteps: 45\n", "--at", "33", "--at", "7", "--at", "10"
    )
    assert [row[0] for row in key_rows(out)] == ["0", "1", "7", "10", "33", "45"]


@pytest.mark.parametrize(
    ("loop", "updates"),
    [("optimizer-first", ["1", "2", "3", "-"]), ("scheduler-first", ["-", "1", "2", "3"])],
)
def test_the_update_that_runs_at_a_row_follows_the_loop(loop: str, updates: list[str]) -> None:
    out = shown(f"loop: {loop}\nsteps: 3\nscheduler: {{warmup_steps: 2}}\n", "--at", "2")
    assert [row[:2] for row in key_rows(out)] == [[str(step), one] for step, one in enumerate(updates)]
    assert f"Loop {loop}" in out


def test_many_restarts_are_shown_in_part() -> None:
    rows = key_rows(shown("scheduler: {warmup_steps: 0, T_0: 10, T_mult: 1}\nsteps: 500\n"))
    assert (len(rows), rows[20][0], rows[-1][0]) == (41, "…", "500")


def test_the_parameters_are_listed_when_asked_for() -> None:
    text = "param_groups:\n- {name: a, shapes: {0.weight: [3, 4], 0.bias: [3]}}\n- {name: b}\nsteps: 1\n"
    out = shown(text, "--params")
    lines = [line.split() for line in out.splitlines()]
    assert ["0", "a", "0.weight", "3", "x", "4"] in lines
    assert ["0.bias", "3"] in lines
    assert ["1", "b", "b", "scalar"] in lines
    assert "0.weight" not in shown(text)


def test_the_optimizers_settings_are_those_of_each_group() -> None:
    text = "optimizer: {type: SGD, momentum: 0.9}\nparam_groups: [{name: a}, {name: b, momentum: 0.5}]\n"
    lines = [line.split() for line in shown(text, "--steps", "1").splitlines()]
    assert ["#", "group", "base", "LR", "weight_decay", "momentum", "tensors", "elements"] in lines
    assert ["0", "a", "1e-3", "0", "0.9", "1", "1"] in lines
    assert ["1", "b", "1e-3", "0", "0.5", "1", "1"] in lines


def test_groups_with_schedules_of_their_own_have_courses_of_their_own() -> None:
    text = "param_groups: [{name: a}, {name: b, scheduler: {warmup_steps: 0}}]\nsteps: 150\n"
    out = shown(text)
    assert "a: warm-up through step 100; no restart\n" in out
    assert "b: no warm-up; no restart\n" in out


def test_names_are_text_and_no_markup() -> None:
    assert "[red]x[/red]" in shown("param_groups: [{name: '[red]x[/red]'}]\nsteps: 1\n")


def test_json_is_one_document_on_stdout() -> None:
    text = "description: d\nloop: scheduler-first\nparam_groups: [{name: a, lr: 1, shapes: {w: [3, 4]}}]\n"
    document = json.loads(shown(text, "--json", "--steps", "2", "--set", "scheduler.warmup_steps=1"))
    assert {key: document[key] for key in ("name", "description", "steps", "loop")} == {
        "name": "s",
        "description": "d",
        "steps": 2,
        "loop": "scheduler-first",
    }
    assert document["groups"][0]["first"] == {"lr": 2.0, "step": 1}
    (group,) = document["param_groups"]
    assert (group["name"], group["lr"], group["elements"]) == ("a", 1.0, 12)
    assert group["parameters"] == [{"name": "w", "shape": [3, 4]}]
    assert [row["update"] for row in document["key_steps"]] == [None, 1, 2]
    assert document["key_steps"][1]["lr"] == {"a": 2.0}


def test_a_tensor_of_any_size_costs_nothing() -> None:
    out = shown("param_groups: [{name: a, shapes: {w: [1000000, 1000000, 9000]}}]\nsteps: 1\n")
    assert "9,000,000,000,000,000" in out
