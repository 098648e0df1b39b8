"""A changed schedule on resume: which plan really holds, and who wins in each setting."""

from __future__ import annotations

import io
import json
import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrsched_cli import dry_run, load_schedule
from lrsched_cli.analysis.forecast.forecasting import forecast
from lrsched_cli.errors import OutputError, ResumeError, ScheduleFileError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lrsched_cli.analysis.forecast.forecasting import Forecast, GroupForecast, SettingFate
    from lrsched_cli.core.config import Schedule

TWO: dict[str, Any] = {
    "name": "two",
    "steps": 120,
    "loop": "scheduler-first",
    "batch_size": 64,
    "optimizer": {"type": "AdamW", "weight_decay": 0.05},
    "param_groups": [
        {"name": "body", "lr": 1e-3},
        {"name": "head", "lr": 3e-3, "weight_decay": 0.0, "scheduler": {"T_0": 15, "gamma": 0.5}},
    ],
    "scheduler": {"warmup_steps": 10, "T_0": 20, "T_mult": 2, "gamma": 0.9},
}


def schedule(*overrides: str, **changes: Any) -> Schedule:
    Path("two.yaml").write_text(json.dumps({**TWO, **changes}))
    return load_schedule("two.yaml", overrides=overrides)


def resumed(save_at: int, *overrides: str, **changes: Any) -> Forecast:
    return forecast(schedule(**changes), schedule(*overrides, **changes), save_at)


def fates(found: Forecast) -> dict[str, SettingFate]:
    return {one.key: one for one in found.settings}


def fate(found: Forecast) -> SettingFate:
    (one,) = found.settings
    return one


