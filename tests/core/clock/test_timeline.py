"""Samples, micro-batches and updates, held against a loop over torch's own loaders."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from data_loading import plan_of, train
from hypothesis import assume, given
from hypothesis import strategies as st

from lrsched_cli.core.clock.timeline import DevicePlan, Loading, Tally, Timeline, epoch_of

if TYPE_CHECKING:
    from data_loading import Phase

plans = st.builds(DevicePlan, st.integers(1, 6), st.integers(1, 4), st.integers(1, 4))
loadings = st.builds(Loading, st.booleans(), st.booleans(), st.booleans())
TORCH = DevicePlan(1)


@st.composite
def several_phases(draw: st.DrawFn) -> list[Phase]:
    ends = sorted(draw(st.sets(st.integers(1, 40), max_size=3)))
    return [(draw(plans), until) for until in (*ends, None)]


def timeline(size: int | None, phases: list[Phase], loading: Loading | None = None) -> Timeline:
    line = Timeline(size, loading)
    for plan, until in phases:
        line.begin(plan)
        if until is not None:
            line.end(until)
    return line


@given(st.integers(1, 70), plans, loadings)
def test_an_epoch_is_read_as_torch_reads_it(size: int, plan: DevicePlan, loading: Loading) -> None:
    run = train(size, [(plan, None)], loading, epochs=1)
    found = epoch_of(size, plan, loading)
    assert (found.updates, found.samples) == (run.ends[1], run.samples[-1])
    assert found.micro_batches == run.read[0]
    assert (found.dropped, found.repeated) == (run.unseen[0], run.twice[0])


@given(st.integers(1, 70), plans, loadings)
def test_every_sample_of_an_epoch_is_accounted_for(size: int, plan: DevicePlan, loading: Loading) -> None:
    found = epoch_of(size, plan, loading)
    assert min(found) >= 0
    assert size + found.repeated == found.samples + found.dropped
    assert found.updates == 0 or found.samples <= found.updates * plan.size


@given(st.integers(1, 70), several_phases(), loadings, st.integers(1, 5))
def test_a_run_whose_batch_grows_goes_as_with_torchs_loaders(
    size: int, phases: list[Phase], loading: Loading, epochs: int
) -> None:
    assume(all(epoch_of(size, plan, loading).updates for plan, _ in phases))
    run = train(size, phases, loading, epochs)
    line = timeline(size, phases, loading)
    assert [line.at(update).samples for update in range(len(run.samples))] == run.samples
    assert [line.at(end).micro_batches for end in run.ends] == [sum(run.read[:i]) for i in range(epochs + 1)]
    tallies = [line.at(end) for end in run.ends]
    assert [one.dropped for one in tallies] == [sum(run.unseen[:i]) for i in range(epochs + 1)]
    assert [one.repeated for one in tallies] == [sum(run.twice[:i]) for i in range(epochs + 1)]
    assert [line.epochs_at(end) for end in run.ends] == list(range(epochs + 1))
    per_epoch = {after - before for before, after in pairwise(run.ends)}
    assert per_epoch == line.updates_per_epoch(run.ends[-1])


@given(st.integers(1, 70), several_phases(), loadings)
def test_within_an_epoch_under_one_plan_each_update_is_the_same_share_of_it(
    size: int, phases: list[Phase], loading: Loading
) -> None:
    assume(all(epoch_of(size, plan, loading).updates for plan, _ in phases))
    ends = train(size, phases, loading, epochs=4).ends
    line = timeline(size, phases, loading)
    for epoch, (began, ended) in enumerate(pairwise(ends)):
        if not any(until is not None and began < until <= ended for _, until in phases):
            for update in range(began, ended):
                assert line.epochs_at(update) == epoch + Fraction(update - began, ended - began)


@given(st.integers(1, 70), several_phases(), loadings)
def test_a_plan_does_not_move_what_has_been_reached_before_it(
    size: int, phases: list[Phase], loading: Loading
) -> None:
    assume(all(epoch_of(size, plan, loading).updates for plan, _ in phases))
    line = timeline(size, phases, loading)
    for number, (_, until) in enumerate(phases[:-1], start=1):
        before = timeline(size, [*phases[: number - 1], (phases[number - 1][0], None)], loading)
        assert [line.epochs_at(one) for one in range(until or 0)] == [
            before.epochs_at(one) for one in range(until or 0)
        ]
    reached = [line.epochs_at(update) for update in range(120)]
    assert all(before < after for before, after in pairwise(reached))


def test_an_epoch_that_two_plans_share_goes_piece_by_piece() -> None:
    # Of 100 samples 40 are read by tens, which would have been 10 updates; 60 are left for 3 of twenty.
    line = timeline(100, [(DevicePlan(10), 4), (DevicePlan(20), None)])
    assert [line.epochs_at(update) for update in (3, 4, 5, 6, 7, 12)] == [
        *(Fraction(3, 10), Fraction(4, 10), Fraction(6, 10), Fraction(8, 10)),
        *(1, 2),
    ]


@given(several_phases(), st.integers(0, 60))
def test_data_without_end_give_full_updates_alone(phases: list[Phase], updates: int) -> None:
    sizes = [plan_of(phases, update).size for update in range(1, updates + 1)]
    found = timeline(None, phases).at(updates)
    assert (found.updates, found.samples, found.dropped) == (updates, sum(sizes), 0)


@pytest.mark.parametrize(
    ("loading", "expected"),
    [
        # 10 samples on 4 devices, 2 at a time: shares of 3 (two repeated), so 2 micro-batches.
        (Loading(), Tally(1, 2, 12, 2)),
        # The second one is left out, and in it the two that were repeated.
        (Loading(drop_last=True), Tally(1, 1, 8, 0, 0, 2)),
        # Shares of 2; two samples are nobody's.
        (Loading(sampler_drop_last=True), Tally(1, 1, 8, 0, 2)),
        # One micro-batch, fewer than the two of an update.
        (
            Loading(drop_last=True, sampler_drop_last=True, partial_update=False),
            Tally(0, 1, 0, 0, 2, 0, 1, 8),
        ),
    ],
)
def test_an_epoch_worked_out_by_hand(loading: Loading, expected: Tally) -> None:
    assert epoch_of(10, DevicePlan(2, devices=4, accumulate=2), loading) == expected


def test_a_repetition_among_what_no_update_sees_is_no_loss() -> None:
    found = epoch_of(35, DevicePlan(6, devices=2, accumulate=2), Loading(partial_update=False))
    assert (found.dropped, found.repeated) == (11, 0)


def test_an_epoch_without_an_update_is_refused() -> None:
    with pytest.raises(ValueError, match=r"an epoch of 7 samples has no update of 8: all are dropped"):
        Timeline(7, Loading(drop_last=True)).begin(DevicePlan(8))


def test_numbers_beyond_a_double_stay_exact() -> None:
    size = 10**30 + 1
    line = timeline(size, [(TORCH, None)])
    assert line.at(2 * size + 1).samples == 2 * size + 1
    assert line.epochs_at(size + 1) == 1 + Fraction(1, size)
