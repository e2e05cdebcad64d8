"""A sheet as text for a terminal, and as HTML for a notebook."""

from __future__ import annotations

import html
import textwrap
from typing import TYPE_CHECKING

from intarsia.evaluation.wording import estimand_of, primary_of, remarks_of, title_of
from intarsia.statistics import Interval

if TYPE_CHECKING:
    from intarsia.evaluation.sheet import Evaluation

_WIDTH = 80
_LABEL = 26
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
        lines.append(f"{_shorten(label, _LABEL - 1):<{_LABEL}}{text}")
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
    support = sheet.confusion_matrix.sum(axis=1)
    most = sheet.names[int(support.argmax())] if support.any() else "n/a"
    figures = [
        ("macro mIoU", "miou", sheet.miou),
        (
            f"  without {sheet.background}",
            "miou_without_background",
            sheet.miou_without_background,
        ),
        ("micro IoU", "micro_iou", sheet.micro_iou),
        ("macro mean Dice", "mean_dice", sheet.mean_dice),
        ("macro mean accuracy", "mean_accuracy", sheet.mean_accuracy),
        ("pixel accuracy (micro)", "pixel_accuracy", sheet.pixel_accuracy),
        ("frequency-weighted IoU", "frequency_weighted_iou", sheet.frequency_weighted_iou),
    ]
    if sheet.background is None or len(sheet.names) == 1:
        del figures[1]
    primary = "miou" if sheet.primary is None else sheet.primary.metric
    rows = []
    if sheet.primary is not None and sheet.primary.class_name is not None:
        value = getattr(sheet[sheet.primary.class_name], primary)
        found = _between(sheet, primary, value, sheet.primary.class_name)
        rows.append((f"{_shorten(str(sheet.primary), _LABEL - 3)} *", _ratio(value) + found))
    for label, metric, value in figures:
        marked = f"{label} *" if metric == primary else label
        rows.append((marked, _ratio(value) + _between(sheet, metric, value)))
    always = f'(always "{_shorten(most, 40)}")'
    rows.append(("majority baseline", f"{_ratio(sheet.majority_accuracy)}  {always}"))
    return rows


def _between(
    sheet: Evaluation, metric: str, value: float | None, class_name: str | None = None
) -> str:
    """What stands behind a figure."""
    if sheet.intervals is None or value is None:
        return ""
    found = sheet.intervals.find(metric, class_name)
    if isinstance(found, Interval):
        return f"  ({100 * found.level:g} %: {found.low:.3f} to {found.high:.3f})"
    return f"  (no interval: {found})"


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