def by_hand(old: Schedule, new: Schedule, save_at: int) -> list[list[float]]:
    """The same with nothing but torch: every update's LRs after a restore from a file."""

    def built(plan: Schedule) -> tuple[torch.optim.Optimizer, Any]:
        groups = [
            {"params": [torch.nn.Parameter(torch.ones(2))], "name": one.name, "lr": plan.base_lr(one)}
            for one in plan.param_groups
        ]
        optimizer = torch.optim.AdamW(groups)
        return optimizer, plan.build_scheduler(optimizer)

    def train(plan: Schedule, optimizer: Any, scheduler: Any, updates: range) -> list[list[float]]:
        lrs = []
        for update in updates:
            if plan.loop == "scheduler-first":
                scheduler.step(plan.batch_plan.size_at(update))
            lrs.append([group["lr"] for group in optimizer.param_groups])
            optimizer.step()
            if plan.loop == "optimizer-first":
                scheduler.step(plan.batch_plan.size_at(update))
        return lrs

    optimizer, scheduler = built(old)
    past = train(old, optimizer, scheduler, range(1, save_at + 1))
    file = io.BytesIO()
    torch.save([optimizer.state_dict(), scheduler.state_dict()], file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    optimizer, scheduler = built(new)
    optimizer.load_state_dict(saved[0])
    scheduler.load_state_dict(saved[1])
    return past + train(new, optimizer, scheduler, range(save_at + 1, new.total_steps + 1))


CHANGES = st.lists(
    st.sampled_from(
        [
            "scheduler.T_0=33",
            "scheduler.T_mult=1",
            "scheduler.gamma=0.5",
            "scheduler.warmup_steps=40",
            "scheduler.warmup_steps=3",
            "scheduler.eta_scal_max=1.5",
            "param_groups.head.lr=1e-2",
            "param_groups.head.scheduler.T_0=7",
            "batch_size=256",
            "steps=200",
            "steps=119",
            "loop=optimizer-first",
        ]
    ),
    unique=True,
    max_size=4,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CHANGES, st.integers(1, 118), st.sampled_from(["scheduler-first", "optimizer-first"]))
@pytest.mark.filterwarnings("ignore::lrsched_cli.errors.ScheduleMismatchWarning")
def test_what_really_happens_is_what_plain_torch_does(changes: list[str], save_at: int, loop: str) -> None:
    old, new = schedule(loop=loop), schedule(*changes, loop=loop)
    found = forecast(old, new, save_at)
    assert found.curves.really.tolist() == by_hand(old, new, save_at)
    old_plan, new_plan = dry_run(old), dry_run(new)
    assert found.curves.old.tolist() == old_plan.lr[old_plan.updates].tolist()
    assert found.curves.new.tolist() == new_plan.lr[new_plan.updates].tolist()


@pytest.mark.parametrize(
    ("save_at", "change", "follows"),
    [
        (60, "scheduler.T_0=33", "old plan"),
        (60, "scheduler.gamma=0.5", "new plan"),
        (60, "param_groups.body.lr=5e-3", "new plan"),
        (60, "batch_size=256", "new plan"),
        (60, "steps=200", "both"),
        (60, "steps=90", "both"),
        (60, "optimizer.weight_decay=0.5", "old plan"),
        (60, "param_groups.head.name=top", "both"),
        (5, "scheduler.warmup_steps=20", "new plan"),
        (15, "scheduler.warmup_steps=20", "neither"),
        (60, "scheduler.warmup_steps=20", "old plan"),
        (8, "scheduler.warmup_steps=5", "neither"),
        (60, "loop=optimizer-first", "new plan"),
        (60, "scheduler.T_mult=3", "neither"),
        (60, "scheduler.custom_lambda='1 / (1 + step / 100)'", "new plan"),
        (60, "description=no change at all", "both"),
    ],
)
def test_a_change_ends_in_one_of_the_plans_or_in_neither(save_at: int, change: str, follows: str) -> None:
    assert resumed(save_at, change).follows == follows


def test_with_the_optimizer_first_one_update_still_runs_at_the_old_batch_size() -> None:
    found = resumed(60, "batch_size=256", loop="optimizer-first")
    assert found.follows == "neither"
    assert [
        (one.to_old.first, one.to_new.first, one.to_new.joined) for one in found.groups if one.to_old
    ] == [
        (62, 61, 62),
        (62, 61, 62),
    ]
    assert fate(found).acts_from == 62


def test_the_first_cycles_length_is_the_checkpoints_in_spite_of_the_file() -> None:
    found = fate(resumed(60, "scheduler.T_0=33"))
    assert (found.checkpoint, found.file, found.wins, found.reason) == (20, 33, "checkpoint", "cycle length")
    assert found.acts is None


def test_a_group_that_gives_up_its_own_schedule_takes_the_one_of_all() -> None:
    groups = [TWO["param_groups"][0], {"name": "head", "lr": 3e-3, "weight_decay": 0.0}]
    found = forecast(schedule(), schedule(param_groups=groups), 60)
    assert found.follows == "new plan"
    changed = fates(found)["param_groups.head.scheduler.T_0"]
    assert (changed.checkpoint, changed.file, changed.wins, changed.acts_from) == (15, 20, "file", 61)


def test_a_decay_acts_from_the_first_restart_on_or_never() -> None:
    assert fate(resumed(12, "scheduler.gamma=0.5")).acts_from == 30
    found = fates(resumed(12, "scheduler.gamma=0.5", "steps=29"))["scheduler.gamma"]
    assert (found.wins, found.acts, found.acts_from) == ("file", False, None)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("optimizer.weight_decay", "0.5", (0.05, 0.5)),
        ("optimizer.betas", "[0.8, 0.99]", ((0.9, 0.999), (0.8, 0.99))),
        ("param_groups.head.weight_decay", "0.5", (0.0, 0.5)),
        ("param_groups.body.eps", "1e-6", (1e-8, 1e-6)),
    ],
)
def test_the_optimizers_settings_are_the_checkpoints(key: str, value: str, expected: tuple[Any, Any]) -> None:
    found = resumed(60, f"{key}={value}")
    changed = fate(found)
    assert (changed.key, changed.wins, changed.counts) == (key, "checkpoint", True)
    assert (changed.checkpoint, changed.file) == expected
    assert (found.lrs_follow, found.follows) == ("both", "old plan")


def test_new_lrs_at_an_old_weight_decay_are_neither_plan() -> None:
    found = resumed(60, "scheduler.gamma=0.5", "optimizer.weight_decay=0.5")
    assert (found.lrs_follow, found.follows) == ("new plan", "neither")


def test_a_default_that_was_never_stated_is_shown_as_what_it_is() -> None:
    old = {"optimizer": {"type": "AdamW"}}
    found = fate(forecast(schedule(**old), schedule("optimizer.weight_decay=0.5", **old), 60))
    assert (found.checkpoint, found.file, found.wins) == (0.01, 0.5, "checkpoint")


