"""A service on a real socket, with a network that is a few lines of NumPy."""

from __future__ import annotations

import http.client
import io
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from intarsia.images import Scaling
from intarsia.inference import Inference
from intarsia.labels import LabelMap
from intarsia.prediction import Predictor
from intarsia.recipe import PredictSection
from intarsia.serving import Limits, Service
from intarsia.serving.server import Server, bound_socket, configuration
from intarsia.transforms import Preprocessing

LABELS = LabelMap.of(["ground", "box", "sky <script>"], [(0, 114, 178), (230, 159, 0), (9, 9, 99)])
BOUNDARY = "a-boundary"
REPEAT = "compared/runs/a 'net'/repeat-0"  # a run of a comparison, in a folder of runs


class Painted(Predictor):
    """Three channels are three classes: the brightest one wins. No torch, no run.

    `hold` keeps the network waiting, `seen` has the shape of each batch, `poison` is a value of
    the first pixel at which the network fails.
    """

    def __init__(self, *, fit: str = "crop", suffixes: frozenset[str] = frozenset()) -> None:
        self.name = "painted"
        self.labels = LABELS
        zero, one = (0.0,) * 3, (1.0,) * 3
        self.preprocessing = Preprocessing((48, 64), fit, Scaling(0, 255, "8 bit"), zero, one)
        self.settings = PredictSection()
        self.suffixes = suffixes
        self.page = None
        self.card = None
        self._channel_names = ()
        self.hold = threading.Event()
        self.hold.set()
        self.entered = threading.Semaphore(0)
        self.seen: list[tuple[int, ...]] = []
        self.poison: int | None = None
        self.inference = Inference(self._network, self.preprocessing, max_pixels=64_000)

    def _network(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        self.seen.append(batch.shape)
        self.entered.release()
        assert self.hold.wait(20)
        if self.poison is not None and (batch[:, 0, 0, 0] * 255 == self.poison).any():
            return np.full_like(batch, np.nan)
        logits: NDArray[np.float32] = batch * 10
        return logits


def scene(height: int = 37, width: int = 53, seed: int = 0) -> NDArray[np.uint8]:
    """Regions of pure colours, and a little noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    classes = (x * 3 // width + y * 2 // height) % 3
    pixels = np.eye(3)[classes] * 200 + rng.integers(0, 30, (height, width, 3))
    return pixels.astype(np.uint8)


def encoded(pixels: NDArray[Any], kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=kind, **options)
    return buffer.getvalue()


def form(
    content: bytes,
    *,
    name: str = "image",
    file_name: str = "photo.png",
    kind: str | None = "application/octet-stream",
) -> bytes:
    """A multipart body; the name is put in as it is, whatever it holds."""
    lines = [
        f"--{BOUNDARY}".encode(),
        b'Content-Disposition: form-data; name="'
        + name.encode()
        + b'"; filename="'
        + file_name.encode()
        + b'"',
    ]
    if kind is not None:
        lines.append(f"Content-Type: {kind}".encode())
    return b"\r\n".join([*lines, b"", content, f"--{BOUNDARY}--".encode(), b""])


FORM = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}


class Reply:
    """A response that has arrived."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def reason(self) -> str:
        assert self.headers["content-type"] == "application/problem+json", self.body[:300]
        return self.json["reason"]

    @property
    def mask(self) -> NDArray[np.uint8]:
        return np.asarray(Image.open(io.BytesIO(self.body)))


class Served:
    """A running service, and how to talk to it."""

    def __init__(self, service: Service, server: Server, port: int) -> None:
        self.service, self.server, self.port = service, server, port
        self._lines: list[socket.socket] = []

    @property
    def predictor(self) -> Any:
        return self.service.predictor

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | Iterator[bytes] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, found, response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Reply:
        return self.ask("GET", path, headers=headers)

    def predict(
        self, content: bytes, *, query: str = "", accept: str = "*/*", **part: Any
    ) -> Reply:
        body = form(content, **part)
        return self.ask("POST", f"/v1/predict{query}", body, {**FORM, "accept": accept})

    def connect(self) -> socket.socket:
        """A connection, which is closed at the latest when the service is."""
        line = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        self._lines.append(line)
        return line

    def hang_up(self) -> None:
        for line in self._lines:
            line.close()

    def begin(self, content: bytes, accept: str = "image/png") -> socket.socket:
        """A whole request on a socket of its own, whose answer is not waited for."""
        body = form(content)
        head = (
            f"POST /v1/predict HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\n"
            f"Content-Type: {FORM['content-type']}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        line = self.connect()
        line.sendall(head.encode() + body)
        return line

    def counted(self, name: str) -> float:
        """The sum of the lines of /metrics that begin so."""
        lines = self.get("/metrics").body.decode().splitlines()
        return sum(float(x.rpartition(" ")[2]) for x in lines if x.startswith(name))

    def until(self, what: Any, seconds: float = 10.0) -> None:
        """Waits for a condition of the service."""
        end = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < end, "it did not come to that"
            time.sleep(0.005)


@contextmanager
def serving(
    predictor: Predictor | None = None,
    *,
    path: Path | None = None,
    runs: Path | None = None,
    load: Any = None,
    **limits: Any,
) -> Iterator[Served]:
    """A service on a free port, in a thread; drained at the end."""
    settings = {"deadline": 10.0, "idle": 5.0, **limits}
    service = Service(
        predictor or Painted(), path=path, limits=Limits(**settings), runs=runs, load=load
    )
    with bound_socket("127.0.0.1", 0) as listener:
        server = Server(configuration(service), service, lambda: None)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        served = Served(service, server, listener.getsockname()[1])
        try:
            served.until(lambda: server.started)
            yield served
        finally:
            hold = getattr(predictor or service.predictor, "hold", None)
            if hold is not None:
                hold.set()
            served.hang_up()
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()
