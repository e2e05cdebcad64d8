"""The JSON files of a run: whole or not there, each with the number of its schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from intarsia.errors import RunError
from intarsia.images import write_atomic

SCHEMA = 1


def read_json(path: Path) -> dict[str, Any]:
    """What a file holds.

    Raises:
        RunError: it is missing, damaged, or of a newer Intarsia.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"cannot read the run: {error}", where=path) from error
    if not isinstance(content, dict):
        raise RunError("not what a run holds", where=path, expected="a JSON object")
    schema = content.get("schema", SCHEMA)
    if not isinstance(schema, int):
        raise RunError(f"schema {schema!r} is no number", where=path, expected=str(SCHEMA))
    if schema > SCHEMA:
        raise RunError(
            f"schema {schema} is newer than this Intarsia",
            where=path,
            expected=f"{SCHEMA} or lower",
            hint="upgrade Intarsia",
        )
    return content


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes a file, and its folder where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())
