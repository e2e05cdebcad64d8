"""The file dataset.yaml as YAML, and its faults as one error."""

from __future__ import annotations

from pathlib import Path

from intarsia.errors import DataError
from intarsia.strict_yaml import parse_yaml

_MOST_FAULTS = 20


def read_yaml(path: Path) -> object:
    """The content of a YAML file; no double keys, no aliases, no tags that make objects.

    Raises:
        DataError: the file cannot be read, or is not such YAML.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot be read: {error}", where=path) from error
    return parse_yaml(text, where=path, error=DataError)


def faulty(faults: list[str], path: Path) -> DataError:
    """One error that lists every fault of a file, a line each."""
    if len(faults) == 1:
        return DataError(faults[0], where=path)
    lines = "".join(f"\n  - {fault}" for fault in faults[:_MOST_FAULTS])
    more = f"\n  and {len(faults) - _MOST_FAULTS} more" if len(faults) > _MOST_FAULTS else ""
    return DataError(f"{path.name} has {len(faults)} faults:{lines}{more}", where=path)
