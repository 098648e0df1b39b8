"""What the families of other libraries have in common: a file's arguments, held against a signature."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from lrsched_cli.core.families.arguments import (
    OURS,
    counts_steps,
    each,
    family_for,
    is_function,
    is_import,
    is_section,
    parts_of,
    stated_findings,
)
from lrsched_cli.core.families.family import NOT_SAVED, NOT_TOLD
from lrsched_cli.core.families.library_objects import built, written
from lrsched_cli.core.families.library_section import (
    metric_of,
    metric_text,
    plain_of,
    plain_section,
    section_of,
)
from lrsched_cli.core.families.torch_course import Part
from lrsched_cli.core.numbers_text import lr_text
from lrsched_cli.core.sections import LibraryScheduler
from lrsched_cli.core.stepping import step_problem
from lrsched_cli.errors import StepError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import torch

    from lrsched_cli.core.config import Schedule
    from lrsched_cli.core.families.arguments import Signature
    from lrsched_cli.core.families.course import Outline
    from lrsched_cli.core.families.family import Finding, Holder, Path, View
    from lrsched_cli.core.families.resume_notes import ResumeNote
    from lrsched_cli.core.script.script import Script

_IN_THE_HEADLINE = 4


class LibraryFamily:
    """A family whose types have signatures; its library's module says what they are."""

    name: str

    def names(self) -> tuple[str, ...]:
        """Every type that the installed version has."""
        return ()

    def version(self) -> str | None:
        """The installed version."""
        return None

    def missing(self) -> str:
        """Nothing: it is there."""
        return ""

    def signature(self, kind: str, imported: Mapping[str, Any]) -> Signature:
        """What a type takes. Raises ValueError, with the reason, where there is no such type."""
        raise NotImplementedError

    def docs(self, kind: str) -> Mapping[str, str]:
        """What the library says of the arguments of a type, for people who write a file."""
        del kind
        return {}

    def construct(
        self, kind: str, optimizer: torch.optim.Optimizer, arguments: Mapping[str, Any], schedule: Schedule
    ) -> Any:
        """The scheduler of a section whose arguments are objects by now."""
        raise NotImplementedError

    def constructed(self, kind: str, script: Script, arguments: Mapping[str, str]) -> str:
        """What ``construct`` does as Python source; the arguments are source already."""
        raise NotImplementedError

    def findings(self, section: Mapping[str, Any], path: Path) -> Iterator[Finding]:
        """Unknown types, unknown and missing arguments, and values of another kind."""
        yield from self.checked(section, path, {})

    def imported_findings(
        self, section: Mapping[str, Any], path: Path, imported: Mapping[str, Any]
    ) -> Iterator[Finding]:
        """What parts of the section tell that are of the user's own."""
        for place, one in parts_of(section, path):
            yield from family_for(one).imported_findings(one, place, imported)

    def references(self, section: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
        """Functions of the user's own in place of formulas, and what its parts would import."""
        for key, value in section.items():
            for place, one in each(value, (*path, key)):
                if key not in OURS and is_import(one):
                    yield (*place, "import"), one["import"]
        for place, one in parts_of(section, path):
            yield from family_for(one).references(one, place)

    def step_counts(self, section: Mapping[str, Any], path: Path) -> Iterator[Path]:
        """Whole numbers but multipliers, lists entry by entry, and those of its parts."""
        try:
            known = self.signature(str(section["type"]), {})
        except ValueError:
            return  # findings() tells of it
        for key, value in section.items():
            if key in known.arguments and counts_steps(known.arguments[key]):
                yield from (place for place, _ in each(value, (*path, key)))
        yield from self._counts_of_parts(section, path)

    def settings(self, schedule: Schedule) -> dict[str, Any]:
        """Type and arguments, with the defaults that the signature tells; parts under their place."""
        section = section_of(schedule)
        metric = {} if section.metric is None else {"metric": metric_text(section.metric)}
        return {**self._settings(plain_of(section), schedule), **metric}

    def setting(self, holder: Holder, key: str) -> Any:
        """One of them, which is that of all groups."""
        return self.settings(holder[0]).get(key)

    def with_batch_rule(self, schedule: Schedule, rule: str) -> Schedule | None:
        """Other libraries' schedulers know nothing of a batch size."""
        del schedule, rule
        return None

    def with_setting(self, holder: Holder, key: str, other: Holder) -> Schedule | None:
        """The schedule with another one's value of a setting; None for another type, of a part as well."""
        schedule, section = holder[0], section_of(holder[0])
        theirs = other[0].scheduler
        if key == "type" or not isinstance(theirs, LibraryScheduler) or theirs.type != section.type:
            return None
        if key == "metric":
            changed = section.model_copy(update={"metric": theirs.metric})
            return schedule.model_copy(update={"scheduler": changed})
        try:
            stated = _with_value(plain_of(section), key.split("."), plain_of(theirs))
        except LookupError:  # the parts are not as many, or of other types
            return None
        if any(self.checked(stated, ("scheduler",), schedule.all_imported)):
            return None
        stated["metric"] = section.metric
        return schedule.model_copy(update={"scheduler": LibraryScheduler(**stated)})

    def restored_setting(self, state: Mapping[str, Any], key: str, saved: Holder, restored: Holder) -> Any:
        """The attribute of that name, which is what other libraries save; never a formula."""
        del saved
        schedule = restored[0]
        return (
            NOT_SAVED
            if key == "metric"
            else self.restored_argument(plain_section(schedule), state, key.split("."), schedule)
        )

    def restored_argument(
        self, section: Mapping[str, Any], state: Mapping[str, Any], path: Sequence[str], schedule: Schedule
    ) -> Any:
        """The same for a section or a part of one: ``path`` leads from it to an argument."""
        key, *rest = path
        found = state.get(key, state.get(f"_{key}", NOT_TOLD))
        if rest:
            at, *inner = rest
            parts, states = (
                dict(enumerate(one)) if isinstance(one, list) else {} for one in (section.get(key), found)
            )
            if int(at) not in parts.keys() & states.keys():
                return NOT_TOLD
            part = parts[int(at)]
            return family_for(part).restored_argument(part, states[int(at)], inner, schedule)
        known = self.signature(str(section["type"]), schedule.all_imported).arguments
        if key in known and is_function(known[key]):
            return NOT_SAVED
        return sorted(found.elements()) if isinstance(found, Counter) else found

    def headline(self, schedule: Schedule) -> list[str]:
        """The type and its first arguments."""
        return self._phrases(schedule)[: _IN_THE_HEADLINE + 1]

    def further_settings(self, schedule: Schedule) -> list[str]:
        """The other arguments."""
        return self._phrases(schedule)[_IN_THE_HEADLINE + 1 :]

    def scheduler_steps(self, schedule: Schedule) -> int | None:
        """Only the file can say."""
        del schedule
        return None

    def course(self, schedule: Schedule) -> Outline | None:
        """None where nothing is known of the section; without LRs where it has no closed form."""
        section = plain_section(schedule)
        base = tuple(schedule.base_lr(group) for group in schedule.param_groups)
        try:
            return self.course_of(part_of(section, ("scheduler",), base, schedule))
        except (ArithmeticError, LookupError, TypeError, ValueError):
            return None  # settings that the library refuses, and tells of when it is built

    def course_of(self, part: Part) -> Outline | None:
        """What is known of a section: the closed form, where there is one."""
        del part
        return None

    def resume_notes(self, schedule: Schedule) -> Iterator[ResumeNote]:
        """Nothing is known of types that nobody has measured."""
        del schedule
        yield from ()

    def try_out(self, schedule: Schedule, scheduler_steps: int) -> None:
        """Evaluate the metric at every step."""
        if section_of(schedule).metric is not None:
            metric = metric_of(schedule)
            for step in range(1, scheduler_steps + 1):
                metric(step)

    def build(self, schedule: Schedule, optimizer: torch.optim.Optimizer) -> Any:
        """The scheduler over ``optimizer``, its parts first."""
        section = section_of(schedule)
        try:
            return built(plain_of(section), ("scheduler",), optimizer, schedule)
        except StepError as error:
            raise step_problem(schedule, error) from None

    def written(self, schedule: Schedule, script: Script) -> str:
        """The library's own class, its parts inside."""
        return written(plain_section(schedule), schedule, script)

    def stepper(self, schedule: Schedule) -> Callable[[Any, int, float | None], object]:
        """``step()``, or ``step(metric)`` where the type takes one."""
        if section_of(schedule).metric is None:
            return lambda scheduler, *_: scheduler.step()
        metric = metric_of(schedule)
        return lambda scheduler, number, _: scheduler.step(metric(number))

    def view(self, scheduler: Any) -> View | None:
        """Other libraries' schedulers say nothing but LRs."""
        del scheduler
        return None

    def kind_of_state(self, state: Mapping[str, Any]) -> str:
        """States that could be any type's say nothing."""
        del state
        return ""

    def checked(
        self, section: Mapping[str, Any], path: Path, imported: Mapping[str, Any]
    ) -> Iterator[Finding]:
        """What does not fit the signature; ``imported`` is what the file names of the user's own."""
        try:
            signature = self.signature(str(section["type"]), imported)
        except ValueError as error:
            yield (*path, "type"), str(error), False
        else:
            yield from stated_findings(section, path, signature)

    def _counts_of_parts(self, section: Mapping[str, Any], path: Path) -> Iterator[Path]:
        for place, one in parts_of(section, path):
            yield from family_for(one).step_counts(one, place)

    def _settings(self, section: Mapping[str, Any], schedule: Schedule) -> dict[str, Any]:
        known = self.signature(str(section["type"]), schedule.all_imported).arguments
        defaults = {key: one.default for key, one in known.items() if one.default is not ...}
        found: dict[str, Any] = {}
        for key, value in {**section, **{k: v for k, v in defaults.items() if k not in section}}.items():
            parts = [one for _, one in each(value, ())]
            if any(is_section(one) for one in parts):
                for index, one in enumerate(parts):
                    inner = family_for(one)._settings(one, schedule)
                    found |= {f"{key}.{index}.{name}": setting for name, setting in inner.items()}
            else:
                found[key] = value["import"] if is_import(value) else value
        return found

    def _phrases(self, schedule: Schedule) -> list[str]:
        section = section_of(schedule)
        stated = {key: value for key, value in plain_of(section).items() if key != "type"}
        metric = [] if section.metric is None else [f"metric {metric_text(section.metric)}"]
        return [section.type, *(_phrase(key, value) for key, value in stated.items()), *metric]


def part_of(section: Mapping[str, Any], path: Path, base: tuple[float, ...], schedule: Schedule) -> Part:
    """A section with the defaults that the signature tells, its parts made first."""
    kind = str(section["type"])
    known = family_for(section).signature(kind, schedule.all_imported).arguments
    defaults = {key: one.default for key, one in known.items() if one.default is not ...}
    arguments = {**defaults, **{key: value for key, value in section.items() if key not in OURS}}
    inner = [part_of(one, at, base, schedule) for at, one in parts_of(section, path)]
    return Part(kind, arguments, path, base, inner, _default_lr(schedule))


def _default_lr(schedule: Schedule) -> float | None:
    """The LR that the optimizer has besides those of its groups."""
    if schedule.optimizer.lr is not None:
        return schedule.optimizer.lr
    try:
        default = schedule.optimizer_arguments["lr"].default
    except (LookupError, ValueError):  # a class of the user's own
        return None
    return float(default) if isinstance(default, int | float) else None


def _with_value(section: Any, path: Sequence[str], other: Any) -> Any:
    """A section with another one's value at a place; without one where the other has none."""
    part, *rest = path
    if isinstance(section, list) and isinstance(other, list):
        at = int(part)
        changed = _with_value(section[at], rest, other[at])
        return [changed if i == at else one for i, one in enumerate(section)]
    if rest:
        return {**section, part: _with_value(section[part], rest, other[part])}
    kept = {key: value for key, value in section.items() if key != part}
    return {**kept, part: other[part]} if part in other else kept


def _phrase(key: str, value: Any) -> str:
    parts = [_shown(one) for _, one in each(value, ())]
    joined = " → ".join(parts) if any(is_section(one) for _, one in each(value, ())) else ", ".join(parts)
    return f"{key} {joined}"


def _shown(value: Any) -> str:
    if is_section(value):
        return str(value["type"])
    if is_import(value):
        return str(value["import"])
    return lr_text(value) if isinstance(value, float) else str(value)
