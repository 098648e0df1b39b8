"""A comparison in tables, lines and an aligned CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrsched_cli import compare, dry_run, load_schedule
from lrsched_cli.analysis.compare import GroupDifference
from lrsched_cli.analysis.setting_differences import SettingDifference
from lrsched_cli.analysis.stored_trace import StoredTrace
from lrsched_cli.report.compare_csv import comparison_csv
from lrsched_cli.report.compare_tables import (
    _share,
    changing_settings_parts,
    differences_table,
    matching_lines,
    numbers_lines,
    numbers_tables,
    settings_parts,
    value_text,
    verdict_lines,
)
from lrsched_cli.report.text import plain_text

if TYPE_CHECKING:
    from collections.abc import Sequence


def stored(*columns: Any, names: Sequence[str] = (), steps: Sequence[int] = ()) -> StoredTrace:
    lr = np.column_stack([np.asarray(column, dtype=np.float64) for column in columns])
    step = np.asarray(steps or range(len(lr)), dtype=np.float64)
    return StoredTrace("made", tuple(names) or tuple(f"g{i}" for i in range(len(columns))), step, lr)


A = stored([9.0, 1.0, 2.0, 3.0], [4.0, 4.0, 4.0, 4.0], names=["x", "[bold]y"])
B = stored([9.0, 1.0, 2.5], [5.0, 4.0, 4.0], names=["x", "z"])


def lines(parts: Sequence[Any]) -> list[str]:
    return plain_text(*parts).splitlines()


def cells(*parts: Any) -> str:
    """A table's rows without its rules, the cells one blank apart."""
    found = (" ".join(line.split()) for line in lines(parts))
    return "\n".join(line for line in found if set(line) != {"─"})


def test_the_numbers_stand_by_file_and_group() -> None:
    assert (
        cells(*numbers_tables(compare({"a": A, "b": B}).traces, 200))
        == """\
file group first peak final mean sum above half peak restarts warm-up
a x 1 3 3 2 6 2 - -
@ 1 @ 3 @ 3
[bold]y 4 4 4 4 12 3 - -
@ 1 @ 1 @ 3
b x 1 2.5 2.5 1.75 3.5 1 - -
@ 1 @ 2 @ 2
z 4 4 4 4 8 2 - -
@ 1 @ 1 @ 2"""
    )


def test_the_numbers_fit_a_terminal_of_80_columns() -> None:
    trace = dry_run(load_schedule("default"), 3000)
    tables = numbers_tables(compare({"a": trace, "b": trace}).traces, 80)
    found = [lines([table]) for table in tables]
    assert len(found) == 2
    assert all(len(line) <= 80 for one in found for line in one)
    assert all(one[0].split()[:2] == ["file", "group"] for one in found)


def test_a_schedules_restarts_and_warm_up_are_told() -> None:
    trace = dry_run(load_schedule("default"), 3000)
    text = cells(*numbers_tables(compare({"a": trace, "b": trace}).traces[:1], 200))
    assert "@ 300, 500, 900, …" in text
    assert text.splitlines()[1].endswith(" 4 200")


def test_the_differences_stand_by_file_and_group() -> None:
    assert (
        cells(differences_table(compare({"a": A, "b": B, "c": A})))
        == """\
file group first differs largest absolute largest relative steps that differ
b x @ 2 0.5 0.2 1 of 3 (33.3%)
@ 2 @ 2
[bold]y = z @ 0 1 0.2 1 of 3 (33.3%)
@ 0 @ 0
c x - - - 0 of 4 (0%)
[bold]y - - - 0 of 4 (0%)"""
    )


@pytest.mark.parametrize(
    ("differing", "compared", "shown"),
    [
        (0, 0, "0%"),
        (1, 3, "33.3%"),
        (1, 2, "50%"),
        (3, 3, "100%"),
        (1, 5000, "< 0.1%"),
        (4999, 5000, "> 99.9%"),
    ],
)
def test_a_share_is_never_rounded_to_none_or_all(differing: int, compared: int, shown: str) -> None:
    share = differing / compared if compared else 0.0
    assert _share(GroupDifference("a", "a", "name", compared, differing, share, None, None, None)) == shown


