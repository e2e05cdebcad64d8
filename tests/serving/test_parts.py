"""The parts of the service, each by itself."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from served import BOUNDARY, FORM, LABELS, Painted, encoded, form, scene

from intarsia.errors import ImageError, RunError, ServiceError
from intarsia.images import mask_png
from intarsia.inference import Inference
from intarsia.serving import Limits, Service
from intarsia.serving.bound import memory_bound, probability_bytes
from intarsia.serving.limits import longest_side
from intarsia.serving.negotiation import preferred
from intarsia.serving.refusal import ClientGone, Refusal
from intarsia.serving.server import Server, bound_socket, configuration, serve
from intarsia.serving.service import largest_sample
from intarsia.serving.threads import call_aside, step_back
from intarsia.serving.upload import BodyLimits, receive_image
from intarsia.transforms import Fit, Preprocessing


def pieces(body: bytes, size: int) -> Any:
    parts = [body[at : at + size] for at in range(0, len(body), size)] or [b""]
    messages = [
        {"type": "http.request", "body": part, "more_body": n < len(parts) - 1}
        for n, part in enumerate(parts)
    ]

    async def receive() -> Any:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    return receive


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own")
def test_threads_that_compute_step_back_and_the_others_do_not() -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)

    def nice() -> int:
        step_back()
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    assert call_aside(nice) == min(own + 5, 19)
    assert os.getpriority(os.PRIO_PROCESS, 0) == own


def test_what_is_called_aside_is_in_a_thread_that_ends() -> None:
    thread = call_aside(threading.current_thread)
    thread.join(10)
    assert not thread.is_alive()
    with pytest.raises(ZeroDivisionError):
        call_aside(lambda: 1 // 0)


@pytest.mark.parametrize("size", [1, 2, 7, 64, 100_000])
def test_a_body_in_pieces_of_any_size(size: int) -> None:
    content = encoded(scene()) + f"\r\n--{BOUNDARY}x".encode() + b"\r\n--" + b"\0" * 20
    for body in (
        form(content),
        form(b"1", name="other")[: -len(BOUNDARY) - 6] + form(content),
    ):
        file = io.BytesIO()
        limits = BodyLimits(len(body), 5, 5)
        asyncio.run(receive_image(FORM, pieces(body, size), file, limits))
        assert file.getvalue() == content
        limits = BodyLimits(len(body) - 1, 5, 5)
        with pytest.raises(Refusal) as refused:
            asyncio.run(receive_image(FORM, pieces(body, size), io.BytesIO(), limits))
        assert refused.value.status == 413


def test_a_broken_connection_is_no_short_body() -> None:
    body = form(encoded(scene()))
    receive = pieces(body, 100)

    async def broken() -> Any:
        message = await receive()
        return message if message.get("more_body") else {"type": "http.disconnect"}

    with pytest.raises(ClientGone):
        asyncio.run(receive_image(FORM, broken, io.BytesIO(), BodyLimits(9999, 5, 5)))


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("image/png", "image/png"),
        ("image/*", "image/png"),
        ("image/png;q=0.2, application/json;q=0.1", "image/png"),
        ("application/json, image/png", "application/json"),
        ("image/png;q=0, */*", "application/json"),
        ("application/*;q=0.3, image/png;q=nonsense", "application/json"),
    ],
)
def test_the_form_that_a_client_likes_best(accept: str | None, expected: str) -> None:
    assert preferred(accept, ("application/json", "image/png")) == expected


def test_limits_are_above_zero() -> None:
    with pytest.raises(ServiceError, match="queue is 0"):
        Limits(queue=0)
    with pytest.raises(ServiceError, match="max_body"):
        Limits(max_body=-1)
    with pytest.raises(ServiceError, match="deadline is inf"):
        Limits(deadline=float("inf"))


def test_the_sum_of_the_bound_is_said() -> None:
    limits = Limits(queue=10, max_body=1_000_000, max_pixels=1_000_000, jobs=2, job_factor=4)
    bound = memory_bound(Service(Painted(), limits=limits))
    assert bound.decoded == 2 * (3 + 32) * 1_000_000
    assert bound.answers == 10 * 5 * 1_000_000
    assert bound.files == 10 * 1_000_000 + 2 * (4_000_000 + 4 * 4_000_000)
    assert bound.total == sum(
        (bound.model, bound.decoded, bound.probabilities, bound.answers, bound.job)
    )
    shown = str(bound)
    assert shown.startswith(f"{bound.total / 1e6:,.0f} MB at most: model {bound.model / 1e6:,.0f}")
    assert "+ answers 50 MB +" in shown


def test_the_probabilities_of_the_widest_image_are_within_the_bound() -> None:
    import tracemalloc

    predictor = Painted(fit="tiles")
    wide = np.zeros((250, 4000, 3), np.uint8)
    most = probability_bytes(predictor.inference, 3, 1_000_000)
    assert longest_side(1_000_000) == 4000
    tracemalloc.start()
    for band in predictor.inference.bands(wide):
        predictor.inference.decide(band)
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # 48 rows of 3 classes at 4,000 columns, twice and a little; the rest is for what is enlarged
    assert most == 110_000_000 + 48 * 4000 * 12 * 9 // 4
    assert 48 * 4000 * 12 < taken < most - 100_000_000 + 8 * 48 * 64 * 40
    crf = replace(predictor.inference, refine=lambda probabilities, picture: probabilities)
    assert probability_bytes(crf, 3, 1_000_000) == 1_000_000 * (100 + 120)
    assert probability_bytes(Painted(fit="grid").inference, 3, 1_000_000) == 24_000_000


def test_a_taken_port_is_known_before_the_model_is_loaded(tmp_path: Path) -> None:
    with bound_socket("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServiceError, match="cannot listen"):
            serve(tmp_path / "no-run", port=port)
    with pytest.raises(RunError, match="no such run"):
        serve(tmp_path / "no-run", port=0)
    # two that begin at the same time may both bind
    with bound_socket("127.0.0.1", 0) as first:
        service = Service(Painted())
        with bound_socket("127.0.0.1", first.getsockname()[1]) as second:
            first.listen()
            said: list[bool] = []
            server = Server(configuration(service), service, lambda: said.append(True))
            with pytest.raises(ServiceError, match="cannot listen"):
                server.run(sockets=[second])
        service.stop()
    assert not said
    with pytest.raises(ServiceError, match="cannot listen"):
        bound_socket("no-such-host.invalid", 0)


@pytest.mark.parametrize(("spare", "warned"), [(-1, True), (0, False)])
def test_memory_that_does_not_suffice_for_another_run_is_warned_of(
    tmp_path: Path, monkeypatch: Any, spare: int, warned: bool
) -> None:
    taken = 10**9
    monkeypatch.setattr("intarsia.prediction.Predictor", lambda *_, **__: Painted())
    monkeypatch.setattr("intarsia.serving.bound.peak_memory", lambda: taken)
    most = memory_bound(Service(Painted(), runs=tmp_path)).total
    for name, made in {
        "keep_freed_memory": lambda **_: True,
        "peak_memory": lambda: taken,
        # what is to be had beside that which this process has
        "available_memory": lambda: most - taken + spare,
        "_allow_connections": lambda: None,
    }.items():
        monkeypatch.setattr(f"intarsia.serving.server.{name}", made, raising=False)
    monkeypatch.setattr(Server, "run", lambda server, sockets: server._announce())
    said: list[str] = []
    serve(tmp_path / "any", port=0, runs=tmp_path, say=said.append)
    assert any("lower --queue or --max-pixels" in text for text in said) == warned


@pytest.mark.parametrize("fit", ["letterbox", "stretch", "crop", "tiles"])
def test_images_together_are_as_images_alone(fit: Fit) -> None:
    predictor = Painted(fit=fit)
    inference = predictor.inference
    images = [scene(40, 60, seed=n) for n in range(3)]
    key = inference.alike(images[0].shape)
    assert key is not None
    bands = inference.batch(images)
    assert predictor.seen[-1][0] == 3
    for image, found in zip(images, bands, strict=True):
        mask = np.concatenate([inference.decide(band)[0] for band in found])
        np.testing.assert_array_equal(mask, inference.mask(image))
    with pytest.raises(ImageError):
        inference.batch([images[0], images[1][:, :, :2]])


def test_what_may_go_together() -> None:
    crop = Painted().inference
    assert crop.alike((40, 60, 3)) == crop.alike((40, 60, 3)) != crop.alike((60, 40, 3))
    assert crop.alike((300, 400, 3)) is None  # above max_pixels: tiles
    assert crop.at_once((40, 60, 3)) == 64_000 // (48 * 64)
    assert crop.at_once((200, 300, 3)) == 1
    letterbox = Painted(fit="letterbox").inference
    assert letterbox.alike((40, 60, 3)) == letterbox.alike((4000, 60, 3))
    grid = Inference(crop.network, Preprocessing((8, 8), "grid", crop.preprocessing.scaling,
                                                 (0.0,) * 3, (1.0,) * 3, grid=(2, 2)))  # fmt: skip
    assert grid.alike((40, 60, 3)) is None


@pytest.mark.parametrize("fit", ["letterbox", "crop", "tiles"])
def test_the_warm_up_shows_the_network_as_much_as_it_ever_sees(fit: Fit) -> None:
    predictor = Painted(fit=fit)
    service = Service(predictor)
    service.warm_up()
    largest = max(shape[0] * shape[2] * shape[3] for shape in predictor.seen)
    assert largest <= 64_000
    assert largest >= service.limits.batch * 48 * 64
    for shape in ((48, 64), (200, 310), (900, 1200)):
        predictor.inference.mask(np.zeros((*shape, 3), np.uint8))
    assert max(s[0] * s[2] * s[3] for s in predictor.seen) <= max(largest, 64_000)
    assert largest_sample(predictor.inference)[2] == 3
    assert memory_bound(service).model > 10_000_000


def test_the_bytes_of_a_mask_are_those_of_its_file(tmp_path: Path) -> None:
    from intarsia.images import write_mask

    mask = np.arange(6, dtype=np.uint8).reshape(2, 3) % 3
    write_mask(tmp_path / "mask.png", mask, LABELS)
    assert (tmp_path / "mask.png").read_bytes() == mask_png(mask, LABELS)
    assert np.asarray(Image.open(io.BytesIO(mask_png(mask, LABELS)))).tolist() == mask.tolist()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "serve what?"),
        (["no-such-run"], "no such run folder"),
        (["--runs", "no-such-folder"], "no such folder"),
        (["--runs", "."], "no finished run"),
        (["x", "--queue", "0"], "--queue"),
        (["x", "--max-pixels", "nan"], "--max-pixels is nan"),
    ],
)
def test_what_the_command_does_not_take(
    words: list[str], said: str, capsys: Any, monkeypatch: Any, tmp_path: Path
) -> None:
    from intarsia.cli import main

    monkeypatch.chdir(tmp_path)
    assert main(["serve", *words, "--port", "0"]) == 2
    assert said in capsys.readouterr().err


def test_the_newest_finished_run_may_be_in_a_comparison(tmp_path: Path) -> None:
    from intarsia.cli.serve import _newest

    places = ("old", "cmp/runs/unet/repeat-0", "cmp/runs/unet/repeat-1", "stopped")
    for age, place in enumerate(places):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "recipe.yaml").touch()
        if place != "stopped":
            (tmp_path / place / "summary.json").touch()
            os.utime(tmp_path / place / "summary.json", (age, age))
    assert _newest(tmp_path) == tmp_path / "cmp" / "runs" / "unet" / "repeat-1"


@pytest.mark.slow
def test_the_command_serves_a_run_and_ends_well(folded: Any, tmp_path: Path) -> None:
    import http.client

    from intarsia.prediction import Predictor

    run = folded.path / "fold-0"
    command = [sys.executable, "-m", "intarsia", "serve", str(run), "--port", "0"]
    process = subprocess.Popen(
        [*command, "--device", "cpu", "--runs", str(folded.path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        address = process.stdout.readline()
        assert address.startswith("fold-0: http://127.0.0.1:")
        assert "MB at most" in process.stdout.readline()
        port = int(address.rpartition(":")[2])
        content = encoded(scene())
        (tmp_path / "a.png").write_bytes(content)
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        line.request("POST", "/v1/predict", form(content), {**FORM, "Accept": "image/png"})
        answer = line.getresponse()
        assert answer.status == 200
        mask = np.asarray(Image.open(io.BytesIO(answer.read())))
        np.testing.assert_array_equal(mask, Predictor(run, device="cpu")(tmp_path / "a.png"))
        line.close()
    finally:
        process.send_signal(signal.SIGTERM)
        said, faults = process.communicate(timeout=60)
    assert process.returncode == 0
    assert said.endswith("stopped\n")
    assert faults == ""
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1)
