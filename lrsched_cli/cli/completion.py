"""What the shell offers for the word that is being typed: files, shipped names, groups, settings.

Typer speaks with the shells. What it leaves to its users is here: bash cuts words at ``=`` and ``:`` and
takes what is offered as it is, so its question is put together again and the answers are escaped.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from contextlib import redirect_stderr, redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import typer  # noqa: TC002 - Typer reads the annotations

from lrsched_cli.errors import LrschedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lrsched_cli.analysis.schema.keys import Setting

_ASKED_BY_BASH = ("_LRSCHED_COMPLETE", "complete_bash")
_CUTS = re.compile(r"[=:]+")
_SAFE = re.compile(r"[^\w@%+=:,./-]")
_SHORT = 72
_OBEYED = re.compile(r"""[\\$`"'!]""")
"""What shells act on, some of them even inside of quotation marks: a file's name may be a stranger's."""

Offer = str | tuple[str, str]
"""What is offered, with a word on it where there is one."""


def complete_config(incomplete: str) -> list[str]:
    """Schedule files, folders and shipped names."""
    return _files(incomplete, (".yaml", ".yml"))


def complete_compared(incomplete: str) -> list[str]:
    """What can be compared: stored traces too."""
    return _files(incomplete, (".yaml", ".yml", ".csv"))


def complete_model(incomplete: str) -> list[str]:
    """Files that name a model's parameters."""
    return _paths(incomplete, (".safetensors", ".index.json", ".txt", ".pt", ".pth", ".bin", ".ckpt"))


def complete_shipped(incomplete: str) -> list[str]:
    """The shipped names that begin so."""
    from lrsched_cli.core.shipped import shipped_names  # noqa: PLC0415 - only while completing

    return [name for name in shipped_names() if name.startswith(incomplete)]


def complete_setting(context: typer.Context, incomplete: str) -> list[Offer]:
    """The keys of the CONFIG that stands before it, groups by name, and after ``=`` the values."""
    key, equals, _ = incomplete.partition("=")
    settings = _settings(context)
    if equals:
        values = [f"{key}={value}" for one in settings if one.key == key for value in one.values]
        return [one for one in values if _is_harmless(one)]
    found = [one for one in settings if one.key.startswith(incomplete) and _is_harmless(one.key)]
    keys: list[Offer] = [(f"{one.key}=", _short(one.description)) for one in found]
    if len(found) != 1:
        return keys
    # Beside the values, so that the shell adds no space after the only offer.
    values = [f"{found[0].key}={value}" for value in found[0].values]
    return [*keys, *(one for one in values if _is_harmless(one))]


def _settings(context: typer.Context) -> list[Setting]:
    from lrsched_cli.analysis.schema.document import schedule_schema  # noqa: PLC0415 - as above
    from lrsched_cli.analysis.schema.keys import settings_of  # noqa: PLC0415
    from lrsched_cli.core.sources import read_source  # noqa: PLC0415

    # With --set still without its value, the words before it are left over instead of being assigned.
    given = context.params.get("inputs") or context.args
    config = context.params.get("config") or next(iter(given), None)
    data = None
    if config is not None and config != "-":
        with suppress(LrschedError):  # then the settings of a schedule that states none
            data = read_source(config, context.params.get("overrides") or ()).root.plain()
    return list(settings_of(schedule_schema(), data))


def _short(description: str) -> str:
    """A word on a setting, without what a shell or Rich could take for its own."""
    apostrophe = "’" if "utf" in (sys.stdout.encoding or "").lower() else ""  # one that quotes nothing
    worded = re.sub(r"(?<=\w)'(?=\w)", apostrophe, description)
    plain = " ".join(re.sub(r"[^\w .,;/+*<>=’-]", " ", worded).split())
    return plain if len(plain) <= _SHORT else plain[: _SHORT - 3].rstrip() + "..."


def _files(incomplete: str, suffixes: tuple[str, ...]) -> list[str]:
    """Files of such names and folders below what has been typed, and the shipped names."""
    return [*_paths(incomplete, suffixes), *complete_shipped(incomplete)]


def _paths(incomplete: str, suffixes: tuple[str, ...]) -> list[str]:
    typed = Path(incomplete)
    folder = typed if incomplete.endswith("/") else typed.parent
    try:
        found = sorted(path for path in folder.iterdir() if path.is_dir() or path.name.endswith(suffixes))
    except OSError:
        found = []
    before = incomplete[: incomplete.rfind("/") + 1]  # as it was typed: pathlib would drop a leading ./
    names = [f"{before}{path.name}{'/' if path.is_dir() else ''}" for path in found]
    return [name for name in names if name.startswith(incomplete) and _is_harmless(name[len(incomplete) :])]


def _is_harmless(offer: str) -> bool:
    """Whether no shell takes a part of it for anything else than letters."""
    return offer.isprintable() and not _OBEYED.search(offer)


def is_asked_by_bash() -> bool:
    """Whether this process was started to complete a word in bash."""
    variable, instruction = _ASKED_BY_BASH
    return os.environ.get(variable) == instruction


def answer_bash(app: Callable[[], object]) -> None:
    """Let ``app`` answer with the words as they stand on the line, and print what bash is to put there."""
    words, current = whole_words(os.environ.get("COMP_WORDS", ""), int(os.environ.get("COMP_CWORD") or 0))
    os.environ["COMP_WORDS"] = "\n".join(shlex.quote(unquoted(word)) for word in words)
    os.environ["COMP_CWORD"] = str(current)
    word = words[current] if current < len(words) else ""
    answers, nobody = StringIO(), StringIO()
    try:
        with redirect_stdout(answers), redirect_stderr(nobody):
            app()
    finally:
        for line in filter(None, answers.getvalue().splitlines()):
            sys.stdout.write(replacement(line, word) + "\n")


def whole_words(comp_words: str, current: int) -> tuple[list[str], int]:
    """The words of a line that bash has cut at ``=`` and ``:``, and which of them is being typed."""
    pieces = comp_words.split("\n") if "\n" in comp_words else comp_words.split(" ")
    words: list[str] = []
    at = 0
    joined = False
    for index, piece in enumerate(pieces):
        cut = _CUTS.fullmatch(piece) is not None
        if words and (cut or joined):
            words[-1] += piece
        else:
            words.append(piece)
        joined = cut
        if index == current:
            at = len(words) - 1
    return words, at if current < len(pieces) else len(words)


def replacement(offer: str, word: str) -> str:
    """What stands for an offer in the place of the last piece of ``word``, as bash takes it."""
    typed = unquoted(word)
    value = typed.partition("=")[2] if typed.startswith("--") else typed
    cut = max(value.rfind("="), value.rfind(":")) + 1
    quoted = word.startswith(("'", '"'))
    rest = offer if quoted else offer.removeprefix(value[:cut])
    return rest if quoted else _SAFE.sub(lambda found: f"\\{found[0]}", rest)


def unquoted(word: str) -> str:
    """A word without the quotes and backslashes that the shell takes away, closed or not."""
    for end in ("", '"', "'"):
        try:
            return "".join(shlex.split(word.rstrip("\\") + end))
        except ValueError:
            continue
    return word
