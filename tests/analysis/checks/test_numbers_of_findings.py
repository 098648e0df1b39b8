"""The numbers of the messages, held against dry runs of the real schedulers."""

from __future__ import annotations

import re
from copy import deepcopy

import numpy as np
import pytest
from schedule_files import codes_in, found_in, message, schedule_of

from lrsched_cli import dry_run
from lrsched_cli.analysis.summary import summarize
from lrsched_cli.core.build import build_scheduler
from lrsched_cli.core.stand_ins import dummy_optimizer
from lrsched_cli.errors import ScheduleFileError

OWN = "scheduler: {warmup_steps: 100, T_0: 300, T_mult: 2"
FIRST = "loop: scheduler-first\n"


def by_formula(steps: int, formula: str) -> str:
    return f'steps: {steps}\noptimizer: {{lr: 1e-3}}\nscheduler: {{type: LambdaLR, lr_lambda: "{formula}"}}\n'


def updates_of(text: str, *overrides: str) -> list[float]:
    """The LR of every update, update 1 first, by the real scheduler."""
    trace = dry_run(schedule_of(text, *overrides))
    lrs: list[float] = trace.lr[trace.updates, 0].tolist()
    return lrs


def number(text: str, pattern: str) -> float:
    found = re.search(pattern, text)
    assert found is not None, text
    return float(found[1].replace(",", ""))


def test_the_first_update_and_the_warmups_start() -> None:
    text = f"steps: 1000\n{OWN}}}\n"
    lrs, said = updates_of(text), message("LRS011", text)
    assert number(said, r"runs at (\S+),") == pytest.approx(lrs[0], rel=5e-3)
    assert number(said, r"start at (\S+) \(update 2\)") == pytest.approx(lrs[1], rel=5e-3)
    assert number(said, r", (\S+) × the warm-up's") == pytest.approx(lrs[0] / lrs[1], rel=5e-3)


def test_the_updates_at_lr_0_are_counted() -> None:
    text = by_formula(1000, "max(0, 1 - step / 900)")
    lrs, said = updates_of(text), message("LRS021", text)
    assert number(said, r"^(\S+) updates") == lrs.count(0.0) == 100
    assert number(said, r"updates (\S+) to 1,000\)") == lrs.index(0.0) + 1
    assert number(said, r"end the run after update (\S+),") == lrs.index(0.0)


def test_of_a_long_run_the_wasted_updates_are_counted_too() -> None:
    text = by_formula(100_000, "max(0, 1 - step / 90000)")
    said = message("LRS021", text)
    assert number(said, r"updates (\S+) to 100,000\)") == 90_001
    assert number(said, r"^at least (\S+) updates") == 10_000


@pytest.mark.parametrize("steps", [1400, 14_000])
def test_the_first_negative_lr_is_the_one(steps: int) -> None:
    text = by_formula(steps, f"1 - (step / {steps}) ** 3 * 2")
    said = message("LRS022", text)
    lrs = updates_of(text)
    first = next(place for place, lr in enumerate(lrs, start=1) if lr < 0)
    assert number(said, r"at update (\S+) and") == first
    assert number(said, r"falls to (\S+?)(?:;| or below)") == pytest.approx(min(lrs), rel=5e-3)


def test_a_formula_without_a_value_is_told_of_at_its_step() -> None:
    text = f'steps: 999\n{FIRST}{OWN}, custom_lambda: "1 + 1 / (step - 600) ** 2"}}\n'
    assert message("LRS022", text).startswith(
        "there is no LR for update 600: custom_lambda failed at step 600: division"
    )
    with pytest.raises(ScheduleFileError, match="at step 600: division by zero"):
        dry_run(schedule_of(text))


def test_a_formula_that_never_has_a_value_is_told_of_too() -> None:
    text = 'steps: 999\nscheduler: {type: LambdaLR, lr_lambda: "log(0 * step)"}\n'
    assert codes_in(text) == {"LRS022"}


