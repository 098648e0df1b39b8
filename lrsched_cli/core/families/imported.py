"""Schedulers of the user's own: ``package.module:Class``, called with the optimizer and the arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lrsched_cli.core.families.arguments import OURS, Signature, each, for_files
from lrsched_cli.core.families.library import LibraryFamily
from lrsched_cli.core.script.script import call
from lrsched_cli.core.signatures import arguments_but_the_first, inspected_arguments

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import torch

    from lrsched_cli.core.config import Schedule
    from lrsched_cli.core.families.family import Example, Finding, Path
    from lrsched_cli.core.script.script import Script

SEPARATOR = ":"


class ImportedFamily(LibraryFamily):
    """Any class, or function that gives a scheduler; imported from trusted files alone."""

    name = "your own"

    def has(self, kind: str) -> bool:
        """Whether it is written as an import."""
        return SEPARATOR in kind

    def findings(self, section: Mapping[str, Any], path: Path) -> Iterator[Finding]:
        """Nothing: what it takes is known once it is imported."""
        del section, path
        yield from ()

    def imported_findings(
        self, section: Mapping[str, Any], path: Path, imported: Mapping[str, Any]
    ) -> Iterator[Finding]:
        """What does not fit the signature of the class."""
        yield from self.checked(section, path, imported)
        yield from super().imported_findings(section, path, imported)

    def step_counts(self, section: Mapping[str, Any], path: Path) -> Iterator[Path]:
        """Any argument: nothing is known of them before the import."""
        for key, value in section.items():
            if key not in OURS:
                yield from (place for place, _ in each(value, (*path, key)))
        yield from self._counts_of_parts(section, path)

    def references(self, section: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
        """The class, and what its arguments name."""
        yield (*path, "type"), str(section["type"])
        yield from super().references(section, path)

    def signature(self, kind: str, imported: Mapping[str, Any]) -> Signature:
        """As ``inspect`` tells it, without the first argument: the optimizer."""
        made = imported[kind]
        try:
            arguments, takes_any = arguments_but_the_first(made)
        except ValueError:
            return Signature({}, open=True)
        step = getattr(made, "step", None)
        return Signature(
            for_files(arguments),
            open=takes_any,
            metric=step is not None and _needs_an_argument(step),
        )

    def construct(
        self, kind: str, optimizer: torch.optim.Optimizer, arguments: Mapping[str, Any], schedule: Schedule
    ) -> Any:
        """Call it."""
        return schedule.imported(kind)(optimizer, **arguments)

    def constructed(self, kind: str, script: Script, arguments: Mapping[str, str]) -> str:
        """The same call."""
        return call(script.reference(kind), ["optimizer"], arguments)

    def examples(self) -> Iterable[Example]:
        """None: nobody's own is known here."""
        return ()


def _needs_an_argument(step: Any) -> bool:
    try:
        arguments, _ = inspected_arguments(step)
    except (TypeError, ValueError):
        return False
    return any(one.required for key, one in arguments.items() if key != "self")
