"""Files in, findings out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lrsched_cli.analysis.checks import CHECKS
from lrsched_cli.analysis.checks.comments import FORM, Ignored, ignored_in, text_of
from lrsched_cli.analysis.checks.finding import INVALID, Finding
from lrsched_cli.analysis.plan import plan_of
from lrsched_cli.core.config import load_schedule
from lrsched_cli.core.messages import did_you_mean
from lrsched_cli.errors import ExpressionError, ScheduleFileError, StepError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lrsched_cli.analysis.checks.rule import Found, Rule
    from lrsched_cli.analysis.plan import Plan
    from lrsched_cli.analysis.trace import Trace
    from lrsched_cli.core.config import Schedule
    from lrsched_cli.core.families.family import Path

BAD_COMMENT, IDLE_COMMENT = "LRS001", "LRS002"
"""Codes of what is wrong with the comments that ignore findings."""

OF_COMMENTS = {
    BAD_COMMENT: "A comment that is to ignore a finding, without codes or without a reason.",
    IDLE_COMMENT: "A comment that ignores a finding which is not there.",
}


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in some files.

    ``findings`` count, in the order of the files and inside each by place; ``ignored`` are those which the
    files themselves give a reason for. ``invalid`` are the files that could not be checked.
    """

    files: tuple[str, ...]
    findings: tuple[Finding, ...]
    ignored: tuple[Finding, ...]
    invalid: tuple[str, ...]

    def count(self, severity: str) -> int:
        """How many findings of a severity there are."""
        return sum(one.severity == severity for one in self.findings)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rules are asked: all, or those of ``select``, without those of ``ignore``."""

    select: frozenset[str] = frozenset()
    ignore: frozenset[str] = frozenset()

    def has(self, code: str) -> bool:
        """Whether findings of a code are wanted. An invalid file is told of in any case."""
        return code == INVALID or ((not self.select or code in self.select) and code not in self.ignore)

    @classmethod
    def of(cls, select: Iterable[str], ignore: Iterable[str]) -> Selection:
        """From what a caller says: codes, or several with commas between. Raises UsageError for others."""
        return cls(frozenset(_codes("--select", select)), frozenset(_codes("--ignore", ignore)))


EVERY_RULE = Selection()


def check_files(
    configs: Sequence[str],
    *,
    overrides: Sequence[str] = (),
    trust: bool = False,
    selection: Selection = EVERY_RULE,
    every_step: bool = False,
) -> Checked:
    """Check schedules, each given as ``load_schedule`` takes it."""
    findings: list[Finding] = []
    invalid: list[str] = []
    for config in configs:
        try:
            schedule = load_schedule(config, overrides=overrides, trust=trust)
            findings += findings_of(schedule, selection=selection, every_step=every_step)
        except ScheduleFileError as error:
            invalid.append(config)
            findings += [
                Finding(
                    one.file, one.line, one.column, INVALID, "error", one.message, one.key, schedule=config
                )
                for one in error.problems
            ]
    return Checked(
        tuple(configs),
        tuple(one for one in findings if not one.reason),
        tuple(one for one in findings if one.reason),
        tuple(invalid),
    )


def findings_of(
    schedule: Schedule,
    *,
    trace: Trace | None = None,
    selection: Selection = EVERY_RULE,
    every_step: bool = False,
) -> list[Finding]:
    """What the rules find in a schedule, sorted by place; those that its file gives a reason for carry it.

    ``trace`` is its dry run, if there has been one. Raises ScheduleFileError where there is no curve to look
    at.
    """
    plan = plan_of(schedule, trace, every_step=every_step)
    rules = [one for one in CHECKS if selection.has(one.code)]
    if not plan.steps:  # no LR at any step
        rules = [one for one in rules if one.code == "LRS022"]
    found = _Found(schedule)
    for rule in rules:
        for path, message in _asked(rule, plan):
            found.add(rule, path, message)
    return sorted(_with_reasons(found, selection))


class _Found:
    """The findings of a schedule, each with the lines at which a comment may give a reason for it."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.file = schedule.problem_at((), "").file
        self.lines: dict[Finding, set[int]] = {}

    def add(self, rule: Rule, path: Path, message: str) -> None:
        """At the setting's value; of a mapping or list that begins in a line below its key, at the key."""
        value, key = (self.schedule.problem_at(path, message, at_key=at_key) for at_key in (False, True))
        at = key if key.file == value.file and key.line < value.line else value
        one = Finding(
            at.file, at.line, at.column, rule.code, rule.severity, message, at.key, schedule=self.file
        )
        self.lines[one] = {at.line, value.line}


def _asked(rule: Rule, plan: Plan) -> list[Found]:
    """What a rule finds; nothing where it needs an LR that a formula does not give, of which LRS022 tells."""
    try:
        return list(rule.check(plan))
    except (StepError, ExpressionError):
        return []


def _with_reasons(found: _Found, selection: Selection) -> Iterator[Finding]:
    """The findings, with the reasons that comments give for them, and what is wrong with the comments.

    A comment at ``extends`` is for what is found in the file that is extended.
    """
    here = found.file
    comments = {
        file: ignored_in(_text(found.schedule, file)) for file in {here, *(one.file for one in found.lines)}
    }
    used: set[tuple[Ignored, str]] = set()
    for finding, lines in found.lines.items():
        near = [one for one in comments[finding.file] if one.line in lines]
        inherited = [one for one in comments[here] if one.at_extends and finding.file != here]
        comment = next((one for one in [*near, *inherited] if finding.code in one.codes), None)
        if comment is None:
            yield finding
        else:
            used.add((comment, finding.code))
            yield replace(finding, reason=comment.reason)
    for comment in comments[here]:
        yield from _of_comment(comment, here, used, selection)


def _of_comment(
    comment: Ignored, file: str, used: set[tuple[Ignored, str]], selection: Selection
) -> Iterator[Finding]:
    if not comment.codes and selection.has(BAD_COMMENT):
        message = f"this comment ignores nothing: it needs a code and a reason, as in {FORM}"
        yield Finding(file, *comment.at, BAD_COMMENT, "warning", message)
    for code in comment.codes:
        if (comment, code) not in used and selection.has(code) and selection.has(IDLE_COMMENT):
            message = f"{code} is not found in line {comment.line}; drop it from this comment"
            yield Finding(file, *comment.at, IDLE_COMMENT, "warning", message)


def _text(schedule: Schedule, file: str) -> str:
    origin = schedule.origin
    if file == "<stdin>":
        return (origin.stdin if origin else None) or ""
    return text_of(file)


def rule_of(code: str) -> Rule | None:
    """The rule with a code; None for the codes of files and comments."""
    return next((one for one in CHECKS if one.code == code), None)


def _codes(option: str, given: Iterable[str]) -> Iterator[str]:
    known = [*(one.code for one in CHECKS), *OF_COMMENTS]
    for code in (part.strip() for text in given for part in text.split(",")):
        if code == INVALID:
            raise UsageError(f"{option} {code}: what makes a file unusable is always told of")
        if code not in known:
            raise UsageError(f"{option} {code}: there is no such rule{did_you_mean(code, known)}")
        yield code
