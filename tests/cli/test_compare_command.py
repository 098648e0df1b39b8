"""``lrsched compare``: schedules and stored traces side by side."""

from __future__ import annotations

import csv
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import Result, run, written
from PIL import Image

from lrsched_cli.cli.compare_inputs import labels_of

SMALL = """
loop: scheduler-first
param_groups: [{{name: a, lr: 1}}, {{name: b, lr: 0.5}}]
scheduler: {{warmup_steps: 2, T_0: 2, T_mult: 1, gamma: {gamma}}}
steps: 6
"""
TWO = ("one.yaml", "two.yaml")


@pytest.fixture(autouse=True)
def two_schedules(in_an_empty_folder: Path) -> None:
    (in_an_empty_folder / "one.yaml").write_text(SMALL.format(gamma=0.97))
    (in_an_empty_folder / "two.yaml").write_text(SMALL.format(gamma=0.5))


def compared(*arguments: str, code: int = 0) -> str:
    result = run("compare", *arguments)
    assert (result.code, result.err) == (code, "")
    return result.out


def document(*arguments: str, code: int = 0) -> Any:
    return json.loads(compared(*arguments, "--json", code=code))


def refused(*arguments: str) -> list[str]:
    result = run("compare", *arguments)
    assert (result.code, result.out) == (2, "")
    assert written() == {}
    return result.err.splitlines()


def traced(config: str, name: str, *arguments: str) -> list[list[str]]:
    """Write a trace, and give its rows to change."""
    assert run("trace", config, "--out", name, *arguments).code == 0
    return list(csv.reader(Path(name).read_text().splitlines()))


def rewritten(name: str, rows: list[list[str]]) -> None:
    with Path(name).open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def test_a_picture_a_csv_and_tables_are_made() -> None:
    out = compared(*TWO)
    assert sorted(written()) == ["compare-one-two.csv", "compare-one-two.png"]
    for words in (
        "In numbers (each LR at its step)",
        "Differences to one",
        "two differs from one: LRs in 2 of 2 matched groups.",
        "Settings that differ",
    ):
        assert words in out.splitlines()
    assert out.endswith("\n\noutputs/compare-one-two.png\noutputs/compare-one-two.csv\n")


def test_the_cause_stands_beside_the_effect() -> None:
    assert ["scheduler.gamma", "0.97", "0.5"] in [line.split() for line in compared(*TWO).splitlines()]


def test_a_golden_file_holds_until_the_schedule_changes() -> None:
    traced("default", "golden.csv")
    out = compared("default", "golden.csv", "--expect-equal")
    assert "golden equals default at all 3,001 common steps." in out
    assert "golden is a CSV and has no settings to compare." in out
    changed = compared("default", "golden.csv", "--expect-equal", "--set", "scheduler.gamma=0.91", code=1)
    assert "golden differs from default: LRs in 3 of 3 matched groups." in changed


def test_a_golden_file_with_gaps_holds_too() -> None:
    traced("default", "golden.csv", "--every", "500")
    out = compared("default", "golden.csv", "--expect-equal")
    assert "default has steps 0 to 3,000, golden has steps 0 to 3,000 with 2,990 missing: compared" in out


def test_the_csv_that_plot_writes_serves_as_well() -> None:
    run("plot", "one.yaml")
    assert document("one.yaml", "outputs/one.csv", "--expect-equal")["equal"] is True


@pytest.mark.parametrize(("row", "column"), [(1, 2), (4, 3), (7, 2)])
def test_one_ulp_is_found(row: int, column: int) -> None:
    rows = traced("one.yaml", "golden.csv")
    rows[row][column] = repr(math.nextafter(float(rows[row][column]), math.inf))
    rewritten("golden.csv", rows)
    (pair,) = document("one.yaml", "golden.csv", "--expect-equal", code=1)["pairs"]
    assert [group["first_step"] for group in pair["groups"]] == [
        row - 1 if column == place else None for place in (2, 3)
    ]


@pytest.mark.parametrize(
    ("tolerance", "code"),
    [
        ((), 1),
        (("--rtol", "1e-3"), 0),
        (("--rtol", "1e-5"), 1),
        (("--atol", "1e-2"), 0),
        (("--atol", "1e-9"), 1),
        (("--rtol", "5e-5", "--atol", "5e-5"), 0),
    ],
)
def test_differences_within_the_tolerance_are_none(tolerance: tuple[str, ...], code: int) -> None:
    rows = traced("one.yaml", "golden.csv")
    for row in rows[1:]:
        row[2] = repr(float(row[2]) * (1 + 5e-5))
    rewritten("golden.csv", rows)
    assert document("one.yaml", "golden.csv", "--expect-equal", *tolerance, code=code)["equal"] is (code == 0)


