"""HTTP/1.1 with one client."""

from __future__ import annotations

import httptools
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_LONGEST = 65_536  # bytes of a request line and its headers


class Connection(HttpToolsProtocol):
    """uvicorn's, on the parser that is written in C: of a thousand newcomers the last is refused
    after two thirds of the time that the one in Python takes.

    What uvicorn leaves open there is closed here: headers have an end, and a request that offers
    to go on in another protocol (HTTP/2, as Java's client does) keeps its body. The parser would
    give that body away as the other protocol's; the one in Python, which takes over, does not.
    """

    _in_head = False
    _length = 0

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._hand_over(data[offer.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")
        else:
            self._length = self._length + len(data) if self._in_head else 0
            if self._length > _LONGEST:
                self.send_400_response("The headers are too long.")

    def _should_upgrade(self) -> bool:
        return self._get_upgrade() is not None

    def _hand_over(self, rest: bytes) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self.send_400_response("One request at a time.")
            return
        self.connections.discard(self)
        head = [b"%s %s HTTP/1.1" % (self.scope["method"].encode(), self.url)]
        head += [b"%s: %s" % each for each in self.headers]
        successor = _Successor(self.config, self.server_state, self.app_state)
        successor.connection_made(self.transport)
        self.transport.set_protocol(successor)
        successor.data_received(b"\r\n".join([*head, b"", rest]))


class _Successor(H11Protocol):
    def _unsupported_upgrade_warning(self) -> None:
        """An offer may be declined in silence."""
