"""The gate around the service, without a socket."""

from __future__ import annotations

import asyncio
from typing import Any

from intarsia.serving.admission import Gate, Slots
from intarsia.serving.gauges import Gauges


async def _takes_nothing(message: Any) -> None:
    if message["type"] == "http.response.body":
        await asyncio.sleep(60)


def test_an_answer_that_nobody_takes_keeps_its_place_until_it_is_given_up() -> None:
    gauges, slots, sent = Gauges(), Slots(1), []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x" * 200_000})

    async def takes(message: Any) -> None:
        sent.append((len(message.get("body", b"")), message.get("more_body", False)))

    def ask(send: Any) -> Any:
        gate = Gate(app, slots=slots, gauges=gauges, moderate=9, idle=0.3, closed=lambda: None)
        scope = {"type": "http", "method": "POST", "path": "/v1/predict", "headers": []}
        return gate(scope, lambda: asyncio.sleep(60), send)

    async def wait_and_see() -> None:
        task = asyncio.create_task(ask(_takes_nothing))
        await asyncio.sleep(0.1)
        assert slots.taken == 1
        await task
        assert slots.taken == 0

    asyncio.run(ask(takes))
    # never more at once than a few pieces of the network card, and the last one says so
    assert sent == [(0, False), *[(65_536, True)] * 3, (200_000 - 3 * 65_536, False)]
    assert gauges.abandoned._value.get() == 0
    asyncio.run(wait_and_see())
    assert gauges.abandoned._value.get() == 1
