"""Thousands of names in a few lines, of which nothing is lost."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrsched_cli.analysis.name_folding import folded, runs_text, unfolded
from lrsched_cli.core.model_parameters import ModelParameter

if TYPE_CHECKING:
    from collections.abc import Iterable


def lines(names: Iterable[str]) -> list[str]:
    return [one.names for one in folded(ModelParameter(name, (2,)) for name in names)]


def spelled_out(text: str) -> list[str]:
    """The names of a line, by another way than the one that is tested: braces from left to right."""
    choices: list[list[str]] = [[""]]
    while text:
        if text.startswith(("{{", "}}")):
            choices.append([text[0]])
            text = text[2:]
        elif text[0] == "{":
            inside, _, text = text[1:].partition("}")
            numbers: list[str] = []
            for part in inside.split(","):
                first, *last = map(int, part.split(".."))
                numbers += map(str, range(first, (last or [first])[0] + 1))
            choices.append(numbers)
        else:
            plain = re.match(r"[^{}]+", text)
            assert plain is not None
            choices.append([plain[0]])
            text = text[len(plain[0]) :]
    return ["".join(parts) for parts in product(*choices)]


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["a"], ["a"]),
        ([f"h.{n}.w" for n in range(32)], ["h.{0..31}.w"]),
        ([f"h.{n}.w" for n in (0, 1, 2, 3, 7)], ["h.{0..3,7}.w"]),
        ([f"h.{n}.w" for n in (4, 5, 9)], ["h.{4,5,9}.w"]),
        ([f"h.{n}.norm{k}.w" for n in range(3) for k in (1, 2)], ["h.{0..2}.norm{1,2}.w"]),
        (["h.0.e.0", "h.0.e.1", "h.1.e.0"], ["h.{0,1}.e.0", "h.0.e.1"]),
        (["h.07.w", "h.08.w"], ["h.07.w", "h.08.w"]),
        (["a{1}", "a{2}"], ["a{{{1,2}}}"]),
        (["w", "h.0.w", "h.1.w", "z"], ["w", "h.{0,1}.w", "z"]),
        (["1", "2", "12345678901"], ["{1,2}", "12345678901"]),
    ],
)
def test_names_are_folded_as_far_as_their_numbers_form_a_full_product(
    names: list[str], shown: list[str]
) -> None:
    assert lines(names) == shown


def test_the_experts_of_a_large_model_fit_on_a_few_lines() -> None:
    names = [
        f"model.layers.{layer}.mlp.experts.{expert}.{part}_proj.weight"
        for layer in range(3, 61)
        for expert in range(256)
        for part in ("gate", "up", "down")
    ]
    found = lines(names)
    assert found == [
        f"model.layers.{{3..60}}.mlp.experts.{{0..255}}.{part}_proj.weight" for part in ("gate", "up", "down")
    ]
    assert sorted(name for line in found for name in unfolded(line)) == sorted(names)


def test_only_parameters_of_one_shape_share_a_line() -> None:
    found = folded([ModelParameter("a.0", (2,)), ModelParameter("a.1", (3,)), ModelParameter("a.2", None)])
    assert [(one.names, one.shape, one.elements) for one in found] == [
        ("a.0", (2,), 2),
        ("a.1", (3,), 3),
        ("a.2", None, None),
    ]


def test_a_line_counts_what_it_stands_for() -> None:
    (line,) = folded([ModelParameter(f"a.{n}", (2, 5)) for n in range(7)])
    assert (line.tensors, line.elements) == (7, 70)


def test_tied_weights_stay_with_their_names() -> None:
    found = folded([ModelParameter("a.0", (2,), ("b.0",)), ModelParameter("a.1", (2,))])
    assert [(one.names, one.also) for one in found] == [("a.0", ("b.0",)), ("a.1", ())]


PARTS = st.sampled_from(["h", ".", "0", "1", "2", "3", "10", "007", "{", "}", "{0..2}", ",", "..", "٣", "x"])
NAMES = st.lists(PARTS, min_size=1, max_size=6).map("".join)


@given(st.lists(NAMES, unique=True, min_size=1, max_size=60))
def test_unfolding_gives_exactly_the_names_back(names: list[str]) -> None:
    found = lines(names)
    assert sorted(name for line in found for name in unfolded(line)) == sorted(names)
    assert sorted(name for line in found for name in spelled_out(line)) == sorted(names)


@given(st.sets(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 3)), min_size=1))
def test_whatever_numbers_there_are_none_is_lost_or_invented(numbers: set[tuple[int, int, int]]) -> None:
    names = [f"a.{x}.b{y}.{z}" for x, y, z in sorted(numbers)]
    assert sorted(name for line in lines(names) for name in spelled_out(line)) == sorted(names)


@given(st.sets(st.integers(0, 40)))
def test_runs_name_every_number(numbers: set[int]) -> None:
    text = runs_text(numbers)
    assert {int(name) for name in (spelled_out(f"{{{text}}}") if text else [])} == numbers
