"""`tracking.json`: which MLflow run a run folder belongs to, and what that run already has."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from intarsia.errors import RunError
from intarsia.images import write_atomic

SCHEMA = 1

_NAME = "tracking.json"


@dataclass
class TrackingRecord:
    """`uri` is without user and password; `epochs` and `model` are what has arrived."""

    uri: str
    run_id: str
    epochs: int = 0
    model: bool = False

    @classmethod
    def load(cls, folder: Path) -> TrackingRecord | None:
        """None where nothing was tracked yet.

        Raises:
            RunError: the file is damaged or newer than this Intarsia.
        """
        path = folder / _NAME
        if not path.is_file():
            return None
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            schema, stored = content["schema"], content["mlflow"]
            record = cls(
                str(stored["uri"]),
                str(stored["run_id"]),
                int(stored["epochs"]),
                bool(stored["model"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(
                f"cannot read what was tracked: {error!r}",
                where=path,
                hint="delete the file; the training then begins another MLflow run",
            ) from error
        if schema != SCHEMA:
            raise RunError(
                f"schema {schema!r} of what was tracked is not known",
                where=path,
                expected=f"{SCHEMA}",
                hint="upgrade Intarsia",
            )
        return record

    def save(self, folder: Path) -> None:
        content = {"schema": SCHEMA, "mlflow": asdict(self)}
        write_atomic(folder / _NAME, (json.dumps(content, indent=1) + "\n").encode())


def without_secret(text: str) -> str:
    """A text or an address without user, password and query, to be written and shown.

    >>> without_secret("https://me:secret@tracking.example/ml")
    'https://tracking.example/ml'
    >>> without_secret("postgresql://me:pa/ss@host/db?user=me&password=s3")
    'postgresql://host/db'
    """
    return re.sub(r"(?<=:)//(\S*)", _without_secret, text)


def _without_secret(found: re.Match[str]) -> str:
    before, _, query = found[1].partition("?")
    if before.startswith("/"):  # of a file, whose folders may have an @
        return f"//{before}"
    # a password may have a slash, an @ and a question mark: in doubt nothing is shown
    return "//" if "@" in query else f"//{before.rpartition('@')[2]}"
