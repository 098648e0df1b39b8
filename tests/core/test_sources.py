"""Files, what they extend, and the settings laid over them."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from lrsched_cli.core.sources import MAX_EXTENDS, read_source
from lrsched_cli.core.yaml_source import MAX_BYTES
from lrsched_cli.errors import ScheduleFileError


def data(config: str | Path, *overrides: str) -> Any:
    source = read_source(config, overrides)
    assert source.problems == ()
    return source.root.plain()


def overridden(text: str, *overrides: str) -> Any:
    Path("s.yaml").write_text(text)
    return data("s.yaml", *overrides)


def reason(config: str | Path) -> str:
    with pytest.raises(ScheduleFileError) as caught:
        read_source(config)
    (problem,) = caught.value.problems
    return str(problem)


def test_the_stem_of_the_file_is_the_default_name() -> None:
    Path("my.run.yaml").write_text("steps: 1\n")
    assert read_source("my.run.yaml").default_name == "my.run"


def test_standard_input_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"steps: 1\nloop: x\n")))
    source = read_source("-")
    assert (source.default_name, source.root.plain()) == ("stdin", {"steps": 1, "loop": "x"})
    assert source.root.value["loop"].position.file == "<stdin>"


def test_standard_input_may_extend_a_file_here(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("base.yaml").write_text("steps: 1\n")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"extends: base.yaml\n")))
    assert data("-") == {"steps": 1}


def test_endless_standard_input_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b" " * (MAX_BYTES + 1))))
    assert reason("-") == "<stdin>: is larger than 1024 KiB; no schedule is"


def test_a_file_of_the_largest_size_is_read() -> None:
    Path("s.yaml").write_bytes(b"steps: 1\n".ljust(MAX_BYTES, b"\n"))
    assert data("s.yaml") == {"steps": 1}


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    Path("s.yaml").write_bytes(b"\xef\xbb\xbfsteps: 1\n")
    assert data("s.yaml") == {"steps": 1}


def test_a_file_may_be_a_link() -> None:
    Path("s.yaml").write_text("steps: 1\n")
    Path("link.yaml").symlink_to("s.yaml")
    assert data("link.yaml") == {"steps": 1}


def test_a_dangling_link_is_no_file() -> None:
    Path("link.yaml").symlink_to("nothere.yaml")
    assert reason("link.yaml").startswith("link.yaml: no such file")


def test_the_keys_of_a_file_win_over_those_of_its_base() -> None:
    Path("base.yaml").write_text(
        "name: base\nsteps: 1\nscheduler: {T_0: 5, gamma: 0.5}\nbatch_size: [1, 2]\n"
    )
    merged = overridden("extends: base.yaml\nscheduler: {gamma: 0.9}\nbatch_size: [3]\n")
    assert merged == {"steps": 1, "scheduler": {"T_0": 5, "gamma": 0.9}, "batch_size": [3]}


def test_a_list_of_groups_is_replaced_as_a_whole() -> None:
    Path("base.yaml").write_text("param_groups: [{name: a}, {name: b}]\n")
    assert overridden("extends: base.yaml\nparam_groups: [{name: c}]\n") == {"param_groups": [{"name": "c"}]}


def test_a_name_is_not_inherited() -> None:
    Path("base.yaml").write_text("name: base\nsteps: 1\n")
    Path("s.yaml").write_text("extends: base.yaml\n")
    source = read_source("s.yaml")
    assert (source.default_name, source.root.plain()) == ("s", {"steps": 1})


def test_a_base_is_sought_beside_the_file_that_extends_it() -> None:
    Path("deep/er").mkdir(parents=True)
    Path("deep/er/base.yaml").write_text("extends: ../first.yaml\n")
    Path("deep/first.yaml").write_text("steps: 1\n")
    assert overridden("extends: deep/er/base.yaml\n") == {"steps": 1}


def test_a_base_may_lie_at_an_absolute_path(tmp_path: Path) -> None:
    Path("base.yaml").write_text("steps: 1\n")
    assert overridden(f"extends: {tmp_path / 'base.yaml'}\n") == {"steps": 1}


def test_a_chain_of_bases_may_have_its_length() -> None:
    Path(f"{MAX_EXTENDS}.yaml").write_text("steps: 1\n")
    for number in range(MAX_EXTENDS):
        Path(f"{number}.yaml").write_text(f"extends: {number + 1}.yaml\n")
    assert data("0.yaml") == {"steps": 1}


def test_one_base_may_serve_two_files_of_a_chain_by_name_alone() -> None:
    Path("sub").mkdir()
    Path("sub/base.yaml").write_text("steps: 1\n")
    Path("base.yaml").write_text("extends: sub/base.yaml\n")
    assert overridden("extends: base.yaml\n") == {"steps": 1}


def test_a_problem_of_a_base_stands_in_the_base() -> None:
    Path("base.yaml").write_text("steps: .nan\nsteps: 1\n")
    Path("s.yaml").write_text("extends: base.yaml\nloop: .inf\n")
    files = [str(problem).split(": ")[0] for problem in read_source("s.yaml").problems]
    assert sorted(files) == ["base.yaml:1:8", "base.yaml:2:1", "s.yaml:2:7"]


GROUPS = (
    "param_groups:\n- {name: head, lr: 1}\n- {name: my layer.0, lr: 1}\n- {name: my layer.0.bias, lr: 1}\n"
)


@pytest.mark.parametrize(
    ("group", "index"), [("head", 0), ("my layer.0", 1), ("my layer.0.bias", 2), ("0", 0), ("2", 2)]
)
def test_a_group_goes_by_its_name_or_its_place(group: str, index: int) -> None:
    lrs = [one["lr"] for one in overridden(GROUPS, f"param_groups.{group}.lr=5")["param_groups"]]
    assert lrs == [5 if place == index else 1 for place in range(3)]


def test_a_groups_name_wins_over_a_place() -> None:
    found = overridden("param_groups: [{name: '1'}, {name: b}]\n", "param_groups.1.lr=5")
    assert found["param_groups"] == [{"name": "1", "lr": 5}, {"name": "b"}]


@pytest.mark.parametrize(
    ("override", "found"),
    [
        ("steps=5", {"steps": 5, "scheduler": {"gamma": 0.5}}),
        ("scheduler.gamma=9e-1", {"scheduler": {"gamma": 0.9}}),
        ("scheduler.T_0=1_000", {"scheduler": {"gamma": 0.5, "T_0": 1000}}),
        ("scheduler={T_0: 5}", {"scheduler": {"T_0": 5}}),
        ("batch_size=[1, {size: 2}]", {"scheduler": {"gamma": 0.5}, "batch_size": [1, {"size": 2}]}),
        ("optimizer.lr=1", {"scheduler": {"gamma": 0.5}, "optimizer": {"lr": 1}}),
        ("scheduler.gamma=", {"scheduler": {"gamma": None}}),
        ("scheduler.custom_lambda=1 if step == 5 else 2", {
            "scheduler": {"gamma": 0.5, "custom_lambda": "1 if step == 5 else 2"}
        }),
        (" scheduler.gamma = 0.9", {"scheduler": {"gamma": 0.9}}),
    ],
)  # fmt: skip
def test_an_override_is_laid_over_the_file(override: str, found: object) -> None:
    assert overridden("scheduler: {gamma: 0.5}\n", override) == found


def test_the_last_of_two_overrides_wins() -> None:
    assert overridden("steps: 1\n", "steps=2", "steps=3") == {"steps": 3}


def test_overrides_build_on_each_other() -> None:
    found = overridden("steps: 1\n", "param_groups=[{name: a}]", "param_groups.a.lr=3")
    assert found["param_groups"] == [{"name": "a", "lr": 3}]


def test_a_key_with_dots_is_found_where_it_stands() -> None:
    found = overridden(
        "param_groups: [{name: a, shapes: {0.weight: [3]}}]\n", "param_groups.a.shapes.0.weight=[4]"
    )
    assert found["param_groups"][0]["shapes"] == {"0.weight": [4]}


def test_overriding_one_group_leaves_what_it_shares_with_another() -> None:
    text = "param_groups:\n- {name: a, scheduler: &own {T_0: 5, gamma: 0.5}}\n- {name: b, scheduler: *own}\n"
    found = overridden(text, "param_groups.b.scheduler.gamma=0.9")["param_groups"]
    assert [group["scheduler"] for group in found] == [{"T_0": 5, "gamma": 0.5}, {"T_0": 5, "gamma": 0.9}]


def test_overriding_the_group_with_the_anchor_leaves_its_aliases() -> None:
    text = "param_groups:\n- {name: a, scheduler: &own {T_0: 5}}\n- {name: b, scheduler: *own}\n"
    found = overridden(text, "param_groups.a.scheduler.T_0=9")["param_groups"]
    assert [group["scheduler"]["T_0"] for group in found] == [9, 5]


def test_overriding_what_was_merged_in_leaves_its_source() -> None:
    text = "scheduler: &all {T_0: 5}\nparam_groups:\n- {name: a, scheduler: {<<: *all}}\n"
    found = overridden(text, "param_groups.a.scheduler.T_0=9")
    assert (found["scheduler"]["T_0"], found["param_groups"][0]["scheduler"]["T_0"]) == (5, 9)


def test_overriding_a_setting_of_the_base_is_no_change_of_the_file() -> None:
    Path("base.yaml").write_text("scheduler: {T_0: 5}\n")
    assert overridden("extends: base.yaml\n", "scheduler.T_0=9") == {"scheduler": {"T_0": 9}}
    assert data("s.yaml") == {"scheduler": {"T_0": 5}}


def test_each_override_has_a_place_of_its_own() -> None:
    Path("s.yaml").write_text("steps: 1\n")
    problems = read_source("s.yaml", ["steps=2", "nothing", "steps=]", "a.b=.nan"]).problems
    assert [str(problem).split(": ")[0] for problem in problems] == [
        "--set 2:1:1",
        "--set 3:1:7",
        "--set 4:1:5",
    ]


def of_override(override: str) -> str:
    Path("s.yaml").write_text("param_groups: [{name: a}]\n")
    (problem,) = read_source("s.yaml", [override]).problems
    return problem.message


def test_an_override_goes_no_deeper_than_a_file() -> None:
    assert overridden("steps: 1\n", "a." * 49 + "a=1")["a"]["a"]
    assert of_override("a." * 1000 + "a=1") == "is nested deeper than 50 levels"
    assert of_override("a" * 30_000 + "=1") == "is no key of a setting: it is too long"


def test_a_place_in_a_list_has_few_digits() -> None:
    assert of_override("param_groups." + "9" * 5000 + ".lr=1").startswith('there is no "999')


def test_a_chain_of_files_has_no_more_values_than_one_file_may_have() -> None:
    values = "description: [" + ", ".join(["[" + "1," * 9_000 + "]"] * 6) + "]\n"
    Path("a.yaml").write_text("extends: b.yaml\n" + values)
    Path("b.yaml").write_text("extends: c.yaml\n" + values)
    Path("c.yaml").write_text("steps: 1\n")
    told = [str(problem) for problem in read_source("a.yaml").problems]
    assert told == ["a.yaml:1:10: extends: makes more than 100,000 values with b.yaml"]
