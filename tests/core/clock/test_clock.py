"""Amounts in any unit become counts of steps: the first step by whose end they are reached, by default."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import pytest
from data_loading import train
from hypothesis import assume, given
from hypothesis import strategies as st

from lrsched_cli.core.clock.clock import Clock, Moment
from lrsched_cli.core.clock.timeline import DevicePlan, Loading, Timeline, epoch_of
from lrsched_cli.core.clock.units import Quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from data_loading import Phase

ROUNDINGS = ("up", "down", "nearest")
plans = st.builds(DevicePlan, st.integers(1, 6), st.integers(1, 4), st.integers(1, 4))
loadings = st.builds(Loading, st.booleans(), st.booleans(), st.booleans())


def clock(size: int | None, phases: Sequence[Phase], loading: Loading | None = None, **more: object) -> Clock:
    line = Timeline(size, loading)
    for plan, until in phases:
        line.begin(plan)
        if until is not None:
            line.end(until)
    return Clock(line, **more)  # type: ignore[arg-type]


def by_walking(amounts: Sequence[Fraction | int], wanted: Fraction, rounding: str) -> int:
    """The step that an amount comes to, found by walking; ``amounts`` are those after each step, from 0."""
    up = next(step for step, amount in enumerate(amounts) if amount >= wanted)
    if amounts[up] == wanted or rounding == "up":
        return up
    nearer_below = wanted - amounts[up - 1] < amounts[up] - wanted
    return up - 1 if rounding == "down" or nearer_below else up


class Case(NamedTuple):
    size: int
    first: DevicePlan
    then: DevicePlan
    until: int
    loading: Loading

    @property
    def phases(self) -> list[Phase]:
        return [(self.first, self.until), (self.then, None)]


cases = st.builds(Case, st.integers(1, 60), plans, plans, st.integers(1, 12), loadings).filter(
    lambda one: all(epoch_of(one.size, plan, one.loading).updates for plan in (one.first, one.then))
)


@given(cases, st.sampled_from(ROUNDINGS), st.integers(0, 10_000))
def test_samples_and_tokens_are_counted_as_a_loop_does(case: Case, rounding: str, wanted: int) -> None:
    samples = train(case.size, case.phases, case.loading, epochs=4).samples
    amount = Fraction(wanted % (samples[-1] + 1))
    counted = clock(case.size, case.phases, case.loading, tokens_per_sample=3, rounding=rounding)
    steps = by_walking(samples, amount, rounding)
    assert counted.count(Quantity(amount, "sa", "")) == steps
    assert counted.count(Quantity(3 * amount, "tok", "")) == steps


@given(cases, st.sampled_from(ROUNDINGS), st.fractions(0, 4, max_denominator=40))
def test_epochs_are_counted_as_a_loop_does(case: Case, rounding: str, wanted: Fraction) -> None:
    ends = train(case.size, case.phases, case.loading, epochs=4).ends
    alone = train(case.size, [(case.first, None)], case.loading, epochs=1).ends[1]
    epochs: list[Fraction] = []
    for epoch, (began, ended) in enumerate(pairwise(ends)):
        kept = case.until - began if began < case.until <= ended else 0  # updates of the first of two plans
        reached = Fraction(kept, alone)
        epochs += [epoch + Fraction(update, alone) for update in range(kept)]
        epochs += [
            epoch + reached + (1 - reached) * Fraction(update, ended - began - kept)
            for update in range(ended - began - kept)
        ]
    counted = clock(case.size, case.phases, case.loading, rounding=rounding)
    assert counted.count(Quantity(wanted, "ep", "")) == by_walking([*epochs, Fraction(4)], wanted, rounding)


@given(
    *(st.integers(1, 60), st.lists(plans, min_size=2, max_size=4), loadings),
    st.sampled_from(["ep", "sa"]),
    st.fractions(Fraction(1, 40), 4, max_denominator=40),
)
def test_the_end_of_a_phase_and_any_other_count_of_the_same_amount_are_one_update(
    size: int, several: list[DevicePlan], loading: Loading, unit: str, wanted: Fraction
) -> None:
    assume(all(epoch_of(size, plan, loading).updates for plan in several))
    line, until = Timeline(size, loading), 0
    amounts = [Quantity(wanted + number * Fraction(3, 7), unit, "") for number in range(len(several) - 1)]
    ends: list[int] = []
    for plan, amount in zip(several, amounts, strict=False):
        line.begin(plan)
        until = Clock(line).count(amount)
        assume(not ends or until > ends[-1])
        ends.append(until)
        line.end(until)
    line.begin(several[-1])
    assert [Clock(line).count(amount) for amount in amounts] == ends


@given(
    *(st.integers(1, 500), st.integers(1, 7), st.sampled_from(ROUNDINGS)),
    st.fractions(0, 100, max_denominator=50),
)
def test_a_share_of_the_run_is_exact(updates: int, every: int, rounding: str, wanted: Fraction) -> None:
    shares = [Fraction(100 * every * step, updates) for step in range(updates + 2)]
    found = Clock(None, rounding=rounding, updates=updates).count(Quantity(wanted, "%", ""), every)
    assert found == by_walking(shares, wanted, rounding)


PLAIN = clock(1000, [(DevicePlan(16), None)])  # 62.5 batches


@pytest.mark.parametrize(
    ("amount", "unit", "rounding", "steps"),
    [
        (Fraction(5), "ep", "up", 315),
        (Fraction(1, 2), "ep", "up", 32),
        (Fraction(1, 2), "ep", "down", 31),
        (Fraction(1, 2), "ep", "nearest", 32),
        (Fraction(100), "sa", "up", 7),
        (Fraction(100), "sa", "down", 6),
        (Fraction(100), "sa", "nearest", 6),
        (Fraction(1000), "sa", "up", 63),  # the epoch's last update is of 8
        (Fraction(1001), "sa", "up", 64),
        (Fraction(0), "sa", "exact", 0),
    ],
)
def test_where_an_amount_falls_between_two_updates(
    amount: Fraction, unit: str, rounding: str, steps: int
) -> None:
    assert Clock(PLAIN.timeline, rounding=rounding).count(Quantity(amount, unit, "")) == steps


def test_what_has_to_be_exact_is_refused_where_it_is_not() -> None:
    exact = Clock(PLAIN.timeline, rounding="exact")
    assert exact.count(Quantity(Fraction(5), "ep", "5ep")) == 315
    with pytest.raises(ValueError, match=r"0\.5ep falls between steps 31 and 32, and rounding is exact"):
        exact.count(Quantity(Fraction(1, 2), "ep", "0.5ep"))


@pytest.mark.parametrize(
    ("made", "unit", "words"),
    [
        (Clock(None), "sa", "needs a batch size"),
        (Clock(None), "ep", "needs a batch size"),
        (Clock(None), "%", "of a run whose length is not known by then"),
        (clock(None, [(DevicePlan(8), None)]), "ep", "needs the size of the data set"),
        (PLAIN, "tok", "needs the tokens of a sample"),
    ],
)
def test_a_unit_says_what_it_needs(made: Clock, unit: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        made.count(Quantity(Fraction(5), unit, f"5{unit}"))


def test_an_amount_beyond_every_count_is_refused() -> None:
    with pytest.raises(ValueError, match="is more than 9,007,199,254,740,992 updates"):
        PLAIN.count(Quantity(Fraction(10**60), "sa", "1e60sa"))


def test_a_moment_tells_every_unit_that_is_known() -> None:
    known = clock(1000, [(DevicePlan(16), None)], tokens_per_sample=10, updates=630)
    assert known.at(63) == Moment(63, Fraction(1, 10), Fraction(1), 1000, 10_000)
    assert Clock(None).at(63) == Moment(63, None, None, None, None)
    endless = clock(None, [(DevicePlan(16, accumulate=2), None)])
    assert endless.at(3) == Moment(3, None, None, 96, None)
