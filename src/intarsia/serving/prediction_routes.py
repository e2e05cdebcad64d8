"""`/v1/predict` and `/v1/model`."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from intarsia.errors import IntarsiaError
from intarsia.serving.answers import (
    JSON,
    PARTS,
    PNG,
    Part,
    Prediction,
    json_answer,
    part_named,
    png_answer,
)
from intarsia.serving.inspection import accepted_formats
from intarsia.serving.negotiation import preferred
from intarsia.serving.refusal import Refusal
from intarsia.serving.service import Service
from intarsia.serving.upload import FIELD, check_declared
from intarsia.serving.work import Write

_EXAMPLE = {
    "model": "camvid",
    "width": 480,
    "height": 352,
    "shares": {"Sky": 0.18, "Road": 0.31},
    "confidence": 0.93,
    "measurements": [
        {
            "class": "Sky",
            "id": 0,
            "color": [128, 128, 128],
            "pixels": 30412,
            "share": 0.18,
            "regions": 2,
            "mean_confidence": 0.97,
        }
    ],
    "mask": "data:image/png;base64,iVBORw0KGgo...",
    "overlay": "data:image/jpeg;base64,/9j/4AAQSkZ...",
    "confidence_map": None,
    "pixels": None,
    "seconds": {"queue": 0.01, "decode": 0.004, "inference": 0.21},
}
_PROBLEM = {
    "title": "Unsupported Media Type",
    "status": 415,
    "reason": "unsupported",
    "detail": "this is a file of the kind GIF",
    "expected": "JPEG, PNG, WEBP, BMP",
    "hint": "save the image as JPEG or PNG and send that",
}
_REFUSALS = {
    400: "the multipart body is malformed",
    404: "no such run",
    406: "neither JSON nor PNG is acceptable",
    408: "the body came too slowly",
    413: "too many bytes, or too many pixels",
    415: "not an image of a kind that is taken",
    422: "an image that cannot be read, or does not fit the model",
    503: "no place free, or stopping: see Retry-After",
    504: "no answer before the deadline",
}
FORM = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": [FIELD],
                "properties": {FIELD: {"type": "string", "format": "binary"}},
            }
        }
    },
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of these answers."""
    return {
        status: {
            "description": _REFUSALS[status],
            "content": {"application/problem+json": {"example": _PROBLEM}},
        }
        for status in statuses
    }


class LabelClass(BaseModel):
    id: int
    name: str
    color: tuple[int, int, int]


class ModelDescription(BaseModel):
    """What is served, and what it takes."""

    name: str
    classes: list[LabelClass]
    channels: int
    size: tuple[int, int]
    fit: str
    accepts: list[str]
    max_body: int
    max_pixels: int
    job_body: int
    job_pixels: int
    queue: int
    deadline: float


def prediction_routes(service: Service) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["prediction"])
    limits = service.limits

    @router.post(
        "/predict",
        summary="The mask of one image",
        response_model=Prediction,
        responses={
            200: {
                "content": {JSON: {"example": _EXAMPLE}, PNG: {}},
                "description": "JSON, or the index PNG where Accept: image/png asks for it",
            },
            **problems(*_REFUSALS),
        },
        openapi_extra={"requestBody": FORM},
    )
    async def predict(
        request: Request,
        include: Annotated[
            str, Query(description="pictures in the JSON: any of mask, overlay, confidence, pixels")
        ] = "mask,overlay",
        run: Annotated[str | None, Query(description="another run of the folder served")] = None,
    ) -> Response:
        write = _write(request, include)
        check_declared(request.headers, limits.max_body)
        upload = await service.receive(request, size=limits.max_body)
        work = await run_in_threadpool(service.prepare, upload, run, write)
        answer = await service.answer(work, request.receive)
        return Response(
            answer.content, media_type=answer.media_type, headers={"cache-control": "no-store"}
        )

    @router.get("/model", summary="Classes, sizes and limits", response_model=ModelDescription)
    async def model(
        run: Annotated[str | None, Query(description="another run of the folder served")] = None,
    ) -> ModelDescription:
        try:
            return await run_in_threadpool(describe, service, run)
        except IntarsiaError as error:
            raise Refusal(422, "unfit", error.what, hint=error.hint) from error

    return router


def describe(service: Service, name: str | None = None) -> ModelDescription:
    """The service's own model, or another run, whose weights are not read for it.

    Raises:
        Refusal: 404 where there is no such run.
        RunError, RecipeError: it is damaged.
    """
    limits = service.limits
    known = service.known(name)
    preprocessing = known.preprocessing
    return ModelDescription(
        name=service.models.own.name if name is None else name,
        classes=[LabelClass(**vars(label)) for label in known.labels.classes],
        channels=len(preprocessing.mean),
        size=preprocessing.size,
        fit=preprocessing.fit,
        accepts=list(accepted_formats(known.suffixes)),
        max_body=limits.max_body,
        max_pixels=limits.max_pixels,
        job_body=limits.job_body,
        job_pixels=limits.job_pixels,
        queue=limits.queue,
        deadline=limits.deadline,
    )


def _write(request: Request, include: str) -> Write:
    """How the answer is written.

    Raises:
        Refusal: 406 or 422.
    """
    if preferred(request.headers.get("accept"), (JSON, PNG)) == PNG:
        return png_answer
    return partial(json_answer, parts=wanted_parts(include))


def wanted_parts(include: str) -> list[Part]:
    """The pictures that a comma-separated list names.

    Raises:
        Refusal: 422 where there is no such picture.
    """
    words = dict.fromkeys(word.strip() for word in include.split(",") if word.strip())
    parts = [part for word in words if (part := part_named(word)) is not None]
    if len(parts) < len(words):
        raise Refusal(422, "malformed", "include names no such picture", expected=", ".join(PARTS))
    return parts
