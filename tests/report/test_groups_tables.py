"""The param groups of a model in tables."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from lrsched_cli import load_schedule
from lrsched_cli.analysis.model_groups import ModelGroups, describe_model_groups
from lrsched_cli.core.model_source import assignment_of
from lrsched_cli.report import groups_tables as tables
from lrsched_cli.report.text import plain_text

TEXT = """\
optimizer: {type: AdamW, lr: 1e-3, weight_decay: 0.05}
model: m.txt
param_groups: [{name: head, match: ["head.*"], lr: 3e-3}, {name: trunk}]
no_weight_decay: {dims_below: 2}
layer_decay: {layer: 're:layers\\.(\\d+)\\.', factor: 0.5}
"""
MODEL = (
    "embed.w [9, 4]\n" + "".join(f"layers.{n}.w [4, 4]\nlayers.{n}.b [4]\n" for n in range(2)) + "head.w 2x4"
)


def report(text: str = TEXT, model: str = MODEL) -> ModelGroups:
    Path("m.txt").write_text(model)
    Path("s.yaml").write_text(text)
    return describe_model_groups(*assignment_of(load_schedule("s.yaml")))


def shown(*parts: object) -> list[str]:
    return plain_text(*parts).splitlines()  # type: ignore[arg-type]


def test_one_row_per_group_and_one_for_all() -> None:
    assert shown(tables.model_groups_table(report())) == [
        "#  group                        LR  weight decay  tensors  elements  share",
        "─" * 74,
        "0  head/layer 3               3e-3          5e-2        1         8   9.5%",
        "1  trunk/layer 0           1.25e-4          5e-2        1        36  42.9%",
        "2  trunk/layer 1            2.5e-4          5e-2        1        16    19%",
        "3  trunk/layer 1/no decay   2.5e-4             0        1         4   4.8%",
        "4  trunk/layer 2              5e-4          5e-2        1        16    19%",
        "5  trunk/layer 2/no decay     5e-4             0        1         4   4.8%",
        "   all                                                  6        84",
    ]


def test_the_contents_stand_below_the_patterns_that_took_them() -> None:
    heads, _, *lines = shown(*tables.contents_parts(report()))
    assert heads.split() == ["parameter", "shape", "layers", "tensors", "elements"]
    assert [line for line in lines if not line.startswith("  ")] == [
        "head: head.*",
        "trunk: takes the rest",
        "trunk, no decay: takes the rest",
    ]
    assert [line.split() for line in lines if line.startswith("  ")] == [
        ["head.w", "2", "x", "4", "3", "1", "8"],
        ["embed.w", "9", "x", "4", "0", "1", "36"],
        ["layers.{0,1}.w", "4", "x", "4", "1,2", "2", "32"],
        ["layers.{0,1}.b", "4", "1,2", "2", "8"],
    ]


def test_what_is_not_known_is_a_question_mark() -> None:
    found = report("model: m.txt", "a\nb [3]\n")
    assert shown(tables.model_groups_table(found))[2:] == [
        "0  default   1e-3             0        2     3 + ?      -",
        "   all                                 2     3 + ?",
    ]
    assert [line.split() for line in shown(*tables.contents_parts(found))[3:]] == [
        ["a", "?", "1", "?"],
        ["b", "3", "1", "3"],
    ]


def test_every_parameter_can_be_listed_by_group() -> None:
    assert shown(tables.every_parameter_table(report()))[2:5] == [
        "0  head/layer 3            head.w      2 x 4",
        "1  trunk/layer 0           embed.w     9 x 4",
        "2  trunk/layer 1           layers.0.w  4 x 4",
    ]


def test_the_title_says_what_was_read() -> None:
    assert tables.title_line(report()) == "s: 6 param groups of AdamW over m.txt"
    assert tables.title_line(report("model: m.txt")) == "s: 1 param group of Adam over m.txt"


def test_names_of_no_order_are_cut_and_counted() -> None:
    model = "".join(f"{chr(97 + n % 26)}{chr(97 + n // 26)}.w\n" for n in range(450))
    *_, last = shown(*tables.contents_parts(report("model: m.txt", model)))
    assert last == "... and 50 lines more; --params lists every parameter"


def test_names_are_no_markup() -> None:
    assert any(
        "[bold]x[/bold].w" in line
        for line in shown(*tables.contents_parts(report("model: m.txt", "[bold]x[/bold].w 3")))
    )


def test_eighty_columns_cut_no_number() -> None:
    file = io.StringIO()
    console = Console(file=file, width=80, color_system=None)
    long = "".join(
        f"a.long.way.down.to.layers.{n}.attention.output.dense.weight [4096, 4096]\n" for n in range(12)
    )
    for part in (
        tables.model_groups_table(report(model=long + MODEL)),
        *tables.contents_parts(report(model=long + MODEL)),
    ):
        console.print(part, markup=False)
    lines = file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert any("201,326,592" in line for line in lines)
    assert any("4096 x 4096" in line for line in lines)
