"""A resume check finds the fault in every scheduler that is broken on purpose, and says what it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import broken_schedulers as broken
import pytest
from plain_resume import complete_by_hand, reported

from lrsched_cli.analysis.resume import comparing
from lrsched_cli.analysis.resume.results import KINDS, Kind, KindResult
from lrsched_cli.analysis.resume.verify import verify_resume

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from broken_schedulers import Built

STEPS = broken.STEPS
SAVED = 20
NOT_FOUND = "the fault was not found"


class Fault(NamedTuple):
    """What a check must say of a broken training when it is saved after update 20."""

    make: Callable[[], Built]
    shape: str
    first: int
    quantity: str
    kind: Kind = "param groups"
    untouched: tuple[Kind, ...] = ()
    reaches_the_weights: bool = True


FAULTS = {
    "T_cur": Fault(broken.forgets_t_cur, "permanent", 21, "lr of trunk"),
    "decay": Fault(broken.forgets_decay, "permanent", 21, "lr of trunk"),
    "off by one": Fault(broken.off_by_one, "permanent", 21, "lr of trunk"),
    "reset": Fault(broken.resets_at_first_step, "late", 22, "lr of trunk"),
    "ten steps": Fault(broken.right_for_ten_steps, "late", 31, "lr of trunk"),
    "one group": Fault(broken.wrong_in_the_head, "late", 22, "lr of head", untouched=("scheduler state",)),
    "three updates": Fault(
        broken.wrong_for_three_updates,
        "heals",
        21,
        "lr of trunk",
        untouched=("scheduler state",),
        reaches_the_weights=False,  # less than the last bit of a 32-bit weight
    ),
    "momentum": Fault(
        broken.forgets_momentum,
        "first update only",
        21,
        "momentum of trunk",
        untouched=("scheduler state",),
    ),
    "moment": Fault(
        broken.forgets_a_moment,
        "permanent",
        21,
        "exp_avg of head.weight",
        kind="optimizer state",
        untouched=("param groups", "scheduler state"),
    ),
}


def check_that_it_is_found(fault: Fault) -> None:
    report = verify_resume(fault.make, save_at=SAVED, steps=STEPS)
    assert not report.identical, NOT_FOUND
    (result,) = report.results
    assert (result.save_at, result.updates, result.failure) == (SAVED, STEPS - SAVED, None)
    kinds = {one.kind: one for one in result.kinds}
    worst = result.worst
    assert worst is kinds[fault.kind], NOT_FOUND
    assert worst.first is not None
    assert (worst.shape, worst.first.update, worst.first.quantity) == (
        fault.shape,
        fault.first,
        fault.quantity,
    )
    assert worst.first.expected != worst.first.resumed
    assert reported(result) == complete_by_hand(fault.make, SAVED, STEPS)
    assert [kind for kind in fault.untouched if kinds[kind].differing] == []
    assert kinds["weights"].differing or not fault.reaches_the_weights, NOT_FOUND


def test_a_scheduler_that_works_is_identical_at_every_boundary() -> None:
    report = verify_resume(broken.works, save_at="boundaries", steps=STEPS)
    assert report.identical
    around = {at + offset for at in (4, *broken.RESTARTS) for offset in (-1, 0, 1)}
    assert {one.save_at for one in report.results} >= {1, *around, STEPS // 2, STEPS - 1}
    assert all(one.updates == STEPS - one.save_at and one.identical for one in report.results)


def test_a_scheduler_that_drives_the_momentum_too_is_identical() -> None:
    assert verify_resume(broken.drives_momentum, save_at="all", steps=STEPS).identical


def test_a_scheduler_that_forgets_where_it_is_in_the_cycle_is_found() -> None:
    check_that_it_is_found(FAULTS["T_cur"])


def test_a_scheduler_that_forgets_the_power_of_its_decay_is_found() -> None:
    check_that_it_is_found(FAULTS["decay"])


def test_a_scheduler_that_is_off_by_one_is_found() -> None:
    check_that_it_is_found(FAULTS["off by one"])


def test_a_scheduler_that_resets_at_the_first_resumed_step_is_found() -> None:
    check_that_it_is_found(FAULTS["reset"])


def test_a_scheduler_that_is_right_for_ten_steps_and_wrong_later_is_found() -> None:
    assert FAULTS["ten steps"].first == SAVED + broken.RIGHT_FOR + 1
    check_that_it_is_found(FAULTS["ten steps"])


def test_a_scheduler_that_is_wrong_in_one_group_only_is_found() -> None:
    check_that_it_is_found(FAULTS["one group"])
    (result,) = verify_resume(FAULTS["one group"].make, save_at=SAVED, steps=STEPS).results
    assert result.largest_lr is not None
    assert result.largest_lr.group == "head"


def test_a_scheduler_that_is_wrong_by_a_last_bit_and_heals_is_found() -> None:
    check_that_it_is_found(FAULTS["three updates"])


def test_a_wrong_momentum_alone_is_found() -> None:
    check_that_it_is_found(FAULTS["momentum"])
    (result,) = verify_resume(FAULTS["momentum"].make, save_at=SAVED, steps=STEPS).results
    first = result.kinds[0].first
    assert first is not None
    assert (first.expected, first.resumed) == (0.5 + 0.4 / (1 + SAVED), broken.START_MOMENTUM)
    assert result.largest_lr is None


def test_a_wrong_moment_of_adam_alone_is_found() -> None:
    check_that_it_is_found(FAULTS["moment"])


def test_a_scheduler_that_is_wrong_only_when_saved_at_a_restart_is_found_at_the_boundaries() -> None:
    assert verify_resume(broken.wrong_at_restarts, save_at=SAVED, steps=STEPS).identical
    report = verify_resume(broken.wrong_at_restarts, save_at="boundaries", steps=STEPS)
    assert not report.identical, NOT_FOUND
    wrong = {one.save_at: one for one in report.results if not one.identical}
    assert tuple(wrong) == broken.RESTARTS
    for save_at, result in wrong.items():
        assert reported(result) == complete_by_hand(broken.wrong_at_restarts, save_at, STEPS)
        assert result.kinds[0].shape == "permanent"
        assert result.kinds[0].differing == STEPS - save_at


@pytest.mark.parametrize("name", ["forgets_t_cur", "forgets_a_moment"])
def test_a_fresh_process_finds_the_same(name: str) -> None:
    here = verify_resume(getattr(broken, name), save_at=(1, SAVED), steps=STEPS)
    there = verify_resume(f"broken_schedulers:{name}", save_at=(1, SAVED), steps=STEPS)
    assert (here.fresh_process, there.fresh_process) == (False, True)
    assert not there.identical, NOT_FOUND
    assert replace(there, fresh_process=False, name=here.name) == here


FORGETS_ITS_COUNT = """\
import torch

