"""Who comes in: decided from a request's first lines, before a byte of its body is read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from intarsia.serving.gauges import Gauges
from intarsia.serving.refusal import Refusal

GUARDED = ("/v1/predict", "/v1/jobs")

_LINGER = 2.0  # seconds in which a client may finish sending what is not wanted
_PIECE = 1 << 16  # bytes of an answer that are given to the connection at once
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; connect-src 'self'; form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}
_ROUTES = (
    "/v1/predict",
    "/v1/jobs",
    "/v1/model",
    "/v1/runs",
    "/livez",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/docs",
    "/static",
    "/model",
    "/runs",
    "/comparisons",
)


class Slots:
    """The places inside; taken and given back on the event loop only."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.taken = 0

    @property
    def full(self) -> bool:
        return self.taken >= self.count

    def take(self) -> None:
        self.taken += 1

    def give_back(self) -> None:
        self.taken -= 1


class Gate:
    """The outermost layer of the service (pure ASGI).

    `closed` gives the reason for which nobody is let in at the moment, or None. A request of
    `GUARDED` that is let in holds a slot until its answer is sent or its client is gone, which a
    client is that takes next to nothing of an answer (two pieces) for `idle` seconds. Of bodies
    that nobody wants, those declared to have at most `moderate` bytes are left to the server to
    read and forget; after any other the connection is closed. HEAD is answered as GET, without the
    body. Every response gets the headers that keep a browser on this site, and is counted.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        slots: Slots,
        gauges: Gauges,
        moderate: int,
        idle: float,
        closed: Callable[[], Refusal | None],
    ) -> None:
        self.app = app
        self.slots = slots
        self.gauges = gauges
        self.moderate = moderate
        self.idle = idle
        self.closed = closed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = _Exchange(self, scope, receive, send)
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}  # the server, which knows better, sends no body
        if scope["method"] != "POST" or scope["path"] not in GUARDED:
            await self.app(scope, exchange.receive, exchange.send)
            return
        refusal = self.closed()
        if refusal is not None:
            await exchange.refuse(refusal)
            return
        self.slots.take()
        exchange.slots = self.slots
        try:
            await self.app(scope, exchange.receive, exchange.send)
        finally:
            exchange.leave()


class _Exchange:
    """One request and its response, watched from outside."""

    def __init__(self, gate: Gate, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._gauges = gate.gauges
        self._idle = gate.idle
        self._route = _route(scope["path"])
        headers = Headers(scope=scope)
        chunked, declared = "transfer-encoding" in headers, headers.get("content-length", "0")
        self._unread = chunked or declared != "0"
        self._endless = chunked or not declared.isdecimal() or int(declared) > gate.moderate
        self._close = False
        self._stalled = False
        self.slots: Slots | None = None  # where it holds one

    def leave(self) -> None:
        """Give the slot back, once."""
        if self.slots is not None:
            self.slots.give_back()
            self.slots = None

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self._unread = False
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._gauges.requests.labels(self._route, str(message["status"])).inc()
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            self._close = self._unread and (self._endless or message["status"] == 408)
            if self._close:
                headers["connection"] = "close"
        elif self._close and not message.get("more_body", False):
            # the answer is out, and whole by its Content-Length. Closing at once would reset the
            # connection under a client that still sends, and take the answer with it.
            await self._pass_on({**message, "more_body": True})
            self.leave()
            await self._linger()
            message = {"type": "http.response.body", "body": b""}
        await self._pass_on(message)

    async def _pass_on(self, message: Message) -> None:
        """Send in pieces: the server keeps whole whatever it is given at once.

        So the memory of an answer is free only when the place of its request is.
        """
        body = message.get("body", b"")
        if self.slots is None and len(body) <= _PIECE:
            await self._send(message)  # nobody's place: a refusal above all, which must be quick
            return
        last = max(0, len(body) - 1) // _PIECE * _PIECE
        for at in range(0, last, _PIECE):
            piece = {"type": message["type"], "body": body[at : at + _PIECE], "more_body": True}
            await self._pass_on_piece(piece)
        await self._pass_on_piece({**message, "body": body[last:]} if last else message)

    async def _pass_on_piece(self, message: Message) -> None:
        if self._stalled:
            return  # the server closes the connection where an answer ends too early
        try:
            async with asyncio.timeout(self._idle):
                await self._send(message)
        except TimeoutError:
            self._stalled = True
            self._gauges.abandoned.inc()

    async def refuse(self, refusal: Refusal) -> None:
        """Answer without having read the body."""
        self._gauges.rejections.labels(refusal.reason).inc()
        body = refusal.body
        headers = {**refusal.headers, "content-length": str(len(body))}
        await self.send(
            {
                "type": "http.response.start",
                "status": refusal.status,
                "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
            }
        )
        await self.send({"type": "http.response.body", "body": body})

    async def _linger(self) -> None:
        try:
            async with asyncio.timeout(_LINGER):
                while self._unread:
                    await self.receive()
        except TimeoutError:
            pass


def _route(path: str) -> str:
    """The route of a path, of which there are few: a label of its own for each would be a leak."""
    if path == "/":
        return "/"
    return next((r for r in _ROUTES if path == r or path.startswith(f"{r}/")), "other")
