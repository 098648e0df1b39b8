"""Rules 07: the batch plan."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from operator import lt
from typing import TYPE_CHECKING

from lrsched_cli.analysis.checks.rule import rule
from lrsched_cli.analysis.checks.tracks import tracks_of
from lrsched_cli.analysis.checks.words import count, lr, percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lrsched_cli.analysis.checks.rule import Found
    from lrsched_cli.analysis.plan import Plan

_ROUNDING = 1e-9
_ADAM_LIKE = ("Ada", "RMSprop", "RAdam", "NAdam", "SparseAdam")


@rule("LRS071", "warning")
def above_the_peak(plan: Plan) -> Iterator[Found]:
    """The batch factor lifts the LR above ``eta_scal_max`` times the base LR.

    A batch larger than ``base_batch_size`` multiplies the whole schedule, so the peak that the file states is
    not the peak of the run. If that is meant, say so in a comment; if the base LR was found at this batch
    size, set ``base_batch_size`` to it.

    Triggers::

        steps: 999
        loop: scheduler-first
        batch_size: 256
        scheduler: {warmup_steps: 100, T_0: 900}

    Silent::

        steps: 999
        loop: scheduler-first
        batch_size: 256
        scheduler: {warmup_steps: 100, T_0: 900, base_batch_size: 256}
    """
    sizes = [size for size in plan.schedule.batch_plan.sizes if size is not None]
    for track in tracks_of(plan):
        lrs, peak = plan.of_group(track.group), track.cycles.peak
        base_size = plan.schedule.family.setting((plan.schedule, track.group), "base_batch_size")
        above = [place for place, one in enumerate(lrs) if one > peak * (1 + _ROUNDING)]
        if not above or peak <= track.cycles.floor or base_size is None or max(sizes, default=0) <= base_size:
            continue
        highest = max(lrs)
        begins = plan.onset(above[0], track.group, partial(lt, peak * (1 + _ROUNDING)))
        base = plan.base_lrs[track.group]
        times = peak / base
        yield (
            ("batch_size",),
            (
                f"the batch factor raises the LR{track.whose} up to {lr(highest)},"
                f" {percent(highest / peak - 1)} above the {lr(peak)} that eta_scal_max allows ({times:g} ×"
                f" the base LR {lr(base)}), from update {plan.update(begins):,} on:"
                f" base_batch_size is {count(base_size)}, the largest batch {count(max(sizes))}; say"
                " there at which batch size the base LR was found"
            ),
        )
        return


@rule("LRS072", "warning")
def linear_with_adam(plan: Plan) -> Iterator[Found]:
    """Linear batch-size scaling with an Adam-like optimizer.

    The linear rule was found for SGD (Goyal et al. 2017, arXiv:1706.02677). Adam divides by the root of the
    squared gradients, so the noise of its updates falls with the square root of the batch: ``sqrt`` is the
    rule for it (Malladi et al. 2022, arXiv:2205.10287).

    Triggers::

        steps: 999
        loop: scheduler-first
        batch_size: 128
        optimizer: {type: AdamW}
        scheduler: {warmup_steps: 100, T_0: 900, batch_size_mode: linear}

    Silent::

        steps: 999
        loop: scheduler-first
        batch_size: 128
        optimizer: {type: AdamW}
        scheduler: {warmup_steps: 100, T_0: 900, batch_size_mode: sqrt}
    """
    kind = plan.schedule.optimizer.type
    sizes = [size for size in plan.schedule.batch_plan.sizes if size is not None]
    if not sizes or not kind.startswith(_ADAM_LIKE):
        return
    for track in tracks_of(plan):
        mode, base = (
            plan.schedule.family.setting((plan.schedule, track.group), key)
            for key in ("batch_size_mode", "base_batch_size")
        )
        ratios = [size / base for size in sizes if mode == "linear" and size != base]
        if ratios:
            ratio = max(ratios, key=lambda one: max(one, 1 / one))
            yield (
                track.at("batch_size_mode"),
                (
                    f"{kind} with linear scaling multiplies the LR{track.whose} by {ratio:.3g} at batch size"
                    f" {count(round(ratio * base))}; by sqrt, the rule for {kind}, that is {ratio**0.5:.3g}"
                ),
            )


@rule("LRS073", "warning")
def phase_that_never_begins(plan: Plan) -> Iterator[Found]:
    """A phase of the batch plan never begins.

    The phase before it lasts through the end of the run. Either the run was shortened and the plan was not,
    or the phases count something else than updates.

    Triggers::

        steps: 999
        loop: scheduler-first
        batch_size: [{until: 500, size: 32}, {until: 1200, size: 48}, {size: 64}]
        scheduler: {warmup_steps: 100, T_0: 900}

    Silent::

        steps: 1999
        loop: scheduler-first
        batch_size: [{until: 500, size: 32}, {until: 1200, size: 48}, {size: 64}]
        scheduler: {warmup_steps: 100, T_0: 1900}
    """
    plan_of_sizes = plan.schedule.batch_plan
    for place, end in enumerate(plan_of_sizes.ends, start=1):
        if end >= plan.updates:
            size = plan_of_sizes.sizes[place]
            yield (
                ("batch_size", place),
                (
                    f"this phase (batch size {count(size or 0)}) would begin at update {end + 1:,}, and the"
                    f" run has {count(plan.updates)}: it never begins; end the one before it earlier, or"
                    " lengthen the run"
                ),
            )


@rule("LRS074", "note")
def no_batch_factor(plan: Plan) -> Iterator[Found]:
    """A batch plan in phases changes no LR under another library's scheduler.

    Only this package's own scheduler has a batch factor. Under all others a growing batch leaves the LR where
    it is.

    Triggers::

        steps: 1000
        batch_size: [{until: 500, size: 32}, {size: 64}]
        scheduler: {type: CosineAnnealingLR, T_max: 1000}

    Silent::

        steps: 1000
        batch_size: 64
        scheduler: {type: CosineAnnealingLR, T_max: 1000}
    """
    sizes = plan.schedule.batch_plan.sizes
    has_none = plan.schedule.family.setting((plan.schedule, None), "base_batch_size") is None
    if has_none and any(one != other for one, other in pairwise(sizes)):
        shown = " → ".join(count(size or 0) for size in sizes)
        yield (
            ("batch_size",),
            (
                f"the batch grows ({shown}), and {plan.schedule.scheduler.type} does not know of it: the LR"
                " stays as it is"
            ),
        )


CHECKS = (above_the_peak, linear_with_adam, phase_that_never_begins, no_batch_factor)
