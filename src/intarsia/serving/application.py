"""The service as an ASGI application: its routes, its errors, its description."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from intarsia import __version__
from intarsia.serving.admission import Gate
from intarsia.serving.health import health_routes
from intarsia.serving.job_routes import job_routes
from intarsia.serving.pages import missing_page, page_routes, run_routes
from intarsia.serving.prediction_routes import prediction_routes
from intarsia.serving.refusal import ClientGone, Refusal
from intarsia.serving.service import Service

_DESCRIPTION = """Masks of images by one trained model. Errors are problem documents (RFC 9457) with
`reason`, `detail` and, where there is one, `hint`. A 503 carries `Retry-After`."""
_GONE = 499  # as nginx says it; nobody receives it, it is only counted


def build_application(service: Service) -> ASGIApp:
    """The whole service behind its gate. The pipeline begins and ends with the application."""

    # it writes a line for every torn body, which is an everyday thing here, and is answered
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service.start()
        try:
            yield
        finally:
            service.stop()

    app = FastAPI(
        title="Intarsia",
        version=__version__,
        description=_DESCRIPTION,
        # the usual pages of documentation load scripts from elsewhere; /docs is our own
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        # later versions can report to elsewhere; earlier ones do not look at this
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        },
    )
    app.include_router(prediction_routes(service))
    app.include_router(job_routes(service))
    app.include_router(health_routes(service))
    if service.runs is not None:
        app.include_router(run_routes(service, service.runs))
    app.include_router(page_routes(service, app))
    _add_errors(app, service)
    return Gate(
        app,
        slots=service.slots,
        gauges=service.gauges,
        moderate=service.limits.max_body,
        idle=service.limits.idle,
        closed=service.closed,
    )


def _add_errors(app: FastAPI, service: Service) -> None:
    def refused(refusal: Refusal) -> Response:
        service.gauges.rejections.labels(refusal.reason).inc()
        return Response(refusal.body, refusal.status, refusal.headers)

    @app.exception_handler(Refusal)
    async def refuse(request: Request, error: Refusal) -> Response:
        if error.status == HTTPStatus.NOT_FOUND and _is_browser(request):
            return missing_page(service, error.what[:1].upper() + error.what[1:])
        return refused(error)

    @app.exception_handler(ClientGone)
    async def forget(request: Request, error: ClientGone) -> Response:
        service.gauges.abandoned.inc()
        return Response(status_code=_GONE)

    @app.exception_handler(HTTPException)
    async def explain(request: Request, error: HTTPException) -> Response:
        status = error.status_code
        if status == HTTPStatus.NOT_FOUND and _is_browser(request):
            return missing_page(service, f"No page has the address {request.url.path}")
        allowed = (error.headers or {}).get("Allow")
        refusal = (
            Refusal(status, "method", "this path takes another method", expected=allowed)
            if status == HTTPStatus.METHOD_NOT_ALLOWED
            else Refusal(status, "not-found", "no such path", hint="GET /openapi.json lists them")
        )
        return Response(refusal.body, status, {**(error.headers or {}), **refusal.headers})

    @app.exception_handler(RequestValidationError)
    async def correct(request: Request, error: RequestValidationError) -> Response:
        faults = "; ".join(
            f"{'.'.join(str(place) for place in item['loc'])}: {item['msg']}"
            for item in error.errors()
        )
        return refused(Refusal(422, "malformed", faults))

    @app.exception_handler(Exception)
    async def apologise(request: Request, error: Exception) -> Response:
        # it is raised again behind this answer, and logged with its traceback
        return refused(Refusal(500, "failed", "the server failed at this request"))


def _is_browser(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")