class Stairs:
    def __init__(self, optimizer):
        self.optimizer, self.count = optimizer, 0

    def step(self):
        self.count += 1
        self.optimizer.param_groups[0]["lr"] = 0.5 ** (self.count // 4)

    def state_dict(self):
        return {"count": self.count}

    def load_state_dict(self, state):
        self.count = 0

def make():
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    return model, optimizer, Stairs(optimizer)
"""


def test_a_fresh_process_finds_the_fault_of_a_scheduler_in_a_file_of_the_users() -> None:
    Path("forgets_its_count.py").write_text(FORGETS_ITS_COUNT)
    report = verify_resume("forgets_its_count:make", save_at=5, steps=12)
    assert report.fresh_process
    (result,) = report.results
    # Updates 6 to 12 belong to the LRs after 5 to 11 steps; after the first, they run at those after 1 to 6.
    right = [0.5 ** (count // 4) for count in range(5, 12)]
    wrong = [right[0], *(0.5 ** (count // 4) for count in range(1, 7))]
    differing = [update for update, pair in enumerate(zip(right, wrong, strict=True), 6) if len({*pair}) > 1]
    assert (result.kinds[0].differing, result.kinds[0].shape) == (len(differing), "late")
    assert result.kinds[0].first is not None
    assert result.kinds[0].first.update == differing[0]
    assert result.largest_lr is not None
    assert result.largest_lr.value == max(abs(a - b) for a, b in zip(right, wrong, strict=True))


# The tests above are only worth something where a check that is blind fails them.


def sees_no_row(*_: Any) -> Iterator[tuple[Kind, bool]]:
    return ((kind, False) for kind in KINDS)


def says_equal(self: comparing.TailComparison) -> tuple[tuple[KindResult, ...], None]:
    del self
    return tuple(KindResult(kind, 0) for kind in KINDS), None


@pytest.mark.parametrize("name", FAULTS)
def test_rows_that_always_count_as_equal_fail_every_test(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "differing_kinds", sees_no_row)
    with pytest.raises(AssertionError, match=NOT_FOUND):
        check_that_it_is_found(FAULTS[name])


@pytest.mark.parametrize("name", FAULTS)
def test_a_comparison_that_always_ends_equal_fails_every_test(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing.TailComparison, "finish", says_equal)
    with pytest.raises(AssertionError, match=NOT_FOUND):
        check_that_it_is_found(FAULTS[name])


def test_an_always_equal_comparison_fails_the_tests_at_the_boundaries_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(comparing, "differing_kinds", sees_no_row)
    with pytest.raises(AssertionError, match=NOT_FOUND):
        test_a_scheduler_that_is_wrong_only_when_saved_at_a_restart_is_found_at_the_boundaries()


@pytest.mark.parametrize("name", ["reset", "ten steps", "one group"])
def test_a_comparison_of_the_first_resumed_update_alone_fails(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = comparing.TailComparison.add
    seen: set[int] = set()

    def add_once(self: comparing.TailComparison, row: bytes) -> None:
        if id(self) not in seen:
            seen.add(id(self))
            add(self, row)

    monkeypatch.setattr(comparing.TailComparison, "add", add_once)
    with pytest.raises(AssertionError):
        check_that_it_is_found(FAULTS[name])


@pytest.mark.parametrize(
    ("name", "blind_to"),
    [
        ("moment", "optimizer state"),
        ("momentum", "param groups"),
        ("T_cur", "weights"),
        ("decay", "param groups"),
    ],
)
def test_a_comparison_that_is_blind_to_one_kind_fails(
    name: str, blind_to: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    differing = comparing.differing_kinds

    def one_eyed(*rows: Any) -> Iterator[tuple[Kind, bool]]:
        return ((kind, differs and kind != blind_to) for kind, differs in differing(*rows))

    monkeypatch.setattr(comparing, "differing_kinds", one_eyed)
    with pytest.raises(AssertionError, match=NOT_FOUND):
        check_that_it_is_found(FAULTS[name])