@pytest.mark.parametrize("loop", ["scheduler-first", "optimizer-first"])
@pytest.mark.parametrize("steps", [800, 700, 930])
def test_where_a_run_ends_in_its_cycle(loop: str, steps: int) -> None:
    text = f"steps: {steps}\nloop: {loop}\n{OWN}}}\n"
    said, trace = message("LRS031", text), dry_run(schedule_of(text))
    row = steps if loop == "scheduler-first" else steps - 1
    T_cur, T_i = (trace.state[name][row, 0] for name in ("T_cur", "T_i"))
    assert f"ends at {(T_cur + 1) / T_i:.0%} of cycle {int(trace.state['cycle'][row, 0]) + 1}" in said
    assert f"(step {T_cur + 1:.0f} of {T_i:.0f})" in said
    last = trace.lr[row, 0]
    assert number(said, r"at an LR of (\S+),") == pytest.approx(last, rel=5e-3)
    assert number(said, r", (\S+) × the minimum 2e-4") == pytest.approx(last / 2e-4, rel=5e-3)
    before, after = (
        int(number(said, pattern)) for pattern in (r"; steps: (\d+) or", r"or steps: (\d+) ends")
    )
    for end in (before, after):
        fits = text.replace(f"steps: {steps}", f"steps: {end}")
        lrs = updates_of(fits)
        assert lrs[-1] == min(lrs[-50:])
        assert not codes_in(fits) & {"LRS031", "LRS032"}
        assert "LRS032" in codes_in(text.replace(f"steps: {steps}", f"steps: {end + 1}"))


@pytest.mark.parametrize(
    ("loop", "late"), [("scheduler-first", 1), ("optimizer-first", 1), ("scheduler-first", 4)]
)
def test_how_late_a_run_ends_and_on_which_peak(loop: str, late: int) -> None:
    end = 999 if loop == "scheduler-first" else 1000
    text = f"steps: {end + late}\nloop: {loop}\n{OWN}}}\n"
    said, lrs = message("LRS032", text), updates_of(text)
    assert number(said, r"ends (\d+) update") == late
    assert number(said, r"last LR is (\S+),") == pytest.approx(lrs[-1], rel=5e-3)
    assert number(said, r"the (\S+) right before the restart") == pytest.approx(lrs[end - 1], rel=5e-3)
    assert number(said, r"steps: (\d+) ends with the cycle") == end


def test_by_the_epoch_the_steps_that_fit_are_updates_still() -> None:
    text = (
        f"steps: 3000\nstep_every: epoch\nsteps_per_epoch: 10\n{FIRST}"
        "scheduler: {warmup_steps: 10, T_0: 50, T_mult: 2}\n"
    )
    said = message("LRS031", text)
    assert len(re.findall(r"steps: (\d+)", said)) == 2
    for end in re.findall(r"steps: (\d+)", said):
        lrs = updates_of(text.replace("steps: 3000\n", f"steps: {end}\n"))
        assert lrs[-1] == lrs[-10] == min(lrs[-300:])


def test_the_restart_that_never_comes() -> None:
    text = f"steps: 1000\n{FIRST}scheduler: {{warmup_steps: 100, T_0: 200, T_mult: 10}}\n"
    said = message("LRS041", text)
    restart = int(number(said, r"would come at update (\S+),"))
    cycle = dry_run(schedule_of(text), restart).state["cycle"][:, 0]
    assert cycle[restart] == 2
    assert cycle[restart - 1] == 1
    said = message("LRS041", f"steps: 700\n{FIRST}scheduler: {{warmup_steps: 100, T_0: 1000}}\n")
    assert (
        "would come at update 1,100, beyond the run's 700: it never restarts, and ends at 60% of the cycle"
        in said
    )


def test_the_restarts_are_counted() -> None:
    text = f"steps: 20009\n{FIRST}scheduler: {{warmup_steps: 0, T_0: 10, T_mult: 1}}\n"
    trace = dry_run(schedule_of(text))
    assert number(message("LRS042", text), r"restarts (\S+) times") == len(trace.restarts(0)) == 2000


