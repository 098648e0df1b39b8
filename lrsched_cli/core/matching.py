"""Names → the file's groups: patterns in order, the first that matches wins."""

from __future__ import annotations

from dataclasses import dataclass
from time import process_time
from typing import TYPE_CHECKING

from lrsched_cli.core.patterns import SlowPatternError, matcher, tries
from lrsched_cli.errors import Problem, ScheduleFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lrsched_cli.core.config import Schedule
    from lrsched_cli.core.model_parameters import ModelParameter

_EXAMPLES = 5
MOST_SECONDS = 1.5
"""Of the processor, for all patterns of a file on all names of a model; those of real ones take a tenth."""
_TRIES_AT_ONCE = 1_000_000


class Watch:
    """How long so many patterns are looked for in so many names."""

    def __init__(self, patterns: int, names: int) -> None:
        self._started = process_time()
        self._on = f"{patterns:,} patterns on {names:,} names"

    def look(self) -> None:
        """Raises SlowPatternError where that has been too long."""
        if process_time() - self._started > MOST_SECONDS:
            raise SlowPatternError(
                f"is where {self._on} have taken {MOST_SECONDS} s; give fewer, or globs in place of regular"
                " expressions"
            )


@dataclass(frozen=True, slots=True)
class Matched:
    """Which pattern takes which name: the index of the group, and that of the pattern in it.

    The index of the pattern is None for a group that takes the rest.
    """

    taken: dict[str, tuple[int, int | None]]
    warnings: tuple[Problem, ...]


def match_parameters(schedule: Schedule, names: Iterable[str]) -> list[list[str]]:
    """The names that each group gets; raises as :func:`match_names` does."""
    members: list[list[str]] = [[] for _ in schedule.param_groups]
    for name, (group, _) in match_names(schedule, list(names)).taken.items():
        members[group].append(name)
    return members


def match_names(schedule: Schedule, names: Sequence[str], tied: Sequence[ModelParameter] = ()) -> Matched:
    """Give every name to the first pattern that matches it, and what no pattern matches to the rest.

    Raises ScheduleFileError, with every problem, for a pattern that matches nothing, a name in no group, a
    parameter of several names (``tied``) in several groups, and a group that stays empty.
    """
    hits = _hits(schedule, names)
    taken: dict[str, tuple[int, int | None]] = {}
    for pattern, matched in hits.items():
        for name in matched:
            taken.setdefault(name, pattern)
    rest = [index for index, group in enumerate(schedule.param_groups) if not group.match]
    problems = [*_second_rests(schedule, rest), *_unmatched_patterns(schedule, hits)]
    left = [name for name in names if name not in taken]
    if left and rest:
        taken |= dict.fromkeys(left, (rest[0], None))
    elif left:
        problems.append(_left_over(schedule, left))
    problems += _torn_apart(schedule, tied, taken)
    if not problems:  # else another problem may explain it already
        problems += _empty_groups(schedule, taken)
    if problems:
        raise ScheduleFileError(sorted(problems, key=lambda one: (one.line, one.column)))
    return Matched({name: taken[name] for name in names}, tuple(_shadowed(schedule, hits, taken)))


def examples(names: Sequence[str]) -> str:
    """The first few of the names, and how many more there are.

    >>> examples(["a", "b", "c", "d", "e", "f", "g"])
    'a, b, c, d, e and 2 more'
    """
    more = f" and {len(names) - _EXAMPLES:,} more" if len(names) > _EXAMPLES else ""
    return ", ".join(names[:_EXAMPLES]) + more


def _hits(schedule: Schedule, names: Sequence[str]) -> dict[tuple[int, int | None], list[str]]:
    """What each pattern matches, whether or not another pattern takes it before."""
    hits: dict[tuple[int, int | None], list[str]] = {}
    longest = max(map(len, names), default=1)
    watch = Watch(sum(len(group.match) for group in schedule.param_groups), len(names))
    for index, group in enumerate(schedule.param_groups):
        for place, pattern in enumerate(group.match):
            found = hits[index, place] = []
            at_once = max(1, _TRIES_AT_ONCE // max(1, tries(pattern, longest)))
            try:
                for start in range(0, len(names), at_once):
                    found += filter(matcher(pattern), names[start : start + at_once])
                    watch.look()
            except SlowPatternError as error:
                at = ("param_groups", index, "match", place)
                raise ScheduleFileError([schedule.problem_at(at, str(error))]) from None
    return hits


def _second_rests(schedule: Schedule, rest: Sequence[int]) -> list[Problem]:
    return [
        schedule.problem_at(
            ("param_groups", index),
            f"has no match, like {schedule.param_groups[rest[0]].name!r}; only one group can take the rest",
        )
        for index in rest[1:]
    ]


def _unmatched_patterns(schedule: Schedule, hits: dict[tuple[int, int | None], list[str]]) -> list[Problem]:
    return [
        schedule.problem_at(
            ("param_groups", index, "match", place or 0),
            f"{schedule.param_groups[index].match[place or 0]!r} matches no parameter of the model",
        )
        for (index, place), matched in hits.items()
        if not matched
    ]


def _left_over(schedule: Schedule, left: Sequence[str]) -> Problem:
    return schedule.problem_at(
        ("param_groups",),
        f"no pattern matches {examples(left)}; add a pattern, or a group without match for the rest",
    )


def _torn_apart(
    schedule: Schedule, tied: Sequence[ModelParameter], taken: dict[str, tuple[int, int | None]]
) -> list[Problem]:
    """Parameters whose names go to different groups; torch refuses a parameter that is in two of them."""
    problems = []
    for parameter in tied:
        places = {taken[name][0]: name for name in reversed(parameter.names) if name in taken}
        if len(places) > 1:
            (later, name), (earlier, other) = sorted(places.items(), reverse=True)[:2]
            groups = schedule.param_groups
            place = taken[name][1]
            at: tuple[str | int, ...] = ("param_groups", later)
            problems.append(
                schedule.problem_at(
                    at if place is None else (*at, "match", place),
                    f"{name} and {other} are one parameter (tied weights), which cannot be in two groups: "
                    f"{groups[later].name!r} gets the one, {groups[earlier].name!r} the other; "
                    "match both in one group",
                )
            )
    return problems


def _empty_groups(schedule: Schedule, taken: dict[str, tuple[int, int | None]]) -> list[Problem]:
    filled = {group for group, _ in taken.values()}
    return [
        schedule.problem_at(
            ("param_groups", index),
            "gets no parameter: earlier groups match all of them first"
            if group.match
            else "gets no parameter: nothing is left",
        )
        for index, group in enumerate(schedule.param_groups)
        if index not in filled
    ]


def _shadowed(
    schedule: Schedule,
    hits: dict[tuple[int, int | None], list[str]],
    taken: dict[str, tuple[int, int | None]],
) -> list[Problem]:
    """Patterns that match something, all of which earlier patterns take."""
    used = set(taken.values())
    found = []
    for (index, place), matched in hits.items():
        if (index, place) not in used:
            before = dict.fromkeys(taken[name] for name in matched)
            patterns = [repr(schedule.param_groups[group].match[one or 0]) for group, one in before]
            found.append(
                schedule.problem_at(
                    ("param_groups", index, "match", place or 0),
                    f"{schedule.param_groups[index].match[place or 0]!r} has no effect: "
                    f"{examples(patterns)} before it {_takes(len(patterns))} all that it matches",
                )
            )
    return found


def _takes(patterns: int) -> str:
    return "takes" if patterns == 1 else "take"
