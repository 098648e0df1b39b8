"""YAML text → values and their places; and that no text gets past the reader unnoticed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from lrsched_cli.core.yaml_source import MAX_BYTES, MAX_ENTRIES, MAX_KEY, read_yaml
from lrsched_cli.errors import MAX_TOLD, ScheduleFileError

if TYPE_CHECKING:
    from lrsched_cli.core.yaml_tree import Node

HANG = 10.0  # seconds; every case takes milliseconds


def clean(text: str) -> Node:
    node, problems = read_yaml(text, "f.yaml")
    assert problems == []
    return node


def plain(text: str) -> Any:
    return clean(text).plain()


def told(text: str) -> list[str]:
    """Everything that is wrong with a text, whether it stops the reading or not."""
    try:
        _, problems = read_yaml(text, "f.yaml")
    except ScheduleFileError as error:
        return [str(problem) for problem in error.problems]
    return [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1000", 1000),
        ("1_000", 1000),
        ("1_000_000", 1_000_000),
        ("-5", -5),
        ("+5", 5),
        ("0", 0),
        ("1e5", 100_000),
        ("1E5", 100_000),
        ("1e+5", 100_000),
        ("25e2", 2500),
        ("1e15", 10**15),
        ("1e-3", 0.001),
        ("1E-3", 0.001),
        ("3e-4", 0.0003),
        ("1.0e-3", 0.001),
        ("1.5e3", 1500.0),
        ("-1e-3", -0.001),
        ("0.5", 0.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("-.5", -0.5),
        ("1_000.5", 1000.5),
        ("0.1", 0.1),
        ("2.5e-308", 2.5e-308),
    ],
)
def test_numbers_are_read_as_people_write_them(written: str, value: float) -> None:
    read = plain(f"a: {written}")["a"]
    assert (type(read), read) == (type(value), value)


@pytest.mark.parametrize(
    "written",
    [
        *("yes", "no", "on", "off", "Yes", "NO", "On", "OFF", "y", "n"),
        *("1e", "e5", "1e-", "1__000", "_1", "1_", "0x10", "0o17", "1:30", "2020-01-01", "1.2.3"),
        *("inf", "nan", "Infinity", "tRuE", "nULL", "1 000", "1%", "--1", "="),
    ],
)
def test_everything_else_stays_text(written: str) -> None:
    assert plain(f"a: {written}") == {"a": written}


@pytest.mark.parametrize("written", ["'1e-3'", '"1000"', "'null'", "'true'", "''", "!!str 1e-3", "! 12"])
def test_a_quoted_value_stays_text(written: str) -> None:
    assert plain(f"a: {written}") == {"a": written.removeprefix("!!str ").removeprefix("! ").strip("'\"")}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("True", True),
        ("FALSE", False),
        ("false", False),
        ("null", None),
        ("~", None),
        ("Null", None),
        ("", None),
    ],
)
def test_truth_values_and_null_are_those_of_yaml_1_2(written: str, value: object) -> None:
    assert plain(f"a: {written}")["a"] is value


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "--- # nothing\n...\n"])
def test_an_empty_text_is_null(text: str) -> None:
    assert plain(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: {b: [1, 2], c: x}", {"a": {"b": [1, 2], "c": "x"}}),
        ("- a\n- b: 1\n  c: 2\n", ["a", {"b": 1, "c": 2}]),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
        ("a: >-\n  x\n  y\n", {"a": "x y"}),
        ("a: 'it''s'\n", {"a": "it's"}),
        ("\ufeffa: 1", {"a": 1}),
        ("a: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
        ("1: x\ntrue: y\nnull: z\n", {"1": "x", "true": "y", "null": "z"}),
        ("0.weight: [3, 4]\n", {"0.weight": [3, 4]}),
        ('a: "\\u00e9 \\n"\n', {"a": "é \n"}),
        ("a: größe 🙂\n", {"a": "größe 🙂"}),
    ],
)
def test_values_are_read_as_written(text: str, value: object) -> None:
    assert plain(text) == value


def test_a_value_knows_its_line_and_column() -> None:
    gamma = clean("# first\nscheduler:\n  T_0: 5\n  gamma:   0.9\n").value["scheduler"].value["gamma"]
    assert (gamma.position.line, gamma.position.column) == (4, 12)


def test_a_key_knows_its_line_and_column() -> None:
    section = clean("# first\nscheduler:\n  T_0: 5\n  gamma:   0.9\n").value["scheduler"]
    place = section.key_positions["gamma"]
    assert (place.file, place.line, place.column) == ("f.yaml", 4, 3)


def test_columns_count_characters_and_not_bytes() -> None:
    node = clean("{größe 🙂: 1, b: 2}").value["b"]
    assert node.position.column == 17


def test_lines_are_counted_where_they_end_as_on_windows() -> None:
    assert clean("a: 1\r\nb: 2\r\n").value["b"].position.line == 2


def test_the_nodes_on_the_way_to_a_setting_are_found() -> None:
    root = clean("param_groups:\n- {name: a}\n- {name: b, lr: 1}\n")
    found = [(part, node.position.line) for part, node in root.steps_to(("param_groups", 1, "lr", "x"))]
    assert found == [("param_groups", 2), (1, 3), ("lr", 3)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3:1: a: is given twice (first on line 1)"),
        ("s:\n  x: 1\n  'x': 2\n", "f.yaml:3:3: s.x: is given twice (first on line 2)"),
        ("g:\n- {n: 1, n: 2}\n", "f.yaml:2:10: g.0.n: is given twice (first on line 2)"),
    ],
)
def test_a_key_given_twice_is_a_problem_at_the_second_one(text: str, problem: str) -> None:
    assert told(text) == [problem]


def test_a_merge_key_given_twice_is_a_problem() -> None:
    problems = told("x: {<<: {a: 1}, <<: {b: 1}}")
    assert len(problems) == 1
    assert "twice" in problems[0]


@pytest.mark.parametrize("written", [".nan", ".NaN", ".inf", "-.inf", "+.INF", ".Inf"])
def test_a_number_that_is_not_finite_is_a_problem_at_its_place(written: str) -> None:
    (problem,) = told(f"s: 1\nt:\n  gamma: {written}\n")
    assert problem == f"f.yaml:3:10: t.gamma: must be a finite number (got {written})"


@pytest.mark.parametrize("written", ["1e400", "-1e309", "9" * 399, "9" * 5000, "1e" + "9" * 50])
def test_a_number_that_no_double_holds_is_a_problem_at_its_place(written: str) -> None:
    (problem,) = told(f"a: {written}")
    assert problem.startswith("f.yaml:1:4: a: ")


def test_every_problem_of_a_text_is_told_in_its_order() -> None:
    text = "a: .nan\nb: !x 1\nb: 2\nc: 1e400\n"
    assert [problem.split(" ")[0] for problem in told(text)] == [
        f"f.yaml:{line}:{column}:" for line, column in ((1, 4), (2, 4), (3, 1), (4, 4))
    ]


@pytest.mark.parametrize(
    "written",
    [
        "!!python/object/apply:os.system [ls]",
        "!!python/object/new:os.system [ls]",
        "!!python/object:os.Foo {}",
        "!!python/name:os.system",
        "!!python/name:os.system ''",
        "!!python/module:os",
        "!!python/tuple [1, 2]",
        "!!python/none",
        "!!binary aGVsbG8=",
        "!!timestamp 2020-01-01",
        "!!set {x}",
        "!!omap [x: 1]",
        "!!pairs [x: 1]",
        "!mine 1",
        "!mine [1]",
        "!mine {a: 1}",
        "!<tag:yaml.org,2002:python/name:os.system> x",
    ],
)
def test_a_tag_that_builds_objects_is_a_problem_at_its_place(written: str) -> None:
    (problem,) = told(f"b: 1\na: {written}\n")
    assert problem.startswith("f.yaml:2:4: a: the tag !")


def test_a_tag_on_a_key_is_a_problem() -> None:
    assert len(told("!!python/name:os.system a: 1")) == 1


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("!!int 5", 5),
        ("!!float 0.5", 0.5),
        ("!!bool true", True),
        ("!!null ''", None),
        ("!!map {a: 1}", {"a": 1}),
        ("!!seq [1]", [1]),
    ],
)
def test_a_tag_of_a_plain_value_is_read(written: str, value: object) -> None:
    assert plain(f"a: {written}") == {"a": value}


def test_an_alias_is_what_its_anchor_names() -> None:
    assert plain("a: &x {k: [1, 2]}\nb: *x\n") == {"a": {"k": [1, 2]}, "b": {"k": [1, 2]}}


def test_an_alias_means_the_last_anchor_before_it() -> None:
    assert plain("[&x 1, *x, &x 2, *x]") == [1, 1, 2, 2]


def test_a_merge_key_brings_in_what_is_not_stated() -> None:
    assert plain("a: &x {k: 1, l: 2}\nb: {<<: *x, l: 3}\n")["b"] == {"k": 1, "l": 3}


def test_a_stated_key_wins_over_a_merge_key_after_it() -> None:
    assert plain("a: &x {l: 2}\nb: {l: 3, <<: *x}\n")["b"] == {"l": 3}


def test_the_first_of_several_merged_mappings_wins() -> None:
    assert plain("a: &x {k: 1}\nb: &y {k: 2, l: 3}\nc: {<<: [*x, *y]}\n")["c"] == {"k": 1, "l": 3}


def test_a_merged_mapping_may_itself_merge() -> None:
    assert plain("a: &x {k: 1}\nb: &y {<<: *x, l: 2}\nc: {<<: *y}\n")["c"] == {"k": 1, "l": 2}


def test_a_merged_key_stands_where_it_is_written() -> None:
    section = clean("a: &x\n  k: 1\nb:\n  <<: *x\n").value["b"]
    assert (section.key_positions["k"].line, section.value["k"].position.line) == (2, 2)


@pytest.mark.parametrize("merged", ["1", "text", "[1]", "[{a: 1}, 2]", "null"])
def test_a_merge_key_takes_mappings_alone(merged: str) -> None:
    (problem,) = told(f"x: {{<<: {merged}}}")
    assert "must merge a mapping" in problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: *nobody", "f.yaml:1:4: the alias *nobody names no anchor before it"),
        ("a: *x\nb: &x 1\n", "f.yaml:1:4: the alias *x names no anchor before it"),
        ("a: &x [1, *x]", "f.yaml:1:11: the alias *x stands inside what it names"),
        ("&x {a: {b: *x}}", "f.yaml:1:12: the alias *x stands inside what it names"),
        ("&x {<<: *x}", "f.yaml:1:9: the alias *x stands inside what it names"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1: has a second YAML document; a schedule file holds one"),
        ("---\n---\n", "f.yaml:2:1: has a second YAML document; a schedule file holds one"),
        ("? [a]\n: 1\n", "f.yaml:1:3: a key must be plain text, not a list, a mapping or an alias"),
        ("? {a: 1}\n: 1\n", "f.yaml:1:3: a key must be plain text, not a list, a mapping or an alias"),
        ("a: &x y\n*x : 1\n", "f.yaml:2:1: a key must be plain text, not a list, a mapping or an alias"),
    ],
)
def test_what_no_schedule_needs_stops_the_reading_at_its_place(text: str, problem: str) -> None:
    assert told(text) == [problem]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [1, 2\nb: 3\n", 2),
        ("a: {b: 1\n", 2),
        ("a: 'open\n", 2),
        ("a: 1\n b: 2\n", 2),
        ("a: 1\n\tb: 2\n", 2),
        ("a: b: c\n", 1),
        ("a: 1\n- b\n", 2),
        ("a: @b\n", 1),
        ("a: %b\n", 1),
        ('a: "\\q"\n', 1),
        ("a: &\n", 1),
        ("}\n", 1),
        ("a: !<x 1\n", 1),
        ("%YAML 9.9\n---\na: 1\n", 1),
    ],
)
def test_broken_yaml_is_an_error_on_its_line(text: str, line: int) -> None:
    (problem,) = told(text)
    assert problem.startswith(f"f.yaml:{line}:")
    assert "is not valid YAML" in problem


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\x7f", "\x80", "\ufffe", "\uffff"])
def test_a_character_that_yaml_forbids_is_an_error_at_its_place(character: str) -> None:
    (problem,) = told(f"a: 1\nb: x{character}y\n")
    assert problem.startswith("f.yaml:2:5: is not valid YAML")


@pytest.mark.parametrize("code", [0xD800, 0xDCFF, 0xDFFF])
def test_half_a_character_is_an_error_at_its_place(code: int) -> None:
    (problem,) = told(f"a: 1\nb: x{chr(code)}y\n")
    assert problem.startswith("f.yaml:2:5: ")


def lists_of_aliases(levels: int, width: int) -> str:
    lines = ["a0: &a0 [" + ", ".join("x" * width) + "]"]
    lines += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * width) + "]" for n in range(1, levels)]
    return "\n".join(lines)


def mappings_of_aliases(levels: int) -> str:
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{n}: &a{n} {{l: *a{n - 1}, r: *a{n - 1}}}" for n in range(1, levels)]
    return "\n".join(lines)


def merges_of_merges(levels: int) -> str:
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}], k{n}: 1}}" for n in range(1, levels)]
    return "\n".join(lines)


BOMBS = {
    "lists of aliases": lists_of_aliases(levels=9, width=10),
    "mappings of aliases": mappings_of_aliases(levels=64),
    "merges of merges": merges_of_merges(levels=64),
    "lists, 10,000 deep": "[" * 10_000 + "]" * 10_000,
    "lists, 10,000 deep and open": "[" * 10_000,
    "mappings, 10,000 deep": "{a: " * 10_000 + "1" + "}" * 10_000,
    "blocks, 1,000 deep": "\n".join(" " * n + "a:" for n in range(1000)),
    "dashes, 10,000 deep": "- " * 10_000 + "1",
    "keys, 10,000 deep": "? " * 10_000 + "1",
    "a megabyte and more": "a" * (MAX_BYTES + 1),
    "too many values": "[" + "1," * 100_001 + "]",
    "too many keys": "\n".join(f"k{n}: 1" for n in range(100_001)),
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_ends_in_an_error_fast(text: str) -> None:
    start = time.monotonic()
    with pytest.raises(ScheduleFileError):
        read_yaml(text, "f.yaml")
    assert time.monotonic() - start < HANG


def test_fifty_levels_are_not_too_deep() -> None:
    value = plain("[" * 50 + "]" * 50)
    for _ in range(49):
        (value,) = value
    assert value == []


def test_one_level_more_is_too_deep() -> None:
    assert told("[" * 51 + "]" * 51) == ["f.yaml:1:51: is nested deeper than 50 levels"]


def test_laying_one_mapping_over_another_replaces_lists_and_merges_mappings() -> None:
    under, over = clean("{a: {x: 1, y: [1, 2]}, b: 1}"), clean("{a: {y: [3]}, c: 2}")
    assert under.merged_with(over).plain() == {"a": {"x": 1, "y": [3]}, "b": 1, "c": 2}


def test_laying_a_mapping_over_a_value_replaces_it() -> None:
    assert clean("{a: 1}").merged_with(clean("{a: {x: 2}}")).plain() == {"a": {"x": 2}}


def test_merging_leaves_both_mappings_as_they_were() -> None:
    under, over = clean("{a: {x: 1}}"), clean("{a: {y: 2}}")
    under.merged_with(over)
    assert (under.plain(), over.plain()) == ({"a": {"x": 1}}, {"a": {"y": 2}})


def test_a_setting_keeps_the_place_of_the_file_that_states_it() -> None:
    under, _ = read_yaml("\n\na: 1\n", "under.yaml")
    over, _ = read_yaml("b: 2\n", "over.yaml")
    merged = under.merged_with(over)
    assert (merged.value["a"].position.file, merged.value["b"].position.file) == ("under.yaml", "over.yaml")


def test_changing_an_unshared_copy_leaves_the_alias_alone() -> None:
    root = clean("a: &x {k: 1}\nb: *x\n")
    copied = root.value["b"].unshared()
    copied.value["k"] = clean("2")
    assert root.plain() == {"a": {"k": 1}, "b": {"k": 1}}


def test_what_aliases_nest_counts_like_what_is_written() -> None:
    flat = "a: &a {x: {y: 1}}\n" + "".join(f"b{n}: *a\n" for n in range(60))
    assert len(clean(flat).value) == 61
    nested = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 60))
    assert told(nested) == ["f.yaml:50:12: is nested deeper than 50 levels"]


def test_a_key_has_a_length_that_can_be_told() -> None:
    assert plain("k" * MAX_KEY + ": 1") == {"k" * MAX_KEY: 1}
    assert told("? " + "k" * (MAX_KEY + 1) + "\n: 1")[0].startswith(
        'f.yaml:1:3: a key has more than 500 letters (got "kkk'
    )


def test_a_list_has_a_length_that_can_be_checked() -> None:
    assert len(plain("[" + "1," * MAX_ENTRIES + "]")) == MAX_ENTRIES
    assert told("[" + "1," * (MAX_ENTRIES + 1) + "]") == [
        "f.yaml:1:20002: the list has more than 10,000 entries"
    ]


def test_the_reading_stops_where_nobody_reads_on() -> None:
    *most, last = told("- .inf\n" * 1000)
    assert len(most) == MAX_TOLD - 1
    assert last == f"f.yaml:{MAX_TOLD}:3: and so on: the first {MAX_TOLD - 1} problems are told"
