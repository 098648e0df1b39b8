"""Comparing what schedulers change besides LRs."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lrsched_cli import compare, dry_run, load_schedule
from lrsched_cli.analysis.compare import DifferenceAt
from lrsched_cli.analysis.stored_trace import StoredTrace, parse_stored_trace
from lrsched_cli.analysis.summary import SettingNumbers, ValueAt
from lrsched_cli.report.trace_text import Selection, csv_text

if TYPE_CHECKING:
    from lrsched_cli import Trace
    from lrsched_cli.analysis.compare import PairDifference

CYCLIC = """
    steps: 8
    optimizer: {type: SGD, lr: 0.25, momentum: 0.9}
    param_groups: [{name: a}, {name: b}]
    scheduler:
      {type: CyclicLR, base_lr: 0.25, max_lr: 0.5, step_size_up: 2, base_momentum: 0.5, max_momentum: 1.0}
    """
CYCLE = [1.0, 0.75, 0.5, 0.75, 1.0, 0.75, 0.5, 0.75, 1.0]
WITHOUT = CYCLIC.replace("step_size_up: 2", "step_size_up: 2, cycle_momentum: false")


def trace_of(text: str) -> Trace:
    Path("one.yaml").write_text(text)
    return dry_run(load_schedule("one.yaml"))


def read_back(trace: Trace) -> StoredTrace:
    return parse_stored_trace("".join(csv_text(trace, Selection())), "golden", "golden.csv")


def pair_of(first: Trace | StoredTrace, other: Trace | StoredTrace, **tolerances: float) -> PairDifference:
    (pair,) = compare({"a": first, "b": other}, **tolerances).pairs  # type: ignore[arg-type]
    return pair


def found_in(pair: PairDifference) -> list[tuple[str, str, int]]:
    return [(one.quantity, one.group, one.steps_differing) for one in pair.groups]


def test_a_trace_equals_its_own_settings_read_back() -> None:
    trace = trace_of(CYCLIC)
    pair = pair_of(trace, read_back(trace))
    assert pair.equal
    assert found_in(pair) == [("lr", "a", 0), ("lr", "b", 0), ("momentum", "a", 0), ("momentum", "b", 0)]


def test_without_changing_settings_only_lrs_are_compared() -> None:
    trace = dry_run(load_schedule("default"), 20)
    comparison = compare({"a": trace, "b": trace})
    assert comparison.quantities == ("lr",)
    assert {one.quantity for one in comparison.pairs[0].groups} == {"lr"}


@pytest.mark.parametrize("turned", [False, True])
def test_a_momentum_that_stays_is_compared_as_the_constant_that_it_is(*, turned: bool) -> None:
    traces = trace_of(CYCLIC), trace_of(WITHOUT)
    first, other = reversed(traces) if turned else traces
    pair = pair_of(first, other)
    assert not pair.equal
    assert found_in(pair) == [("lr", "a", 0), ("lr", "b", 0), ("momentum", "a", 9), ("momentum", "b", 9)]
    momentum = pair.groups[2]
    assert momentum.first_step == 0
    assert momentum.largest_absolute == DifferenceAt(pytest.approx(0.4), 2)  # type: ignore[arg-type]
    reference = 0.5 if turned else 0.9
    assert momentum.largest_relative == DifferenceAt(pytest.approx(0.4 / reference), 2)  # type: ignore[arg-type]


def test_one_setting_alone_makes_a_difference_within_the_tolerances() -> None:
    trace = trace_of(CYCLIC)
    momentum = trace.settings["momentum"].copy()
    momentum[3, 1] += 0.25
    other = replace(trace, settings={"momentum": momentum})
    assert found_in(pair_of(trace, other))[2:] == [("momentum", "a", 0), ("momentum", "b", 1)]
    assert not pair_of(trace, other, atol=0.24).equal
    assert pair_of(trace, other, atol=0.25).equal
    assert not pair_of(trace, other, rtol=0.24).equal
    assert pair_of(trace, other, rtol=0.25).equal


def test_a_stored_trace_without_the_columns_cannot_equal_one_whose_setting_changes() -> None:
    golden, now = read_back(trace_of(WITHOUT)), trace_of(CYCLIC)
    pair = pair_of(now, golden)
    assert (pair.equal, pair.settings_only_in_first, pair.settings_only_in_other) == (
        False,
        ("momentum",),
        (),
    )
    pair = pair_of(golden, now)
    assert (pair.equal, pair.settings_only_in_first, pair.settings_only_in_other) == (
        False,
        (),
        ("momentum",),
    )
    assert {one.quantity for one in pair.groups} == {"lr"}


def test_the_momentum_of_one_optimizer_is_not_compared_with_the_betas_of_another() -> None:
    adam = CYCLIC.replace("{type: SGD, lr: 0.25, momentum: 0.9}", "{type: Adam, lr: 0.25}")
    comparison = compare({"a": trace_of(CYCLIC), "b": trace_of(adam)})
    assert comparison.quantities == ("lr", "momentum", "betas[0]")
    (pair,) = comparison.pairs
    assert not pair.equal
    assert (pair.settings_only_in_first, pair.settings_only_in_other) == (("momentum",), ("betas[0]",))


def test_settings_of_groups_of_other_names_are_matched_as_their_lrs_are() -> None:
    pair = pair_of(trace_of(CYCLIC), trace_of(CYCLIC.replace("name: b", "name: c")))
    assert pair.equal
    assert [(one.quantity, one.group, one.other) for one in pair.groups[2:]] == [
        ("momentum", "a", "a"),
        ("momentum", "b", "c"),
    ]


def made(*columns: list[float]) -> StoredTrace:
    values: Any = np.array(columns).T
    step, lr = np.arange(len(values), dtype=np.float64), np.ones_like(values)
    return StoredTrace("made", tuple("ab"[: len(columns)]), step, lr, settings={"eps": values})


def test_no_number_here_and_none_there_is_no_difference() -> None:
    nan = math.nan
    pair = pair_of(made([1, nan, 2], [nan, nan, nan]), made([1, nan, 2], [nan, nan, nan]))
    assert pair.equal
    assert [one.group for one in pair.groups if one.quantity == "eps"] == ["a"]


@pytest.mark.parametrize("turned", [False, True])
def test_a_number_here_and_none_there_differ_beyond_any_tolerance(*, turned: bool) -> None:
    one, other = made([1, 2, 3]), made([1, math.nan, 3])
    pair = pair_of(*((other, one) if turned else (one, other)), rtol=1e300, atol=1e300)
    (eps,) = (one for one in pair.groups if one.quantity == "eps")
    assert (eps.steps_differing, eps.first_step) == (1, 1)
    assert eps.largest_absolute == eps.largest_relative == DifferenceAt(math.inf, 1)


def test_each_file_has_its_settings_in_numbers() -> None:
    traces: dict[str, Trace | StoredTrace] = {
        "now": trace_of(CYCLIC),
        "golden": read_back(trace_of(CYCLIC)),
        "before": trace_of(WITHOUT),
    }
    each = [trace.settings for trace in compare(traces).traces]
    assert each[0][0] == SettingNumbers(
        "a", "momentum", ValueAt(1, 0), ValueAt(0.5, 2), ValueAt(1, 0), ValueAt(0.75, 7)
    )
    assert each[1][0] == SettingNumbers(
        "a", "momentum", ValueAt(0.75, 1), ValueAt(0.5, 2), ValueAt(1, 4), ValueAt(1, 8)
    )
    assert each[2][1].group == "b"
    assert {one.value for one in (each[2][1].first, each[2][1].minimum, each[2][1].maximum)} == {0.9}
