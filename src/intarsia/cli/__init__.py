"""The command line: one thin file a verb. Each parses, then calls the library once or twice."""

from collections.abc import Sequence

try:
    from intarsia.cli.app import main
except ModuleNotFoundError as error:
    if (error.name or "").startswith("intarsia"):
        raise
    _missing = error.name

    def main(arguments: Sequence[str] | None = None) -> int:
        """Where Intarsia was installed without what it needs, as a bundle alone allows."""
        import sys

        print(f"error: the command line needs the package {_missing}", file=sys.stderr)
        print("  do: pip install typer rich pyyaml, or intarsia with its packages", file=sys.stderr)
        return 2


__all__ = ["main"]
