"""Rules 11: the param groups side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lrsched_cli.analysis.checks.rule import rule
from lrsched_cli.analysis.checks.words import lr

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lrsched_cli.analysis.checks.rule import Found
    from lrsched_cli.analysis.plan import Plan
    from lrsched_cli.core.sections import ParamGroup

_LOST = 1.5


@rule("LRS111", "warning")
def twins(plan: Plan) -> Iterator[Found]:
    """Two param groups are identical.

    They have the same LR, the same settings and the same schedule, so that one group would do. Mostly a
    copied line was to be changed, and was not.

    Triggers::

        steps: 999
        loop: scheduler-first
        param_groups: [{name: trunk, lr: 1e-3, match: ["trunk.*"]}, {name: head, lr: 1e-3}]
        scheduler: {warmup_steps: 100, T_0: 300}

    Silent::

        steps: 999
        loop: scheduler-first
        param_groups: [{name: trunk, lr: 1e-3, match: ["trunk.*"]}, {name: head, lr: 3e-3}]
        scheduler: {warmup_steps: 100, T_0: 300}
    """
    if plan.course.per_group:
        return
    first: dict[str, int] = {}
    for place, group in enumerate(plan.schedule.param_groups):
        settings = {**plan.schedule.optimizer.settings, **group.settings}
        all_of_it = repr((plan.base_lrs[place], sorted(settings.items(), key=str), _own(plan, group)))
        if all_of_it in first:
            other = plan.names[first[all_of_it]]
            yield (
                ("param_groups", place),
                (
                    f"group {group.name!r} is like {other!r} in everything: LR {lr(plan.base_lrs[place])},"
                    " settings and schedule; make them one group, or change what was to differ"
                ),
            )
        else:
            first[all_of_it] = place


def _own(plan: Plan, group: ParamGroup) -> list[tuple[str, str]]:
    """What a group's own schedule changes of the shared one."""
    own = group.scheduler
    stated = {} if own is None else {key: getattr(own, key) for key in own.model_fields_set}
    shared = plan.schedule.scheduler
    return sorted((key, repr(value)) for key, value in stated.items() if value != getattr(shared, key))


@rule("LRS112", "warning")
def group_at_zero(plan: Plan) -> Iterator[Found]:
    """A param group has a base LR of 0.

    Every factor multiplies the base LR, so the group is never trained, though its gradients are computed and
    its moments stored. To freeze parameters, set ``requires_grad`` to False and leave them out.

    Triggers::

        steps: 999
        loop: scheduler-first
        param_groups: [{name: trunk, lr: 0, match: ["trunk.*"]}, {name: head, lr: 1e-3}]
        scheduler: {warmup_steps: 100, T_0: 300}

    Silent::

        steps: 999
        loop: scheduler-first
        param_groups: [{name: trunk, lr: 1e-5, match: ["trunk.*"]}, {name: head, lr: 1e-3}]
        scheduler: {warmup_steps: 100, T_0: 300}
    """
    for place, base in enumerate(plan.base_lrs):
        if base == 0 and not any(plan.of_group(place)):
            path = (
                ("param_groups", place, "lr")
                if plan.schedule.param_groups[place].lr is not None
                else ("optimizer", "lr")
            )
            yield (
                path,
                (
                    f"group {plan.names[place]!r} has a base LR of 0, so all {plan.updates:,} updates leave"
                    " it as it is; to freeze it, set requires_grad to False"
                ),
            )


@rule("LRS113", "warning")
def lost_ratio(plan: Plan) -> Iterator[Found]:
    """The ratio between two groups' LRs is lost on the way.

    A head at ten times the LR of the trunk should stay there. A scheduler with an absolute minimum
    (``eta_min``) or peak (``max_lr``) sets every group to the same number, and the ratio is gone where it is
    reached. Give one number for each group where the class takes a list, or a scheduler that multiplies.

    Triggers::

        steps: 1000
        param_groups: [{name: trunk, lr: 1e-4, match: ["trunk.*"]}, {name: head, lr: 1e-3}]
        scheduler: {type: CosineAnnealingLR, T_max: 1000, eta_min: 1e-4}

    Silent::

        steps: 1000
        param_groups: [{name: trunk, lr: 1e-4, match: ["trunk.*"]}, {name: head, lr: 1e-3}]
        scheduler: {type: CosineAnnealingLR, T_max: 1000, eta_min: 0}
    """
    groups = plan.schedule.param_groups
    followers = [place for place, one in enumerate(groups) if one.scheduler is None and plan.base_lrs[place]]
    if plan.course.per_group or len(followers) < 2:  # noqa: PLR2004 - a ratio is of two
        return
    first, *others = followers
    for place in others:
        planned = plan.base_lrs[place] / plan.base_lrs[first]
        lost = [
            (max(ratio / planned, planned / ratio), -step, ratio, lrs)
            for step, lrs in zip(plan.steps, plan.lrs, strict=True)
            if lrs[first] > 0 and lrs[place] > 0 and (ratio := lrs[place] / lrs[first])
        ]
        if lost and max(lost)[0] > _LOST:
            _, step, ratio, lrs = max(lost)
            at = f"{lr(lrs[place])} and {lr(lrs[first])}"
            yield (
                ("scheduler",),
                (
                    f"group {groups[place].name!r} starts from {planned:.3g} × the LR of"
                    f" {groups[first].name!r}, and is at {ratio:.3g} × at update {plan.update(-step):,}"
                    f" ({at}): {plan.schedule.scheduler.type} sets an LR that is the same for all groups;"
                    " give it a list with one for each, or, where it is a minimum, 0"
                ),
            )
            return  # the number is the same for all groups


@rule("LRS114", "warning")
def idle_override(plan: Plan) -> Iterator[Found]:
    """A group's own setting changes nothing.

    It is what the group would have without it. Either it was to be another value, or it can go: who changes
    the shared setting later would think that it holds for all groups.

    Triggers::

        steps: 999
        loop: scheduler-first
        optimizer: {type: AdamW, weight_decay: 0.01}
        param_groups: [{name: trunk, lr: 1e-4, match: ["t.*"], weight_decay: 0.01}, {name: head, lr: 1e-3}]
        scheduler: {warmup_steps: 100, T_0: 300}

    Silent::

        steps: 999
        loop: scheduler-first
        optimizer: {type: AdamW, weight_decay: 0.01}
        param_groups: [{name: trunk, lr: 1e-4, match: ["t.*"], weight_decay: 0.0}, {name: head, lr: 1e-3}]
        scheduler: {warmup_steps: 100, T_0: 300}
    """
    shared_settings = plan.schedule.optimizer.settings
    for place, group in enumerate(plan.schedule.param_groups):
        for key, value in group.settings.items():
            if key in shared_settings and shared_settings[key] == value:
                yield ("param_groups", place, key), _nothing(group.name, key, value, "optimizer")
        own = group.scheduler
        for key in sorted(own.model_fields_set) if own is not None else ():
            value = getattr(own, key)
            if value == getattr(plan.schedule.scheduler, key):
                yield ("param_groups", place, "scheduler", key), _nothing(group.name, key, value, "scheduler")


def _nothing(group: str, key: str, value: Any, section: str) -> str:
    text = getattr(value, "text", value)
    return (
        f"{key} {text} of group {group!r} changes nothing: {section}.{key} is {text} too; drop it, or mend it"
    )


CHECKS = (twins, group_at_zero, lost_ratio, idle_override)
