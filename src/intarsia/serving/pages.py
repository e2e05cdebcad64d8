"""The pages for people: try it, the model, the runs, the interface."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI, Response
from fastapi.concurrency import run_in_threadpool
from markupsafe import Markup
from starlette.responses import FileResponse, HTMLResponse

from intarsia import __version__
from intarsia.errors import IntarsiaError
from intarsia.html import render
from intarsia.runs import Run
from intarsia.serving.prediction_routes import describe
from intarsia.serving.refusal import Refusal
from intarsia.serving.run_list import (
    REPORT,
    RunProgress,
    RunSummary,
    find_comparisons,
    find_runs,
    is_usable,
    read_entries,
    read_progress,
    read_summary,
)
from intarsia.serving.service import Service

if TYPE_CHECKING:
    from collections.abc import Mapping

    from intarsia.reporting.tables import Table

# a closed list: no path that a client sends ever becomes a file name
_STATIC = {
    "style.css": ("templates", "text/css"),
    "service.css": ("static", "text/css"),
    "try.js": ("static", "text/javascript"),
    "viewer.js": ("static", "text/javascript"),
    "runs.js": ("static", "text/javascript"),
}
_MAIN = re.compile(r"<main>(.*)</main>", re.DOTALL)
_SECTIONS = re.compile(r'<nav aria-label="Sections">.*?</nav>', re.DOTALL)
# reports and comparisons are whole pages of their own, with styles and pictures inside
_SELF_CONTAINED = {
    "content-security-policy": (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
}


def page_routes(service: Service, app: FastAPI) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def try_it() -> Response:
        usable = await run_in_threadpool(_usable, service)
        return _page(
            service,
            "try.html",
            "Try it",
            {"settings": describe(service).model_dump(), "usable": usable},
        )

    @router.get("/model")
    async def model() -> Response:
        values = await run_in_threadpool(_card, service)
        return _page(service, "model.html", "Model", values)

    @router.get("/docs")
    async def docs() -> Response:
        return _page(service, "interface.html", "API", {"operations": _operations(app)})

    @router.get("/static/{name}")
    async def static(name: str) -> Response:
        if name not in _STATIC:
            raise Refusal(404, "not-found", "no such file")
        content, kind = _static(name)
        return Response(content, media_type=kind)

    return router


def run_routes(service: Service, folder: Path) -> APIRouter:
    """The page of the runs, and what its script asks for."""
    router = APIRouter()

    def run_of(name: str) -> Path:
        path = service.others().get(name)
        if path is None:
            raise Refusal(404, "not-found", "no such run")
        return path

    def listed() -> list[RunSummary]:
        return [read_summary(path, name) for name, path in find_runs(folder).items()]

    @router.get("/runs", include_in_schema=False)
    async def runs() -> Response:
        values = {
            "entries": await run_in_threadpool(read_entries, folder),
            "folder": folder.resolve().name,
        }
        return _page(service, "runs.html", "Runs", values)

    @router.get("/v1/runs", tags=["runs"], summary="The runs of the folder served")
    async def run_list() -> list[RunSummary]:
        return await run_in_threadpool(listed)

    @router.get("/v1/runs/{name:path}", tags=["runs"], summary="One run with its curves")
    async def progress(name: str) -> RunProgress:
        return await run_in_threadpool(read_progress, run_of(name), name)

    @router.get("/runs/{name:path}/report", include_in_schema=False)
    async def report(name: str) -> Response:
        return _whole_page(run_of(name) / REPORT)

    @router.get("/comparisons/{name:path}", include_in_schema=False)
    async def comparison(name: str) -> Response:
        page = find_comparisons(folder).get(name)
        return _whole_page(page)

    return router


def missing_page(service: Service, what: str) -> HTMLResponse:
    """What a browser is shown where there is nothing."""
    return _page(service, "missing.html", "Nothing here", {"what": what}, status=404)


def _page(
    service: Service, template: str, title: str, values: Mapping[str, object], status: int = 200
) -> HTMLResponse:
    shared = {
        "title": f"{title} · {service.models.own.name}",
        "here": title,
        "name": service.models.own.name,
        "labels": service.models.own.predictor.labels,
        "has_runs": service.runs is not None,
        "version": __version__,
    }
    return HTMLResponse(render(template, {**shared, **values}), status)


def _whole_page(page: Path | None) -> Response:
    if page is None or not page.is_file():
        raise Refusal(404, "not-found", "no such page")
    return FileResponse(page, media_type="text/html; charset=utf-8", headers=_SELF_CONTAINED)


@cache
def _static(name: str) -> tuple[bytes, str]:
    folder, kind = _STATIC[name]
    return files("intarsia.html").joinpath(folder, name).read_bytes(), kind


def _usable(service: Service) -> list[str]:
    """The other runs that can predict."""
    others = service.others().items()
    return [name for name, path in others if is_usable(path) and not service.is_own(path)]


def _card(service: Service) -> dict[str, object]:
    """What the page of the model shows: the report of its run, the card of its bundle, or what is
    known without one."""
    report, sections, evaluations = None, None, None
    fault = None
    if service.path is not None and service.path.is_dir():
        file = service.path / REPORT
        if file.is_file():
            # written by this program, with every foreign text escaped; scripts do not run here
            text = file.read_text(encoding="utf-8")
            body, links = _MAIN.search(text), _SECTIONS.search(text)
            report = Markup(body[1]) if body else None
            sections = Markup(links[0]) if links else None
        else:
            try:
                evaluations = _evaluations(Run.open(service.path))
            except IntarsiaError as error:
                fault = error.what
    card = service.models.own.predictor.card
    return {
        "model": describe(service),
        "card": card,
        "sheets": [] if card is None else _sheets(card),
        "report": report,
        "sections": sections,
        "evaluations": evaluations,
        "fault": fault,
    }


def _evaluations(run: Run) -> Table | None:
    from intarsia.reporting.evaluations import evaluations_of
    from intarsia.reporting.sheets import summary_table

    sheets = evaluations_of(run)
    return summary_table(sheets.values()) if sheets else None


def _sheets(card: Mapping[str, Any]) -> list[Table]:
    """The metric sheets in the card of a bundle."""
    from intarsia.reporting.tables import Column, Table

    ratios = (Column(name, "ratio") for name in ("IoU", "IoU low", "IoU high", "Dice"))
    columns = (Column("class"), *ratios)
    tables = []
    for name, sheet in card.get("evaluations", {}).items():
        intervals = sheet["intervals"] or {}
        of_classes = intervals.get("iou") or {}
        rows = [("mean", sheet["miou"], intervals.get("miou"), sheet["mean_dice"])]
        rows += [
            (c["name"], c["iou"], of_classes.get(c["name"]), c["dice"]) for c in sheet["classes"]
        ]
        shown = tuple(
            (of, iou, (between or {}).get("low"), (between or {}).get("high"), dice)
            for of, iou, between, dice in rows
        )
        title = f"{sheet['split']} of {sheet['data']}, {sheet['images']} images"
        tables.append(Table(name, title, columns, shown))
    return tables


def _operations(app: FastAPI) -> list[dict[str, Any]]:
    """The interface as its page lists it: an entry an operation of the OpenAPI description."""
    found = []
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            answers = {
                status: {"description": answer["description"], "example": _example(answer)}
                for status, answer in operation["responses"].items()
                if answer["description"] != "Validation Error"
            }
            found.append(
                {
                    "method": method.upper(),
                    "path": path,
                    "summary": operation.get("summary", ""),
                    "parameters": [_parameter(each) for each in operation.get("parameters", [])],
                    "upload": "requestBody" in operation,
                    "answers": answers,
                }
            )
    return found


def _parameter(item: Mapping[str, Any]) -> dict[str, object]:
    return {
        "name": item["name"],
        "place": item["in"],
        "description": item.get("description", ""),
        "default": item["schema"].get("default"),
    }


def _example(answer: Mapping[str, Any]) -> str | None:
    example = answer.get("content", {}).get("application/json", {}).get("example")
    return None if example is None else json.dumps(example, indent=2)
