"""From uploads to answers: one queue, two helping threads, one thread that owns the network."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import InvalidStateError
from functools import partial

from intarsia.serving.gauges import Gauges
from intarsia.serving.limits import Limits
from intarsia.serving.refusal import Refusal, refusal_of
from intarsia.serving.threads import step_back
from intarsia.serving.work import Answer, Segmented, Work

_HELPERS = 2
_LONGEST_RETRY = 60  # seconds
_PATIENCE = 10  # times `Limits.stalled`
_MEMORY_OF_PACE = 0.1  # weight of the latest image in the mean time of one

_log = logging.getLogger("intarsia.serving")


class _Abandoned(Exception):
    """Nobody waits for what the network is working on."""


class Pipeline:
    """Decoding and writing by two helpers, the network by one thread, in order of arrival.

    At most `limits.decoded_pixels` are decoded at one time. Images that have the same size where
    the network sees them, and are ready at the same moment, go through it together; nobody waits
    for company. Large works go one at a time, when nothing else is ready, and are interrupted
    between two passes of the network for whatever comes in.
    """

    def __init__(self, limits: Limits, gauges: Gauges) -> None:
        self.limits = limits
        self.gauges = gauges
        self.pace = 0.0  # mean seconds an image
        self._changed = threading.Condition()
        self._waiting: deque[Work] = deque()
        self._waiting_large: deque[Work] = deque()
        self._ready: deque[Work] = deque()
        self._ready_large: deque[Work] = deque()
        self._to_write: deque[tuple[Work, Segmented]] = deque()
        self._room = limits.decoded_pixels
        self._large_inside = False
        self._current: list[Work] = []
        self._busy = False
        self._beat = time.monotonic()
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._infer, name="inference", daemon=True),
            *(
                threading.Thread(target=self._help, name=f"helper-{n}", daemon=True)
                for n in range(_HELPERS)
            ),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, seconds: float = 5.0) -> None:
        """End the threads; what is still inside is refused."""
        with self._changed:
            self._stopping = True
            rest = [
                *self._waiting,
                *self._waiting_large,
                *self._ready,
                *self._ready_large,
            ]
            # what the network has is given up before its next pass
            for work in (*rest, *self._current):
                work.gone = True
            for queue in (self._waiting, self._waiting_large, self._ready, self._ready_large):
                queue.clear()
            self._changed.notify_all()
        for work in rest:
            self._finish(work, Refusal(503, "draining", "the service is stopping", retry_after=5))
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(seconds)

    @property
    def depth(self) -> int:
        """How many are waiting, decoded or not."""
        return len(self._waiting) + len(self._ready)

    @property
    def alive(self) -> bool:
        """False where a thread has died, or the network is stuck in one pass."""
        works = self._current
        slow = bool(works) and (works[0].large or works[0].model.inference.refine is not None)
        # what comes after the passes, such as a CRF of the whole image, may take long
        patience = self.limits.stalled * (_PATIENCE if slow else 1)
        stuck = self._busy and time.monotonic() - self._beat > patience
        return all(thread.is_alive() for thread in self._threads) and not stuck

    @property
    def retry_after(self) -> int:
        """Seconds after which a place is likely to be free."""
        return max(1, min(_LONGEST_RETRY, round(self.pace * (self.depth + 1))))

    def beat(self) -> None:
        """Called by the inference thread before each pass of the network, and each image."""
        self._beat = time.monotonic()
        works = self._current
        if works and (self._stopping or all(work.useless for work in works)):
            raise _Abandoned
        if works and works[0].large:
            while self._ready:
                self._serve()
            self._current = works
            self._beat = time.monotonic()

    def put(self, work: Work) -> None:
        with self._changed:
            if self._stopping:
                raise Refusal(503, "draining", "the service is stopping", retry_after=5)
            (self._waiting_large if work.large else self._waiting).append(work)
            self._changed.notify_all()

    def abandon(self, work: Work) -> None:
        """Nobody waits for this one: it goes at once where the network has not begun with it."""
        with self._changed:
            work.gone = True
            queues = (self._waiting, self._waiting_large, self._ready, self._ready_large)
            queued = next((queue for queue in queues if work in queue), None)
            if queued is not None:
                queued.remove(work)
            self._changed.notify_all()
        if queued is not None:
            self._finish(work)

    # -- helpers

    def _help(self) -> None:
        step_back()
        while (task := self._next_task()) is not None:
            task()

    def _next_task(self) -> Callable[[], None] | None:
        with self._changed:
            while True:
                if self._to_write:
                    return partial(self._write, *self._to_write.popleft())
                work = self._next_to_decode()
                if work is not None:
                    return partial(self._decode, work)
                if self._stopping:
                    return None
                self._changed.wait()

    def _next_to_decode(self) -> Work | None:
        """The oldest that there is room for; called with the lock held."""
        if self._waiting and self._waiting[0].pixels <= self._room:
            work = self._waiting.popleft()
            work.room = work.pixels
            self._room -= work.room
            return work
        if self._waiting_large and not self._large_inside:
            self._large_inside = True
            work = self._waiting_large.popleft()
            work.inside = True
            return work
        return None

    def _decode(self, work: Work) -> None:
        begun = time.monotonic()
        try:
            if work.useless:
                self._finish(work)
                return
            work.image = work.model.predictor.read(work.path)
        except Exception as error:
            self._finish(work, refusal_of(error, work.path))
            return
        work.path.unlink(missing_ok=True)
        work.seconds["decode"] = time.monotonic() - begun
        self.gauges.decoding.observe(work.seconds["decode"])
        with self._changed:
            if not self._stopping:
                (self._ready_large if work.large else self._ready).append(work)
                self._changed.notify_all()
                return
        self._finish(work)

    def _write(self, work: Work, segmented: Segmented) -> None:
        if work.gone:
            self._finish(work)
            return
        begun = time.monotonic()
        try:
            answer = work.write(segmented)
        except Exception as error:
            self._finish(work, refusal_of(error, work.path))
            return
        self.gauges.encoding.observe(time.monotonic() - begun)
        self._finish(work, answer)

    # -- the network

    def _infer(self) -> None:
        step_back()
        while True:
            with self._changed:
                self._busy = False
                while not (self._ready or self._ready_large or self._stopping):
                    self._changed.wait()
                if self._stopping:
                    return
                self._beat = time.monotonic()
                self._busy = True
            if self._ready:
                self._serve()
            else:
                self._serve_large()

    def _serve(self) -> None:
        """The oldest that is ready, and its equals."""
        works = self._gather()
        if not works:
            return
        self._current = works
        begun = time.monotonic()
        try:
            self._predict(works)
        finally:
            self._current = []
        spent = time.monotonic() - begun
        self.gauges.inference.observe(spent)
        self.gauges.batch_size.observe(len(works))
        self.gauges.images.inc(len(works))
        each = spent / len(works)
        self.pace += _MEMORY_OF_PACE * (each - self.pace) if self.pace else each

    def _gather(self) -> list[Work]:
        with self._changed:
            useless = [work for work in self._ready if work.useless]
            for work in useless:
                self._ready.remove(work)
            works: list[Work] = []
            if self._ready:
                first = self._ready[0]
                key = _alike(first)
                works = [first]
                if key is not None:
                    most = min(self.limits.batch, first.model.inference.at_once(first.shape))
                    works = [w for w in self._ready if _alike(w) == key][:most]
                for work in works:
                    self._ready.remove(work)
        for work in useless:
            self._finish(work)
        for work in works:
            self._note_wait(work)
        return works

    def _note_wait(self, work: Work) -> None:
        waited = time.monotonic() - work.arrived - work.seconds["decode"]
        work.seconds["queue"] = waited
        self.gauges.queued.observe(waited)

    def _predict(self, works: list[Work]) -> None:
        begun = time.monotonic()
        if len(works) > 1:
            try:
                images = [work.image for work in works if work.image is not None]
                bands = works[0].model.inference.batch(images)
                found = []
                for work, parts in zip(works, bands, strict=True):
                    self.beat()  # a CRF of each of eight takes long
                    found.append(work.segment(parts, begun))
            except _Abandoned:
                for work in works:
                    self._finish(work)
                return
            except Exception as error:
                # one of them spoils the pass for all: each by itself, so that only it fails
                _log.info("a batch of %d failed, each is tried alone: %s", len(works), error)
            else:
                self._hand_over(works, found)
                return
        for work in works:
            self._current = [work]
            begun = time.monotonic()
            try:
                image = work.image
                if image is not None and not work.useless:
                    found = [work.segment(work.model.inference.bands(image), begun)]
                    self._hand_over([work], found)
                else:
                    self._finish(work)
            except _Abandoned:
                self._finish(work)
            except Exception as error:
                self._finish(work, refusal_of(error, work.path))

    def _serve_large(self) -> None:
        with self._changed:
            if not self._ready_large:  # deleted at this very moment
                return
            work = self._ready_large.popleft()
        self._note_wait(work)
        self._predict([work])
        self._current = []

    def _hand_over(self, works: list[Work], found: list[Segmented]) -> None:
        with self._changed:
            for work, segmented in zip(works, found, strict=True):
                work.image = None
                self._to_write.append((work, segmented))
            self._changed.notify_all()

    # -- ends

    def _finish(self, work: Work, outcome: Answer | Refusal | None = None) -> None:
        """Gives back what the work holds, and tells whoever waits for it."""
        with self._changed:
            if work.over:
                return
            work.over = True
            work.image = None
            self._room += work.room
            if work.inside:
                self._large_inside = False
            self._changed.notify_all()
        work.path.unlink(missing_ok=True)
        work.release()
        try:
            if isinstance(outcome, Answer):
                work.future.set_result(outcome)
            elif outcome is not None:
                work.future.set_exception(outcome)
            else:
                work.future.cancel()
        except InvalidStateError:
            pass  # whoever waited has cancelled it at this very moment


def _alike(work: Work) -> object:
    """The key of images that may share a pass of the network."""
    key = work.model.inference.alike(work.shape)
    return None if key is None else (id(work.model), key)
