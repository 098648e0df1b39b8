"""Every rule: what its docstring promises, and silence where nothing is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from schedule_files import codes_in, found_in

from lrsched_cli import load_schedule
from lrsched_cli.analysis.checks import CHECKS, MODULES
from lrsched_cli.analysis.checks.checking import findings_of
from lrsched_cli.analysis.checks.finding import SEVERITIES
from lrsched_cli.analysis.checks.rule import Rule
from lrsched_cli.core.shipped import shipped_names

SANE = "steps: 999\nloop: scheduler-first\nscheduler: {warmup_steps: 100, T_0: 300, T_mult: 2}\n"
every_rule = pytest.mark.parametrize("rule", CHECKS, ids=lambda rule: rule.code)


@every_rule
def test_a_rule_finds_what_its_example_has(rule: Rule) -> None:
    found = [one for one in found_in(rule.triggers) if one.code == rule.code]
    assert found
    assert {one.severity for one in found} == {rule.severity}
    assert all(one.line >= 1 and one.column >= 1 for one in found)


@every_rule
def test_a_rule_is_silent_where_its_example_has_no_fault(rule: Rule) -> None:
    assert rule.code not in codes_in(rule.silent)


@every_rule
def test_a_rule_says_what_is_wrong_why_and_with_which_numbers(rule: Rule) -> None:
    assert re.fullmatch(r"[^\n]{15,90}\.", rule.title)
    assert len(rule.reason) > 100
    (first, *_) = [one.message for one in found_in(rule.triggers) if one.code == rule.code]
    assert rule.severity == "note" or re.search(r"\d", first), "the numbers of this schedule"


def test_each_family_of_mistakes_has_a_rule_and_each_code_one_meaning() -> None:
    codes = [rule.code for rule in CHECKS]
    assert codes == sorted(set(codes))
    assert {code[3:5] for code in codes} == {f"{number:02d}" for number in range(1, 14)}
    assert {rule.severity for rule in CHECKS} == set(SEVERITIES)


def test_every_rule_of_a_module_is_asked() -> None:
    for module in MODULES:
        rules = {one for one in vars(module).values() if isinstance(one, Rule)}
        assert rules == set(module.CHECKS)


def test_nothing_is_found_in_a_sane_schedule() -> None:
    assert found_in(SANE) == []


@pytest.mark.parametrize("name", shipped_names())
def test_a_shipped_schedule_has_no_warning_that_it_gives_no_reason_for(name: str) -> None:
    assert [
        one for one in findings_of(load_schedule(name)) if one.severity != "note" and not one.reason
    ] == []


LARGE = st.sampled_from([1, 2, 3, 7, 50, 1000, 10**6, 2**53])
NUMBERS = st.sampled_from([0.0, 5e-324, 1e-9, 0.3, 1.0, 2.0, 1e9, 1e300])
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "warmup_steps": LARGE | st.just(0),
        "warmup_scale_min": st.sampled_from([0.0, 0.05, 1.0]),
        "T_0": LARGE,
        "T_mult": LARGE,
        "eta_scal_min": NUMBERS,
        "eta_scal_max": NUMBERS,
        "gamma": NUMBERS.filter(bool),
        "base_batch_size": LARGE,
        "batch_size_mode": st.sampled_from(["linear", "blend"]),
        "custom_lambda": st.sampled_from(["1 / (step - 1)", "1 / (step - 3)", "-1", "1e300 * step"]),
    },
)
FILES = st.fixed_dictionaries(
    {
        "steps": st.sampled_from([1, 2, 3, 100, 10**7]),
        "batch_size": st.none() | LARGE,
        "optimizer": st.fixed_dictionaries({"lr": NUMBERS}),
        "loop": st.sampled_from(["optimizer-first", "scheduler-first"]),
        "scheduler": SETTINGS,
    }
)


@given(file=FILES)
def test_no_setting_is_too_strange_to_be_looked_at(file: dict[str, Any]) -> None:
    assert all(one.message.isprintable() for one in found_in(json.dumps(file)))


def test_findings_are_sorted_by_place_and_told_at_the_line_of_the_setting() -> None:
    text = (
        "steps: 1000\nloop: optimizer-first\nscheduler:\n  warmup_steps: 500\n  warmup_scale_min: 0.5\n "
        " eta_scal_max: 40\n  T_0: 1000\n"
    )
    places = [(one.line, one.column, one.code) for one in found_in(text)]
    assert places == sorted(places)
    assert {(4, 17, "LRS052"), (5, 21, "LRS061"), (4, 17, "LRS062"), (7, 8, "LRS041")} <= set(places)


def test_a_setting_of_an_extended_file_is_told_of_at_its_place_there() -> None:
    Path("base.yaml").write_text("scheduler:\n  gamma: 1.5\n  T_0: 100\n", encoding="utf-8")
    text = "extends: base.yaml\nsteps: 799\nloop: scheduler-first\n"
    (found,) = [one for one in found_in(text) if one.code == "LRS082"]
    assert (Path(found.file).name, found.line) == ("base.yaml", 2)


def test_groups_with_a_schedule_of_their_own_are_looked_at_each() -> None:
    text = (
        "steps: 999\nloop: scheduler-first\nparam_groups:\n  -"
        " {name: trunk, lr: 1e-4, scheduler: {T_0: 5000, T_mult: 1}}\n  -"
        " {name: head, lr: 1e-3, match: ['h*']}\nscheduler: {warmup_steps: 100, T_0: 300}\n"
    )
    (found,) = [one for one in found_in(text) if one.code == "LRS053"]
    assert "of group 'trunk'" in found.message
    assert (found.line, found.key) == (4, "param_groups.trunk.scheduler.T_0")
