"""The service under load: rejections, throughput, fuzzed uploads, clients that leave, SIGTERM.

    python benchmarks/serving.py --run runs/camvid --image photo.png --work work/serving \
        --out serving.json [--small] [--parts load,rate,fuzz,leave,stop,memory]

needs `hey` (apt-get install hey) and measures on loopback, in this order:

- load: 5,000 requests at 1,000 at a time; only 200 and 503 with Retry-After, how long a 503 takes;
- rate: masks a second that the service gives to 16 at a time, beside the model in a loop on the
  same decoded image, and beside the same run behind MLflow's scoring server and LitServe, in turn,
  five times; `--peers ""` leaves them out, `pip install litserve` is needed for the last;
- fuzz: 10,000 damaged uploads; answers by status, memory after 2,000 and at the end;
- leave: 500 clients that send an image and leave while they wait; images predicted;
- stop: SIGTERM under load: every accepted request answered, exit code, port, processes left;
- memory: sixteen of the largest images that are answered at once, all noise, with all their
  pictures, and the largest job beside them; the peak of the process and the bound it printed.

Each part starts a service of its own and writes what it found into `--out` at once; parts that are
there already are not repeated. `--small` is a tenth of everything.
"""

from __future__ import annotations

import argparse
import base64
import collections
import csv
import functools
import http.client
import io
import json
import multiprocessing
import os
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

BOUNDARY = "intarsia-benchmark"
KIND = f"multipart/form-data; boundary={BOUNDARY}"
AT_ONCE = 16  # clients of the part "rate"
PARTS = ("load", "rate", "fuzz", "leave", "stop", "memory")


def form(content: bytes, name: str = "image") -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="x"\r\n\r\n'
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


