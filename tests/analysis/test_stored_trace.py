"""Traces read back from CSV: to the last bit where they are sound, with every problem's place where not."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrsched_cli import ScheduleFileError, dry_run, load_schedule
from lrsched_cli.analysis.stored_columns import MAX_PROBLEMS
from lrsched_cli.analysis.stored_trace import MAX_BYTES, StoredTrace, parse_stored_trace, read_stored_trace
from lrsched_cli.report.trace_text import Selection, csv_text

HANG = 20.0  # seconds; it takes a second

GOOD = "step,batch_size,lr.a,scale.a\n0,,0.5,1.0\n1,64,0.25,0.5\n"
finite = st.floats(allow_nan=False, allow_infinity=False)


def parsed(text: str) -> StoredTrace:
    return parse_stored_trace(text, "t", "t.csv")


def problems(text: str) -> list[str]:
    with pytest.raises(ScheduleFileError) as caught:
        parsed(text)
    return [str(problem) for problem in caught.value.problems]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(finite, finite), min_size=2, max_size=20))
def test_lrs_come_back_to_the_last_bit(rows: list[tuple[float, float]]) -> None:
    text = "step,lr.a,lr.b\n" + "".join(f"{step},{a!r},{b!r}\n" for step, (a, b) in enumerate(rows))
    assert parsed(text).lr.tobytes() == np.array(rows).tobytes()


@pytest.mark.parametrize("name", ["default", "per-group", "growing-batch"])
def test_a_written_trace_comes_back_with_its_cycles(name: str) -> None:
    trace = dry_run(load_schedule(name), 900)
    stored = parsed("".join(csv_text(trace, Selection(factors=True, every=7))))
    rows = stored.step.astype(int)
    assert stored.groups == trace.groups
    assert np.array_equal(stored.lr, trace.lr[rows])
    assert stored.missing == 901 - len(rows) > 0
    for group in range(len(trace.groups)):
        assert stored.warmup_end(group) == trace.warmup_end(group)
        assert list(stored.restarts(group) or ()) == trace.restarts(group).tolist()


def test_a_trace_whose_warm_up_never_ends_is_all_warm_up() -> None:
    trace = dry_run(load_schedule("default"), 20)
    stored = parsed("".join(csv_text(trace, Selection(factors=True))))
    assert stored.warmup_end(0) == trace.warmup_end(0) == 20


def test_without_factors_restarts_and_warm_up_are_not_known() -> None:
    stored = parsed(GOOD)
    assert (stored.warmup_end(0), stored.restarts(0), stored.missing) == (None, None, 0)


def test_other_columns_are_not_read() -> None:
    stored = parsed("note,step,lr.a\nwords,0,1\n,1,2\n")
    assert (stored.step.tolist(), stored.lr.tolist()) == ([0, 1], [[1], [2]])


def test_group_names_may_be_quoted() -> None:
    assert parsed('step,"lr.b, c"\n0,1\n1,2\n').groups == ("b, c",)


def test_lines_may_end_in_crlf_and_the_last_in_nothing() -> None:
    assert np.array_equal(parsed(GOOD.replace("\n", "\r\n")).lr, parsed(GOOD.rstrip("\n")).lr)


def test_the_arrays_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        parsed(GOOD).lr[0] = 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ["t.csv:1:1: is empty"]),
        (" \n\n", ["t.csv:1:1: is empty"]),
        ("0,1\n1,2\n", ["t.csv:1:1: has no header"]),
        ("a,b\n1,2\n", ["t.csv:1:1: has no column step", "t.csv:1:1: has no column lr.GROUP"]),
        ("step;lr.a\n0;1\n", ["t.csv:1:1: has no column step", "t.csv:1:1: has no column lr.GROUP"]),
        ("lr.a\n1\n", ["t.csv:1:1: has no column step"]),
        ("step,lr.a,lr.a\n0,1,1\n", ['t.csv:1:11: names the column "lr.a" a second time']),
        ("step,lr.\n0,1\n", ["t.csv:1:6: names no group"]),
        ("step,lr.\x1b\n0,1\n", ["t.csv:1:6: must name a group in printable characters"]),
        ("step,lr.a\n", ["t.csv:2:1: ends too early"]),
        ("step,lr.a\n0,1\n", ["t.csv:3:1: ends too early"]),
        ("step,lr.a\n0,1\n1,x\n", ['t.csv:3:3: lr.a: must be a finite number (got "x")']),
        ('step,n,lr.a\n0,"a,b",1\n1,"c,d",x\n', ["t.csv:3:9: lr.a: must be a finite number"]),
        ("step,lr.a\n0,1\n1,nan\n", ["t.csv:3:3: lr.a: must be a finite number"]),
        ("step,lr.a\n0,1\n1,-inf\n", ["t.csv:3:3: lr.a: must be a finite number"]),
        ("step,lr.a\n0,1\n1,1e999\n", ["t.csv:3:3: lr.a: must be a finite number"]),
        ("step,lr.a\n0,1\n1,1_0\n", ["t.csv:3:3: lr.a: must be a finite number"]),
        ("step,lr.a\n0,1\n1,\uff11\n", ["t.csv:3:3: lr.a: must be a finite number"]),
        ("step,lr.a\n0,1\n1,\n", ["t.csv:3:3: lr.a: is empty"]),
        ("step,lr.a\n0,1\n,2\n", ["t.csv:3:1: step: is empty"]),
        ("step,lr.a\n0,1\n1.5,2\n", ["t.csv:3:1: step: must be a whole number"]),
        ("step,lr.a\n-1,1\n0,2\n", ["t.csv:2:1: step: must be a whole number"]),
        ("step,lr.a\n0,1\n0,2\n", ["t.csv:3:1: step: must be greater than the step before, 0"]),
        ("step,lr.a\n0,1\n2\n3,1,1\n", ["t.csv:3:1: has 1 cell", "t.csv:4:1: has 3 cells"]),
        ("step,lr.a\n0,1\n\n1,1\n", ["t.csv:3:1: has 0 cells"]),
        ('step,lr.a\n0,1\n1,"2\n2,3\n', ["t.csv:3:1: has a quotation mark that is not closed"]),
        ('step,lr.a\n0,"1\n1",2\n', ["t.csv:2:1: has a quotation mark that is not closed"]),
        ('step,lr.a\n0,1\n1,"2"x\n', ["t.csv:3:1: cannot be read"]),
        ("step,lr.a\r0,1\r1,2\r", ["t.csv:1:1: has a carriage return inside the line"]),
        ("step,lr.a\n0,1\n\x00,4\n", ["t.csv:3:1: step: must be a finite number"]),
        (
            "step,lr.a\n0,x\n0\n0,nan\n5,1\n5,2\n",
            ["t.csv:2:3", "t.csv:3:1", "t.csv:4:1", "t.csv:4:3", "t.csv:6:1"],
        ),
    ],
)
def test_each_problem_is_told_at_its_place(text: str, told: list[str]) -> None:
    found = problems(text)
    assert len(found) == len(told), found
    for one, wanted in zip(found, told, strict=True):
        assert one.startswith(wanted), found


def test_steps_must_rise_across_blocks_of_rows() -> None:
    lines = [f"{step},1" for step in range(4096)]
    found = problems("\n".join(["step,lr.a", *lines, "4095,1", "4096,1"]))
    assert found == ['t.csv:4098:1: step: must be greater than the step before, 4095 (got "4095")']


def test_a_trace_has_the_groups_that_a_schedule_file_may_have() -> None:
    def of_groups(count: int) -> str:
        header = ",".join(f"lr.{n}" for n in range(count))
        return f"step,{header}\n0{',1' * count}\n1{',1' * count}\n"

    assert len(parsed(of_groups(2000)).groups) == 2000
    assert problems(of_groups(2001)) == [
        "t.csv:1:1: has 2,001 groups; 2,000 are allowed, as in a schedule file"
    ]


def test_a_trace_has_a_limit_of_columns() -> None:
    header = ",".join(f"x.{n}" for n in range(41_000))
    assert problems(f"step,lr.a,{header}\n") == ["t.csv:1:1: has 41,002 columns; 40,100 are allowed"]


def test_of_many_problems_the_first_hundred_are_told() -> None:
    found = problems("step,lr.a\n" + "".join(f"{step},x\n" for step in range(5000)))
    assert len(found) == MAX_PROBLEMS + 1
    assert (
        found[-1]
        == f"t.csv:{MAX_PROBLEMS + 2}:5: and so on: the file's first {MAX_PROBLEMS} problems are told"
    )


@settings(max_examples=100, deadline=None)
@given(text=st.text(alphabet='steplr.a,"0123456789-\n\r\x00', max_size=60), headed=st.booleans())
def test_any_text_is_a_trace_or_has_problems(*, text: str, headed: bool) -> None:
    stored, told = None, []
    try:
        stored = parsed(f"step,lr.a\n{text}" if headed else text)
    except ScheduleFileError as error:
        told = list(error.problems)
    assert (stored is None) == bool(told)
    assert all(problem.line >= 1 and problem.column >= 1 for problem in told)
    if stored is not None:
        assert np.isfinite(stored.lr).all()
        assert (np.diff(stored.step) > 0).all()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\x89PNG\r\n\x1a\n\x00", "t.csv:1:1: is not UTF-8 text (byte 0x89)"),
        (b"step,lr.a\n0,1\n1,\xff\n", "t.csv:3:3: is not UTF-8 text (byte 0xff)"),
        ("step,lr.a\n0,1\n".encode("utf-16"), "t.csv: is UTF-16 text; save it as UTF-8"),
    ],
)
def test_what_is_no_text_is_told_so(content: bytes, told: str) -> None:
    Path("t.csv").write_bytes(content)
    with pytest.raises(ScheduleFileError) as caught:
        read_stored_trace(Path("t.csv"))
    assert [str(problem) for problem in caught.value.problems] == [told]


def test_a_byte_order_mark_is_no_part_of_the_header() -> None:
    Path("t.csv").write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    stored = read_stored_trace(Path("t.csv"))
    assert (stored.name, stored.groups, stored.lr.tolist()) == ("t", ("a",), [[0.5], [0.25]])


def test_files_that_are_none_are_told_so() -> None:
    Path("folder.csv").mkdir()
    with Path("large.csv").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    for name, told in [
        ("folder.csv", "is a folder"),
        ("large.csv", "is larger than 200 MB"),
        ("no.csv", "no such"),
    ]:
        with pytest.raises(ScheduleFileError, match=f"{name}: {told}"):
            read_stored_trace(Path(name))


def test_a_name_that_no_file_can_have_is_told_so() -> None:
    with pytest.raises(ScheduleFileError, match="cannot be read: File name too long"):
        read_stored_trace(Path("x" * 300 + ".csv"))


def test_a_hundred_thousand_rows_are_read_without_a_hang() -> None:
    text = "step,lr.a,lr.b\n" + "".join(f"{step},{math.sin(step)!r},1e-3\n" for step in range(100_000))
    for bad in ("", "100000,x,1\n"):
        start = time.perf_counter()
        try:
            parsed(text + bad)
        except ScheduleFileError:
            assert bad
        assert time.perf_counter() - start < HANG


ONE_CYCLE = """
    steps: 30
    optimizer: {type: SGD, lr: 0.1, momentum: 0.9}
    param_groups: [{name: a}, {name: b.a, momentum: 0.5}]
    scheduler: {type: OneCycleLR, max_lr: 0.1, total_steps: 31}
    """


def test_settings_that_change_come_back_to_the_last_bit() -> None:
    Path("one.yaml").write_text(ONE_CYCLE)
    trace = dry_run(load_schedule("one.yaml"))
    found = parsed("".join(csv_text(trace, Selection(every=4))))
    rows = found.step.astype(int)
    assert found.groups == ("a", "b.a")
    assert list(found.settings) == ["momentum"]
    assert found.settings["momentum"].tobytes() == trace.settings["momentum"][rows].tobytes()
    assert found.number("momentum") is found.settings["momentum"]
    assert found.number("lr") is found.lr
    assert found.number("weight_decay") is None


def test_settings_and_cycles_are_told_apart() -> None:
    found = parsed(
        "step,eps.a,lr.a,scale.a,cycle.a,warmup.a,T_cur.a,T_i.a,batch.a\n0,3,1,1,0,,0,9,\n1,4,2,1,0,,1,9,\n"
    )
    assert found.lr.tolist() == [[1], [2]]
    assert {name: values.tolist() for name, values in found.settings.items()} == {"eps": [[3], [4]]}
    assert {name: values.tolist() for name, values in found.state.items()} == {
        "cycle": [[0], [0]],
        "T_cur": [[0], [1]],
    }


def test_names_of_groups_may_have_dots() -> None:
    found = parsed("step,lr.a,lr.b.a,eps.a,eps.b.a\n0,1,2,3,4\n1,1,2,5,6\n")
    assert found.groups == ("a", "b.a")
    assert {name: values.tolist() for name, values in found.settings.items()} == {"eps": [[3, 4], [5, 6]]}


def test_a_setting_that_not_every_group_has_a_column_for_is_not_read() -> None:
    assert parsed("step,lr.a,lr.b,eps.a,note.c\n0,1,2,words,\n1,1,2,,\n").settings == {}


def test_an_empty_cell_of_a_setting_is_no_number() -> None:
    found = parsed("step,lr.a,lr.b,eps.a,eps.b\n0,1,2,,3\n1,1,2,4,\n")
    expected = [[math.nan, 3], [4, math.nan]]
    assert np.array_equal(found.settings["eps"], expected, equal_nan=True)


def test_other_cells_of_a_setting_must_be_finite_numbers() -> None:
    assert problems("step,lr.a,eps.a\n0,1,nan\n1,1,\n2,1,x\n3,,\n4,1,inf\n") == [
        't.csv:2:5: eps.a: must be a finite number (got "nan")',
        't.csv:4:5: eps.a: must be a finite number (got "x")',
        "t.csv:5:3: lr.a: is empty",
        't.csv:6:5: eps.a: must be a finite number (got "inf")',
    ]