def test_a_difference_alone_is_no_failure() -> None:
    assert document(*TWO)["equal"] is False


def test_another_length_is_a_difference() -> None:
    rows = traced("one.yaml", "golden.csv")
    rewritten("golden.csv", rows[:-1])
    out = compared("one.yaml", "golden.csv", "--expect-equal", code=1)
    assert "golden differs from one: length." in out
    assert "compared at the 6 common steps" in out


def test_a_missing_group_is_a_difference() -> None:
    rows = traced("one.yaml", "golden.csv")
    rewritten("golden.csv", [row[:3] for row in rows])
    assert "golden has no group to match b of one." in compared(
        "one.yaml", "golden.csv", "--expect-equal", code=1
    )


def test_a_renamed_group_is_matched_by_order_and_told() -> None:
    rows = traced("one.yaml", "golden.csv")
    rows[0] = [name.replace(".b", ".bias") for name in rows[0]]
    rewritten("golden.csv", rows)
    out = compared("one.yaml", "golden.csv", "--expect-equal")
    assert "golden: groups of other names, matched by order: b with bias." in out


def test_json_is_one_document_with_the_whole_result() -> None:
    traced("one.yaml", "golden.csv")
    found = document(*TWO, "golden.csv", "--rtol", "1e-9")
    assert list(found) == [
        "equal", "rtol", "atol", "quantities", "files", "traces", "pairs", "settings", "without_settings",
    ]  # fmt: skip
    assert (found["equal"], found["rtol"], found["atol"]) == (False, 1e-9, 0)
    assert found["files"] == ["outputs/compare-one-two-golden.png", "outputs/compare-one-two-golden.csv"]
    assert [(one["label"], one["stored"], one["loop"], one["rows"]) for one in found["traces"]] == [
        ("one", False, "scheduler-first", 7),
        ("two", False, "scheduler-first", 7),
        ("golden", True, None, 7),
    ]
    assert [(one["other"], one["equal"]) for one in found["pairs"]] == [("two", False), ("golden", True)]
    group = found["pairs"][0]["groups"][0]
    assert (group["group"], group["first_step"], group["steps_differing"], group["steps_compared"]) == (
        "a",
        4,
        3,
        7,
    )
    assert group["share_differing"] == 3 / 7
    assert found["settings"] == [{"key": "scheduler.gamma", "values": {"one": 0.97, "two": 0.5}}]
    assert found["without_settings"] == ["golden"]


def test_the_numbers_agree_with_those_of_show() -> None:
    shown = json.loads(run("show", "per-group", "--json").out)["groups"]
    (numbers, _) = document("per-group", "one.yaml")["traces"]
    for group, expected in zip(numbers["groups"], shown, strict=True):
        assert {key: group[key] for key in group if key in expected} == {
            key: expected[key] for key in group if key in expected
        }


def test_the_rows_that_count_in_a_csv_may_be_told() -> None:
    Path("t.csv").write_text("step,lr.a\n0,9\n1,1\n2,2\n")
    for loop, first in (("scheduler-first", 1), ("optimizer-first", 9)):
        numbers = document("t.csv", "t.csv", "--csv-loop", loop)["traces"][0]
        assert (numbers["summed_as"], numbers["groups"][0]["first"]["lr"]) == (loop, first)


def test_the_aligned_csv_has_a_column_for_each_file_and_group() -> None:
    compared("one.yaml", "two.yaml", "--set", "steps=3")
    assert (
        written()["compare-one-two.csv"].decode().splitlines()[0]
        == "step,lr.one.a,lr.one.b,lr.two.a,lr.two.b"
    )
    Path("t.csv").write_text("step,lr.x\n0,1\n9,2\n")
    compared("one.yaml", "t.csv", "--out", "aligned.png")
    rows = list(csv.DictReader(Path("aligned.csv").read_text().splitlines()))
    assert [row["step"] for row in rows] == ["0", "1", "2", "3", "4", "5", "6", "9"]
    assert [row["lr.t.x"] for row in rows] == ["1.0", *[""] * 6, "2.0"]
    assert rows[-1]["lr.one.a"] == ""


def test_the_same_command_writes_the_same_bytes() -> None:
    compared(*TWO)
    first = written()
    compared(*TWO)
    assert written() == first