class Service:
    """`intarsia serve` in a process of its own, on a free port."""

    def __init__(self, arguments: argparse.Namespace, *flags: str) -> None:
        command = [sys.executable, "-m", "intarsia", "serve", str(arguments.run), "--port", "0"]
        self.process = subprocess.Popen(
            [*command, "--device", arguments.device, *flags],
            stdout=subprocess.PIPE,
            stderr=sys.stderr,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        first, self.bound = self.process.stdout.readline(), self.process.stdout.readline()
        found = re.search(r"http://([^:]+):(\d+)", first)
        if found is None:
            raise SystemExit(f"the service did not start: {first}")
        self.url, self.port = found[0], int(found[2])
        while self.get("/readyz")[0] != 200:
            time.sleep(0.05)

    def get(self, path: str) -> tuple[int, str]:
        try:
            line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            line.request("GET", path)
            answer = line.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""

    def figure(self, name: str) -> float:
        lines = self.get("/metrics")[1].splitlines()
        return sum(float(x.rpartition(" ")[2]) for x in lines if re.match(rf"{name}[ {{]", x))

    def resident(self) -> int:
        text = Path(f"/proc/{self.process.pid}/statm").read_text()
        return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def peak(self) -> int:
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(re.search(r"VmHWM:\s+(\d+)", text)[1])

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(120)


@contextmanager
def service(arguments: argparse.Namespace, *flags: str) -> Iterator[Service]:
    running = Service(arguments, *flags)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.stop()


def hey(
    url: str, body: Path, count: int, at_once: int, kind: str = KIND, path: str = "/v1/predict"
) -> list[dict[str, str]]:
    """One row a request, as hey prints them: response-time in seconds, status-code, offset."""
    done = subprocess.run(
        ["hey", "-n", str(count), "-c", str(at_once), "-m", "POST", "-t", "120", "-o", "csv",
         "-T", kind, "-H", "Accept: image/png", "-D", str(body), f"{url}{path}"],
        check=True,
        capture_output=True,
        text=True,
    )  # fmt: skip
    return list(csv.DictReader(io.StringIO(done.stdout)))


def share(values: list[float], part: float) -> float | None:
    return sorted(values)[min(len(values) - 1, int(part * len(values)))] if values else None


def load(arguments: argparse.Namespace, body: Path, small: int) -> dict[str, Any]:
    with service(arguments) as running:
        rows = hey(running.url, body, 5000 // small, 1000 // small)
        seconds: dict[str, list[float]] = collections.defaultdict(list)
        for row in rows:
            seconds[row["status-code"]].append(float(row["response-time"]))
        # one that is turned away by hand: hey does not show headers
        refused = _refused(running, body.read_bytes())
        return {
            "requests": len(rows),
            "by_status": {status: len(values) for status, values in seconds.items()},
            "accepted_median": share(seconds["200"], 0.5),
            "rejected_median": share(seconds["503"], 0.5),
            "rejected_p99": share(seconds["503"], 0.99),
            "retry_after": refused,
            "resident": running.resident(),
            "bound": running.bound.strip(),
            "still_inside": running.figure("intarsia_queue_depth"),
            "exit": running.stop(),
        }


def _refused(running: Service, body: bytes) -> str | None:
    found: list[str | None] = []

    def ask(_: int) -> None:
        line = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
        line.request("POST", "/v1/predict", body, {"Content-Type": KIND})
        answer = line.getresponse()
        answer.read()
        if answer.status == 503:
            found.append(answer.getheader("Retry-After"))

    with ThreadPoolExecutor(128) as pool:
        list(pool.map(ask, range(256)))
    return min((x for x in found if x), default=None)


@contextmanager
def peer(name: str, arguments: argparse.Namespace) -> Iterator[Callable[[int], int]]:
    """Another server with the same run: call it with a number of requests, it says how many it
    answered. Both have one worker, which is what they start with."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    content, body = arguments.image.read_bytes(), arguments.work / f"body-{name}"
    if name == "mlflow":
        from intarsia.runs import Run
        from intarsia.tracking.artifact import save_model

        model = arguments.work / "mlflow-model"
        if not model.exists():
            save_model(Run.open(arguments.run), model)
        command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", str(model)]
        command += ["--env-manager", "local", "--port", str(port)]
        table = {"columns": ["image"], "data": [[base64.b64encode(content).decode()]]}
        body.write_text(json.dumps({"dataframe_split": table}))
        kind, path, health = "application/json", "/invocations", "/ping"
    else:
        command = [sys.executable, "benchmarks/litserve_peer.py", str(arguments.run), str(port)]
        body.write_bytes(form(content))
        kind, path, health = KIND, "/predict", "/health"
    url = f"http://127.0.0.1:{port}"
    # MLflow calls `uvicorn` by its name
    path_of_tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path_of_tools}
    with (arguments.work / f"{name}.log").open("w") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env=environment, start_new_session=True
        )
        try:
            while not _answers(url + health):
                if process.poll() is not None:
                    raise SystemExit(f"{name} did not start: see {log.name}")
                time.sleep(0.5)

            def ask(count: int) -> int:
                rows = hey(url, body, count, AT_ONCE, kind, path)
                return sum(row["status-code"] == "200" for row in rows)

            yield ask
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _predict(line: Connection, run: Path, image: Path, device: str) -> None:
    """What a process of its own does: as many masks as it is told, until it is told none."""
    from intarsia.prediction import Predictor

    predictor = Predictor(run, device=device)
    pixels = predictor.read(image)
    while count := line.recv():
        for _ in range(count):
            predictor.inference.mask(pixels)
        line.send(count)


@contextmanager
def loop(arguments: argparse.Namespace) -> Iterator[Callable[[int], int]]:
    """The model without a server."""
    context = multiprocessing.get_context("spawn")
    line, end = context.Pipe()
    given = (end, arguments.run, arguments.image, arguments.device)
    process = context.Process(target=_predict, args=given, daemon=True)
    process.start()

    def ask(count: int) -> int:
        line.send(count)
        return int(line.recv())

    yield ask
    line.send(0)
    process.join()


def rate(arguments: argparse.Namespace, body: Path, small: int) -> dict[str, Any]:
    count = max(AT_ONCE, 60 // small)
    batches: list[float] = []

    @contextmanager
    def ours() -> Iterator[Callable[[int], int]]:
        with service(arguments, "--queue", "64") as running:

            def ask(count: int) -> int:
                rows = hey(running.url, body, count, AT_ONCE)
                return sum(row["status-code"] == "200" for row in rows)

            yield ask
            images = running.figure("intarsia_batch_size_sum")
            batches.append(images / running.figure("intarsia_batch_size_count"))

    sides: dict[str, Callable[[], AbstractContextManager[Callable[[int], int]]]] = {
        "loop": lambda: loop(arguments),
        "intarsia": ours,
    }
    for name in filter(None, arguments.peers.split(",")):
        sides[name] = functools.partial(peer, name, arguments)
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(5):
        # each starts anew in each round: the same process differs from start to start by more than
        # the sides do
        for name, side in sides.items():
            with side() as ask:
                ask(AT_ONCE)  # warm
                begun = time.perf_counter()
                answered = ask(count)
                found[name].append(answered / (time.perf_counter() - begun))
    own = statistics.median(found["loop"])
    return {
        "per_second": found,
        "of_the_loop": {name: statistics.median(each) / own for name, each in found.items()},
        "mean_batch": statistics.mean(batches),
    }


def memory(arguments: argparse.Namespace, body: Path, small: int) -> dict[str, Any]:
    """As many requests as are let in, each with the largest image that is answered at once and all
    of its pictures, and the largest job beside them."""
    queue, pixels = max(2, 16 // small), 12_000_000 // small
    content, large = _noise(pixels), _noise(4 * pixels)
    flags = ("--queue", str(queue), "--deadline", "3600", "--max-pixels", str(pixels / 1e6))
    with service(arguments, *flags) as running:

        def send(path: str, content: bytes) -> tuple[int, str | None]:
            line = http.client.HTTPConnection("127.0.0.1", running.port)
            line.request("POST", path, form(content), {"Content-Type": KIND})
            answer = line.getresponse()
            answer.read()
            return answer.status, answer.getheader("Location")

        accepted, job = send("/v1/jobs", large)
        path = "/v1/predict?include=mask,overlay,confidence,pixels"
        with ThreadPoolExecutor(queue) as pool:
            statuses = list(pool.map(lambda _: send(path, content)[0], range(queue)))
        # it goes on when nobody else waits, and its pictures are the last that is made
        while (state := json.loads(running.get(f"{job}")[1])["state"]) in ("waiting", "running"):
            time.sleep(0.5)
        return {
            "images": queue,
            "pixels": pixels,
            "by_status": dict(collections.Counter(statuses)),
            "job": f"{accepted}, {state}",
            "peak": running.peak(),
            "bound": running.bound.strip(),
        }


def _noise(pixels: int) -> bytes:
    """A JPEG that is all noise: what is found in it, and the pictures of that, are the largest."""
    import numpy as np
    from PIL import Image

    side = int(pixels**0.5)
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, format="JPEG", quality=50)
    return buffer.getvalue()


def damaged(content: bytes, rng: random.Random) -> bytes:
    """A body with something wrong: cut, flipped, spliced, another kind, or a torn form."""
    kind = rng.randrange(8)
    data = bytearray(content)
    if kind == 0:
        data = data[: rng.randrange(len(data))]
    elif kind in (1, 2):
        for _ in range(1 + rng.randrange(40)):
            data[rng.randrange(len(data))] = rng.randrange(256)
    elif kind == 3:
        at = rng.randrange(len(data))
        data[at:at] = rng.randbytes(rng.randrange(3000))
    elif kind == 4:
        data = bytearray(rng.choice(_STARTS) + rng.randbytes(rng.randrange(4000)))
    elif kind == 5:
        for place in range(min(64, len(data))):
            if rng.random() < 0.2:
                data[place] = rng.randrange(256)
    body = bytearray(form(bytes(data)))
    if kind == 6:
        body = body[: rng.randrange(len(body))]
    elif kind == 7:
        for _ in range(1 + rng.randrange(10)):
            body[rng.randrange(min(200, len(body)))] = rng.randrange(256)
    return bytes(body)


_STARTS = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff\xe0",
    b"GIF89a",
    b"RIFF\0\0\0\0WEBP",
    b"BM",
    b"II*\0",
    b"MM\0*",
    b"<svg",
    b"%PDF",
    b"",
    b"\0" * 200,
    b"P6 9999 9999 255\n",
)


def pictures(image: Path) -> list[bytes]:
    from PIL import Image

    found = []
    for kind in ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF"):
        buffer = io.BytesIO()
        Image.open(image).convert("RGB").resize((96, 72)).save(buffer, format=kind)
        found.append(buffer.getvalue())
    return found


def fuzz(arguments: argparse.Namespace, body: Path, small: int) -> dict[str, Any]:
    rng = random.Random(6)
    sources = pictures(arguments.image)
    total, early = 10_000 // small, 2_000 // small
    statuses: collections.Counter[int] = collections.Counter()
    resident = {}
    with service(arguments) as running:
        line = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
        for number in range(1, total + 1):
            content = damaged(rng.choice(sources), rng)
            try:
                line.request("POST", "/v1/predict", content, {"Content-Type": KIND})
                answer = line.getresponse()
                answer.read()
                statuses[answer.status] += 1
            except (OSError, http.client.HTTPException):
                statuses[0] += 1
                line.close()
            if number in (early, total):
                resident[number] = running.resident()
        alive = running.get("/livez")[0]
        return {
            "by_status": dict(sorted(statuses.items())),
            "crashes": running.process.poll() is not None,
            "alive": alive,
            "resident": resident,
            "growth": resident[total] - resident[early],
            "left_in_spool": sum(1 for _ in Path(tempfile.gettempdir()).glob("intarsia-serve-*/*")),
        }


def leave(arguments: argparse.Namespace, body: Path, small: int) -> dict[str, Any]:
    content = body.read_bytes()
    head = (
        f"POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Type: {KIND}\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    ).encode()
    clients = 500 // small
    with service(arguments, "--queue", str(2 * clients)) as running:
        # some that stay keep the network busy while the others come and go
        stay = ThreadPoolExecutor(8)
        answers = [
            stay.submit(hey, running.url, body, 8, 8),
        ]
        time.sleep(0.2)
        lines = []
        for _ in range(clients):
            line = socket.create_connection(("127.0.0.1", running.port))
            line.sendall(head + content)
            lines.append(line)
        for line in lines:
            line.close()
        stayed = [row["status-code"] for row in answers[0].result()]
        deadline = time.monotonic() + 60
        while running.figure("intarsia_queue_depth") and time.monotonic() < deadline:
            time.sleep(0.1)
        return {
            "clients": clients,
            "stayed": dict(collections.Counter(stayed)),
            "images_predicted": running.figure("intarsia_images_total"),
            "abandoned": running.figure("intarsia_abandoned_total"),
            "still_inside": running.figure("intarsia_queue_depth"),
        }


def stop(arguments: argparse.Namespace, body: Path, small: int) -> dict[str, Any]:
    content = body.read_bytes()
    outcomes: collections.Counter[str] = collections.Counter()
    with service(arguments) as running:
        ending = threading.Event()

        def client(_: int) -> None:
            while not ending.is_set():
                try:
                    line = http.client.HTTPConnection("127.0.0.1", running.port, timeout=90)
                    line.request("POST", "/v1/predict", content, {"Content-Type": KIND})
                    answer = line.getresponse()
                    answer.read()
                    outcomes[str(answer.status)] += 1
                except ConnectionRefusedError:
                    outcomes["refused"] += 1
                    return
                except (OSError, http.client.HTTPException) as error:
                    outcomes[f"broken: {type(error).__name__}"] += 1
                    return

        with ThreadPoolExecutor(64) as pool:
            clients = [pool.submit(client, n) for n in range(64)]
            time.sleep(5 / small + 1)
            accepted = running.figure('intarsia_requests_total{code="200",route="/v1/predict"}')
            begun = time.monotonic()
            code = running.stop()
            taken = time.monotonic() - begun
            ending.set()
            for done in clients:
                done.result()
        try:
            socket.create_connection(("127.0.0.1", running.port), timeout=1).close()
            closed = False
        except OSError:
            closed = True
        left = subprocess.run(
            ["ps", "-o", "pid=", "-s", str(running.process.pid)],
            capture_output=True,
            text=True,
            check=False,
        ).stdout.split()
    return {
        "answered_before": accepted,
        "outcomes": dict(outcomes),
        "exit": code,
        "seconds_to_end": taken,
        "port_closed": closed,
        "processes_left": len(left),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--image", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--peers", default="mlflow,litserve")
    parser.add_argument("--parts", default=",".join(PARTS))
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    body = arguments.work / "body"
    body.write_bytes(form(arguments.image.read_bytes()))
    found = json.loads(arguments.out.read_text()) if arguments.out.is_file() else {}
    for name, part in zip(PARTS, (load, rate, fuzz, leave, stop, memory), strict=True):
        if name in arguments.parts.split(",") and name not in found:
            found[name] = part(arguments, body, 10 if arguments.small else 1)
            print(name, json.dumps(found[name]), flush=True)
            arguments.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
