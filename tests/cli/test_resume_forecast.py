"""The forecast as a command: picture, CSV, words, JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from lrsched_cli import load_schedule
from lrsched_cli.cli.options import Look
from lrsched_cli.cli.resume_forecast import run_forecast
from lrsched_cli.errors import OutputError, UsageError

if TYPE_CHECKING:
    from lrsched_cli.core.config import Schedule

SMALL: dict[str, Any] = {
    "name": "small",
    "steps": 40,
    "loop": "scheduler-first",
    "scheduler": {"warmup_steps": 5, "T_0": 10},
}
PICTURE = Path("outputs/resume-small.png")
LOOK = Look("8x5", 60, dark=False, log_y=False)


def small(*overrides: str) -> Schedule:
    Path("small.yaml").write_text(json.dumps(SMALL))
    return load_schedule("small.yaml", overrides=overrides)


def ran(*overrides: str, save_at: int | None = 20, as_json: bool = False, **look: Any) -> bool:
    return run_forecast(small(), small(*overrides), save_at, PICTURE, LOOK._replace(**look), as_json=as_json)


def test_a_picture_a_csv_and_words_are_made(capsys: pytest.CaptureFixture[str]) -> None:
    assert ran("scheduler.gamma=0.5")
    out, err = capsys.readouterr()
    assert err == ""
    assert out.endswith(
        "What really happens is the new plan, from update 21 on.\n\n"
        "outputs/resume-small.png\noutputs/resume-small.csv\n"
    )
    assert (
        PICTURE.with_suffix(".csv").read_text().startswith("update,old.default,really.default,new.default\n")
    )


@pytest.mark.parametrize(
    ("override", "holds"),
    [
        ("scheduler.gamma=0.5", True),
        ("scheduler.T_0=12", True),
        ("steps=50", True),
        ("optimizer.weight_decay=0.5", True),
        ("scheduler.T_mult=3", False),
        ("optimizer.type=AdamW", False),
    ],
)
def test_it_holds_where_what_happens_is_one_of_the_plans(override: str, holds: bool) -> None:  # noqa: FBT001
    assert ran(override) is holds


def test_json_is_one_document_with_the_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    assert not ran("scheduler.T_mult=3", as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert (document["follows"], document["lrs_follow"]) == ("neither", "neither")
    assert document["files"] == ["outputs/resume-small.png", "outputs/resume-small.csv"]
    assert (document["save_at"], document["old_end"], document["new_end"]) == (20, 40, 40)
    (group,) = document["groups"]
    assert (group["follows"], group["to_old"]["first"]) == ("neither", 36)
    (setting,) = document["settings"]
    assert (setting["key"], setting["wins"], setting["acts_from"]) == ("scheduler.T_mult", "file", 36)
    assert "curves" not in document


def test_the_look_is_that_of_the_options() -> None:
    ran("scheduler.gamma=0.5", size="5x3", dark=True)
    with Image.open(PICTURE) as picture:
        assert picture.size == (300, 180)
        red, green, blue = picture.convert("RGB").getpixel((1, 1))  # type: ignore[misc]
    assert max(red, green, blue) < 60


def test_without_a_save_point_it_is_the_middle(capsys: pytest.CaptureFixture[str]) -> None:
    ran("scheduler.gamma=0.5", save_at=None)
    assert "Saved after update 20." in capsys.readouterr().out


def test_what_cannot_be_resumed_writes_nothing() -> None:
    with pytest.raises(UsageError, match="nothing is left"):
        ran("steps=20")
    assert not PICTURE.exists()


def test_a_picture_that_cannot_be_written_is_an_error() -> None:
    Path("outputs").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        ran("scheduler.gamma=0.5")
