"""The matrix of schedulers and ways to restore: for a terminal of 80 columns, and as Markdown for a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from lrsched_cli.analysis.conformance import BASE_LRS, SAVE_AT
from lrsched_cli.analysis.resume.recipes import COMPLETE
from lrsched_cli.core.numbers_text import whole_text
from lrsched_cli.report.tables import plain_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from lrsched_cli.analysis.conformance import Configuration, ConformanceReport, Library, Verdict

BEGIN = "<!-- made by: lrsched conformance --out FILE.md -->"
END = "<!-- end of what it made -->"

MOST_PLACES_TOLD = len(SAVE_AT) // 2
_SHORT = {"LRs exact": "LRs", "first update only": "1st", "permanent": "perm."}
_LEGEND = (
    "exact: everything, bit for bit",
    "LRs: every number of the param groups, not all other state",
    "1st: the first update is wrong · late: right at first · heals: right at the end",
    "perm.: wrong from the first to the last · fails: not restored · n/a: not tried",
)
_LONGEST_WORD = 6


def conformance_parts(report: ConformanceReport) -> list[RenderableType]:
    """The whole report: what was run, a table for each library, and what it comes to."""
    parts: list[RenderableType] = [Text(line) for line in _what_was_run(report)]
    columns, alike = _columns(report)
    for library, rows in _by_library(report):
        parts += ["", _title(library), _table(rows, columns)]
    if report.configurations:
        parts += ["", *map(Text, _LEGEND)]
    parts += [Text(line) for line in (*alike, *_not_applicable(report))]
    return [*parts, "", *map(Text, (*_absent(report), *_verdict(report)))]


def conformance_markdown(report: ConformanceReport) -> str:
    """The same as Markdown, with the largest differences and where they are; it ends in a line break."""
    columns, alike = _columns(report)
    lines = [f"Measured with {_versions(report)}."]
    for library, rows in _by_library(report):
        head = ["scheduler", *(f"`{name}`" for name in columns)]
        lines += ["", f"**{library.name}**", "", _line(head), _line(["---"] * len(head))]
        lines += [_line([_code(one), *(_cell(one.verdict(name)) for name in columns)]) for one in rows]
    below = [*alike, *_not_applicable(report), *_absent(report)]
    return "\n".join([*lines, "", *(f"- {_escaped(line)}" for line in below)]).rstrip() + "\n"


def with_table(page: str, made: str) -> str | None:
    """A page with another table between its two marks; None where it has no marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    return f"{before}{BEGIN}\n{made}{END}{after}" if begin and end else None


def page_of(made: str) -> str:
    """A page of the table alone, with the marks around it."""
    return f"{BEGIN}\n{made}{END}\n"


def _what_was_run(report: ConformanceReport) -> Iterator[str]:
    count = len(report.configurations)
    yield f"{whole_text(count)} configuration{'s' * (count != 1)}, by {_versions(report, own=True)}"
    groups = " and ".join(map(str, BASE_LRS))
    yield f"Each over two param groups (base LRs {groups}), saved after updates"
    yield f"{_listed(SAVE_AT)}, restored in this process and trained to the end."


def _versions(report: ConformanceReport, *, own: bool = False) -> str:
    """The libraries that took part, without their builds' own parts; ``own``: this package as well."""
    took_part = {one.family for one in report.configurations}
    here = [one for one in report.libraries if one.name in took_part and (own or not _is_own(one))]
    return ", ".join(f"{one.name} {str(one.version).partition('+')[0]}" for one in here) or "lrsched alone"


def _is_own(library: Library) -> bool:
    return library.name == "lrsched"


def _by_library(report: ConformanceReport) -> Iterator[tuple[Library, list[Configuration]]]:
    for library in report.libraries:
        rows = [one for one in report.configurations if one.family == library.name]
        if rows:
            yield library, rows


def _title(library: Library) -> Text:
    return Text(f"{library.name} {library.version}")


