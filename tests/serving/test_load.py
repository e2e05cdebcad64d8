"""More requests than there is room for, clients that leave, bodies that dawdle, and the end."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from served import FORM, Painted, Reply, Served, encoded, form, scene, serving

HEAD = (
    "POST /v1/predict HTTP/1.1\r\nHost: x\r\n"
    f"Content-Type: {FORM['content-type']}\r\nContent-Length: {{length}}\r\n\r\n"
)


def read_reply(line: socket.socket) -> Reply:
    response = http.client.HTTPResponse(line)
    response.begin()
    found = {name.lower(): value for name, value in response.getheaders()}
    return Reply(response.status, found, response.read())


def held(served: Served, count: int) -> list[socket.socket]:
    """Requests of which the network has the first, and the others wait behind it."""
    served.predictor.hold.clear()
    first = served.begin(encoded(scene()))
    # alone: those that are ready at the same moment would go with it
    served.until(lambda: len(served.predictor.seen) == 1)
    lines = [served.begin(encoded(scene(seed=n))) for n in range(1, count)]
    served.until(lambda: served.service.pipeline.depth == count - 1)
    return [first, *lines]


def close(lines: list[socket.socket]) -> None:
    for line in lines:
        line.close()


def test_a_full_house_says_so_before_the_body_is_read() -> None:
    with serving(queue=3) as served:
        lines = held(served, 3)
        with served.connect() as line:
            # not a byte of the body: the answer must not wait for it
            line.sendall(HEAD.format(length=150_000).encode())
            reply = read_reply(line)
        assert (reply.status, reply.reason) == (503, "queue-full")
        assert 1 <= int(reply.headers["retry-after"]) <= 60
        assert served.get("/livez").status == 200
        assert served.get("/readyz").status == 200
        served.predictor.hold.set()
        assert [read_reply(line).status for line in lines] == [200, 200, 200]
        served.until(lambda: served.service.slots.taken == 0)
        assert served.predict(encoded(scene())).status == 200


def test_many_at_once_get_an_answer_or_the_advice_to_come_back() -> None:
    with serving(queue=4) as served:
        content = encoded(scene())
        with ThreadPoolExecutor(24) as pool:
            replies = list(pool.map(lambda _: served.predict(content), range(96)))
        statuses = {reply.status for reply in replies}
        assert statuses == {200, 503}
        assert all("retry-after" in r.headers for r in replies if r.status == 503)
        served.until(lambda: served.service.slots.taken == 0)
        assert not list(served.service.spool.iterdir())


def test_one_size_goes_through_the_network_together() -> None:
    with serving(batch=3) as served:
        served.predictor.hold.clear()
        first = served.begin(encoded(scene(40, 50)))
        served.until(lambda: len(served.predictor.seen) == 1)
        alike = [served.begin(encoded(scene(60, 70, seed=n))) for n in range(4)]
        other = served.begin(encoded(scene(61, 70)))
        served.until(lambda: served.service.pipeline.depth == 5)
        served.until(lambda: len(served.service.pipeline._ready) == 5)
        served.predictor.hold.set()
        for n, line in enumerate(alike):
            expected = served.predictor.inference.mask(scene(60, 70, seed=n))
            np.testing.assert_array_equal(read_reply(line).mask, expected)
        assert read_reply(other).status == read_reply(first).status == 200
        # never more than three at once, and four that are alike make two passes
        assert max(shape[0] for shape in served.predictor.seen) == 3


def test_what_is_made_small_to_a_sample_goes_together_whatever_its_size() -> None:
    with serving(Painted(fit="letterbox")) as served:
        served.predictor.hold.clear()
        served.begin(encoded(scene(40, 50)))
        served.until(lambda: len(served.predictor.seen) == 1)
        lines = [served.begin(encoded(scene(30 + 9 * n, 70))) for n in range(3)]
        served.until(lambda: len(served.service.pipeline._ready) == 3)
        served.predictor.hold.set()
        for n, line in enumerate(lines):
            expected = served.predictor.inference.mask(scene(30 + 9 * n, 70))
            np.testing.assert_array_equal(read_reply(line).mask, expected)
        assert max(shape[0] for shape in served.predictor.seen) == 3


def test_one_bad_image_of_a_batch_fails_alone() -> None:
    with serving() as served:
        served.predictor.hold.clear()
        served.begin(encoded(scene(40, 50)))
        served.until(lambda: len(served.predictor.seen) == 1)
        images = [scene(60, 70, seed=n) for n in range(3)]
        images[1][0, 0] = 123  # its mean of three channels becomes the poisonous value
        served.predictor.poison = 123
        lines = [served.begin(encoded(image)) for image in images]
        served.until(lambda: len(served.service.pipeline._ready) == 3)
        served.predictor.hold.set()
        replies = [read_reply(line) for line in lines]
        assert [reply.status for reply in replies] == [200, 500, 200]
        assert replies[1].reason == "failed"
        np.testing.assert_array_equal(replies[2].mask, served.predictor.inference.mask(images[2]))
        assert served.get("/livez").status == 200


def test_no_inference_for_clients_that_left_the_queue() -> None:
    with serving(queue=40) as served:
        lines = held(served, 31)
        close(lines[1:])
        served.until(lambda: served.service.slots.taken == 1)
        assert not list(served.service.spool.iterdir())
        served.predictor.hold.set()
        assert read_reply(lines[0]).status == 200
        served.until(lambda: served.service.slots.taken == 0)
        assert [shape[0] for shape in served.predictor.seen] == [1]
        assert served.counted("intarsia_abandoned_total") == 30
        assert served.predict(encoded(scene())).status == 200


def test_a_client_that_leaves_while_it_sends_leaves_nothing_behind() -> None:
    with serving() as served:
        line = served.connect()
        line.sendall(HEAD.format(length=9000).encode() + form(encoded(scene()))[:800])
        served.until(lambda: served.service.slots.taken == 1)
        line.close()
        served.until(lambda: served.service.slots.taken == 0)
        assert not list(served.service.spool.iterdir())
        assert not served.predictor.seen


@pytest.mark.skipif(not hasattr(socket, "TCP_NOTSENT_LOWAT"), reason="the system decides")
def test_a_client_that_reads_slowly_gets_its_whole_answer() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1000, 1000, 3), np.uint8)
    body = form(encoded(noise, "JPEG"))
    query = "predict?include=mask,overlay,confidence,pixels"
    head = HEAD.format(length=len(body)).replace("predict", query)
    with serving(idle=0.5) as served, socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        line.connect(("127.0.0.1", served.port))
        line.sendall(head.encode() + body)
        response = http.client.HTTPResponse(line)
        response.begin()
        length, taken, begun = int(response.getheader("content-length", 0)), 0, time.monotonic()
        # less than the system would hold back for it
        while time.monotonic() < begun + 2.5:
            taken += len(response.read(25_000))
            time.sleep(max(0.0, begun + taken / 500_000 - time.monotonic()))
        assert taken < 1_500_000 < length
        assert taken + len(response.read()) == length
        assert served.counted("intarsia_abandoned_total") == 0


def test_a_body_that_stops_or_drips_is_given_up() -> None:
    with serving(idle=0.3, deadline=1.0) as served:
        with served.connect() as line:
            line.sendall(HEAD.format(length=9000).encode() + form(encoded(scene()))[:200])
            begun = time.monotonic()
            reply = read_reply(line)
            assert (reply.status, reply.reason) == (408, "slow-body")
            assert time.monotonic() - begun < 5
            assert reply.headers["connection"] == "close"
        with served.connect() as line:
            line.sendall(HEAD.format(length=9000).encode())
            stop = threading.Event()

            def drip() -> None:
                for byte in form(encoded(scene())):
                    if stop.wait(0.1):
                        return
                    try:
                        line.sendall(bytes([byte]))
                    except OSError:
                        return

            thread = threading.Thread(target=drip)
            thread.start()
            reply = read_reply(line)
            stop.set()
            thread.join()
        assert (reply.status, reply.reason) == (408, "slow-body")
        served.until(lambda: served.service.slots.taken == 0)


def test_the_deadline() -> None:
    with serving(deadline=0.5) as served:
        served.predictor.hold.clear()
        begun = time.monotonic()
        reply = served.predict(encoded(scene()))
        assert (reply.status, reply.reason) == (504, "deadline")
        assert 0.4 < time.monotonic() - begun < 5
        served.predictor.hold.set()
        served.until(lambda: not served.service.pipeline._busy)
        assert served.predict(encoded(scene())).status == 200


def test_who_would_wait_past_the_deadline_is_told_at_once() -> None:
    with serving(deadline=10.0) as served:
        served.service.pipeline.pace = 7.0  # seconds an image
        served.predictor.hold.clear()
        line = served.begin(encoded(scene()))
        served.until(lambda: len(served.predictor.seen) == 1)
        reply = served.predict(encoded(scene()))
        assert (reply.status, reply.reason) == (503, "queue-full")
        assert "too long" in reply.json["detail"]
        assert int(reply.headers["retry-after"]) == 7
        served.predictor.hold.set()
        assert read_reply(line).status == 200


def test_a_stuck_and_a_dead_network_are_noticed() -> None:
    with serving(stalled=0.3) as served:
        held(served, 1)
        assert served.get("/livez").status == 200
        served.until(lambda: served.get("/livez").status == 503)
        assert served.get("/readyz").status == 503
        assert served.predict(encoded(scene())).reason == "not-ready"
        served.predictor.hold.set()
        served.until(lambda: served.get("/livez").status == 200)
    served = None  # type: ignore[assignment]
    with serving() as other:
        other.service.pipeline._gather = _die  # type: ignore[method-assign]
        threading.excepthook, kept = (lambda _: None), threading.excepthook
        try:
            other.begin(encoded(scene()))
            other.until(lambda: not other.service.pipeline.alive)
        finally:
            threading.excepthook = kept
        assert other.get("/livez").status == 503
        assert other.predict(encoded(scene())).reason == "not-ready"


def test_a_full_disk_and_no_memory_say_when_to_come_back(monkeypatch: Any) -> None:
    with serving() as served:

        def full(self: Any, data: Any, start: int, end: int) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr("intarsia.serving.upload._Part.data", full)
            reply = served.predict(encoded(scene()))
        assert (reply.status, reply.reason) == (503, "no-room")
        assert reply.headers["retry-after"] == "30"
        assert not list(served.service.spool.iterdir())

        class OutOfMemoryError(RuntimeError):
            """As torch calls a GPU's."""

        for lack in (MemoryError, OutOfMemoryError):

            def small(path: Any, lack: type[Exception] = lack) -> None:
                raise lack

            with monkeypatch.context() as patched:
                patched.setattr(served.predictor, "read", small)
                reply = served.predict(encoded(scene()))
            assert (reply.status, reply.headers["retry-after"]) == (503, "10")
        served.until(lambda: served.service.slots.taken == 0)
        assert served.predict(encoded(scene())).status == 200


