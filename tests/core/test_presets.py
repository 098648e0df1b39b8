"""The shipped schedules as they are listed."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrsched_cli.core import presets as ours
from lrsched_cli.core.presets import Preset, preset_text, presets
from lrsched_cli.core.shipped import shipped_names
from lrsched_cli.errors import UsageError

FOLDER = Path(__file__).parents[2] / "schedules"


def test_every_shipped_schedule_is_listed() -> None:
    assert tuple(one.name for one in presets()) == shipped_names()


@pytest.mark.parametrize("preset", presets(), ids=lambda preset: preset.name)
def test_it_has_a_line_that_says_what_it_is_and_24_heights_up_to_its_peak(preset: Preset) -> None:
    text = (FOLDER / f"{preset.name}.yaml").read_text(encoding="utf-8")
    assert f"\ndescription: {preset.description}\n" in text
    assert len(preset.sparkline) == 24
    assert max(preset.sparkline) == 1
    assert min(preset.sparkline) >= 0


def test_a_schedule_without_heights_is_listed_nevertheless(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "few.json").write_text('{"default": [1, 0.5]}', encoding="utf-8")
    monkeypatch.setattr(ours, "sparklines_path", lambda: tmp_path / "few.json")
    found = {one.name: one.sparkline for one in presets()}
    assert (found["default"], found["no-warmup"]) == ((1, 0.5), ())


@pytest.mark.parametrize("name", shipped_names())
def test_a_file_is_given_letter_by_letter(name: str) -> None:
    assert preset_text(name).encode() == (FOLDER / f"{name}.yaml").read_bytes()


@pytest.mark.parametrize(
    ("name", "meant"), [("lama-7b", "; did you mean llama-7b?"), ("qqqq", "; known here: alphazero-chess,")]
)
def test_another_name_is_told_of(name: str, meant: str) -> None:
    with pytest.raises(UsageError) as caught:
        preset_text(name)
    assert str(caught.value).startswith(f"no shipped schedule is called {name!r}{meant}")