@pytest.mark.parametrize(
    ("out", "files"),
    [
        ("x.svg", ["x.svg", "x.csv"]),
        ("new/x.PDF", ["new/x.PDF", "new/x.csv"]),
        ("f/", ["f/compare-one-two.png"]),
    ],
)
def test_out_is_a_picture_or_a_folder(out: str, files: list[str]) -> None:
    found = document(*TWO, "--out", out)["files"]
    assert found[: len(files)] == files
    assert all(Path(file).stat().st_size for file in found)
    assert written() == {}


def test_the_csv_may_be_left_out() -> None:
    compared(*TWO, "--no-csv")
    assert list(written()) == ["compare-one-two.png"]


def test_the_picture_is_as_large_as_asked_and_dark_and_says_what_it_shows() -> None:
    compared(*TWO, "--size", "4x3", "--dpi", "50", "--dark", "--log-y", "--ratio")
    with Image.open("outputs/compare-one-two.png") as picture:
        assert picture.size == (200, 150)
        corner = picture.convert("L").getpixel((2, 2))
        assert isinstance(corner, int)
        assert corner < 60
        assert picture.info["Title"] == "one and two"


def test_difference_and_ratio_are_two_pictures() -> None:
    pictures = set()
    for option in ((), ("--ratio",)):
        compared(*TWO, *option)
        pictures.add(written()["compare-one-two.png"])
    assert len(pictures) == 2


def test_steps_and_settings_go_to_every_schedule() -> None:
    found = document(*TWO, "--steps", "3", "--set", "param_groups.a.lr=4")
    assert [one["last_step"] for one in found["traces"]] == [3, 3]
    assert [one["groups"][0]["peak"]["lr"] for one in found["traces"]] == [8, 8]
    assert [one["key"] for one in found["settings"]] == ["scheduler.gamma"]


def test_a_trusted_function_is_imported_only_when_allowed() -> None:
    Path("halving_for_compare.py").write_text("def factor(step): return 0.5\n")
    text = SMALL.format(gamma=0.97) + "\n"
    Path("own.yaml").write_text(
        text.replace("T_mult: 1,", "T_mult: 1, custom_lambda: {import: 'halving_for_compare:factor'},")
    )
    (line, _) = refused("one.yaml", "own.yaml")
    assert "--trust" in line
    found = document("one.yaml", "own.yaml", "--trust")
    assert found["settings"] == [
        {"key": "scheduler.custom_lambda", "values": {"one": None, "own": "halving_for_compare:factor"}}
    ]


def test_standard_input_is_one_of_the_inputs() -> None:
    result = run("compare", "one.yaml", "-", "--expect-equal", stdin=Path("one.yaml").read_bytes())
    assert result.code == 0
    assert "stdin equals one" in result.out


def test_standard_input_cannot_be_read_twice() -> None:
    assert refused("-", "-") == ["lrsched: standard input (-) can be read only once"]


@pytest.mark.parametrize(
    ("inputs", "labels"),
    [
        (["default", "runs/a.csv", "-"], ["default", "a", "stdin"]),
        (["default", "default.csv"], ["default", "default.csv"]),
        (["old/a.yaml", "new/a.yaml", "b.yaml"], ["old/a.yaml", "new/a.yaml", "b"]),
        (["x/1/a.yaml", "y/1/a.yaml", "x/2/a.csv"], ["x/1/a.yaml", "y/1/a.yaml", "a.csv"]),
        (["a.yaml", "new/a.yaml"], ["a.yaml", "new/a.yaml"]),
        (["a.yaml", "a.yaml", "a.yaml"], ["a.yaml", "a.yaml (2)", "a.yaml (3)"]),
        (["a b\n.yaml", "c.yaml"], ["a b\\n", "c"]),
    ],
)
def test_inputs_are_told_apart(inputs: list[str], labels: list[str]) -> None:
    assert labels_of(inputs) == labels


def test_two_inputs_of_one_name_make_files_and_columns_of_their_own() -> None:
    Path("new").mkdir()
    Path("new/one.yaml").write_bytes(Path("two.yaml").read_bytes())
    found = document("one.yaml", "new/one.yaml")
    assert [one["label"] for one in found["traces"]] == ["one.yaml", "new/one.yaml"]
    assert found["files"][0] == "outputs/compare-one.yaml-new_one.yaml.png"
    assert "lr.new/one.yaml.a" in Path(found["files"][1]).read_text().splitlines()[0]


def test_an_input_is_never_overwritten() -> None:
    traced("one.yaml", "golden.csv")
    before = Path("golden.csv").read_bytes()
    (line,) = refused("one.yaml", "golden.csv", "--out", "golden.png")
    assert "golden.csv would be overwritten" in line
    assert Path("golden.csv").read_bytes() == before
    compared("one.yaml", "golden.csv", "--out", "golden.png", "--no-csv")
    assert Path("golden.csv").read_bytes() == before


