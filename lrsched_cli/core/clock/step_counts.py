"""Counts of steps in other units, turned into whole numbers before anything else looks at the settings."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from lrsched_cli.core.clock.clock import Clock
from lrsched_cli.core.clock.run_length import RunLength, run_length
from lrsched_cli.core.clock.timeline import Timeline
from lrsched_cli.core.clock.units import SHARE, Quantity, quantity
from lrsched_cli.core.families import family_of
from lrsched_cli.core.messages import keys_of, message_for
from lrsched_cli.core.sections import MAX_STEPS, OWN_SCHEDULER, BatchPhase, batch_phases
from lrsched_cli.core.yaml_tree import Node

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lrsched_cli.core.families.family import Path
    from lrsched_cli.core.yaml_tree import Position
    from lrsched_cli.errors import Problem

_FROM_1 = {"steps", "steps_per_epoch", "until", "T_0", "T_max", "step_size", "total_steps"}
_STANDS_IN = 1  # for a count that cannot be worked out; whoever reads it on learns of the reason alone


@dataclass(frozen=True, slots=True)
class WrittenCount:
    """A count of steps that was written in another unit."""

    text: str
    value: int
    """In scheduler steps; ``until`` and ``steps`` in updates."""
    exact: bool
    """Whether the amount is reached at the end of a step, with nothing rounded."""


@dataclass
class StepCounts:
    """What the pass found: the counts as they were written, and what is wrong with them."""

    written: dict[Path, WrittenCount] = field(default_factory=dict)
    run: RunLength | None = None
    problems: list[Problem] = field(default_factory=list)
    stand_ins: list[Position] = field(default_factory=list)
    """Where a count that cannot be worked out has been replaced."""


def resolve_step_counts(root: Node) -> StepCounts:
    """Replace each count in another unit, and ``steps`` as a mapping, by its whole number.

    Parts of a wrong kind are passed over: the models tell of them.
    """
    counts = StepCounts()
    data = root.plain()
    found = dict(_quantities(data, root, counts))
    stated = data.get("steps")
    if found or isinstance(stated, dict):
        _Pass(root, data, found, counts).run()
    return counts


def batch_phase(stated: Any) -> BatchPhase | None:
    """A phase of the batch plan without its end; None where it is none."""
    if not isinstance(stated, dict):
        return None
    try:
        return BatchPhase.model_validate({key: one for key, one in stated.items() if key != "until"})
    except ValidationError:
        return None


def _quantities(data: Mapping[str, Any], root: Node, counts: StepCounts) -> Iterator[tuple[Path, Quantity]]:
    """Every count of steps that is written in another unit, and where."""
    for path in _places(data):
        text = _at(data, path)
        if isinstance(text, str):
            try:
                found = quantity(text)
            except ValueError as error:
                _tell(root, counts, path, str(error))
                _stand_in(root, counts, path)
            else:
                if found is not None:
                    yield path, found


def _places(data: Mapping[str, Any]) -> Iterator[Path]:
    """Every place where a count of steps can stand."""
    yield ("steps",)
    yield ("steps_per_epoch",)
    plan, groups = data.get("batch_size"), data.get("param_groups")
    if isinstance(plan, dict):
        yield ("batch_size", "until")
    for index, phase in enumerate(plan if isinstance(plan, list) else ()):
        if isinstance(phase, dict):
            yield ("batch_size", index, "until")
    scheduler = data.get("scheduler")
    if isinstance(scheduler, dict):
        kind = scheduler.get("type", OWN_SCHEDULER)
        if isinstance(kind, str):
            yield from family_of(kind).step_counts(scheduler, ("scheduler",))
    for index, group in enumerate(groups if isinstance(groups, list) else ()):
        own = group.get("scheduler") if isinstance(group, dict) else None
        if isinstance(own, dict):
            yield from family_of(OWN_SCHEDULER).step_counts(own, ("param_groups", index, "scheduler"))


class _Pass:
    """The batch plan first, phase by phase, then the length of the run, then what may be a share of it."""

    def __init__(
        self, root: Node, data: Mapping[str, Any], found: dict[Path, Quantity], counts: StepCounts
    ) -> None:
        self.root, self.data, self.found, self.counts = root, data, found, counts
        self.length: Quantity | int | None = None
        self.clock: Clock | None = None

    def run(self) -> None:
        if self._read_length():
            timeline = self._timeline()
            if timeline is not None or not batch_phases(self.data.get("batch_size")):
                self.clock = self._clock(timeline)
        self._resolve_steps()
        if self.data.get("step_every") == "epoch":
            self._fill_steps_per_epoch()
        for path, wanted in self.found.items():
            if path not in self.counts.written and path != ("steps",):
                stride = self._updates_per_step() if path[0] in {"scheduler", "param_groups"} else 1
                self._resolve(path, wanted, stride)

    def _read_length(self) -> bool:
        """Whether what the file says of it, if anything, can be used."""
        stated = self.data.get("steps")
        try:
            if isinstance(stated, dict):
                self.counts.run = RunLength.model_validate(stated)
            elif ("steps",) in self.found:
                self.counts.run = run_length(self.found["steps",])
            elif isinstance(stated, int) and not isinstance(stated, bool) and stated > 0:
                self.length = stated
        except ValidationError as error:
            for one in error.errors():
                path = ("steps", *keys_of(one))
                at_key = one["type"] == "extra_forbidden"
                message = message_for(one, RunLength)
                self.counts.problems.append(self.root.problem_at(path, message, at_key=at_key))
            return False
        except ValueError as error:
            self._problem(("steps",), str(error))
            return False
        if self.counts.run is not None:
            self.length = self.counts.run.length
        return True

    def _clock(self, timeline: Timeline | None) -> Clock:
        run, length = self.counts.run, self.length
        known = length if isinstance(length, int) else None
        if run is None:
            return Clock(timeline, updates=known)
        return Clock(timeline, run.tokens_per_sample, run.rounding, known)

    def _timeline(self) -> Timeline | None:
        """The batch plan with its ends resolved; None where there is none, or none that can be used."""
        run = self.counts.run
        timeline = Timeline(*((run.dataset_size, run.loading) if run is not None else ()))
        stated = batch_phases(self.data.get("batch_size"))
        if not stated:
            return None
        before = 0
        for index, one in enumerate(stated if isinstance(stated, tuple) else ()):
            phase = batch_phase(one)
            path = ("batch_size", index) if isinstance(self.data["batch_size"], list) else ("batch_size",)
            if phase is None:
                return None
            try:
                timeline.begin(phase.device_plan)
            except ValueError as error:
                self._problem(path, str(error))
                return None
            if index + 1 < len(stated):
                until = self._until((*path, "until"), one.get("until"), timeline, before)
                if until is None or until <= before:
                    return None
                timeline.end(until)
                before = until
        return timeline

    def _until(self, path: Path, stated: Any, timeline: Timeline, since: int) -> int | None:
        wanted = self.found.get(path)
        if wanted is not None and wanted.unit == SHARE and isinstance(self.length, Quantity):
            decides = "since the batch plan itself decides it; write epochs, samples or tokens"
            self._fail(path, f"{wanted.text} of a run whose length is not known by then, {decides}")
            return None
        if wanted is not None:
            self.clock = self._clock(timeline)
            self._resolve(path, wanted, 1, since)
            self.clock = None
            resolved = self.counts.written.get(path)
            return resolved.value if resolved is not None else None
        return stated if isinstance(stated, int) and not isinstance(stated, bool) else None

    def _resolve_steps(self) -> None:
        clock, wanted = self.clock, self.length
        if clock is None or wanted is None:
            if isinstance(self.data.get("steps"), dict) or ("steps",) in self.found:
                self._replace(("steps",), None)
            return
        if isinstance(wanted, int):
            self._replace(("steps",), wanted)
            return
        self._resolve(("steps",), wanted, 1)
        self.clock = None
        resolved = self.counts.written.get(("steps",))
        if resolved is not None and resolved.value > MAX_STEPS:
            come_to = f"{wanted.text} come to {resolved.value:,} updates"
            self._fail(("steps",), f"{come_to}; a dry run has {MAX_STEPS:,} at most")
        elif resolved is not None:
            self.clock = replace(clock, updates=resolved.value)

    def _fill_steps_per_epoch(self) -> None:
        """An epoch's updates, where the clock knows them; a stated number must be the same."""
        clock, path = self.clock, ("steps_per_epoch",)
        if clock is None and self.data.get("steps_per_epoch") is None:  # what is missing has been told
            self.root.value["steps_per_epoch"] = Node(_STANDS_IN, self.root.position)
        line = clock.timeline if clock is not None else None
        if clock is None or line is None or line.dataset_size is None or not clock.updates:
            return
        counted = line.updates_per_epoch(clock.updates)
        stated = self.data.get("steps_per_epoch")
        if len(counted) > 1:
            several = " and ".join(f"{one:,}" for one in sorted(counted))
            message = f"is for epochs of one length; by the batch plan they have {several} updates"
            self._problem(("step_every",), message)
        elif stated is None:
            position = self.root.value["steps"].position
            self.root.value["steps_per_epoch"] = Node(counted.pop(), position)
        elif isinstance(stated, int) and stated not in counted:
            message = f"is {stated:,}, but by data set and batch plan an epoch has {counted.pop():,} updates"
            self._problem(path, message)

    def _updates_per_step(self) -> int:
        if self.data.get("step_every") != "epoch":
            return 1
        node = self.root.value.get("steps_per_epoch")
        stated = node.value if node is not None else None
        return stated if isinstance(stated, int) and stated > 0 else 1

    def _resolve(self, path: Path, wanted: Quantity, updates_per_step: int, since: int = 0) -> None:
        if self.clock is None:  # the batch plan is of no use, and said so
            self._stand_in(path)
            return
        try:
            steps = self.clock.count(wanted, updates_per_step, since)
            exact = self.clock.is_exact(wanted, steps, updates_per_step)
        except ValueError as error:
            self._fail(path, str(error))
            return
        if not steps and wanted.amount and path[-1] in _FROM_1:
            self._fail(path, f"{wanted.text} is rounded to 0 steps; it must be 1 or more")
            return
        self.counts.written[path] = WrittenCount(wanted.text, steps, exact)
        self._replace(path, steps)

    def _fail(self, path: Path, message: str) -> None:
        self._problem(path, message)
        self._stand_in(path)

    def _problem(self, path: Path, message: str) -> None:
        self.counts.problems.append(self.root.problem_at(path, message))

    def _stand_in(self, path: Path) -> None:
        _stand_in(self.root, self.counts, path)

    def _replace(self, path: Path, value: int | None) -> None:
        _replace(self.root, path, value)


def _stand_in(root: Node, counts: StepCounts, path: Path) -> None:
    """Put a number in the place of a count; neither it nor a list that it stands in is anybody's mistake."""
    nodes = [node for _, node in root.steps_to(path)]
    counts.stand_ins += [
        one.position for one in nodes[-2:] if one is nodes[-1] or isinstance(one.value, list)
    ]
    _replace(root, path, _STANDS_IN)


def _replace(root: Node, path: Path, value: int | None) -> None:
    """Another value in the place of a node, which stays as it is where an alias names it too."""
    nodes = [root, *(node for _, node in root.steps_to(path))]
    holder, key = nodes[-2].value, path[-1]
    holder[key] = Node(value, nodes[-1].position)


def _tell(root: Node, counts: StepCounts, path: Path, message: str) -> None:
    counts.problems.append(root.problem_at(path, message))


def _at(data: Any, path: Path) -> Any:
    for part in path:
        data = data.get(part) if isinstance(data, dict) else data[part] if isinstance(part, int) else None
    return data
