"""The bytes of a picture file: their format, their metadata, and that they are always the same."""

from __future__ import annotations

import io
import warnings

import pytest
from matplotlib.figure import Figure
from PIL import Image

from lrsched_cli import dry_run, load_schedule
from lrsched_cli.report.captions import Caption, schedule_caption
from lrsched_cli.report.figure import Style, draw
from lrsched_cli.report.picture_file import SUFFIXES, picture_bytes

MAGIC = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}
CAPTION = Caption("a title", "a subtitle", fingerprint="ab" * 32)


def default_picture(suffix: str, *, dark: bool = False) -> bytes:
    schedule = load_schedule("default")
    trace = dry_run(schedule, steps=400)
    caption = schedule_caption(schedule, trace, "1.2.3")
    return picture_bytes(draw(trace, caption, Style(dpi=50, dark=dark)), suffix, caption, "1.2.3")


def empty_picture(suffix: str, caption: Caption = CAPTION) -> bytes:
    return picture_bytes(Figure(), suffix, caption, "1.2.3")


def test_there_is_a_picture_for_each_suffix() -> None:
    assert set(SUFFIXES) == set(MAGIC)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_schedule_gives_the_same_bytes(suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = default_picture(suffix)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    assert first.startswith(MAGIC[suffix])
    assert default_picture(suffix) == first


def test_a_png_carries_version_title_and_fingerprint() -> None:
    image = Image.open(io.BytesIO(empty_picture(".png")))
    assert image.info["Software"] == "lrsched 1.2.3"
    assert image.info["Title"] == "a title"
    assert image.info["Description"].endswith("ab" * 32)


def test_an_svg_carries_version_title_and_fingerprint_but_no_date() -> None:
    text = empty_picture(".svg").decode()
    assert all(words in text for words in ("lrsched 1.2.3", "a title", "ab" * 32))
    assert "<dc:date>" not in text


def test_a_pdf_carries_version_title_and_fingerprint_but_no_date() -> None:
    content = empty_picture(".pdf")
    assert all(words in content for words in (b"(lrsched 1.2.3)", b"(a title)", b"ab" * 32))
    assert b"CreationDate" not in content


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_metadata_takes_any_title(suffix: str) -> None:
    assert empty_picture(suffix, Caption("naïve <&> ]]> (頭) \\", "", fingerprint="ab" * 32)).startswith(
        MAGIC[suffix]
    )


def test_the_page_keeps_its_colour() -> None:
    image = Image.open(io.BytesIO(default_picture(".png", dark=True))).convert("RGB")
    assert image.size == (400, 250)
    corner = image.getpixel((0, 0))
    assert isinstance(corner, tuple)
    assert max(corner) < 60


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_letters_that_the_font_lacks_give_a_picture_without_a_warning(suffix: str) -> None:
    figure = Figure()
    figure.text(0.5, 0.5, "頭")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert picture_bytes(figure, suffix, CAPTION, "1.2.3").startswith(MAGIC[suffix])