def test_the_problems_of_all_inputs_come_at_once() -> None:
    Path("bad.yaml").write_text("steps: -1\nscheduler: {gama: 1}\n")
    Path("bad.csv").write_text("step,lr.a\n0,x\n0,1\n")
    lines = refused("bad.yaml", "bad.csv", "missing.csv", "missing.yaml", "one.yaml")
    starts = [
        "bad.yaml:1:8: steps",
        "bad.yaml:2:13: scheduler.gama",
        "bad.csv:2:3: lr.a",
        "bad.csv:3:1: step",
    ]
    starts += ["missing.csv: no such file", "missing.yaml: no such file"]
    assert len(lines) == len(starts)
    for line, start in zip(lines, starts, strict=True):
        assert line.startswith(start), line


def test_what_fails_on_the_way_is_told_for_all_inputs() -> None:
    for name in ("x", "y"):
        Path(f"{name}.yaml").write_text("steps: 9\nscheduler: {custom_lambda: '1 / (step - 5)'}\n")
    assert [line.partition(": ")[0] for line in refused("x.yaml", "one.yaml", "y.yaml")] == [
        "x.yaml:2:28",
        "y.yaml:2:28",
    ]


def test_an_overrides_problem_is_told_once_and_where_it_is_not_everyones() -> None:
    assert len(refused(*TWO, "--set", "scheduler.gama=1")) == 1
    Path("three.yaml").write_text("param_groups: [{name: c}]\n")
    (line,) = refused("one.yaml", "three.yaml", "--set", "param_groups.a.lr=1")
    assert line.endswith("(in three)")


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"", "t.csv:1:1"),
        (b"0,1\n1,2\n", "t.csv:1:1"),
        (b"step,scale.a\n0,1\n1,2\n", "t.csv:1:1"),
        (b"lr.a\n0\n1\n", "t.csv:1:1"),
        (b"step,lr.a\n0,one\n1,2\n", "t.csv:2:3"),
        (b"step,lr.a\n0,1\n0,2\n", "t.csv:3:1"),
        (b"step,lr.a\n0,1\n1\n", "t.csv:3:1"),
        (b"step,lr.a\n0,1\n1,nan\n", "t.csv:3:3"),
        (b"step,lr.a\n0,1\n1,inf\n", "t.csv:3:3"),
        (b"\x89PNG\r\n\x1a\n", "t.csv:1:1"),
    ],
)
def test_a_malformed_csv_is_told_with_its_place(content: bytes, place: str) -> None:
    Path("t.csv").write_bytes(content)
    (line,) = refused("t.csv", "one.yaml")[:1]
    assert line.startswith(f"{place}: ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("one.yaml",), "two or more"),
        (("t.csv", "t.csv", "--steps", "3"), "need a schedule"),
        (("t.csv", "t.csv", "--set", "steps=3"), "need a schedule"),
        ((*TWO, "--rtol", "nan"), "rtol must be a finite number"),
        ((*TWO, "--atol=-1"), "atol must be a finite number"),
        ((*TWO, "--size", "huge"), "--size must be"),
        ((*TWO, "--out", "x.txt"), "must end in"),
        ((*TWO, "--out", "-"), "goes to a file"),
        ((*TWO, "--csv-loop", "none"), "Invalid value"),
        ((), "Missing argument"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments: tuple[str, ...], words: str) -> None:
    Path("t.csv").write_text("step,lr.a\n0,1\n1,2\n")
    assert words in "\n".join(refused(*arguments))


def test_stored_traces_alone_need_no_torch() -> None:
    traced("one.yaml", "golden.csv")
    script = (
        "import sys\n"
        "from lrsched_cli.cli.app import main\n"
        "sys.argv = ['lrsched', 'compare', 'golden.csv', './golden.csv', '--expect-equal']\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "assert 'matplotlib' in sys.modules\n"
        "assert 'torch' not in sys.modules\n"
    )
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, env=environment)


def test_five_files_of_three_groups_are_compared() -> None:
    for number in range(5):
        traced(
            "default", f"run{number}.csv", "--set", f"scheduler.gamma={0.6 + number / 10}", "--steps", "900"
        )
    found = document(*(f"run{number}.csv" for number in range(5)))
    assert [len(pair["groups"]) for pair in found["pairs"]] == [3] * 4
    assert found["files"][0] == "outputs/compare-run0-and-4-more.png"


def test_help_says_what_equal_means() -> None:
    result: Result = run("compare", "--help")
    assert result.code == 0
    assert "atol + rtol" in " ".join(result.out.split())
