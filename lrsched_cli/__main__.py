"""``python -m lrsched_cli`` is the ``lrsched`` command, and this is where that one starts too."""

from __future__ import annotations

import os
import sys

_INTERRUPTED = 130


def main() -> None:
    """Run the command line, whatever became of the standard streams, and end quietly on Ctrl-C."""
    # A closed stream (>&-) is None in Python, and most libraries do not expect that.
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123 - for good
    try:
        from lrsched_cli.cli.app import main as run  # noqa: PLC0415 - Ctrl-C may come while it is imported

        run()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
