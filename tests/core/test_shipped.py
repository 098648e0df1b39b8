"""The schedules that ship with the package."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from lrsched_cli.core.config import load_schedule
from lrsched_cli.core.shipped import shipped_names, shipped_path

FOLDER = Path(__file__).parents[2] / "schedules"


def test_every_file_of_the_folder_ships() -> None:
    assert shipped_names() == tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))
    assert {path.name for path in FOLDER.iterdir() if path.suffix != ".yaml"} == {"sparklines.json"}
    assert "default" in shipped_names()


def test_a_name_leads_to_its_file() -> None:
    path = shipped_path("default")
    assert path is not None
    assert path.read_text() == (FOLDER / "default.yaml").read_text()


@pytest.mark.parametrize("name", ["", "defaul", "DEFAULT", "default.yaml", "../schedules/default", "."])
def test_another_name_leads_nowhere(name: str) -> None:
    assert shipped_path(name) is None


def test_no_two_shipped_schedules_are_alike() -> None:
    prints = [load_schedule(name).fingerprint for name in shipped_names()]
    assert not [one for one, other in itertools.combinations(prints, 2) if one == other]
