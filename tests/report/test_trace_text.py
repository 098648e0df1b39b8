"""A trace as CSV, TSV and JSON: columns, cells, rows."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lrsched_cli import dry_run, load_schedule
from lrsched_cli.report.trace_text import FORMATS, Selection, csv_text, trace_json, tsv_text

if TYPE_CHECKING:
    from lrsched_cli import Trace

TWO_GROUPS = """
    name: two
    steps: 60
    batch_size: 96
    optimizer: {type: Adam, lr: 1e-3}
    param_groups: [{name: body}, {name: "the head", lr: 3e-3}]
    scheduler: {warmup_steps: 10, T_0: 13, T_mult: 1}
    """
FACTORS = ("warmup", "cosine", "decay", "custom")
STATE = ("cycle", "T_cur", "T_i")


def trace_from(yaml: str) -> Trace:
    Path("one.yaml").write_text(yaml, encoding="utf-8")
    return dry_run(load_schedule("one.yaml"))


def table(trace: Trace, *, factors: bool = False, every: int = 1) -> list[dict[str, str]]:
    text = "".join(csv_text(trace, Selection(factors=factors, every=every)))
    return list(csv.DictReader(io.StringIO(text, newline="")))


def header(trace: Trace, *, factors: bool = False) -> list[str]:
    return list(table(trace, factors=factors)[0])


def test_the_columns_are_step_batch_size_lrs_and_multipliers() -> None:
    expected = ["step", "batch_size", "lr.body", "lr.the head", "scale.body", "scale.the head"]
    assert header(trace_from(TWO_GROUPS)) == expected


def test_factors_add_theirs_for_each_group_and_one_batch_column() -> None:
    trace = trace_from(TWO_GROUPS)
    added = header(trace, factors=True)
    expected = [f"{key}.{group}" for group in trace.groups for key in (*FACTORS, *STATE)]
    assert added[:6] == header(trace)
    assert [name for name in added[6:] if name != "batch"] == expected
    assert added.count("batch") == 1


def test_batch_factors_that_differ_have_a_column_for_each_group() -> None:
    trace = trace_from(TWO_GROUPS.replace("lr: 3e-3", "lr: 3e-3, scheduler: {base_batch_size: 32}"))
    names = header(trace, factors=True)
    assert "batch" not in names
    assert [name for name in names if name.startswith("batch.")] == ["batch.body", "batch.the head"]


def test_there_is_one_row_per_step_from_0_on() -> None:
    rows = table(trace_from(TWO_GROUPS))
    assert [row["step"] for row in rows] == [str(step) for step in range(61)]


def test_row_0_holds_base_lrs_a_multiplier_of_1_and_empty_factors() -> None:
    first = table(trace_from(TWO_GROUPS), factors=True)[0]
    assert (first["step"], first["lr.body"], first["lr.the head"]) == ("0", "0.001", "0.003")
    assert float(first["scale.body"]) == 1
    assert first["batch_size"] == first["batch"] == ""
    assert all(first[f"{factor}.body"] == "" for factor in FACTORS)


def test_later_rows_have_a_value_in_every_cell() -> None:
    for row in table(trace_from(TWO_GROUPS), factors=True)[1:]:
        assert "" not in row.values()
        assert all(math.isfinite(float(cell)) for cell in row.values())


def test_without_a_batch_size_its_cells_are_empty() -> None:
    rows = table(trace_from("{steps: 3}"), factors=True)
    assert [row["batch_size"] for row in rows] == [""] * 4
    assert [row["batch"] for row in rows] == ["", "1.0", "1.0", "1.0"]


def test_whole_numbers_have_no_decimal_point() -> None:
    rows = table(trace_from(TWO_GROUPS), factors=True)
    whole = ["step", "batch_size", *(f"{key}.body" for key in STATE)]
    assert all(row[name].isdecimal() for row in rows[1:] for name in whole)


def test_floats_read_back_to_the_same_doubles_and_no_shorter_text_does() -> None:
    trace = trace_from(TWO_GROUPS)
    rows = table(trace, factors=True)
    for index, group in enumerate(trace.groups):
        for name, values in [("lr", trace.lr), ("scale", trace.scale), ("cosine", trace.factors["cosine"])]:
            cells = [row[f"{name}.{group}"] for row in rows if row[f"{name}.{group}"]]
            values_there = [value for value in values[:, index].tolist() if not math.isnan(value)]
            assert cells == [repr(value) for value in values_there]


def test_every_keeps_each_kth_row_the_ends_and_the_turning_points() -> None:
    trace = trace_from(TWO_GROUPS)
    assert trace.turning_points() == [10, 23, 36, 49]
    steps = [int(row["step"]) for row in table(trace, every=25)]
    assert steps == [0, 10, 23, 25, 36, 49, 50, 60]


@pytest.mark.parametrize("every", [1, 2, 7, 60, 61, 10**9])
def test_rows_that_are_kept_are_unchanged(every: int) -> None:
    trace = trace_from(TWO_GROUPS)
    rows = table(trace, factors=True)
    kept = table(trace, factors=True, every=every)
    wanted = {*range(0, 61, every), *trace.turning_points(), 60}
    assert kept == [row for row in rows if int(row["step"]) in wanted]


def test_a_long_trace_is_written_piece_by_piece_and_whole() -> None:
    trace = trace_from("{steps: 9000, scheduler: {warmup_steps: 5}}")
    pieces = list(csv_text(trace, Selection()))
    assert len(pieces) > 2
    assert [line.split(",")[0] for line in "".join(pieces).splitlines()[1:]] == [str(n) for n in range(9001)]


@pytest.mark.parametrize("name", ["a,b", 'the "head"', '","', "a;b", "naïve λ", "'", "=1+1", "a.b c"])
@pytest.mark.parametrize("factors", [False, True])
def test_any_name_reads_back_from_the_header(name: str, *, factors: bool) -> None:
    trace = trace_from(f"{{steps: 2, param_groups: [{{name: {json.dumps(name)}}}]}}")
    names = header(trace, factors=factors)
    assert {f"lr.{name}", f"scale.{name}"} <= set(names)
    assert all(None not in row and len(row) == len(names) for row in table(trace, factors=factors))


def test_tsv_is_the_same_table_with_tabs() -> None:
    trace = trace_from(TWO_GROUPS)
    selection = Selection(factors=True)
    tabs = csv.reader(io.StringIO("".join(tsv_text(trace, selection))), delimiter="\t")
    commas = csv.reader(io.StringIO("".join(csv_text(trace, selection))))
    assert list(tabs) == list(commas)


@pytest.mark.parametrize("every", [1, 9])
def test_json_is_the_same_table_by_columns_with_null_for_no_value(every: int) -> None:
    trace = trace_from(TWO_GROUPS)
    document = json.loads("".join(trace_json(trace, Selection(factors=True, every=every))))
    columns = document.pop("columns")
    assert document == {"name": "two", "loop": "optimizer-first", "groups": ["body", "the head"]}
    rows = table(trace, factors=True, every=every)
    assert list(columns) == list(rows[0])
    for name, values in columns.items():
        assert ["" if value is None else repr(value) for value in values] == [row[name] for row in rows]


def test_each_suffix_has_its_writer() -> None:
    assert {".csv": csv_text, ".tsv": tsv_text, ".json": trace_json} == FORMATS


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_ends_its_last_line(suffix: str) -> None:
    text = "".join(FORMATS[suffix](trace_from(TWO_GROUPS), Selection()))
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert "\r" not in text
