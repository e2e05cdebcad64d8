"""`/v1/jobs`: images above the size that is answered at once."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.responses import FileResponse, JSONResponse

from intarsia.serving.answers import JSON, PARTS, PNG, part_named
from intarsia.serving.jobs import Job, JobStatus
from intarsia.serving.negotiation import preferred
from intarsia.serving.prediction_routes import FORM, problems
from intarsia.serving.refusal import Refusal
from intarsia.serving.service import Service
from intarsia.serving.upload import check_declared
from intarsia.serving.work import Answer

_NO_STORE = {"cache-control": "no-store"}
_UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"description": "no such job, or no more"}}
_POLL = {"retry-after": "1"}


def job_routes(service: Service) -> APIRouter:
    router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
    jobs, limits = service.jobs, service.limits

    @router.post(
        "",
        status_code=202,
        summary="Begin with a large image",
        response_model=JobStatus,
        responses=problems(400, 404, 408, 413, 415, 422, 503),
        openapi_extra={"requestBody": FORM},
    )
    async def begin(
        request: Request,
        run: Annotated[str | None, Query(description="another run of the folder served")] = None,
    ) -> Response:
        check_declared(request.headers, limits.job_body)
        job = jobs.new(service.spool)
        try:
            upload = await service.receive(request, size=limits.job_body)
            work = await run_in_threadpool(service.prepare, upload, run, job.write, large=True)
            jobs.begin(job, work)
        except BaseException:
            jobs.delete(job)
            raise
        content = jobs.status(job).model_dump()
        return JSONResponse(content, 202, {"location": job.path, **_NO_STORE, **_POLL})

    @router.get("/{name}", summary="How far it is", responses=_UNKNOWN, response_model=JobStatus)
    async def status(name: str) -> Response:
        job = jobs.get(name)
        running = jobs.status(job)
        headers = _NO_STORE if running.expires_in is not None else {**_NO_STORE, **_POLL}
        return JSONResponse(running.model_dump(), 200, headers)

    @router.get(
        "/{name}/result",
        summary="What was found: JSON with links, or the mask as PNG",
        responses={**_UNKNOWN, 409: {"description": "not finished yet"}},
    )
    async def result(name: str, request: Request) -> Response:
        job = jobs.get(name)
        answer = _finished(job)
        if preferred(request.headers.get("accept"), (JSON, PNG)) == PNG:
            return FileResponse(job.folder / "mask", media_type=PNG, headers=_NO_STORE)
        return Response(answer.content, media_type=answer.media_type, headers=_NO_STORE)

    @router.delete("/{name}", status_code=204, summary="Stop and forget it", responses=_UNKNOWN)
    async def delete(name: str) -> Response:
        jobs.delete(jobs.get(name))
        return Response(status_code=204)

    @router.get("/{name}/{part}", summary="mask, overlay, confidence or pixels", responses=_UNKNOWN)
    async def part(name: str, part: str) -> Response:
        job = jobs.get(name)
        _finished(job)
        kind = part_named(part)
        if kind is None:
            raise Refusal(404, "not-found", "no such picture", expected=", ".join(PARTS))
        return FileResponse(job.folder / kind, media_type=job.kinds[kind], headers=_NO_STORE)

    return router


def _finished(job: Job) -> Answer:
    outcome = job.outcome
    if outcome is None:
        raise Refusal(409, "not-finished", "the job is not finished", retry_after=1)
    if isinstance(outcome, Refusal):
        # a traceback grows with each raise of the same one
        raise outcome.with_traceback(None)
    return outcome
