"""The page of a check: findings with pictures, and the data set in figures."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from intarsia.datasets import Dataset
from intarsia.doctor import Finding, Report
from intarsia.doctor.display import summary
from intarsia.doctor.findings import CODES, SEVERITIES
from intarsia.html import render
from intarsia.images import write_atomic
from intarsia.reporting.check_figures import check_drawings
from intarsia.reporting.check_pictures import Exhibit, exhibits
from intarsia.reporting.tables import Cell, Column, Table

_MOST_LINES = 12  # findings of one code in the page; the JSON has all


@dataclass(frozen=True)
class Group:
    """All findings of one code as the page shows them."""

    code: str
    anchor: str  # of the page: the code, with the severity where a code has two
    severity: str
    title: str
    count: int
    lines: tuple[Finding, ...]
    left_out: int
    hints: tuple[str, ...]
    exhibits: tuple[Exhibit, ...]


def write_check_page(data: Dataset | None, report: Report, path: str | os.PathLike[str]) -> Path:
    """Write one self-contained page: no script, no network, pictures inside.

    `data` is what was checked, None where it could not be opened: then there are no pictures.

    Raises:
        IntarsiaError: the file cannot be written.
    """
    target = Path(path)
    groups = _groups(data, report)
    numbers = report.statistics
    page = render(
        "check.html",
        {
            "title": f"{report.data} · Intarsia check",
            "name": report.data,
            "summary": summary(report),
            "report": report,
            "grave": [g for g in groups if g.severity != "note"],
            "sections": [
                (severity, [g for g in groups if g.severity == severity])
                for severity in SEVERITIES
                if any(g.severity == severity for g in groups)
            ],
            # where nothing is ignored, a class may well be black
            "ignored": any(split["ignored_pixels"] for split in numbers.get("splits", {}).values()),
            "labels": None if data is None else data.labels,
            "statistics": numbers,
            "drawings": {} if data is None else check_drawings(data.labels, numbers),
            "tables": _tables(numbers) if numbers else {},
            "facts": _facts(report),
        },
    )
    write_atomic(target, page.encode("utf-8", "backslashreplace"))
    return target


def _groups(data: Dataset | None, report: Report) -> list[Group]:
    found: list[Group] = []
    for (severity, code), members in groupby(report.findings, key=lambda f: (f.severity, f.code)):
        all_of = list(members)
        most = len(all_of) if code == "inferred" else _MOST_LINES
        hints = tuple(dict.fromkeys(f.hint for f in all_of[:most] if f.hint))
        pictures = () if data is None else exhibits(data, all_of)
        shown = tuple(all_of[:most])
        found.append(
            Group(
                code,
                code if code not in {group.code for group in found} else f"{code}-{severity}",
                severity,
                CODES[code][1],
                len(all_of),
                shown,
                len(all_of) - len(shown),
                hints,
                pictures,
            )
        )
    return found


def _facts(report: Report) -> list[tuple[str, str, str]]:
    """(name, value, note) of the tiles at the top."""
    facts = [
        ("errors", str(len(report.errors)), "stop a training"),
        ("warnings", str(len(report.warnings)), "look at each once"),
        ("notes", str(len(report.notes)), "worth knowing"),
    ]
    numbers = report.statistics
    if numbers:
        splits = ", ".join(f"{split} {s['images']}" for split, s in numbers["splits"].items())
        facts.append(("images", str(numbers["images"]), splits))
        sizes = numbers["sizes"]
        if sizes["different"]:
            height, width = sizes["most_common"]["size"]
            note = (
                "height \N{MULTIPLICATION SIGN} width, all"
                if sizes["different"] == 1
                else "the most frequent size"
            )
            facts.append(("size", f"{height} \N{MULTIPLICATION SIGN} {width}", note))
        depth = ", ".join(numbers["depths"])
        facts.append(("channels", str(numbers["channels"]), depth))
    return facts


def _tables(numbers: dict[str, Any]) -> dict[str, Table]:
    return {"classes": _classes(numbers), "objects": _objects(numbers), "sizes": _sizes(numbers)}


def _classes(numbers: dict[str, Any]) -> Table:
    splits = numbers["splits"]
    columns = [Column("class")]
    for split in splits:
        columns += [Column(f"{split} pixels", "number"), Column(f"{split} images", "count")]
    advice = numbers["imbalance"]
    if advice:
        columns.append(Column("weight", "number"))
    names = [c["name"] for c in next(iter(splits.values()))["classes"]] if splits else []
    rows = []
    for at, name in enumerate(names):
        row: list[Cell] = [name]
        for split in splits.values():
            entry = split["classes"][at]
            share = entry["share"]
            row += [None if share is None else f"{100 * share:.2f} %", entry["images"]]
        if advice:
            row.append(advice["weights"][at])
        rows.append(tuple(row))
    return Table("classes", "Pixels and images of every class", tuple(columns), tuple(rows))


def _objects(numbers: dict[str, Any]) -> Table:
    sides = list(numbers["objects"][0]["under"]) if numbers["objects"] else []
    columns = [Column("class"), Column("objects", "count"), Column("specks", "count")]
    columns += [
        Column("own size" if side == "native" else f"at {side} px", "number") for side in sides
    ]
    rows = []
    for item in numbers["objects"]:
        count = item["objects"]
        shares = [f"{item['under'][s] / count:.0%}" if count else None for s in sides]
        rows.append((item["name"], count, item["specks"], *shares))
    return Table("objects", "Objects under 4 px by training size", tuple(columns), tuple(rows))


def _sizes(numbers: dict[str, Any]) -> Table:
    each = numbers["sizes"].get("each", [])
    columns = (Column("height", "count"), Column("width", "count"), Column("images", "count"))
    return Table("sizes", "Sizes of the images", columns, tuple(tuple(row) for row in each[:40]))
