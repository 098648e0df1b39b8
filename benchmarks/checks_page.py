"""The rules of ``lrsched check``, as a page. ``python benchmarks/checks_page.py [--write]``.

Each rule's docstring says what is wrong, why it matters, and gives a file in which it finds something and one
in which it does not; what it says of the first is worked out here. ``--write`` puts it into docs/checks.md.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lrsched_cli import load_schedule
from lrsched_cli.analysis.checks import CHECKS
from lrsched_cli.analysis.checks.checking import OF_COMMENTS, findings_of
from lrsched_cli.analysis.checks.finding import INVALID

if TYPE_CHECKING:
    from lrsched_cli.analysis.checks.rule import Rule

PAGE = Path(__file__).resolve().parent.parent / "docs" / "checks.md"
BEGIN = "<!-- made by: python benchmarks/checks_page.py --write -->"
END = "<!-- end of what it made -->"


def page() -> str:
    """A table of all codes, and a section for each rule."""
    table = ["| code | severity | what is wrong |", "|---|---|---|"]
    table.append(f"| `{INVALID}` | error | The file is no valid schedule, or cannot be read. |")
    table += [f"| `{code}` | warning | {text} |" for code, text in OF_COMMENTS.items()]
    table += [
        f"| [`{one.code}`](#{_anchor(one)}) | {one.severity} | {_marked(one.title)} |" for one in CHECKS
    ]
    return "\n".join(table) + "\n\n" + "\n".join(map(_section, CHECKS))


def with_rules(text: str, made: str) -> str:
    """The page's text with what was made in its place."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{made}{END}{rest.split(END)[1]}"


def _section(rule: Rule) -> str:
    reason = "\n\n".join(" ".join(part.split()) for part in _marked(rule.reason).split("\n\n"))
    return (
        f"### {_heading(rule)}\n\n{rule.severity.capitalize()}. {reason}\n\n"
        f"It finds something in\n\n```yaml\n{rule.triggers}```\n\n> {said_of(rule)}\n\n"
        f"and nothing in\n\n```yaml\n{rule.silent}```\n"
    )


def said_of(rule: Rule) -> str:
    """What a rule says of the file in its docstring."""
    with tempfile.TemporaryDirectory(prefix="lrsched-rule-") as folder:
        file = Path(folder, "example.yaml")
        file.write_text(rule.triggers, encoding="utf-8")
        found = [one for one in findings_of(load_schedule(file)) if one.code == rule.code]
    return (
        f"`{found[0].line}:{found[0].column}: {rule.code} {rule.severity} {found[0].key}: {found[0].message}`"
    )


def _heading(rule: Rule) -> str:
    return f"{rule.code}: {_marked(rule.title).removesuffix('.')}"


def _anchor(rule: Rule) -> str:
    words = re.sub(r"[^\w\s-]", "", _heading(rule).lower())
    return words.replace(" ", "-")


def _marked(text: str) -> str:
    """Markdown's marks for code instead of a docstring's."""
    return text.replace("``", "`")


def main() -> None:
    """Print the page's rules, or put them where they belong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--write", action="store_true", help="put the rules into docs/checks.md")
    made = page()
    if parser.parse_args().write:
        PAGE.write_text(with_rules(PAGE.read_text(encoding="utf-8"), made), encoding="utf-8")
    else:
        print(made)


if __name__ == "__main__":
    main()
