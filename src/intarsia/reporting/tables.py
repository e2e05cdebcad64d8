"""Tables: one table, written as CSV, Markdown and LaTeX and shown in the page."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from intarsia.images import write_atomic
from intarsia.reporting.quantities import Kind, quantity

Cell = str | int | float | None

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    # behind the end of a row they would be taken for its options
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "±": r"$\pm$",
    '"': r"\textquotedbl{}",
    "\N{NARROW NO-BREAK SPACE}": r"\,",
}


@dataclass(frozen=True)
class Column:
    """One column: the name in files, what its values are."""

    name: str
    kind: Kind = "text"

    @property
    def numeric(self) -> bool:
        return self.kind != "text"


@dataclass(frozen=True)
class Table:
    """Rows under named columns; `name` is the file name, `caption` says what it holds.

    CSV holds the plain values (an empty cell where there is none), Markdown and LaTeX what a
    reader wants to see.

    >>> table = Table("t", "A table", (Column("class"), Column("IoU", "ratio")), (("a_b", 0.5),))
    >>> print(table.csv(), end="")
    class,IoU
    a_b,0.5
    >>> print(table.markdown(), end="")
    | class | IoU |
    | :--- | ---: |
    | a\\_b | 0.500 |
    """

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def shown(self) -> list[list[str]]:
        """The cells as people read them."""
        return [
            [quantity(cell, column.kind) for cell, column in zip(row, self.columns, strict=True)]
            for row in self.rows
        ]

    def csv(self) -> str:
        """Plain values at full precision, comma separated."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([column.name for column in self.columns])
        for row in self.rows:
            writer.writerow(["" if _missing(cell) else cell for cell in row])
        return out.getvalue()

    def markdown(self) -> str:
        """A pipe table."""
        lines = [
            [escape_markdown(column.name) for column in self.columns],
            ["---:" if column.numeric else ":---" for column in self.columns],
            *([escape_markdown(cell) for cell in row] for row in self.shown()),
        ]
        return "".join(f"| {' | '.join(line)} |\n" for line in lines)

    def latex(self) -> str:
        """A `table` with booktabs rules; every special character is escaped."""
        return booktabs(
            self.name,
            escape_latex(self.caption),
            "".join("r" if column.numeric else "l" for column in self.columns),
            [escape_latex(column.name) for column in self.columns],
            [[escape_latex(cell) for cell in row] for row in self.shown()],
        )

    def write(self, folder: Path) -> None:
        """`<name>.csv`, `.md` and `.tex` into the folder."""
        for ending, text in (
            ("csv", self.csv()),
            ("md", self.markdown()),
            ("tex", self.latex()),
        ):
            write_atomic(folder / f"{self.name}.{ending}", text.encode("utf-8"))


def booktabs(
    name: str,
    caption: str,
    layout: str,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    wide: bool = False,
) -> str:
    """A LaTeX `table` with booktabs rules, labelled `tab:NAME`; a `wide` one in smaller letters.

    `layout` has a letter a column (`lrr`); caption, head and cells are LaTeX already.
    """
    smaller = "\\footnotesize\n\\setlength{\\tabcolsep}{4pt}\n" if wide else ""
    body = "".join(" & ".join(row) + " \\\\\n" for row in rows)
    label = re.sub(r"[^A-Za-z0-9-]+", "-", name)
    return (
        "% \\usepackage{booktabs} and, for quotation marks, \\usepackage[T1]{fontenc}\n"
        "\\begin{table}\n"
        "\\centering\n"
        f"\\caption{{{caption}}}\n"
        f"\\label{{tab:{label}}}\n"
        f"{smaller}"
        f"\\begin{{tabular}}{{{layout}}}\n"
        "\\toprule\n"
        f"{' & '.join(head)} \\\\\n"
        "\\midrule\n"
        f"{body}"
        "\\bottomrule\n"
        "\\end{tabular}\n"
        "\\end{table}\n"
    )


def escape_latex(text: str) -> str:
    r"""Text as LaTeX prints it.

    >>> print(escape_latex("50 % of a_b & c"))
    50 \% of a\_b \& c
    """
    escaped = "".join(_LATEX.get(character, character) for character in _one_line(text))
    return re.sub("-(?=-)", "-{}", escaped)  # two would become one dash


def escape_markdown(text: str) -> str:
    r"""Text as Markdown shows it.

    >>> print(escape_markdown("a|b *c*"))
    a\|b \*c\*
    """
    return re.sub(r"([\\`*_|<>\[\]])", r"\\\1", _one_line(text))


def _one_line(text: str) -> str:
    return re.sub(r"[\r\n\t]+", " ", text)


def _missing(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, float) and not math.isfinite(cell))
