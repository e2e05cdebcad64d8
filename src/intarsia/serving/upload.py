"""The one image of a multipart body, read as it arrives into a file of the server's own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.types import Message, Receive

from intarsia.serving.refusal import ClientGone, Refusal

FIELD = "image"

_MOST_PARTS = 8
_OPAQUE = ("", "application/octet-stream", "application/dicom")
_HINT = f"send the image as the field `{FIELD}` of a multipart form: curl -F {FIELD}=@photo.jpg"


@dataclass(frozen=True)
class BodyLimits:
    """Of one body: bytes, seconds until its end, seconds between two pieces."""

    size: int
    seconds: float
    idle: float


async def receive_image(
    headers: Mapping[str, str], receive: Receive, file: IO[bytes], limits: BodyLimits
) -> None:
    """Write the field `image` of a request's body to `file`.

    Bytes are counted as they come, so that a false or missing Content-Length changes nothing. The
    client's name for the file is not even looked at.

    Raises:
        Refusal: 400, 408, 413, 415 or 422.
        ClientGone: the connection broke.
    """
    parser, part = _parser(headers, file)
    check_declared(headers, limits.size)
    seen = 0
    end = time.monotonic() + limits.seconds
    while True:
        message = await _next(receive, min(limits.idle, end - time.monotonic()))
        if message["type"] == "http.disconnect":
            raise ClientGone
        body: bytes = message.get("body", b"")
        seen += len(body)
        if seen > limits.size:
            raise _too_large(limits.size)
        try:
            # a piece of at most 64 kB goes to the page cache faster than to another thread
            parser.write(body)
            if not message.get("more_body", False):
                break
        except FormParserError as error:
            raise Refusal(
                400, "malformed", f"the multipart body is malformed: {error}", hint=_HINT
            ) from error
    part.check()


def check_declared(headers: Mapping[str, str], most: int) -> None:
    """Raises Refusal 413 where the body says itself that it is too large."""
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        raise _too_large(most)


async def _next(receive: Receive, seconds: float) -> Message:
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            return await receive()
    except TimeoutError as error:
        raise Refusal(
            408, "slow-body", "the body did not arrive in time", hint="try again on a better line"
        ) from error


def _too_large(most: int) -> Refusal:
    return Refusal(
        413,
        "body-too-large",
        "the file is too large",
        expected=f"at most {most / 1e6:g} MB",
        hint="send a smaller or more compressed image, or ask for a higher --max-body",
    )


@dataclass
class _Part:
    """What the parser's callbacks tell of the part that is being read."""

    file: IO[bytes]
    images: int = 0
    parts: int = 0
    ended: bool = False
    wanted: bool = False
    content_type: str = ""
    headers: dict[bytes, bytes] = field(default_factory=dict)
    name: bytearray = field(default_factory=bytearray)
    value: bytearray = field(default_factory=bytearray)

    def begin(self) -> None:
        self.parts += 1
        self.wanted = False
        self.headers = {}
        if self.parts > _MOST_PARTS:
            raise Refusal(400, "malformed", f"more than {_MOST_PARTS} parts in the body")

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self.name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self.value += data[start:end]

    def header_end(self) -> None:
        self.headers[bytes(self.name).lower()] = bytes(self.value)
        self.name.clear()
        self.value.clear()

    def headers_end(self) -> None:
        _, options = parse_options_header(self.headers.get(b"content-disposition", b""))
        if options.get(b"name") != FIELD.encode():
            return
        self.images += 1
        if self.images > 1:
            raise Refusal(
                422,
                "malformed",
                f"several `{FIELD}` fields",
                expected="one",
                hint="one request an image",
            )
        self.wanted = True
        kind, _ = parse_options_header(self.headers.get(b"content-type", b""))
        self.content_type = kind.decode("latin-1").strip().lower()
        if self.content_type not in _OPAQUE and not self.content_type.startswith("image/"):
            raise Refusal(
                415,
                "content-type",
                "the file is not sent as an image",
                expected="image/jpeg, image/png, ... or application/octet-stream",
                hint="save the image as JPEG or PNG and send that",
            )
        if b"filename" not in options and not self.content_type:
            raise Refusal(
                422,
                "malformed",
                f"the field `{FIELD}` holds a text",
                expected="a file",
                hint=f"with curl an @ before its name: -F {FIELD}=@photo.jpg",
            )

    def data(self, data: bytes, start: int, end: int) -> None:
        if self.wanted:
            self.file.write(data[start:end])

    def end(self) -> None:
        self.ended = True

    def check(self) -> None:
        """Raises Refusal where the body was not whole, or had no image."""
        if not self.ended:
            raise Refusal(400, "malformed", "the multipart body ends too early", hint=_HINT)
        if not self.images:
            raise Refusal(422, "malformed", f"the form has no field `{FIELD}`", hint=_HINT)


def _parser(headers: Mapping[str, str], file: IO[bytes]) -> tuple[MultipartParser, _Part]:
    kind, options = parse_options_header(headers.get("content-type", ""))
    if kind != b"multipart/form-data" or headers.get("content-encoding", "identity") != "identity":
        raise Refusal(
            415,
            "content-type",
            "the body is not a plain multipart form",
            expected="Content-Type: multipart/form-data",
            hint=_HINT,
        )
    boundary = options.get(b"boundary", b"")
    part = _Part(file)
    try:
        if not boundary:
            raise FormParserError("no boundary")
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": part.begin,
                "on_header_field": part.header_name,
                "on_header_value": part.header_value,
                "on_header_end": part.header_end,
                "on_headers_finished": part.headers_end,
                "on_part_data": part.data,
                "on_end": part.end,
            },
        )
    except FormParserError as error:
        raise Refusal(400, "malformed", f"the Content-Type is malformed: {error}") from error
    return parser, part
