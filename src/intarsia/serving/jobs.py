"""Images too large to wait for: accepted now, fetched later."""

from __future__ import annotations

import secrets
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from intarsia.serving.answers import JSON, PARTS, Part, picture, prediction
from intarsia.serving.limits import Limits
from intarsia.serving.pipeline import Pipeline
from intarsia.serving.refusal import Refusal
from intarsia.serving.work import Answer, Segmented, Work

State = Literal["waiting", "running", "done", "failed"]

_RETRY = 30  # seconds


class JobStatus(BaseModel):
    """How far a job is. `result` is there once it is done, `error` where it has failed."""

    id: str
    state: State
    progress: float
    expires_in: float | None
    result: str | None = None
    error: dict[str, object] | None = None


@dataclass(eq=False)
class Job:
    """One large image; `folder` takes the pictures of its result."""

    id: str
    folder: Path
    work: Work | None = None
    kinds: dict[Part, str] = field(default_factory=dict)
    ended: float | None = None

    @property
    def path(self) -> str:
        return f"/v1/jobs/{self.id}"

    @property
    def outcome(self) -> Answer | Refusal | None:
        """The result, or why there is none; None before the end."""
        future = None if self.work is None else self.work.future
        if future is None or not future.done():
            return None
        if future.cancelled():
            return Refusal(503, "draining", "the job was given up", retry_after=_RETRY)
        error = future.exception()
        return error if isinstance(error, Refusal) else future.result()

    def write(self, segmented: Segmented) -> Answer:
        """Pictures into the folder, figures as the answer, with links to the pictures."""
        links: dict[Part, str] = {}
        try:
            self.folder.mkdir()
            for part in PARTS:
                content, self.kinds[part] = picture(segmented, part)
                (self.folder / part).write_bytes(content)
                links[part] = f"{self.path}/{part}"
        except BaseException:  # half a result helps nobody, least of all on a full disk
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        if self.work is not None and self.work.gone:  # deleted meanwhile
            shutil.rmtree(self.folder, ignore_errors=True)
        body = prediction(segmented, links).model_dump_json(by_alias=True).encode()
        return Answer(body, JSON)


class Jobs:
    """At most `limits.jobs` at a time; those that ended are kept for `limits.job_lifetime`.

    Used on the event loop only. An id is a secret of 128 bits: whoever knows it may fetch and
    delete the job.
    """

    def __init__(self, limits: Limits, pipeline: Pipeline) -> None:
        self._limits = limits
        self._pipeline = pipeline
        self._jobs: dict[str, Job] = {}

    def __len__(self) -> int:
        self.expire()
        return len(self._jobs)

    def check_room(self) -> None:
        """Raises Refusal 503 where the store is full."""
        if len(self) >= self._limits.jobs:
            raise Refusal(
                503,
                "queue-full",
                f"{self._limits.jobs} jobs are kept already",
                hint="DELETE those that you have fetched, or wait",
                retry_after=_RETRY,
            )

    def new(self, folder: Path) -> Job:
        """A job without its image; it takes its place at once."""
        self.check_room()
        name = secrets.token_urlsafe(16)
        job = Job(name, folder / f"job-{name}")
        self._jobs[name] = job
        return job

    def begin(self, job: Job, work: Work) -> None:
        job.work = work
        self._pipeline.put(work)

    def get(self, name: str) -> Job:
        """Raises Refusal 404 where there is no such job, or no more."""
        self.expire()
        job = self._jobs.get(name)
        if job is None or job.work is None:
            raise Refusal(
                404,
                "not-found",
                "no such job",
                hint=f"a finished job is kept for {self._limits.job_lifetime / 60:g} minutes",
            )
        return job

    def delete(self, job: Job) -> None:
        """Forget it; where it still runs, it stops before its next pass of the network."""
        self._jobs.pop(job.id, None)
        if job.work is not None and not job.work.over:
            self._pipeline.abandon(job.work)
        shutil.rmtree(job.folder, ignore_errors=True)

    def expire(self) -> None:
        """Forget what has been kept long enough."""
        now = time.monotonic()
        for job in list(self._jobs.values()):
            if job.ended is None and job.work is not None and job.work.future.done():
                job.ended = now
            if job.ended is not None and now - job.ended > self._limits.job_lifetime:
                self.delete(job)

    def status(self, job: Job) -> JobStatus:
        work = job.work
        state: State = "waiting"
        error, result, left = None, None, None
        progress = 0.0 if work is None else work.progress
        outcome = job.outcome
        if outcome is not None:
            if isinstance(outcome, Refusal):
                state, error = "failed", outcome.to_json()
            else:
                state, result, progress = "done", f"{job.path}/result", 1.0
            self.expire()
            ended = time.monotonic() if job.ended is None else job.ended
            left = round(max(0.0, ended + self._limits.job_lifetime - time.monotonic()), 1)
        elif work is not None and work.inside:
            state = "running"
        return JobStatus(
            id=job.id,
            state=state,
            progress=round(progress, 3),
            expires_in=left,
            result=result,
            error=error,
        )