def test_what_comes_to_the_same_is_no_ones_win() -> None:
    found = resumed(60, "optimizer.eps=1e-8", "param_groups.body.weight_decay=0.05")
    assert {one.wins: one.reason for one in found.settings} == {None: "no difference"}
    assert found.follows == "both"


def test_how_the_optimizer_computes_is_not_tried() -> None:
    found = resumed(60, "optimizer.foreach=true")
    assert (fate(found).wins, fate(found).reason, found.follows) == (None, "implementation", "both")


def test_a_base_lr_is_the_files_and_its_jump_is_told() -> None:
    found = resumed(60, "param_groups.body.lr=2e-3")
    body, head = found.groups
    assert (fate(found).wins, fate(found).acts_from) == ("file", 61)
    assert body.old_next is not None
    assert body.from_old is not None
    assert body.really_next == body.new_next == pytest.approx(2 * body.old_next)
    assert body.from_old.ratio == pytest.approx(2)
    assert body.from_old.absolute == body.really_next - body.old_next
    assert body.from_before.absolute == body.really_next - body.before
    assert head.follows == "both"
    assert head.from_old is not None
    assert head.from_old.absolute == 0


def test_distances_are_those_of_the_curves() -> None:
    found = resumed(60, "scheduler.T_mult=3")
    for index, group in enumerate(found.groups):
        for plan, distance in ((found.curves.old, group.to_old), (found.curves.new, group.to_new)):
            apart = np.abs(found.curves.really[60:, index] - plan[60:, index])
            assert distance is not None
            assert distance.updates == 60
            assert distance.differing == np.count_nonzero(apart)
            assert distance.largest == apart.max()
            if distance.differing:
                assert distance.first == 61 + np.flatnonzero(apart)[0]
                assert distance.largest_at is not None
                assert apart[distance.largest_at - 61] == distance.largest


def test_a_renamed_group_is_matched_by_order_and_keeps_its_old_name() -> None:
    found = resumed(60, "param_groups.head.name=top")
    (_, top) = found.groups
    assert (top.group, top.old_group, top.matched_by) == ("top", "head", "order")
    changed = fates(found)["param_groups.head.name"]
    assert (changed.wins, changed.counts) == ("checkpoint", False)


def test_groups_in_another_order_get_each_others_settings() -> None:
    groups: list[Any] = TWO["param_groups"]
    found = forecast(schedule(), schedule(param_groups=groups[::-1]), 60)
    assert found.moved == ("head", "body")
    assert found.follows == "neither"
    assert found.curves.really[:60].tolist() == found.curves.old[:60].tolist()
    changed = fates(found)["optimizer.weight_decay"]
    assert (changed.wins, changed.checkpoint, changed.file) == ("neither", (0.05, 0.0), (0.05, 0.0))


def test_another_order_is_neither_plan_though_no_number_shows_it() -> None:
    groups = [{"name": "a", "lr": 1e-3}, {"name": "b", "lr": 1e-3}]
    found = forecast(schedule(param_groups=groups), schedule(param_groups=groups[::-1]), 60)
    assert (found.settings, found.lrs_follow, found.follows) == ((), "both", "neither")


def test_a_finished_run_can_be_extended() -> None:
    found = resumed(120, "steps=150", "scheduler.gamma=0.5")
    assert found.follows == "new plan"
    assert [(one.old_next, one.from_old, one.to_old) for one in found.groups] == [(None, None, None)] * 2
    assert found.curves.really.shape == (150, 2)


def test_another_optimizer_of_the_same_family_is_a_mixture() -> None:
    found = resumed(60, "optimizer.type=Adam")
    changed = fates(found)
    assert (changed["optimizer.type"].wins, changed["optimizer.decoupled_weight_decay"].wins) == (
        "file",
        "checkpoint",
    )
    assert (found.lrs_follow, found.follows) == ("both", "neither")


def test_an_optimizer_that_cannot_read_the_state_is_refused() -> None:
    with pytest.raises(UsageError, match=r"a checkpoint of AdamW cannot be resumed with SGD: .*KeyError"):
        resumed(60, "optimizer.type=SGD")


