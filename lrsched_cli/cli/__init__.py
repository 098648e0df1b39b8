"""The command line: one module per command; load, call, print."""
