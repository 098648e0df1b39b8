"""Patterns on the names of a large model: it ends, whatever both are."""

from __future__ import annotations

import pytest

from lrsched_cli.core.config import Schedule, schedule_from_text
from lrsched_cli.core.matching import match_names
from lrsched_cli.errors import ScheduleFileError


def schedule_of(*patterns: str) -> Schedule:
    groups = "".join(f"- {{name: g{n}, match: ['{one}']}}\n" for n, one in enumerate(patterns))
    return schedule_from_text(f"param_groups:\n{groups}- name: rest\n", "s")


def told(schedule: Schedule, names: list[str]) -> str:
    with pytest.raises(ScheduleFileError) as caught:
        match_names(schedule, names)
    (problem,) = caught.value.problems
    return str(problem)


def test_a_name_that_is_too_long_for_a_pattern_is_told_at_the_pattern() -> None:
    said = told(schedule_of("b*", "re:a.*a.*b"), ["b", "a" * 1000])
    assert said.startswith("s:3:22: param_groups.g1.match.0: can take for ever on a name of 1,000 letters")


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        ([f"*b{n}" for n in range(1900)], [f"w{n}.{'a' * 30}" for n in range(200_000)]),
        (["re:a.*a.*[b]"], ["a" * 190 + str(n) for n in range(50_000)]),
    ],
    ids=["many patterns", "a slow pattern"],
)
def test_what_would_take_minutes_is_told_with_both_numbers(patterns: list[str], names: list[str]) -> None:
    assert f"is where {len(patterns):,} patterns on {len(names):,} names have taken 1.5 s" in told(
        schedule_of(*patterns), names
    )
