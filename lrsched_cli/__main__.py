"""``python -m lrsched_cli`` is the ``lrsched`` command."""

from lrsched_cli.cli.app import main

if __name__ == "__main__":
    main()