def test_what_follows_the_network_may_take_longer_where_it_is_a_crf() -> None:
    from dataclasses import replace

    predictor, held = Painted(), threading.Event()

    def refine(probabilities: Any, picture: Any) -> Any:
        assert held.wait(20)
        return probabilities

    predictor.inference = replace(predictor.inference, refine=refine)
    with serving(predictor, stalled=0.1) as served:
        line = served.begin(encoded(scene()))
        served.until(lambda: len(predictor.seen) == 1)
        time.sleep(0.4)
        assert served.get("/livez").status == 200
        served.until(lambda: served.get("/livez").status == 503)
        held.set()
        assert read_reply(line).status == 200


def test_a_dead_helper_is_noticed() -> None:
    with serving() as served:
        threading.excepthook, kept = (lambda _: None), threading.excepthook
        served.service.pipeline._decode = lambda work: _die()  # type: ignore[method-assign]
        try:
            served.begin(encoded(scene()))
            served.until(lambda: served.get("/livez").status == 503)
        finally:
            threading.excepthook = kept


def _die() -> Any:
    raise SystemError("the thread of the network ends here")


def _refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return True
    return False


def drained(stop: Callable[[Served], None]) -> None:
    with serving() as served:
        lines = held(served, 5)
        idle = served.connect()
        stop(served)
        refused = served.predict(encoded(scene())) if not served.server.should_exit else None
        if refused is not None:
            assert (refused.status, refused.reason) == (503, "draining")
            assert "retry-after" in refused.headers
            assert served.get("/readyz").status == 503
            assert served.get("/livez").status == 200
            served.server.should_exit = True
        served.until(lambda: _refused(served.port))
        served.predictor.hold.set()
        assert [read_reply(line).status for line in lines] == [200] * 5
        assert idle.recv(1) == b""
        served.until(lambda: not served.service.spool.exists())
    names = {thread.name for thread in threading.enumerate()}
    assert not names & {"inference", "helper-0", "helper-1"}


def test_draining_turns_new_requests_away_and_finishes_the_others() -> None:
    def drain(served: Served) -> None:
        served.service.draining = True

    drained(drain)


def test_the_signal_closes_the_port_and_finishes_what_was_accepted() -> None:
    import signal

    drained(lambda served: served.server.handle_exit(signal.SIGTERM, None))


def test_memory_is_bounded_by_what_is_said() -> None:
    with serving(max_pixels=4000, batch=2) as served:
        # three images of 37 x 53 are decoded, and a second batch has to wait for room
        lines = held_decoded(served, 9)
        pipeline = served.service.pipeline
        assert sum(w.pixels for w in pipeline._ready) + 37 * 53 <= pipeline.limits.decoded_pixels
        assert len(pipeline._waiting) >= 2
        served.predictor.hold.set()
        assert [read_reply(line).status for line in lines] == [200] * 9
        served.until(lambda: pipeline._room == pipeline.limits.decoded_pixels)


def held_decoded(served: Served, count: int) -> list[socket.socket]:
    lines = held(served, count)
    served.until(lambda: served.service.pipeline._room < 37 * 53)
    return lines
