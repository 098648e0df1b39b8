"""The bad files of the suite against the JSON Schema: what it takes, it takes for a reason."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from test_bad_input import EXPRESSIONS, FILES

from lrsched_cli.analysis.schema.document import schedule_schema
from lrsched_cli.core.yaml_source import read_yaml
from lrsched_cli.errors import ScheduleFileError

VALIDATOR = Draft202012Validator(schedule_schema())

BEYOND_A_SCHEMA = {
    "phases out of order": "compares numbers",
    "two groups of one name": "compares names",
    "a tensor beyond all memory": "multiplies",
    "a fourth cycle beyond the limit": "multiplies",
    "a long first cycle": "multiplies",
    "peaks that grow beyond all numbers": "needs the LRs",
    "what torch refuses": "only torch knows",
    "a number that torch refuses": "only torch knows",
    "a base that is missing": "is about another file",
    "a base that is the file": "is about another file",
    "a base that is a folder": "is about another file",
}

FORMULAS_BEYOND_A_SCHEMA = {
    "brackets the wrong way round": "counts brackets",
    "1,500 brackets": "counts brackets",
    "4,000 signs": "counts levels",
    "1,000 powers": "counts levels",
    "a number that no double holds": "needs its value",
}


def readable() -> dict[str, Any]:
    """Those of the bad files that are YAML; of the others the reader tells, in an editor too."""
    found = {}
    for name, bad in FILES.items():
        try:
            text = bad.text if isinstance(bad.text, str) else bad.text.decode()
            root, problems = read_yaml(text, "s.yaml")
        except (ScheduleFileError, UnicodeDecodeError):
            continue
        if not problems:
            found[name] = root.plain()
    return found


READABLE = readable()


def test_most_bad_files_can_be_read() -> None:
    assert len(READABLE) > 80
    assert set(BEYOND_A_SCHEMA) <= set(READABLE)


@pytest.mark.parametrize("name", READABLE)
def test_a_bad_file_is_refused(name: str) -> None:
    assert VALIDATOR.is_valid(READABLE[name]) == (name in BEYOND_A_SCHEMA)


@pytest.mark.parametrize("name", EXPRESSIONS)
@pytest.mark.parametrize(
    "section", [{"custom_lambda": ...}, {"type": "LambdaLR", "lr_lambda": [...]}], ids=["ours", "torch's"]
)
def test_what_is_no_formula_is_refused(section: dict[str, Any], name: str) -> None:
    text = EXPRESSIONS[name]
    filled = {key: text if one is ... else [text] if one == [...] else one for key, one in section.items()}
    assert VALIDATOR.is_valid({"scheduler": filled}) == (name in FORMULAS_BEYOND_A_SCHEMA)
