"""A rule: one function that looks at a plan, and a docstring that says all there is to say about it."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lrsched_cli.analysis.checks.finding import Severity
    from lrsched_cli.analysis.plan import Plan
    from lrsched_cli.core.families.family import Path

    Found = tuple[Path, str]
    Check = Callable[[Plan], Iterator[Found]]

_TRIGGERS, _SILENT = "Triggers::", "Silent::"


@dataclass(frozen=True, slots=True)
class Rule:
    """A check with its code and its weight. Calling it gives places (paths of keys) and messages.

    The docstring of ``check`` begins with the title, goes on with the reason, and ends with two schedule
    files: one under ``Triggers::``, in which the rule finds something, and one under ``Silent::``, in which
    it does not.
    """

    code: str
    severity: Severity
    check: Check

    @property
    def title(self) -> str:
        """What is wrong, in one sentence."""
        return self._text.split("\n", 1)[0]

    @property
    def reason(self) -> str:
        """Why it matters, and what to do."""
        return self._text.split("\n", 1)[1].split(_TRIGGERS)[0].strip()

    @property
    def triggers(self) -> str:
        """A schedule file in which it finds something."""
        return inspect.cleandoc(self._text.split(_TRIGGERS)[1].split(_SILENT)[0]) + "\n"

    @property
    def silent(self) -> str:
        """A schedule file in which it finds nothing."""
        return inspect.cleandoc(self._text.split(_SILENT)[1]) + "\n"

    @property
    def _text(self) -> str:
        return inspect.cleandoc(self.check.__doc__ or "")


def rule(code: str, severity: Severity) -> Callable[[Check], Rule]:
    """Make a function a rule."""
    return lambda check: Rule(code, severity, check)
