"""Every target takes its seeds, what fuzzing has once found, and whatever hypothesis makes of both."""

from __future__ import annotations

import io
import zipfile

import pytest
from campaign import TARGETS as FUZZED
from fuzz_seeds import seeds
from fuzz_targets import TARGETS
from hypothesis import given, settings
from hypothesis import strategies as st

every_target = pytest.mark.parametrize("name", TARGETS)


def damaged_archive() -> bytes:
    """An archive whose directory says that its records begin before the file does."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}.")
        archive.writestr("archive/version", "3\n")
    whole = file.getvalue()
    return whole[:4] + whole[40:]


FOUND = {
    "a damaged archive that zipfile fails on with an OSError": ("checkpoint", damaged_archive()),
    "a file that extends one of no possible name": ("schedule_file", b'extends: "a\\0b"\n'),
    "white space beyond ASCII in a formula": ("expression", "1\u2003+\xa01".encode()),
}


@pytest.mark.parametrize(("name", "data"), FOUND.values(), ids=FOUND.keys())
def test_what_fuzzing_found_is_mended(name: str, data: bytes) -> None:
    TARGETS[name](data)


def test_a_campaign_fuzzes_every_target() -> None:
    assert set(FUZZED) == set(TARGETS)


@every_target
def test_the_seeds_are_taken(name: str) -> None:
    for seed in seeds(name):
        TARGETS[name](seed)


@st.composite
def mutated(draw: st.DrawFn, name: str) -> bytes:
    """A seed with a few pieces cut, doubled, moved or replaced."""
    data = draw(st.sampled_from(seeds(name)))
    for _ in range(draw(st.integers(1, 4))):
        start, end = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
        piece = draw(st.binary(max_size=6) | st.just(data[start:end] * 2) | st.just(data[end : end + 40]))
        data = data[:start] + piece + data[end:]
    return data


@every_target
def test_bytes_of_any_kind_are_taken(name: str) -> None:
    @settings(max_examples=60)
    @given(
        st.binary(max_size=300)
        | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))
        | mutated(name)
    )
    def taken(data: bytes) -> None:
        TARGETS[name](data)

    taken()
