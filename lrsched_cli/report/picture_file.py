"""A figure as the bytes of a picture file, with the version and a hash of the configuration inside."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lrsched_cli.report.captions import Caption

SUFFIXES = (".png", ".svg", ".pdf")


def picture_bytes(figure: Figure, suffix: str, caption: Caption, version: str) -> bytes:
    """The picture in the format of ``suffix`` (one of ``SUFFIXES``); the same input gives the same bytes."""
    import matplotlib as mpl  # noqa: PLC0415 - SUFFIXES are asked for before anything is drawn

    software, settings = f"lrsched {version}", f"configuration sha256:{caption.fingerprint}"
    metadata: dict[str, str | None]
    if suffix == ".png":
        metadata = {"Software": software, "Title": caption.title, "Description": settings}
    elif suffix == ".svg":
        metadata = {"Creator": software, "Title": caption.title, "Description": settings, "Date": None}
    else:
        metadata = {"Creator": software, "Title": caption.title, "Subject": settings, "CreationDate": None}
    # Level 3 compresses a picture of lines to nearly the size of level 6, in a third of the time.
    options: dict[str, Any] = {"pil_kwargs": {"compress_level": 3}} if suffix == ".png" else {}
    file = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "lrsched", "svg.fonttype": "path"}), warnings.catch_warnings():
        # A letter that the font lacks is drawn as a box; the table and the CSV still have it.
        warnings.filterwarnings("ignore", message=r"Glyph \d+ ", category=UserWarning)
        figure.savefig(
            file, format=suffix[1:], metadata=metadata, facecolor=figure.get_facecolor(), **options
        )
    return file.getvalue()
