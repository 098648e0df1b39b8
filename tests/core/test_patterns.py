"""Patterns on parameter names: globs, and regular expressions that cannot wait for ever."""

from __future__ import annotations

import time

import pytest

from lrsched_cli.core.patterns import (
    SlowPatternError,
    checked_layer_pattern,
    checked_pattern,
    layer_number,
    matcher,
)


def reason(pattern: str) -> str:
    with pytest.raises(ValueError, match=r".") as caught:
        checked_pattern(pattern)
    return str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("*.bias", "a.bias", True),
        ("*.bias", "a.bias.b", False),
        ("a.?.w", "a.1.w", True),
        ("a.[0-3].w", "a.4.w", False),
        ("re:bias", "a.bias.b", True),
        ("re:^bias", "a.bias", False),
        (r"re:\.(norm|ln)\d*\.", "h.0.ln2.weight", True),
        (r"re:^(?!head\.)", "head.weight", False),
        (r"re:^(?!head\.)", "body.weight", True),
        ("regular", "regular", True),
    ],
)
def test_a_glob_is_about_the_whole_name_and_a_regular_expression_about_any_part(
    pattern: str, name: str, *, matches: bool
) -> None:
    assert checked_pattern(pattern) == pattern
    assert bool(matcher(pattern)(name)) is matches


def test_a_regular_expression_that_is_none_is_told() -> None:
    assert reason("re:(a").startswith("is no regular expression: ")
    assert reason("re:") == "is an empty regular expression"
    assert reason("re:" + "a" * 501) == "is longer than 500 characters"


@pytest.mark.parametrize(
    "pattern",
    [
        "re:(a+)+$",
        "re:(a|aa)*$",
        "re:(?:a*)*$",
        "re:((a)+b?)+$",
        "re:(a?){50}$",
        "re:(?P<x>[a-z]+)*$",
        "re:((a|a))+",
        "re:(?:a|b)+?",
        "re:" + "a*" * 5 + "b",
        "re:" + "a?" * 20 + "a" * 20,
        "re:" + "(a|aa)" * 20 + "b",
        "re:a{2,90}a{2,90}a{2,90}b",
    ],
)
def test_a_regular_expression_that_could_wait_for_ever_is_refused(pattern: str) -> None:
    assert "can take for ever" in reason(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        r"re:layers\.(\d+)\.(attn|mlp)\..*weight$",
        r"re:layers\.(\d+)\..*experts\.(\d+)\..*(up|down)_proj\.(weight|bias)",
        r"re:^(?:a\.)?b{2}(?P<c>d)(?i:e)",
        "re:(?i)bias",
        "re:" + "|".join(["a.*b"] * 20),
        r"re:(abc)+",
        r"re:(attn|mlp)\.",
        r"re:[(+)*]+x",
        r"re:\(a+\)+",
        r"re:(\d+)\.(\d+)",
        "re:(a|b)?c",
    ],
)
def test_what_ends_soon_is_taken(pattern: str) -> None:
    assert checked_pattern(pattern) == pattern


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        ("re:(?x)(a+) +$", "the flag x"),
        ("re:(?i-x:a)", "the flag x"),
        ("re:(a+)(?#c)+$", "a comment"),
        (r"re:(a)\1", "what a group has matched"),
        ("re:(?P<a>b)(?P=a)", "what a group has matched"),
        ("re:(a)?(?(1)b|c)", "what a group has matched"),
    ],
)
def test_what_hides_how_long_a_search_takes_is_refused(pattern: str, what: str) -> None:
    assert reason(pattern).startswith(f"has {what}, which patterns of names are read without")


def test_a_glob_has_the_length_of_a_regular_expression() -> None:
    assert reason("[" * 501) == "is longer than 500 characters"


@pytest.mark.parametrize(
    ("pattern", "name"),
    [("re:a.*a.*b", "a" * 1000), (r"re:\d+\d+\d+x", "1" * 1000), ("re:(a|b).*.*.*c", "a" * 300)],
)
def test_a_name_may_be_too_long_for_a_regular_expression(pattern: str, name: str) -> None:
    search = matcher(checked_pattern(pattern))
    assert not search(name[:20])
    with pytest.raises(SlowPatternError, match=f"can take for ever on a name of {len(name):,} letters"):
        search(name)


def test_a_number_of_few_digits_makes_no_search_long() -> None:
    assert matcher(r"re:layers\.(\d+)\.(attn|mlp)\..*weight$")("layers.12.mlp." + "x" * 600 + ".weight")


def test_many_stars_are_no_bomb() -> None:
    started = time.monotonic()
    assert not matcher("*a" * 60 + "b")("a" * 400)
    assert time.monotonic() - started < 1


def test_the_number_of_a_layer_is_what_the_group_matches() -> None:
    pattern = r"re:^h\.(\d+)\.|^deep\.(?:x)"
    assert layer_number(pattern, "h.07.w") == 7
    assert layer_number(pattern, "other") is None
    assert layer_number(pattern, "deep.x") is None  # it matches, and its group is not there


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        (r"blocks\.(\d+)", "must be a regular expression behind re:"),
        (r"re:blocks\.\d+", "must have one group, the number of the layer"),
        (r"re:(blocks)\.(\d+)", "with 2)"),
    ],
)
def test_a_layer_pattern_needs_one_group(pattern: str, said: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        checked_layer_pattern(pattern)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["block.a.w", "block.99999999.w", "block.٣.w"])
def test_what_is_no_number_of_a_layer_is_told(name: str) -> None:
    with pytest.raises(ValueError, match="no number of a layer"):
        layer_number(r"re:block\.(\w+)\.", name)
