"""A report for people: text of a bounded length, and HTML for notebooks."""

from __future__ import annotations

import html
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from intarsia.doctor.findings import CODES, Finding, Report

MOST_FILES = 5  # shown a code; the JSON has all
_MOST_CLASSES = 40


def as_text(report: Report) -> str:
    """The findings grouped by code, at most `MOST_FILES` each, then the classes by split."""
    lines = [f"{report.data}: {summary(report)}", *_overview(report.statistics)]
    for (severity, code), group in groupby(report.findings, key=lambda f: (f.severity, f.code)):
        found = list(group)
        times = f" ({len(found)})" if len(found) > 1 else ""
        lines += ["", f"{severity} [{code}] {CODES[code][1]}{times}"]
        lines += _listed(found)
    table = _class_table(report.statistics)
    if table:
        lines += ["", *table]
    return "\n".join(lines)


def summary(report: Report) -> str:
    """ "2 errors, 1 warning" or "no errors, no warnings".

    >>> summary(Report("cats", (), {}))
    'no errors, no warnings'
    """
    return f"{_number(len(report.errors), 'error')}, {_number(len(report.warnings), 'warning')}"


def _number(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"


def _listed(found: list[Finding]) -> Iterator[str]:
    limit = MOST_FILES if found[0].code != "inferred" else len(found)
    shown, hints = found[:limit], {f.hint for f in found[:limit]}
    for one in shown:
        place = f"{one.file}: " if one.file else ""
        # what is long comes last, so that nobody misses what to do
        long = one.expected is not None and "\n" in one.expected
        expected = f" (expected: {one.expected})" if one.expected and not long else ""
        yield f"  {place}{one.value}{expected}"
        if one.hint and len(hints) > 1:
            yield f"    do: {one.hint}"
    if len(found) > limit:
        yield f"  ... and {len(found) - limit} more"
    if len(hints) == 1 and found[0].hint:
        yield f"  do: {found[0].hint}"
    for one in shown:
        if one.expected and "\n" in one.expected:
            yield f"  expected: {one.expected}"


def _overview(statistics: dict[str, Any]) -> Iterator[str]:
    sizes = statistics.get("sizes", {})
    if not sizes.get("different"):
        return
    text = f"{sizes['most_common']['size'][0]} x {sizes['most_common']['size'][1]}"
    if sizes["different"] > 1:
        low, high = sizes["smallest"], sizes["largest"]
        text = f"{low[0]} x {low[1]} to {high[0]} x {high[1]}, {sizes['different']} sizes"
    splits = ", ".join(f"{split} {s['images']}" for split, s in statistics["splits"].items())
    depths = ", ".join(statistics["depths"])
    yield (
        f"{statistics['images']} images ({splits}); height x width {text}; "
        f"{statistics['channels']} channels, {depths}"
    )


def _rows(statistics: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    splits: dict[str, Any] = statistics.get("splits", {})
    header = ["class"]
    for split in splits:
        header += [f"{split} pixels", "images"]
    names = [c["name"] for c in next(iter(splits.values()))["classes"]] if splits else []
    rows = []
    for at, name in enumerate(names):
        row = [name]
        for split in splits.values():
            entry = split["classes"][at]
            share = "-" if entry["share"] is None else f"{100 * entry['share']:.2f} %"
            row += [share, str(entry["images"])]
        rows.append(row)
    ignored = ["(ignored)"]
    for split in splits.values():
        total = split["labelled_pixels"] + split["ignored_pixels"] + split["unknown_pixels"]
        ignored += [f"{100 * split['ignored_pixels'] / total:.2f} %" if total else "-", ""]
    return header, [*rows, ignored] if rows else []


def _class_table(statistics: dict[str, Any]) -> list[str]:
    header, rows = _rows(statistics)
    if not rows:
        return []
    dropped = len(rows) - _MOST_CLASSES - 1
    if dropped > 0:
        rows = [*rows[:_MOST_CLASSES], rows[-1]]
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = []
    for row in [header, *rows]:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    if dropped > 0:
        lines.insert(-1, f"... and {dropped} more classes")
    return lines


def as_html(report: Report) -> str:
    """A fragment for notebooks, everything from files escaped."""
    parts = [f"<p><b>{html.escape(report.data)}</b>: {summary(report)}</p>"]
    for (severity, code), group in groupby(report.findings, key=lambda f: (f.severity, f.code)):
        lines = "".join(f"<li>{html.escape(line.strip())}</li>" for line in _listed(list(group)))
        title = html.escape(CODES[code][1])
        parts.append(f"<p><b>{severity}</b> <code>{code}</code> {title}</p><ul>{lines}</ul>")
    header, rows = _rows(report.statistics)
    if rows:
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in rows
        )
        parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
    return "<div>" + "".join(parts) + "</div>"