def test_the_schedulers_warning_is_kept() -> None:
    (message,) = resumed(60, "scheduler.gamma=0.5").messages
    assert "gamma: 0.9 → 0.5" in message
    assert resumed(60, "steps=200").messages == ()


def test_shapes_are_stand_ins_and_change_nothing() -> None:
    assert resumed(60, "param_groups.body.shapes={weight: [3, 3], bias: [3]}").follows == "both"


@pytest.mark.parametrize(
    ("save_at", "change", "reason"),
    [
        (0, "steps=100", "1 or more"),
        (121, "steps=200", "after the old plan's end at update 120"),
        (60, "steps=60", "nothing is left"),
        (60, "param_groups=[{name: one}]", r"has 2 param groups \(body, head\), the new file 1 param group"),
    ],
)
def test_what_cannot_be_resumed_is_refused(save_at: int, change: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        resumed(save_at, change)


def test_a_plan_that_fails_is_told_at_its_place() -> None:
    with pytest.raises(ScheduleFileError, match=r"scheduler\.custom_lambda"):
        resumed(60, "scheduler.custom_lambda='1 / (100 - step)'")


def test_a_run_that_fails_after_the_restore_says_where() -> None:
    # In the new plan the second restart is beyond the end; in the checkpoint it is near.
    with pytest.raises(ResumeError, match="training on failed at update 70: StepError"):
        resumed(60, "scheduler.T_0=200", "scheduler.gamma=1e200", "param_groups.head.scheduler.T_0=300")


def test_a_value_under_which_the_run_would_fail_acts_from_there_on() -> None:
    law = {"warmup_steps": 10, "T_0": 20, "base_batch_size": 1}
    old = schedule(steps=29, scheduler={**law, "gamma": 1e308}, param_groups=[{"name": "all"}])
    new = schedule(scheduler={**law, "gamma": 0.9}, param_groups=[{"name": "all"}])
    assert fates(forecast(old, new, 20))["scheduler.gamma"].acts_from == 30


def test_a_function_of_the_users_is_the_files_and_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_decay.py").write_text("def halved(step):\n    return 0.5\n")
    monkeypatch.syspath_prepend(tmp_path)
    law = {**TWO["scheduler"], "custom_lambda": {"import": "my_decay:halved"}}
    Path("old.yaml").write_text(json.dumps({**TWO, "scheduler": law}))
    found = forecast(load_schedule("old.yaml", trust=True), schedule(), 60)
    assert found.follows == "new plan"
    assert (fate(found).wins, fate(found).reason, fate(found).acts) == ("file", "formula", None)


def test_a_folder_that_cannot_be_made_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "nowhere/at/all")
    with pytest.raises(OutputError, match="temporary folder"):
        resumed(60, "steps=100")


def test_the_middle_of_the_shorter_run_is_the_save_point_unless_one_is_given() -> None:
    old = schedule()
    assert [forecast(old, schedule(f"steps={steps}")).save_at for steps in (120, 40, 400)] == [60, 20, 60]


def test_progress_ends_at_the_whole() -> None:
    told: list[tuple[int, int]] = []
    old = schedule(steps=5000)
    forecast(old, schedule("steps=6000", steps=5000), 2500, progress=lambda *one: told.append(one))
    done = [one for one, _ in told]
    assert done == sorted(done)
    assert {total for _, total in told} == {17000}
    assert math.isclose(done[-1], 17000, abs_tol=1024)


def names_of(groups: Sequence[GroupForecast]) -> list[str]:
    return [one.group for one in groups]


def test_groups_whose_names_have_dots_keep_their_settings_apart() -> None:
    groups = [{"name": "a", "lr": 1e-3}, {"name": "a.b", "lr": 1e-2, "scheduler": {"gamma": 0.5}}]
    new = [groups[0], {**groups[1], "scheduler": {"gamma": 0.7}}]
    found = forecast(schedule(param_groups=groups), schedule(param_groups=new), 60)
    changed = fate(found)
    assert names_of(found.groups) == ["a", "a.b"]
    assert (changed.key, changed.checkpoint, changed.file, changed.wins) == (
        "param_groups.a.b.scheduler.gamma",
        0.5,
        0.7,
        "file",
    )