def test_how_far_a_warmup_gets_that_is_longer_than_the_run() -> None:
    text = f"steps: 400\n{FIRST}scheduler: {{warmup_steps: 500, T_0: 300}}\n"
    said, lrs = message("LRS051", text), updates_of(text)
    assert number(said, r"ends at (\S+),") == pytest.approx(lrs[-1], rel=5e-3)
    assert f"{lrs[-1] / 2e-3:.0%} of the 2e-3" in said


def test_how_little_annealing_is_left() -> None:
    text = f"steps: 1000\n{FIRST}scheduler: {{warmup_steps: 100, T_0: 10000}}\n"
    said, lrs = message("LRS053", text), updates_of(text)
    fall = (max(lrs) - lrs[-1]) / (2e-3 - 2e-4)
    assert number(said, r"makes (\S+)% of its fall") == pytest.approx(100 * fall, rel=0.05)
    fits = int(number(said, r"T_0: (\d+) would"))
    assert updates_of(text.replace("10000", str(fits)))[-1] == pytest.approx(2e-4, rel=1e-3)


@pytest.mark.parametrize("shape", ["linear", "cosine"])
def test_how_long_the_floor_holds(shape: str) -> None:
    text = f"steps: 999\n{FIRST}{OWN}, warmup_scale_min: 0.3, warmup_type: {shape}}}\n"
    said, lrs = message("LRS061", text), updates_of(text)
    assert number(said, r"flat there for (\d+) of its 100 steps") == lrs.count(lrs[0])
    assert number(said, r"to its floor (\S+) ") == pytest.approx(lrs[0], rel=5e-3)


def test_how_far_and_from_where_on_the_batch_lifts_the_lr() -> None:
    text = f"steps: 999\n{FIRST}batch_size: 256\nscheduler: {{warmup_steps: 100, T_0: 900}}\n"
    said, lrs = message("LRS071", text), updates_of(text)
    assert number(said, r"up to (\S+),") == pytest.approx(max(lrs), rel=5e-3)
    assert number(said, r", (\d+)% above") == pytest.approx(100 * (max(lrs) / 2e-3 - 1), abs=0.5)
    assert number(said, r"from update (\d+) on") == next(
        place for place, lr in enumerate(lrs, 1) if lr > 2e-3
    )


def test_when_gamma_has_flattened_the_peaks() -> None:
    text = f"steps: 3099\n{FIRST}scheduler: {{warmup_steps: 100, T_0: 300, T_mult: 1, gamma: 0.6}}\n"
    said, lrs = message("LRS081", text), updates_of(text)
    update = int(number(said, r"at update (\S+) of"))
    peak = lrs[update - 1]
    assert peak == max(lrs[update - 1 :])
    assert peak - 2e-4 <= 0.1 * 1.8e-3 < lrs[update - 1 - 300] - 2e-4
    assert number(said, r": (\S+) over a floor") == pytest.approx(peak, rel=5e-3)
    enough = number(said, r"gamma (\S+) would keep")
    assert "LRS081" not in codes_in(text, f"scheduler.gamma={enough}")
    assert "LRS081" in codes_in(text, f"scheduler.gamma={enough - 0.001}")


def test_how_high_growing_peaks_get() -> None:
    text = f"steps: 1000\n{FIRST}{OWN}, gamma: 1.3}}\n"
    said, lrs = message("LRS082", text), updates_of(text)
    assert number(said, r"to (\S+) at restart 2") == pytest.approx(max(lrs), rel=5e-3)


@pytest.mark.parametrize("scale", [1, 20])
def test_where_a_jump_is_and_how_high(scale: int) -> None:
    formula = f"1 if step < {700 * scale} else 0.2 * (1 - step / {1000 * scale})"
    text = by_formula(1000 * scale, formula)
    said, lrs = message("LRS091", text), updates_of(text)
    low, high = re.findall(r"updates (\S+) and (\S+) ", said)[0]
    at = int(np.argmax(np.abs(np.diff(lrs))))
    assert [int(one.replace(",", "")) for one in (low, high)] == [at + 1, at + 2]
    assert number(said, r"falls from (\S+) to") == pytest.approx(lrs[at], rel=5e-3)
    assert number(said, r" to (\S+) between") == pytest.approx(lrs[at + 1], rel=5e-3)


