"""Traces against each other: which groups, which steps, how far apart."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrsched_cli import compare, dry_run, load_schedule
from lrsched_cli.analysis.compare import DifferenceAt, common_rows
from lrsched_cli.analysis.group_matching import match_groups
from lrsched_cli.analysis.setting_differences import setting_differences
from lrsched_cli.analysis.stored_trace import StoredTrace, parse_stored_trace
from lrsched_cli.analysis.summary import LRAt, summarize
from lrsched_cli.errors import UsageError
from lrsched_cli.report.trace_text import Selection, csv_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lrsched_cli.analysis.compare import GroupDifference, PairDifference
    from lrsched_cli.analysis.trace import Trace
    from lrsched_cli.core.config import Schedule

lrs = st.lists(st.floats(1e-9, 10), min_size=2, max_size=30)


def stored(*columns: Sequence[float], names: Sequence[str] = (), steps: Sequence[int] = ()) -> StoredTrace:
    lr = np.column_stack([np.asarray(column, dtype=np.float64) for column in columns])
    step = np.asarray(steps or range(len(lr)), dtype=np.float64)
    return StoredTrace("made", tuple(names) or tuple(f"g{i}" for i in range(len(columns))), step, lr)


def pair_of(first: Trace | StoredTrace, other: Trace | StoredTrace, **tolerances: float) -> PairDifference:
    (pair,) = compare({"a": first, "b": other}, **tolerances).pairs  # type: ignore[arg-type]
    return pair


def group_of(first: Sequence[float], other: Sequence[float], **tolerances: float) -> GroupDifference:
    (group,) = pair_of(stored(first), stored(other), **tolerances).groups
    return group


def schedule(text: str, tmp_path: Any, name: str = "s") -> Schedule:
    file = tmp_path / f"{name}.yaml"
    file.write_text(text)
    return load_schedule(file)


@pytest.mark.parametrize("name", ["default", "per-group", "growing-batch", "custom-lambda"])
def test_a_schedule_equals_its_own_stored_trace(name: str) -> None:
    trace = dry_run(load_schedule(name), 500)
    text = "".join(csv_text(trace, Selection()))
    pair = pair_of(trace, parse_stored_trace(text, "golden", "golden.csv"))
    assert pair.equal
    assert [(group.matched_by, group.steps_compared) for group in pair.groups] == [
        ("name", 501) for _ in trace.groups
    ]
    assert all(group.largest_absolute is None and group.first_step is None for group in pair.groups)


@given(lrs, st.data())
def test_one_ulp_is_a_difference(values: list[float], data: st.DataObject) -> None:
    row = data.draw(st.integers(0, len(values) - 1))
    other = values.copy()
    other[row] = math.nextafter(values[row], math.inf)
    group = group_of(values, other)
    assert (group.first_step, group.steps_differing) == (row, 1)
    assert group.share_differing == 1 / len(values)
    assert group.largest_absolute == DifferenceAt(other[row] - values[row], row)
    assert not pair_of(stored(values), stored(other)).equal


@given(lrs, lrs, st.floats(0, 1), st.floats(0, 1))
def test_a_step_differs_by_the_rule(ours: list[float], theirs: list[float], rtol: float, atol: float) -> None:
    rows = min(len(ours), len(theirs))
    a, b = ours[:rows], theirs[:rows]
    differing = [i for i in range(rows) if not abs(a[i] - b[i]) <= atol + rtol * abs(b[i])]
    group = group_of(a, b, rtol=rtol, atol=atol)
    assert group.steps_differing == len(differing)
    assert group.first_step == (differing[0] if differing else None)
    if a != b:
        assert group.largest_absolute is not None
        assert group.largest_relative is not None
        assert group.largest_absolute.value == max(abs(x - y) for x, y in zip(a, b, strict=True))
        assert group.largest_relative.value == max(abs(x - y) / abs(y) for x, y in zip(a, b, strict=True))


def test_the_tolerance_is_a_share_of_the_other_trace() -> None:
    assert pair_of(stored([1.0, 1.0]), stored([1.0, 2.0]), rtol=0.5).equal
    assert not pair_of(stored([1.0, 2.0]), stored([1.0, 1.0]), rtol=0.5).equal
    assert pair_of(stored([1.0, 2.0]), stored([1.0, 1.0]), atol=1.0).equal


def test_the_largest_differences_have_their_own_steps() -> None:
    group = group_of([1.0, 10.0, 1.0], [1.0, 12.0, 0.5])
    assert group.largest_absolute == DifferenceAt(2.0, 1)
    assert group.largest_relative == DifferenceAt(1.0, 2)


def test_against_an_lr_of_zero_a_difference_is_infinite() -> None:
    group = group_of([0.0, 1.0], [0.0, 0.0])
    assert group.largest_relative == DifferenceAt(math.inf, 1)
    assert group_of([0.0, 0.0], [0.0, -0.0]).largest_relative is None


def test_lrs_at_the_ends_of_what_a_double_holds_are_compared() -> None:
    group = group_of([1e308, 5e-324], [-1e308, 0.0])
    assert group.largest_absolute == DifferenceAt(math.inf, 0)
    assert group.steps_differing == 2


def test_another_length_is_a_difference() -> None:
    for first, other in [([1.0, 2.0, 3.0], [1.0, 2.0]), ([1.0, 2.0], [1.0, 2.0, 3.0])]:
        pair = pair_of(stored(first), stored(other))
        assert (pair.equal, pair.same_length, pair.common_steps) == (False, False, 2)
        assert pair.groups[0].steps_differing == 0


def test_a_missing_row_0_is_a_difference() -> None:
    assert not pair_of(stored([1.0, 2.0, 3.0]), stored([2.0, 3.0], steps=[1, 2])).equal


def test_another_number_of_groups_is_a_difference() -> None:
    one, two = stored([1.0, 2.0]), stored([1.0, 2.0], [3.0, 4.0])
    assert pair_of(one, two).only_in_other == ("g1",)
    assert pair_of(two, one).only_in_first == ("g1",)
    assert not pair_of(one, two).equal
    assert not pair_of(two, one).equal


def test_groups_of_one_name_are_compared_wherever_they_stand() -> None:
    pair = pair_of(
        stored([1.0, 2.0], [3.0, 4.0], names=["x", "y"]), stored([3.0, 4.0], [1.0, 2.0], names=["y", "x"])
    )
    assert pair.equal


def test_groups_of_other_names_are_compared_in_their_order() -> None:
    pair = pair_of(
        stored([1.0, 2.0], [3.0, 4.0], names=["x", "y"]), stored([3.0, 4.0], [1.0, 2.0], names=["y", "z"])
    )
    assert pair.equal
    assert [(one.group, one.other, one.matched_by) for one in pair.groups] == [
        ("x", "z", "order"),
        ("y", "y", "name"),
    ]


names = st.lists(st.sampled_from("abcdef"), unique=True, max_size=6)


@given(names, names)
def test_every_group_is_matched_once_or_left_over(first: list[str], other: list[str]) -> None:
    found = match_groups(first, other)
    assert sorted([*(one.name for one in found.matches), *found.only_in_first]) == sorted(first)
    assert sorted([*(one.other_name for one in found.matches), *found.only_in_other]) == sorted(other)
    assert not (found.only_in_first and found.only_in_other)
    for one in found.matches:
        assert (first[one.index], other[one.other_index]) == (one.name, one.other_name)
        assert (one.by == "name") == (one.name == one.other_name)


def test_gaps_are_no_difference_but_are_counted() -> None:
    whole = stored([5.0, 1.0, 2.0, 3.0, 4.0])
    comparison = compare({"a": whole, "b": stored([5.0, 2.0, 4.0], steps=[0, 2, 4])})
    assert comparison.equal
    assert (comparison.pairs[0].common_steps, comparison.traces[1].missing) == (3, 2)
    (group,) = comparison.traces[1].groups
    assert (group.mean, group.sum, group.above_half_peak) == (None, None, None)
    assert (group.first, group.peak, group.final) == (LRAt(2, 2), LRAt(4, 4), LRAt(4, 4))


def test_traces_without_a_common_step_are_no_equals() -> None:
    pair = pair_of(stored([1.0, 1.0], steps=[0, 2]), stored([1.0, 1.0], steps=[1, 3]))
    assert (pair.equal, pair.common_steps, pair.groups[0].share_differing) == (False, 0, 0.0)


@given(st.sets(st.integers(0, 50), min_size=1), st.sets(st.integers(0, 50), min_size=1))
def test_common_rows_have_the_same_steps(first: set[int], other: set[int]) -> None:
    traces = [stored([1.0] * len(steps), steps=sorted(steps)) for steps in (first, other)]
    rows = [trace.step[found].tolist() for trace, found in zip(traces, common_rows(*traces), strict=True)]
    assert rows[0] == rows[1] == sorted(first & other)


def test_a_schedules_numbers_are_those_of_its_updates() -> None:
    trace = dry_run(load_schedule("per-group"), 3000)
    (numbers, _) = compare({"a": trace, "b": trace}).traces
    assert (numbers.stored, numbers.loop, numbers.rows) == (False, "scheduler-first", 3001)
    for group, summary in zip(numbers.groups, summarize(trace), strict=True):
        for key in ("name", "first", "peak", "final", "mean", "sum", "restarts", "warmup_end"):
            assert getattr(group, key) == getattr(summary, key)
    used = trace.lr[1:, 0]
    assert numbers.groups[0].above_half_peak == sum(lr > used.max() / 2 for lr in used) > 0


@pytest.mark.parametrize(
    ("loop", "first", "final", "total", "above"),
    [("scheduler-first", LRAt(1, 1), LRAt(3, 3), 7, 2), ("optimizer-first", LRAt(9, 0), LRAt(3, 2), 13, 1)],
)
def test_a_stored_traces_numbers_are_those_of_the_rows_told(
    loop: Any, first: LRAt, final: LRAt, total: float, above: int
) -> None:
    trace = stored([9.0, 1.0, 3.0, 3.0])
    numbers, _ = compare({"a": trace, "b": trace}, stored_loop=loop).traces
    (group,) = numbers.groups
    assert (numbers.stored, numbers.loop, numbers.summed_as) == (True, None, loop)
    assert (group.first, group.final, group.sum, group.above_half_peak) == (first, final, total, above)
    assert group.mean == total / 3


def test_every_trace_is_compared_with_the_first() -> None:
    comparison = compare({"a": stored([1.0, 2.0]), "b": stored([1.0, 2.0]), "c": stored([1.0, 3.0])})
    assert [(pair.first, pair.other, pair.equal) for pair in comparison.pairs] == [
        ("a", "b", True),
        ("a", "c", False),
    ]
    assert not comparison.equal


def test_one_trace_is_no_pair() -> None:
    with pytest.raises(UsageError, match="two or more"):
        compare({"a": stored([1.0, 2.0])})


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
@pytest.mark.parametrize("which", ["rtol", "atol"])
def test_a_tolerance_is_a_finite_number(which: str, value: float) -> None:
    with pytest.raises(UsageError, match=which):
        pair_of(stored([1.0, 2.0]), stored([1.0, 2.0]), **{which: value})


@settings(max_examples=10, deadline=None)
@given(gamma=st.floats(0.5, 1.5))
def test_one_setting_that_differs_is_the_only_one_told(gamma: float) -> None:
    first, other = (
        load_schedule("default"),
        load_schedule("default", overrides=[f"scheduler.gamma={gamma!r}"]),
    )
    found = [(one.key, one.values) for one in setting_differences({"a": first, "b": other})]
    assert found == ([("scheduler.gamma", (0.9, gamma))] if gamma != 0.9 else [])


def test_settings_of_matched_groups_stand_side_by_side(tmp_path: Any) -> None:
    first = schedule("param_groups: [{name: a, lr: 1}, {name: b, lr: 2}]\n", tmp_path, "first")
    text = """
        batch_size: [{until: 10, size: 16}, 64]
        optimizer: {type: AdamW, betas: [0.8, 0.9]}
        param_groups: [{name: b, lr: 2, weight_decay: 0.1}, {name: c, lr: 3, scheduler: {gamma: 0.5}}]
        scheduler: {custom_lambda: "1 / step"}
        """
    found = setting_differences({"first": first, "other": schedule(text, tmp_path, "other")})
    assert {one.key: one.values for one in found} == {
        "batch_size": (None, "16 through step 10, 64"),
        "optimizer.type": ("Adam", "AdamW"),
        "optimizer.betas": (None, (0.8, 0.9)),
        "scheduler.custom_lambda": (None, "1 / step"),
        "param_groups.a.name": ("a", "c"),
        "param_groups.a.lr": (1.0, 3.0),
        "param_groups.a.scheduler.gamma": (None, 0.5),
        "param_groups.b.weight_decay": (None, 0.1),
    }


def test_no_schedules_have_no_settings() -> None:
    assert setting_differences({}) == ()
