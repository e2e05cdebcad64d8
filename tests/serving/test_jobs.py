"""Large images: accepted, run when nothing else is there, kept for a while."""

from __future__ import annotations

import errno
import io
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from served import FORM, Painted, Reply, Served, encoded, form, scene, serving

from intarsia.serving.jobs import Job
from intarsia.serving.refusal import Refusal
from intarsia.serving.work import Work

# above the size that is answered at once, and larger than the 64,000 pixels of one pass
LARGE = scene(300, 420)


def begin(served: Served, pixels: Any = LARGE) -> Reply:
    return served.ask("POST", "/v1/jobs", form(encoded(pixels)), FORM)


def finished(served: Served, location: str) -> Any:
    served.until(lambda: served.get(location).json["state"] not in ("waiting", "running"))
    return served.get(location).json


def test_a_large_image_is_a_job() -> None:
    with serving(max_pixels=60_000) as served:
        direct = served.predict(encoded(LARGE))
        assert (direct.status, direct.reason) == (413, "too-many-pixels")
        assert "/v1/jobs" in direct.json["hint"]
        reply = begin(served)
        assert reply.status == 202
        location = reply.headers["location"]
        assert reply.json["state"] in ("waiting", "running", "done")
        status = finished(served, location)
        assert (status["state"], status["progress"]) == ("done", 1.0)
        assert status["expires_in"] > 3000
        found = served.get(status["result"]).json
        assert (found["width"], found["height"]) == (420, 300)
        expected = served.predictor.inference.mask(LARGE)
        np.testing.assert_array_equal(served.get(found["mask"]).mask, expected)
        png = served.get(status["result"], accept="image/png")
        np.testing.assert_array_equal(png.mask, expected)
        overlay = served.get(found["overlay"])
        assert overlay.headers["content-type"] == "image/jpeg"
        assert Image.open(io.BytesIO(overlay.body)).size == (420, 300)
        confidence = served.get(found["confidence_map"]).mask
        assert confidence.shape == (300, 420)
        assert confidence.min() > 128
        assert served.get(f"{location}/hat").status == 404
        assert served.ask("DELETE", location).status == 204
        for gone in (location, status["result"], found["mask"]):
            assert served.get(gone).status == 404
        assert not list(served.service.spool.iterdir())
        assert served.service.pipeline._room == served.service.limits.decoded_pixels


def test_others_do_not_wait_for_a_job() -> None:
    with serving(max_pixels=60_000) as served:
        served.predictor.hold.clear()
        location = begin(served).headers["location"]
        served.until(lambda: len(served.predictor.seen) == 1)
        assert served.get(location).json["state"] == "running"
        early = served.get(f"{location}/result")
        assert (early.status, early.reason) == (409, "not-finished")
        line = served.begin(encoded(scene(20, 30)))
        served.until(lambda: served.service.pipeline.depth == 1)
        served.predictor.hold.set()
        assert line.recv(15) == b"HTTP/1.1 200 OK"
        assert finished(served, location)["state"] == "done"
        # the small image came between two tiles of the large one
        sizes = [shape[2:] for shape in served.predictor.seen]
        assert sizes[0] == sizes[2]
        assert len(sizes) > 3


def test_a_job_that_is_deleted_stops() -> None:
    with serving(max_pixels=60_000) as served:
        served.predictor.hold.clear()
        location = begin(served).headers["location"]
        served.until(lambda: len(served.predictor.seen) == 1)
        assert served.ask("DELETE", location).status == 204
        served.predictor.hold.set()
        served.until(lambda: not served.service.pipeline._busy)
        assert len(served.predictor.seen) == 1
        served.until(lambda: not list(served.service.spool.iterdir()))
        assert not served.service.pipeline._large_inside
        assert finished(served, begin(served).headers["location"])["state"] == "done"


def test_the_store_is_bounded_and_forgets() -> None:
    with serving(max_pixels=60_000, jobs=2, job_lifetime=0.4) as served:
        locations = [begin(served).headers["location"] for _ in range(2)]
        third = begin(served)
        assert (third.status, third.reason) == (503, "queue-full")
        assert third.headers["retry-after"]
        served.until(lambda: served.get(locations[0]).status == 404)
        served.until(lambda: begin(served).status == 202)


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"no image", 415), (encoded(scene(500, 500)), 413), (encoded(LARGE)[:-2000], 202)],
)
def test_what_cannot_be_a_job(content: bytes, status: int) -> None:
    with serving(max_pixels=60_000) as served:
        reply = served.ask("POST", "/v1/jobs", form(content), FORM)
        assert reply.status == status
        if status == 202:
            said = finished(served, reply.headers["location"])
            assert said["state"] == "failed"
            assert said["error"]["reason"] == "unreadable"
            assert served.get(f"{reply.headers['location']}/result").status == 422
            # asking again and again keeps nothing of each time
            (job,) = served.service.jobs._jobs.values()
            for _ in range(3):
                assert served.get(f"{reply.headers['location']}/result").status == 422
                served.get(reply.headers["location"])
            error = job.outcome
            assert isinstance(error, Refusal)
            # one way up is some six calls
            assert len(traceback.extract_tb(error.__traceback__)) < 12
        else:
            assert len(served.service.jobs) == 0
            assert not list(served.service.spool.iterdir())


def test_a_full_disk_leaves_no_half_result(monkeypatch: Any) -> None:
    written = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        if self.name == "confidence":
            raise OSError(errno.ENOSPC, "No space left on device")
        return written(self, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with serving(max_pixels=60_000) as served:
        location = begin(served).headers["location"]
        said = finished(served, location)
        assert (said["state"], said["error"]["reason"]) == ("failed", "no-room")
        reply = served.get(f"{location}/result")
        assert (reply.status, reply.headers["retry-after"]) == (503, "30")
        assert not list(served.service.spool.iterdir())


def test_a_job_that_was_given_up_says_when_to_come_back() -> None:
    work = Work(Path("x"), 1, None, None, None, None, large=True)  # type: ignore[arg-type]
    work.future.cancel()
    outcome = Job("id", Path("folder"), work).outcome
    assert isinstance(outcome, Refusal)
    assert (outcome.status, outcome.headers["retry-after"]) == (503, "30")


def test_jobs_are_given_up_when_the_service_stops() -> None:
    predictor = Painted()
    with serving(predictor, max_pixels=60_000) as served:
        predictor.hold.clear()
        begin(served)
        served.until(lambda: len(predictor.seen) == 1)
        served.server.should_exit = True
        served.until(lambda: served.service.pipeline._stopping)
        predictor.hold.set()
        served.until(lambda: not served.service.spool.exists())
    assert len(predictor.seen) == 1
