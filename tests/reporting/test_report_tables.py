"""Tables in three forms: plain values for machines, escaped ones for documents."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from intarsia.reporting.tables import Column, Table, escape_latex, escape_markdown

TABLE = Table(
    "classes-street-val",
    "Classes, 50 % of a_b",
    (Column("class"), Column("IoU", "ratio"), Column("support", "count")),
    (
        ("Side_walk & kerb, #1 | x", 0.123456789, 1_234_567),
        ('a "quoted"\nname', None, 0),
        ("not a number", float("nan"), 3),
    ),
)


def test_csv_keeps_full_precision_and_leaves_missing_cells_empty() -> None:
    rows = list(csv.reader(io.StringIO(TABLE.csv())))
    assert rows[0] == ["class", "IoU", "support"]
    assert rows[1] == ["Side_walk & kerb, #1 | x", "0.123456789", "1234567"]
    assert rows[2] == ['a "quoted"\nname', "", "0"]
    assert rows[3] == ["not a number", "", "3"]


def test_markdown_has_one_line_a_row_and_no_stray_bars() -> None:
    lines = TABLE.markdown().splitlines()
    assert len(lines) == 5
    assert lines[1] == "| :--- | ---: | ---: |"
    assert lines[2].startswith(r"| Side\_walk & kerb, #1 \| x | 0.123 | ")
    assert lines[3] == r'| a "quoted" name | n/a | 0 |'


def test_latex_escapes_every_special_character() -> None:
    assert escape_latex(r"\&%$#_{}~^<>|") == (
        r"\textbackslash{}\&\%\$\#\_\{\}\textasciitilde{}\textasciicircum{}"
        r"\textless{}\textgreater{}\textbar{}"
    )
    text = TABLE.latex()
    assert r"\caption{Classes, 50 \% of a\_b}" in text
    assert r"Side\_walk \& kerb, \#1 \textbar{} x & 0.123 & 1\,234\,567 \\" in text
    assert r"\label{tab:classes-street-val}" in text


def test_markdown_escape_leaves_no_html() -> None:
    assert escape_markdown("<b>*x*") == r"\<b\>\*x\*"


def test_write(tmp_path: Path) -> None:
    TABLE.write(tmp_path)
    assert sorted(p.suffix for p in tmp_path.iterdir()) == [".csv", ".md", ".tex"]
