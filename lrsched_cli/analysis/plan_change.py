"""Another batch plan for the same schedule: how long the run is then, and its LRs by each batch rule."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lrsched_cli.analysis.summary import summarize
from lrsched_cli.analysis.trace import dry_run
from lrsched_cli.core.factors import batch_factor
from lrsched_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lrsched_cli.analysis.summary import GroupSummary, LRAt
    from lrsched_cli.analysis.trace import Trace
    from lrsched_cli.core.config import Schedule

RULES = ("linear", "sqrt", "blend")
NEW = "new"


@dataclass(frozen=True, slots=True)
class GroupUnderRule:
    """A param group's LRs under the present plan and under the new one, both by the same rule."""

    group: str
    peak_now: LRAt
    peak_new: LRAt
    final_now: LRAt
    final_new: LRAt
    ratio: float
    """New peak by present peak; NaN where that is 0."""


@dataclass(frozen=True, slots=True)
class RuleChange:
    """What a batch rule makes of the new plan."""

    rule: str
    is_the_files: bool
    """By which the file's scheduler goes, and with the changes."""
    is_the_changed_ones: bool
    factor_now: float
    """The rule's factor for the full batch of the present plan, and of the new one."""
    factor_new: float
    groups: tuple[GroupUnderRule, ...]


@dataclass(frozen=True, eq=False)
class PlanChange:
    """The dry run as the file has it, those of the new plan by rule, and the rules in numbers.

    Without a batch size no rule applies: the new run stands alone in ``by_rule``, under ``NEW``.
    """

    now: Trace
    by_rule: Mapping[str, Trace]
    rules: tuple[RuleChange, ...]

    @property
    def new(self) -> Trace:
        """A run under the new plan; its length is the same by every rule."""
        return next(iter(self.by_rule.values()))


def plan_override(schedule: Schedule, changes: Mapping[str, int]) -> str:
    """The batch plan with some of ``per_device``, ``devices`` and ``accumulate`` changed, as an override.

    Raises UsageError for a schedule without a batch plan, and for one that only gives sizes.
    """
    names = ", ".join(f"--{key.replace('_', '-')}" for key in changes)
    if not schedule.batch_size:
        raise UsageError(f"{names}: {schedule.name} has no batch_size to change")
    phases = []
    for index, phase in enumerate(schedule.batch_size):
        if phase.size is not None:
            raise UsageError(
                f"{names}: {schedule.name} gives its batch size as {phase.size:,}; write it as "
                "{per_device: ..., devices: ..., accumulate: ...}"
            )
        plan = phase.device_plan._asdict() | dict(changes)
        until: dict[str, Any] = {} if phase.until is None else {"until": _until(schedule, index)}
        phases.append(until | plan)
    return f"batch_size={json.dumps(phases)}"


def plan_label(schedule: Schedule) -> str:
    """The batch plan in a few words: ``16 × 8 × 4 = 512``, of a growing one the last phase."""
    if not schedule.batch_size:
        return "no batch size"
    plan = schedule.batch_size[-1].device_plan
    product = " × ".join(f"{one:,}" for one in plan)
    text = f"{plan.size:,}" if schedule.batch_size[-1].size else f"{product} = {plan.size:,}"
    return text if len(schedule.batch_size) == 1 else f"… {text}"


def _until(schedule: Schedule, index: int) -> int | str | None:
    """The end of a phase in the unit in which it is written: under another plan it is another update."""
    written = schedule.written_counts.get(("batch_size", index, "until"))
    return schedule.batch_size[index].until if written is None else written.text


def plan_change(now: Schedule, new: Schedule, step: Callable[[Schedule], Trace] = dry_run) -> PlanChange:
    """Step the schedule as it is, and under both plans by each of the three rules.

    This package's scheduler runs with ``batch_size_mode`` set to the rule. Another library's knows of no
    batch size: all its LRs are multiplied by the rule's factor, for the new full batch over the present one.

    Raises what ``dry_run`` raises.
    """
    runs = {schedule.fingerprint: step(schedule) for schedule in (now, new)}
    present = runs[now.fingerprint]
    if not (now.batch_size and new.batch_size):
        return PlanChange(present, {NEW: runs[new.fingerprint]}, ())
    of_now, of_new = _rule_of(now), _rule_of(new)
    by_rule, rules = {}, []
    for rule in RULES:
        factors = _factors(now, new, rule)
        before, by_rule[rule] = (
            _by_rule(schedule, rule, factor, runs, step)
            for schedule, factor in zip((now, new), factors, strict=True)
        )
        groups = tuple(map(_group, summarize(before), summarize(by_rule[rule])))
        rules.append(RuleChange(rule, rule == of_now, rule == of_new, *factors, groups))
    return PlanChange(present, by_rule, tuple(rules))


def _rule_of(schedule: Schedule) -> str | None:
    rule: str | None = schedule.family.setting((schedule, None), "batch_size_mode")
    return rule


def _factors(now: Schedule, new: Schedule, rule: str) -> tuple[float, float]:
    """The rule's factor for the full batch of each: over its base, else over the present full batch."""
    before, after = _full_batch(now), _full_batch(new)
    bases = [one.family.setting((one, None), "base_batch_size") or before for one in (now, new)]
    return float(batch_factor(before, bases[0], rule)), float(batch_factor(after, bases[1], rule))


def _by_rule(
    schedule: Schedule, rule: str, factor: float, runs: dict[str, Trace], step: Callable[[Schedule], Trace]
) -> Trace:
    """The run by a rule; ``runs`` are those that have been made, by their settings, and it joins them."""
    scheduled = schedule.family.with_batch_rule(schedule, rule)
    if scheduled is None:
        plain = runs[schedule.fingerprint]
        return replace(plain, lr=plain.lr * factor)
    if scheduled.fingerprint not in runs:
        runs[scheduled.fingerprint] = step(scheduled)
    return runs[scheduled.fingerprint]


def _full_batch(schedule: Schedule) -> int:
    """The largest batch of the plan: where it grows, the one that it grows to."""
    return max(phase.effective_size for phase in schedule.batch_size)


def _group(now: GroupSummary, new: GroupSummary) -> GroupUnderRule:
    ratio = new.peak.lr / now.peak.lr if now.peak.lr else math.nan
    return GroupUnderRule(now.name, now.peak, new.peak, now.final, new.final, ratio)
