"""A request that is turned down, and the answer that says why."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from pathlib import Path
from typing import Literal

from intarsia.errors import ImageError, ModelError
from intarsia.memory import is_out_of_memory

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
    "method",
    "not-finished",
    "no-room",
    "failed",
]

_log = logging.getLogger("intarsia.serving")


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


def refusal_of(error: Exception, path: Path) -> Refusal:
    """How a request is answered whose image, at `path`, could not be decoded or predicted."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, ImageError):
        if error.kind == "too-many-pixels":
            return Refusal.of(413, "too-many-pixels", error, path)
        return Refusal.of(422, "unreadable", error, path)
    if is_out_of_memory(error):
        return Refusal(503, "no-room", "not enough memory for this image", retry_after=10)
    if isinstance(error, OSError):
        _log.error("the spool cannot be used: %s", error)
        return Refusal(503, "no-room", "the server's disk cannot be used", retry_after=30)
    _log.error("an image failed", exc_info=error)
    what = error.what if isinstance(error, ModelError) else "the image could not be predicted"
    return Refusal(500, "failed", what, hint="this is a fault of the server's, not yours")