def test_from_where_on_the_lr_rises_at_the_end() -> None:
    text = by_formula(1000, "0.1 + abs(step - 960) / 2000")
    said, lrs = message("LRS092", text), updates_of(text)
    assert number(said, r"at update (\d+) to") == lrs.index(min(lrs)) + 1
    assert number(said, r" to (\S+) at the last one") == pytest.approx(lrs[-1], rel=5e-3)


@pytest.mark.parametrize("steps", [999, 30_000])
def test_the_mean_lr_and_a_range_that_would_bring_it_to_the_base_lr(steps: int) -> None:
    settings = f"warmup_steps: 0, T_0: {steps + 1}, eta_scal_min: 0.1, eta_scal_max: 0.9"
    text = f"steps: {steps}\n{FIRST}scheduler: {{{settings}}}\n"
    said = message("LRS101", text)
    (summary,) = summarize(dry_run(schedule_of(text)))
    assert number(said, r"mean LR is (?:about )?(\S+),") == pytest.approx(summary.mean, rel=5e-3)
    assert ("about" in said) is (steps > 1500)
    low, high = (number(said, rf"{key} (\S+)") for key in ("eta_scal_min", "eta_scal_max"))
    better = schedule_of(text, f"scheduler.eta_scal_min={low}", f"scheduler.eta_scal_max={high}")
    (summary,) = summarize(dry_run(better))
    assert summary.mean == pytest.approx(1e-3, rel=5e-3)


def test_where_the_ratio_of_two_groups_is_lost() -> None:
    text = (
        "steps: 1000\nparam_groups: [{name: a, lr: 1e-4, match: ['a*']},"
        " {name: b, lr: 1e-3}]\nscheduler: {type: CosineAnnealingLR, T_max: 1000, eta_min: 5e-5}\n"
    )
    said, lr = message("LRS113", text), dry_run(schedule_of(text)).lr
    ratios = lr[:1000, 1] / lr[:1000, 0]
    assert number(said, r"is at (\S+) × at") == pytest.approx(ratios.min(), rel=5e-3)
    assert number(said, r"at update (\S+) \(") == int(ratios.argmin()) + 1


def test_where_a_short_horizon_climbs_again() -> None:
    text = "steps: 1000\noptimizer: {lr: 0.1}\nscheduler: {type: CosineAnnealingLR, T_max: 600}\n"
    said, lrs = message("LRS123", text), updates_of(text)
    assert number(said, r"from update (\d+) on") == lrs.index(min(lrs)) + 1
    assert number(said, r" to (\S+) at the end") == pytest.approx(lrs[-1], rel=5e-3)
    fits = int(number(said, r"T_max: (\d+) fits"))
    assert "LRS123" not in codes_in(text, f"scheduler.T_max={fits}")


def test_how_much_of_a_long_horizon_the_run_gets() -> None:
    text = (
        "steps: 1000\noptimizer: {lr: 0.1}\nscheduler:"
        " {type: SequentialLR, milestones: [100], schedulers:"
        " [{type: LinearLR, start_factor: 0.1, total_iters: 100}, {type: CosineAnnealingLR, T_max: 1800}]}\n"
    )
    said, lrs = message("LRS123", text), updates_of(text)
    assert "T_max is 1,800, and there are 900 scheduler steps for it" in said
    assert number(said, r"still (\S+) at the end, after 50%") == pytest.approx(lrs[-1], rel=5e-3)
    assert "T_max: 900 fits" in said