def test_which_was_matched_with_which_is_told() -> None:
    lone = stored([9.0, 1.0, 2.0, 3.0], names=["x"])
    found = lines(matching_lines(compare({"a": A, "b": B, "c": lone})))
    assert found[1:] == [
        "a has steps 0 to 3, b has steps 0 to 2: compared at the 3 common steps.",
        "b: groups of other names, matched by order: [bold]y with z.",
        "c has no group to match [bold]y of a.",
    ]
    assert lines(matching_lines(compare({"c": lone, "a": A})))[1:] == [
        "c has no group to match [bold]y of a."
    ]


def test_traces_alike_in_steps_and_names_need_no_words_on_matching() -> None:
    assert lines(matching_lines(compare({"a": A, "c": A}))) == [
        "a is an LR of a, b the other's; absolute |a - b|, relative |a - b| / |b|."
    ]


def test_gaps_and_what_they_leave_unknown_are_told() -> None:
    gapped = stored([9.0, 2.0, 3.0], steps=[0, 2, 3])
    comparison = compare({"a": stored([9.0, 1.0, 2.0, 3.0]), "b": gapped})
    assert "b has steps 0 to 3 with 1 missing: compared at the 3 common steps." in plain_text(
        *matching_lines(comparison)
    )
    assert "b: 1 of the steps 0 to 3 have no row" in plain_text(*numbers_lines(comparison.traces))


def test_over_which_rows_the_numbers_are_is_told() -> None:
    first = dry_run(load_schedule("default"), 3)
    other = dry_run(load_schedule("default", overrides=["loop=optimizer-first"]), 3)
    comparison = compare({"f": first, "o": other, "csv": A}, stored_loop="optimizer-first")
    assert lines(numbers_lines(comparison.traces)) == [
        "f: loop scheduler-first; updates run at all rows after row 0.",
        "o: loop optimizer-first; updates run at all rows but the last.",
        "csv: a CSV does not say its loop; its numbers are over all rows but the last (see --csv-loop).",
        "csv: restarts and warm-up are only in a CSV written with --factors.",
    ]
    assert lines(matching_lines(comparison))[1].startswith("o: loop optimizer-first, but f: scheduler-first")


def test_the_verdict_gives_every_reason() -> None:
    longer = stored([9.0, 1.0, 2.0, 3.0, 4.0], names=["x"])
    other = stored([0.0, 1.0], [0.0, 0.0], names=["x", "y"])
    assert lines(verdict_lines(compare({"a": longer, "b": other, "c": longer}))) == [
        "b differs from a: LRs in 1 of 1 matched groups, length, groups.",
        "c equals a at all 5 common steps.",
    ]
    assert lines(verdict_lines(compare({"a": longer, "c": longer}, rtol=1e-6))) == [
        "c equals a (within rtol 1e-06, atol 0) at all 5 common steps."
    ]


def test_settings_stand_beside_each_other_and_a_csv_has_none() -> None:
    differences = [
        SettingDifference("scheduler.gamma", (0.97, 0.97001)),
        SettingDifference("[b]", (None, (0.9, 1))),
    ]
    assert cells(*settings_parts(["a", "csv", "b"], ["a", "b"], differences)).splitlines() == [
        "Settings that differ",
        "setting a b",
        "scheduler.gamma 0.97 0.97001",
        "[b] - 0.9, 1",
        "csv is a CSV and has no settings to compare.",
    ]
    assert lines(settings_parts(["a", "b"], ["a", "b"], [])) == ["Settings that differ: none"]
    assert lines(settings_parts(["a", "b"], [], [])) == ["a, b are CSVs and have no settings to compare."]


@given(st.floats(allow_nan=False))
def test_settings_have_as_many_digits_as_they_need(value: float) -> None:
    assert float(value_text(value)) == value


def rows_of(**traces: StoredTrace) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO("".join(comparison_csv(traces)))))


def test_the_csv_is_aligned_by_step_and_empty_where_there_is_no_row() -> None:
    other = stored([0.1, 0.2], steps=[2, 5], names=["b, c"])
    assert "".join(comparison_csv({"one": stored([1.0, 2.0, 3.0], names=["x"]), "two": other})) == (
        'step,lr.one.x,"lr.two.b, c"\n0,1.0,\n1,2.0,\n2,3.0,0.1\n5,,0.2\n'
    )