def _columns(report: ConformanceReport) -> tuple[list[str], list[str]]:
    """The recipes that tell schedulers apart, and a line for each that does as well with all of them."""
    columns, alike = [], []
    for name in report.recipes:
        cells = {_cell(one.verdict(name)) for one in report.configurations}
        if name != COMPLETE and len(report.configurations) > 1 and cells in ({"exact"}, {"LRs exact"}):
            alike.append(f"{name}: {cells.pop()} in every row.")
        else:
            columns.append(name)
    return columns, alike


def _table(rows: Sequence[Configuration], columns: Sequence[str]) -> Table:
    table = plain_table("setting")
    table.columns[0].header = Text("scheduler")
    for name in columns:
        table.add_column(Text(_heading(name)), justify="right", no_wrap=True)
    for row in rows:
        cells = (_SHORT.get(one.outcome, one.outcome) for one in map(row.verdict, columns))
        table.add_row(Text(_label(row)), *cells)
    return table


def _heading(recipe: str) -> str:
    r"""A recipe's name in two lines of six letters.

    >>> _heading("optimizer-first"), _heading("complete"), _heading("optimizer-only-2")
    ('optim.\nfirst', 'compl.', 'optim.\nonly 2')
    """
    words = [
        one if len(one) <= _LONGEST_WORD else f"{one[: _LONGEST_WORD - 1]}." for one in recipe.split("-")
    ]
    return "\n".join(filter(None, (words[0], " ".join(words[1:]))))


def _label(row: Configuration) -> str:
    return f"{row.type}: {', '.join(row.settings)}" if row.settings else row.type


def _cell(verdict: Verdict) -> str:
    r"""A verdict in full: the worst shape, the largest \|ΔLR\|, and the save points where they are few."""
    largest = f" {verdict.largest:.3g}" if verdict.largest else ""
    few = 0 < len(verdict.wrong_at) <= MOST_PLACES_TOLD
    return f"{verdict.outcome}{largest}{f' at {_listed(verdict.wrong_at)}' if few else ''}"


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _not_applicable(report: ConformanceReport) -> Iterator[str]:
    """Why a recipe could not be tried with a scheduler."""
    skipped = [one for row in report.configurations if row.report for one in row.report.skipped]
    recipes: dict[str, list[str]] = {}
    for name in report.recipes:
        reasons = dict.fromkeys(one.reason for one in skipped if one.recipe == name)
        if reasons:
            recipes.setdefault("; ".join(reasons), []).append(name)
    for reasons_text, names in recipes.items():
        yield f"{' and '.join(names)} n/a: {reasons_text}."


def _absent(report: ConformanceReport) -> Iterator[str]:
    """Who is not in the tables, and why; what failed before anything could be saved."""
    for library in report.libraries:
        if library.missing:
            yield f"Not checked: {library.name}, which {library.missing}."
    if report.no_example:
        yield f"No example, so not checked: {', '.join(report.no_example)}."
    for row in report.configurations:
        if row.failure:
            yield f"{_label(row)}: cannot be run: {row.failure}."


def _verdict(report: ConformanceReport) -> Iterator[str]:
    inexact, count = report.inexact, len(report.configurations)
    if not inexact:
        yield (
            f"All {whole_text(count)} continue exactly where the scheduler is built, then both states loaded."
            if count
            else "Nothing was checked."
        )
        return
    which = f"{whole_text(len(inexact))} of {whole_text(count)}"
    yield f"{which} do not continue exactly after a complete restore:"
    for row in inexact:
        yield f"  {_label(row)}: {_cell(row.verdict(COMPLETE))}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _code(row: Configuration) -> str:
    """A configuration in two spans of code, with no bar that would end its cell."""
    settings = f": `{', '.join(row.settings)}`" if row.settings else ""
    return f"`{row.type}`{settings}".replace("|", "\\|")


def _escaped(text: str) -> str:
    return text.replace("_", "\\_").replace("*", "\\*")