@pytest.mark.parametrize("loop", ["scheduler-first", "optimizer-first"])
def test_at_which_update_one_cycle_fails(loop: str) -> None:
    text = (
        f"steps: 1000\nloop: {loop}\noptimizer: {{type: SGD, lr: 0.1, momentum: 0.9}}\nscheduler:"
        " {type: OneCycleLR, max_lr: 0.1, total_steps: 900}\n"
    )
    said = message("LRS124", text)
    with pytest.raises(ScheduleFileError) as failure:
        dry_run(schedule_of(text))
    assert number(said, r"fails at update (\S+):") == number(str(failure.value), r"fails at update (\S+):")
    fits = f"scheduler.total_steps={number(said, r'total_steps: (.*) fits'):.0f}"
    trace = dry_run(schedule_of(text, fits))
    assert trace.lr[trace.updates, 0][-1] == trace.lr[:, 0].min()
    assert not codes_in(text, fits) & {"LRS123", "LRS124"}


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ("polynomial, num_warmup_steps: 50, num_training_steps: 800", "num_training_steps"),
        (
            "cosine_with_min_lr, num_warmup_steps: 50, num_training_steps: 800, min_lr: 0.01",
            "num_training_steps",
        ),
        (
            "warmup_stable_decay, num_warmup_steps: 50, num_training_steps: 800, num_decay_steps: 100",
            "num_training_steps",
        ),
        (
            "warmup_stable_decay, num_warmup_steps: 50, num_stable_steps: 650, num_decay_steps: 100",
            "num_stable_steps",
        ),
    ],
)
def test_which_horizon_of_transformers_fits_the_run(settings: str, key: str) -> None:
    text = f"steps: 1000\noptimizer: {{type: SGD, lr: 0.1}}\nscheduler: {{type: transformers.{settings}}}\n"
    said, lrs = message("LRS123", text), updates_of(text)
    fits = int(number(said, rf"{key}: (\d+) fits"))
    assert "LRS123" not in codes_in(text, f"scheduler.{key}={fits}")
    if "stays" in said:
        assert number(said, r"for the last (\d+) steps") == lrs[50:].count(lrs[-1]) == 200
    else:
        assert number(said, r"from update (\d+) on") == lrs.index(min(lrs[50:])) + 1


def test_a_warmup_of_a_chain_that_is_only_known_by_stepping() -> None:
    text = (
        "steps: 400\noptimizer: {type: SGD, lr: 0.1}\nscheduler: {type: ChainedScheduler, schedulers:"
        " [{type: LinearLR, start_factor: 0.1, total_iters: 500},"
        " {type: CosineAnnealingLR, T_max: 1000, eta_min: 1e-3}]}\n"
    )
    said = message("LRS051", text)
    lrs = dry_run(schedule_of(text), 500).lr[:, 0]
    assert number(said, r"ends at (\S+);") == pytest.approx(lrs[399], rel=5e-3)
    assert lrs[399] > lrs[500]  # the cosine falls faster by then
    assert "leads to" not in said


def test_milestones_of_a_part_that_it_never_gets_to() -> None:
    text = (
        "steps: 1000\noptimizer: {type: SGD, lr: 0.1}\nscheduler: {type: SequentialLR,"
        " milestones: [100, 500], schedulers: [{type: LinearLR, start_factor: 0.1, total_iters: 100},"
        " {type: MultiStepLR, milestones: [300, 450]}, {type: StepLR, step_size: 600}]}\n"
    )
    found = {one.key: one.message for one in found_in(text) if one.code == "LRS122"}
    assert found == {
        "scheduler.schedulers.1.milestones.1": (
            "450 lies beyond its part, which runs for 400 scheduler steps: it is never reached"
        ),
        "scheduler.schedulers.2.step_size": (
            "600 lies beyond the run's last scheduler step, 999 (1,100 of the run, counted from 500 on): it"
            " is never reached"
        ),
    }


def test_milestones_of_a_part_that_are_epochs() -> None:
    text = (
        "steps: 78200\noptimizer: {type: SGD, lr: 0.1}\nscheduler: {type: SequentialLR, milestones: [500],"
        " schedulers: [{type: LinearLR, start_factor: 0.1, total_iters: 500},"
        " {type: MultiStepLR, milestones: [30, 60]}]}\n"
    )
    assert "the last of these is 60 (scheduler step 560), 0.72% of the run's" in message("LRS122", text)