@given(st.sets(st.integers(0, 10_000), min_size=1), st.sets(st.integers(0, 10_000), min_size=1))
def test_the_csv_has_every_row_of_every_file(first: set[int], other: set[int]) -> None:
    traces = {
        name: stored([step / 7 for step in sorted(steps)], steps=sorted(steps))
        for name, steps in (("a", first), ("b", other))
    }
    rows = rows_of(**traces)
    assert [int(row["step"]) for row in rows] == sorted(first | other)
    for name, steps in (("a", first), ("b", other)):
        found = {int(row["step"]): float(row[f"lr.{name}.g0"]) for row in rows if row[f"lr.{name}.g0"]}
        assert found == {step: step / 7 for step in steps}


def test_long_csvs_are_written_in_blocks() -> None:
    rows = rows_of(a=stored(np.arange(10_000) / 3), b=stored(np.arange(5_000) / 3))
    assert len(rows) == 10_000
    assert rows[4_999]["lr.b.g0"] == repr(4_999 / 3)
    assert rows[5_000]["lr.b.g0"] == ""


MOMENTUM = replace(stored([1.0, 1.0, 1.0]), settings={"momentum": np.array([[0.9], [0.8], [0.7]])})
OTHER = replace(stored([1.0, 1.0, 1.0]), settings={"momentum": np.array([[0.9], [0.85], [0.7]])})


def test_settings_that_change_stand_below_the_numbers_and_have_rows_of_differences() -> None:
    comparison = compare({"a": MOMENTUM, "b": OTHER, "c": stored([1.0, 1.0, 1.0])})
    assert (
        cells(*changing_settings_parts(comparison))
        == """\

Other settings that a scheduler changes (each at its step)
file setting group first minimum maximum final
a momentum g0 0.8 0.7 0.8 0.7
@ 1 @ 2 @ 1 @ 2
b momentum g0 0.85 0.7 0.85 0.7
@ 1 @ 2 @ 1 @ 2"""
    )
    assert (
        cells(differences_table(comparison))
        == """\
file setting group first differs largest absolute largest relative steps that differ
b LR g0 - - - 0 of 3 (0%)
momentum g0 @ 1 5e-2 5.882e-2 1 of 3 (33.3%)
@ 1 @ 1
c LR g0 - - - 0 of 3 (0%)"""
    )
    assert lines(matching_lines(comparison)) == [
        "a is a number of a, b the other's; absolute |a - b|, relative |a - b| / |b|.",
        "c has no columns momentum.GROUP to compare with those of a.",
    ]
    assert lines(verdict_lines(comparison)) == [
        "b differs from a: momentum in 1 of 1 matched groups.",
        "c differs from a: momentum in one of them only.",
    ]


def test_without_settings_that_change_nothing_is_said_of_them() -> None:
    assert changing_settings_parts(compare({"a": A, "b": B})) == []


def test_a_schedule_without_the_setting_is_told_as_such() -> None:
    cyclic = "steps: 4\noptimizer: {{type: {}}}\nscheduler: {{type: CyclicLR, base_lr: 0.1, max_lr: 1.0}}\n"
    Path("sgd.yaml").write_text(cyclic.format("SGD, momentum: 0.9"))
    Path("adam.yaml").write_text(cyclic.format("Adam"))
    comparison = compare({name: dry_run(load_schedule(f"{name}.yaml")) for name in ("sgd", "adam")})
    assert lines(matching_lines(comparison))[1:] == [
        "adam has no momentum, which changes in sgd.",
        "sgd has no betas[0], which changes in adam.",
    ]
    assert lines(verdict_lines(comparison)) == [
        "adam differs from sgd: momentum, betas[0] in one of them only."
    ]


def test_the_aligned_csv_has_the_columns_of_settings_after_those_of_the_lrs() -> None:
    later = replace(
        stored([1.0, 2.0], steps=[1, 2]), settings={"momentum": np.array([[0.5], [float("nan")]])}
    )
    text = "".join(comparison_csv({"a": MOMENTUM, "b": later, "c": stored([1.0, 1.0, 1.0])}))
    assert text.splitlines() == [
        "step,lr.a.g0,lr.b.g0,lr.c.g0,momentum.a.g0,momentum.b.g0",
        "0,1.0,,1.0,0.9,",
        "1,1.0,1.0,1.0,0.8,0.5",
        "2,1.0,2.0,1.0,0.7,",
    ]


def test_groups_matched_by_order_are_told_once_whatever_is_compared() -> None:
    other = replace(OTHER, groups=("h0",))
    assert lines(matching_lines(compare({"a": MOMENTUM, "b": other})))[1:] == [
        "b: groups of other names, matched by order: g0 with h0."
    ]
