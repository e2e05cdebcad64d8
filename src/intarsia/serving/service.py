"""The service: what a request goes through between admission and answer."""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.requests import Request
from starlette.types import Receive

from intarsia.runs import Run
from intarsia.serving.admission import Slots
from intarsia.serving.gauges import Gauges
from intarsia.serving.inspection import inspect_upload
from intarsia.serving.jobs import Jobs
from intarsia.serving.limits import Limits
from intarsia.serving.models import Load, Model, Models
from intarsia.serving.pipeline import Pipeline
from intarsia.serving.refusal import ClientGone, Refusal
from intarsia.serving.run_list import find_runs
from intarsia.serving.upload import BodyLimits, receive_image
from intarsia.serving.work import Answer, Work, Write

if TYPE_CHECKING:
    from intarsia.inference import Inference
    from intarsia.prediction import Predictor

_HOPE = 0.6  # share of the deadline that those before may take, by the pace of the last images
_DRAIN_RETRY = 5  # seconds: another instance should be up by then

_log = logging.getLogger("intarsia.serving")


@dataclass(frozen=True)
class Upload:
    """A body that has arrived: where it lies, and when its request was let in."""

    path: Path
    arrived: float


@dataclass
class Service:
    """One model behind one queue.

    `path` is the run or bundle of `predictor`, `runs` a folder of other runs, which `load` opens.
    """

    predictor: Predictor
    path: Path | None = None
    limits: Limits = field(default_factory=Limits)
    runs: Path | None = None
    load: Load | None = None

    def __post_init__(self) -> None:
        self.gauges = Gauges()
        self.slots = Slots(self.limits.queue)
        self.pipeline = Pipeline(self.limits, self.gauges)
        own = Model.of(self._name(), self.predictor, self.pipeline.beat)
        self.models = Models(own, self.pipeline.beat, self.load)
        self.jobs = Jobs(self.limits, self.pipeline)
        self.draining = False
        self.started = False
        self.spool = Path(tempfile.gettempdir())
        self.gauges.watch("queue_depth", "Requests inside.", lambda: self.slots.taken)
        self.gauges.watch("queue_limit", "Requests that fit.", lambda: self.limits.queue)
        self.gauges.watch("waiting", "Images before the network.", lambda: self.pipeline.depth)
        self.gauges.watch("jobs", "Large images that are kept.", lambda: len(self.jobs))
        self.gauges.watch("ready", "1 where requests are taken.", lambda: float(self.ready))

    def start(self) -> None:
        """Begin to take requests."""
        self.spool = Path(tempfile.mkdtemp(prefix="intarsia-serve-"))
        self.pipeline.start()
        self.started = True

    def stop(self) -> None:
        """Refuse what is left and end every thread."""
        self.draining = True
        self.pipeline.stop()
        shutil.rmtree(self.spool, ignore_errors=True)

    @property
    def alive(self) -> bool:
        return not self.started or self.pipeline.alive

    @property
    def ready(self) -> bool:
        return self.started and not self.draining and self.pipeline.alive

    def closed(self) -> Refusal | None:
        """Why nobody is let in, or None."""
        if self.draining:
            return Refusal(503, "draining", "the service is stopping", retry_after=_DRAIN_RETRY)
        if not self.ready:
            return Refusal(503, "not-ready", "the service is not ready", retry_after=_DRAIN_RETRY)
        # who would wait past the deadline is better told so now than then
        slow = self.pipeline.pace * self.slots.taken > _HOPE * self.limits.deadline
        if self.slots.full or slow:
            what = "the wait would be too long" if slow else "all places are taken"
            return Refusal(
                503,
                "queue-full",
                what,
                hint="try again after the seconds of Retry-After",
                retry_after=self.pipeline.retry_after,
            )
        return None

    def others(self) -> dict[str, Path]:
        """The runs that may be predicted with, by name; looked up each time: one may be new."""
        return {} if self.runs is None else find_runs(self.runs)

    def _name(self) -> str:
        """What its own model is called: as in the list of runs where it is there, and as none of
        them where it is not."""
        name, others = self.predictor.name, self.others()
        beside = f"{name} (served)" if name in others else name
        return next((n for n, path in others.items() if self.is_own(path)), beside)

    def is_own(self, run: Path) -> bool:
        """Whether this is the run that is served anyway."""
        return self.path is not None and run.resolve() == self.path.resolve()

    def _other(self, name: str | None) -> Path | None:
        """Where the run of this name is; None is the service's own model.

        Raises:
            Refusal: 404 where there is none.
        """
        path = self.others().get(name) if name is not None else None
        if name is None or (self.models.own.name == name if path is None else self.is_own(path)):
            return None
        if path is None:
            hint = "GET /v1/runs lists them" if self.runs is not None else "leave run= out"
            raise Refusal(404, "not-found", "no such run", hint=hint)
        return path

    def take(self, name: str | None) -> Model:
        """The model of this name, until it is given back.

        Raises:
            Refusal: 404 where there is none, and as `Models.take`.
        """
        path = self._other(name)
        return self.models.own if name is None or path is None else self.models.take(name, path)

    def known(self, name: str | None) -> Run | Predictor:
        """What is known of a model without its weights.

        Raises:
            Refusal: 404 where there is none of this name.
            RunError: its run is damaged.
        """
        path = self._other(name)
        return self.models.own.predictor if path is None else Run.open(path)

    async def receive(self, request: Request, *, size: int) -> Upload:
        """The image of a request in a file of our own.

        Raises:
            Refusal: as `receive_image`; 503 where the disk is full.
            ClientGone: as `receive_image`.
        """
        arrived = time.monotonic()
        path = self.spool / secrets.token_hex(16)
        limits = BodyLimits(size, self.limits.deadline, self.limits.idle)
        try:
            with path.open("xb", buffering=1 << 16) as file:
                await receive_image(request.headers, request.receive, file, limits)
        except OSError as error:
            path.unlink(missing_ok=True)
            _log.error("the spool cannot be written: %s", error)
            raise Refusal(
                503, "no-room", "the server's disk cannot be used", retry_after=30
            ) from error
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return Upload(path, arrived)

    def prepare(
        self,
        upload: Upload,
        run: str | None,
        write: Write,
        *,
        large: bool = False,
    ) -> Work:
        """The work that an upload is; call it in a thread, it reads a header and may load a run.

        Raises:
            Refusal: the image or the run will not do.
        """
        try:
            model = self.take(run)
            try:
                pixels = self._inspect(upload, model, large)
            except BaseException:
                self.models.give_back(model)
                raise
        except BaseException:
            upload.path.unlink(missing_ok=True)
            raise
        deadline = None if large else upload.arrived + self.limits.deadline
        release = partial(self.models.give_back, model)
        return Work(upload.path, pixels, model, write, release, deadline, large)

    def _inspect(self, upload: Upload, model: Model, large: bool) -> int:
        header = inspect_upload(
            upload.path, model.accepted, self.limits, large=large, page=model.predictor.page
        )
        return header.width * header.height

    async def answer(self, work: Work, receive: Receive) -> Answer:
        """Wait for the pipeline, the deadline, or the client to leave, whichever comes first.

        Raises:
            Refusal: what became of it instead; 504 at the deadline.
            ClientGone: nobody waits.
        """
        result = asyncio.wrap_future(work.future)
        # an outcome that nobody asks for any more is no fault
        result.add_done_callback(lambda f: f.cancelled() or f.exception())
        left = asyncio.create_task(_gone(receive))
        seconds = None if work.deadline is None else max(0.0, work.deadline - time.monotonic())
        try:
            self.pipeline.put(work)
            both: set[asyncio.Future[Any]] = {result, left}
            await asyncio.wait(both, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if result.done() and not result.cancelled():
                return result.result()
            if left.done():
                raise ClientGone
            raise Refusal(
                504,
                "deadline",
                f"no answer within {self.limits.deadline:g} s",
                hint="try again when the service is less busy, or send the image to /v1/jobs",
            )
        finally:
            left.cancel()
            if not work.over:
                self.pipeline.abandon(work)

    def warm_up(self) -> None:
        """Let the network once see as much as it ever will, so that its memory is known.

        Raises:
            ModelError: the network does not work.
        """
        inference = self.models.own.inference
        shape = largest_sample(inference)
        image = np.zeros(shape, np.uint8)
        if inference.alike(shape) is None:
            inference.mask(image)
            return
        count = min(self.limits.batch, inference.at_once(shape))
        for bands in inference.batch([image] * count):
            for band in bands:
                inference.decide(band)


def largest_sample(inference: Inference) -> tuple[int, int, int]:
    """(H, W, C) of an image that shows the network as many pixels as it ever sees at once."""
    preprocessing = inference.preprocessing
    rows, columns = preprocessing.size
    channels = len(preprocessing.mean)
    if preprocessing.fit == "crop":
        side = math.isqrt(inference.max_pixels)
        side = min(side, preprocessing.longest_side or side)
        return max(rows, side), max(columns, side), channels
    if preprocessing.fit == "tiles":
        # a row of tiles, at the resolution of the training
        return rows * preprocessing.factor, 9 * columns * preprocessing.factor, channels
    return rows, columns, channels


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
