"""The command line: one thin file a verb. Each parses, then calls the library once or twice."""

from intarsia.cli.app import main

__all__ = ["main"]