@pytest.mark.parametrize(
    ("section", "key", "floor", "mend"),
    [
        (
            "{type: CosineAnnealingLR, T_max: 1000, eta_min: 0.05}",
            "eta_min",
            0.05,
            "set eta_min below the base LR",
        ),
        (
            "{type: CosineAnnealingWarmRestarts, T_0: 500, eta_min: 0.05}",
            "eta_min",
            0.05,
            "set eta_min below the base LR",
        ),
        (
            "{type: CyclicLR, base_lr: 0.2, max_lr: 0.02}",
            "base_lr",
            0.2,
            "let base_lr and max_lr change places",
        ),
    ],
)
def test_which_settings_of_torch_invert_a_range(section: str, key: str, floor: float, mend: str) -> None:
    text = (
        "steps: 1000\noptimizer: {type: SGD, lr: 0.1, momentum: 0.9}\nparam_groups:"
        f" [{{name: a, match: ['a*']}}, {{name: b, lr: 0.02}}]\nscheduler: {section}\n"
    )
    (found,) = [one for one in found_in(text) if one.code == "LRS083"]
    assert found.key == f"scheduler.{key}"
    assert number(found.message, rf"{key} is (\S+),") == floor
    assert number(found.message, r"(?:LR|max_lr) is (\S+),") == 0.02
    assert found.message.endswith(mend)
    assert "LRS083" not in codes_in(text, f"scheduler.{key}=0.01")


@pytest.mark.parametrize(
    ("parts", "first", "stays"),
    [
        ("LinearLR, start_factor: 0.01, total_iters: 10", 0.01, 0.01),
        ("ConstantLR, factor: 0.3, total_iters: 10", 0.3, 0.3),
    ],
)
@pytest.mark.parametrize("saved", [1, 5, 20])
def test_what_a_run_has_left_that_was_restored_in_another_order(
    parts: str, first: float, stays: float, saved: int
) -> None:
    alone = f"steps: 40\noptimizer: {{type: SGD, lr: 0.1}}\nscheduler: {{type: {parts}}}\n"
    said, lrs = message("LRS133", alone), dry_run(schedule_of(alone)).lr[:, 0]
    restored = restored_in_another_order(alone, saved)
    assert number(said, r"run at (\S+) ×") == stays
    assert restored == pytest.approx([stays * lr for lr in lrs[saved:]])
    part = "{type: ExponentialLR, gamma: 0.9}"
    row = alone.replace(
        f"{{type: {parts}}}",
        f"{{type: SequentialLR, milestones: [10], schedulers: [{{type: {parts}}}, {part}]}}",
    )
    said, lrs = message("LRS133", row), dry_run(schedule_of(row)).lr[:, 0]
    restored = restored_in_another_order(row, saved)
    assert number(said, r"of step 0, (\S+), and") == pytest.approx(first * 0.1) == pytest.approx(restored[0])
    if saved < 10:
        assert restored[10 - saved :] == pytest.approx(lrs[10:].tolist()), "the milestone mends it"
    else:
        assert restored == pytest.approx([first * 0.1 * 0.9**step for step in range(41 - saved)])


def restored_in_another_order(text: str, saved: int) -> list[float]:
    """The LRs from a save point on, the scheduler built after the optimizer's state is loaded."""
    schedule = schedule_of(text)
    optimizer, _ = dummy_optimizer(schedule)
    scheduler = build_scheduler(schedule, optimizer)
    for _ in range(saved):
        optimizer.step()
        scheduler.step()
    states = deepcopy((optimizer.state_dict(), scheduler.state_dict()))
    optimizer, _ = dummy_optimizer(schedule)
    optimizer.load_state_dict(states[0])
    scheduler = build_scheduler(schedule, optimizer)
    scheduler.load_state_dict(states[1])
    found = [optimizer.param_groups[0]["lr"]]
    for _ in range(saved, schedule.total_steps):
        optimizer.step()
        scheduler.step()
        found.append(optimizer.param_groups[0]["lr"])
    return found


def test_a_formula_of_one_group_is_in_no_checkpoint_either() -> None:
    text = (
        "steps: 399\nloop: scheduler-first\nparam_groups: [{name: a, match: ['a*']}, {name: b, scheduler:"
        " {custom_lambda: '1 / (1 + step / 1000)'}}]\nscheduler: {warmup_steps: 100, T_0: 300}\n"
    )
    (found,) = [one for one in found_in(text) if one.code == "LRS132"]
    assert found.key == "param_groups.b.scheduler.custom_lambda"
