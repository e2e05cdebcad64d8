"""A request that is turned down, and the answer that says why."""

from __future__ import annotations

import json
from http import HTTPStatus
from pathlib import Path
from typing import Literal

from intarsia.errors import ImageError

Reason = Literal[
    "queue-full",
    "draining",
    "not-ready",
    "body-too-large",
    "too-many-pixels",
    "unsupported",
    "content-type",
    "malformed",
    "unreadable",
    "unfit",
    "slow-body",
    "deadline",
    "not-acceptable",
    "not-found",
    "not-finished",
    "no-room",
    "failed",
]


class Refusal(Exception):
    """One request is not answered with a mask: the HTTP status, why, and what to do.

    It is written as a problem document (RFC 9457).
    """

    def __init__(
        self,
        status: int,
        reason: Reason,
        what: str,
        *,
        expected: str | None = None,
        hint: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(what)
        self.status = status
        self.reason: Reason = reason
        self.what = what
        self.expected = expected
        self.hint = hint
        self.retry_after = retry_after

    @classmethod
    def of(cls, status: int, reason: Reason, error: ImageError, path: Path) -> Refusal:
        """What an image's error says, without the place: `path` is a file of the server's."""
        what = error.what.replace(str(path), "the file")
        return cls(status, reason, what, expected=error.expected, hint=error.hint)

    def to_json(self) -> dict[str, object]:
        content: dict[str, object] = {
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "reason": self.reason,
            "detail": self.what,
        }
        if self.expected:
            content["expected"] = self.expected
        if self.hint:
            content["hint"] = self.hint
        return content

    @property
    def body(self) -> bytes:
        return json.dumps(self.to_json()).encode()

    @property
    def headers(self) -> dict[str, str]:
        headers = {"content-type": "application/problem+json", "cache-control": "no-store"}
        if self.retry_after is not None:
            headers["retry-after"] = str(self.retry_after)
        return headers


class ClientGone(Exception):
    """Nobody waits for the answer any more."""
