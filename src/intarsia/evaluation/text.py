"""A sheet as text for a terminal, and as HTML for a notebook."""

from __future__ import annotations

import html
import textwrap
from typing import TYPE_CHECKING

from intarsia.evaluation.wording import estimand_of, primary_of, remarks_of, title_of

if TYPE_CHECKING:
    from intarsia.evaluation.figures import Figure
    from intarsia.evaluation.sheet import Evaluation

_WIDTH = 80
_LABEL = 31
_COLUMNS = (  # in full, and where there is little room
    ("IoU", "IoU", "iou"),
    ("Dice", "Dice", "dice"),
    ("precision", "prec.", "precision"),
    ("sensitivity", "sens.", "sensitivity"),
    ("specificity", "spec.", "specificity"),
)


def text_of(sheet: Evaluation) -> str:
    """Lines of at most 80 characters."""
    lines = [_shorten(title_of(sheet), _WIDTH), *_wrapped(f"primary: {primary_of(sheet)}"), ""]
    for label, text in _headline(sheet):
        lines.append(f"{label:<{_LABEL}}{text}")
    lines += ["", *_table(sheet), ""]
    if sheet.details is not None:
        lines += [str(sheet.details), ""]
    for sentences in (estimand_of(sheet), *remarks_of(sheet)):
        lines += _wrapped(sentences)
    return "\n".join(lines).rstrip()


def html_of(sheet: Evaluation) -> str:
    """The same as tables; names are escaped."""
    cells = "".join(
        f"<tr><td>{html.escape(label)}</td><td>{html.escape(text)}</td></tr>"
        for label, text in _headline(sheet)
    )
    heads = [title for title, _, _ in _COLUMNS]
    if sheet.intervals is not None:
        heads.insert(1, "95 % interval")
    head = "".join(f"<th>{title}</th>" for title in ("class", *heads, "support"))
    rows = "".join(
        "<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in row) + "</tr>"
        for row in _rows(sheet)
    )
    title = html.escape(title_of(sheet))
    primary = html.escape(primary_of(sheet))
    sentences = (estimand_of(sheet), *remarks_of(sheet))
    remarks = "".join(f"<p>{html.escape(line)}</p>" for line in sentences)
    details = "" if sheet.details is None else f"<pre>{html.escape(str(sheet.details))}</pre>"
    return (
        f"<h4>{title}</h4><p>primary: {primary}</p><table>{cells}</table>"
        f"<table><tr>{head}</tr>{rows}</table>{details}{remarks}"
    )


def _headline(sheet: Evaluation) -> list[tuple[str, str]]:
    rows = []
    for figure in sheet.figures:
        mark = " *" if figure.primary else ""
        rows.append((_shorten(figure.name, _LABEL - 1 - len(mark)) + mark, _figure(figure)))
    support = sheet.confusion_matrix.sum(axis=1)
    most = sheet.names[int(support.argmax())] if support.any() else "n/a"
    always = f'(always "{_shorten(most, 30)}")'
    rows.append(("majority baseline", f"{_ratio(sheet.majority_accuracy)}  {always}"))
    return rows


def _figure(figure: Figure) -> str:
    text = _ratio(figure.value)
    found = figure.interval
    if found is not None:
        return f"{text}  ({100 * found.level:g} %: {found.low:.3f} to {found.high:.3f})"
    if figure.value is None or not figure.reason:
        return text
    return f"{text}  (no interval: {figure.reason})"


def _rows(sheet: Evaluation) -> list[tuple[str, ...]]:
    total = int(sheet.confusion_matrix.sum())
    rows = []
    for row in sheet.classes:
        cells = [_ratio(getattr(row, key)) for _, _, key in _COLUMNS]
        if sheet.intervals is not None:
            found = sheet.interval("iou", row.name)
            cells.insert(1, "n/a" if found is None else f"{found.low:.3f}-{found.high:.3f}")
        rows.append((row.name, *cells, _share(row.support, total)))
    return rows


def _table(sheet: Evaluation) -> list[str]:
    heads = [*(short for _, short, _ in _COLUMNS), "support"]
    if sheet.intervals is not None:
        heads.insert(1, "95 %")
    rows = _rows(sheet)
    widths = [
        max(5, len(head), *(len(row[at]) for row in rows)) for at, head in enumerate(heads, start=1)
    ]
    room = _WIDTH - sum(widths) - 2 * len(widths)
    first = min(room, max(len("class"), *(len(name) for name in sheet.names)))
    lines = []
    for name, *cells in [("class", *heads), *rows]:
        texts = [f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True)]
        lines.append("  ".join([f"{_shorten(name, first):<{first}}", *texts]))
    return lines


def _wrapped(sentences: str) -> list[str]:
    return textwrap.wrap(sentences, _WIDTH)


def _ratio(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"


def _share(part: int, whole: int) -> str:
    """A share that says 0 only where there is nothing."""
    if part == 0 or whole == 0:
        return "0 %"
    percent = 100 * part / whole
    return f"{percent:.1f} %" if percent >= 0.05 else "<0.1 %"


def _shorten(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
