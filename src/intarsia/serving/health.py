"""Is it alive, does it take requests, what has it counted."""

from __future__ import annotations

from fastapi import APIRouter, Response

from intarsia.serving.gauges import CONTENT_TYPE
from intarsia.serving.service import Service


def health_routes(service: Service) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/livez", summary="200 while the inference thread lives and moves")
    async def livez() -> Response:
        return _says(service.alive, "alive", "the inference thread is dead or stuck")

    @router.get("/readyz", summary="200 while requests are taken")
    async def readyz() -> Response:
        return _says(service.ready, "ready", "draining" if service.draining else "not ready")

    @router.get("/metrics", summary="Figures for Prometheus")
    async def metrics() -> Response:
        return Response(service.gauges.text(), media_type=CONTENT_TYPE)

    return router


def _says(well: bool, yes: str, no: str) -> Response:
    return Response(
        yes if well else no,
        200 if well else 503,
        {"cache-control": "no-store"},
        media_type="text/plain",
    )
