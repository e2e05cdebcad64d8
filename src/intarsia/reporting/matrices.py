"""Confusion matrices: what each class was taken for, as a share of its own pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from intarsia.reporting.figures import GRID, INK, Drawing, draw, legible, new_figure
from intarsia.reporting.tables import Cell, Column, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# right in blue, wrong in a darker vermilion than the lines: white text stays readable on both
_RIGHT = (0, 106, 166)
_WRONG = (184, 74, 0)
_NUMBERED = 24  # with more classes the figures of each cell are left out of the drawing


@dataclass(frozen=True)
class HeatCell:
    """One cell of the matrix in the page: how many pixels, what share of its row."""

    pixels: int
    share: float | None
    right: bool

    @property
    def text(self) -> str:
        """The share in percent; a share too small to be written is a dot, none at all is empty."""
        if self.share is None or self.pixels == 0:
            return ""
        percent = 100 * self.share
        if percent < 0.5:
            return "\N{MIDDLE DOT}"
        return f"{percent:.0f}"

    @property
    def strength(self) -> float:
        """0..1: how much of the colour shows; the root lets small confusions be seen."""
        return 0.0 if not self.share else round(math.sqrt(self.share), 3)

    @property
    def strong(self) -> bool:
        """True where white text is read better than black on light paper (4.5 : 1 either way)."""
        return self.strength > (0.88 if self.right else 0.92)


def row_shares(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    """(K, P) counts to shares of each row; a class without pixels gives a row of NaN.

    >>> row_shares(np.array([[3, 1], [0, 0]]))
    array([[0.75, 0.25],
           [ nan,  nan]])
    """
    totals = matrix.sum(axis=1, keepdims=True, dtype=np.float64)
    shares = np.full(matrix.shape, np.nan, np.float64)
    np.divide(matrix, totals, out=shares, where=totals > 0)
    return shares


def heat_rows(matrix: NDArray[np.int64]) -> list[list[HeatCell]]:
    """The cells of the matrix for the page."""
    shares = row_shares(matrix)
    return [
        [
            HeatCell(
                pixels=int(matrix[truth, predicted]),
                share=None if math.isnan(shares[truth, predicted]) else float(share),
                right=truth == predicted,
            )
            for predicted, share in enumerate(shares[truth])
        ]
        for truth in range(len(matrix))
    ]


def matrix_table(name: str, title: str, matrix: NDArray[np.int64], names: Sequence[str]) -> Table:
    """Pixel counts, rows truth, columns prediction."""
    columns = (Column("truth"), *(Column(predicted, "count") for predicted in names))
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (truth, *(int(count) for count in matrix[place])) for place, truth in enumerate(names)
    )
    return Table(f"confusion-{name}", f"Confusion matrix in pixels, {title}", columns, rows)


def matrix_drawing(
    name: str,
    title: str,
    matrix: NDArray[np.int64],
    names: Sequence[str],
    predicted: Sequence[str] | None = None,
) -> Drawing:
    """The row-normalised matrix as a figure, sized by its number of classes.

    `predicted` names the columns where they are not those of the rows.
    """
    label = f"Confusion matrix, {title}"
    columns = names if predicted is None else predicted
    return draw(f"confusion-{name}", label, lambda: _figure(label, matrix, names, columns))


def _figure(
    title: str, matrix: NDArray[np.int64], names: Sequence[str], columns: Sequence[str]
) -> Figure:
    count = len(columns)
    numbered = count <= _NUMBERED
    cell = 0.42 if numbered else 0.24  # inches
    longest = 0.085 * max(len(legible(name)) for name in columns)
    side = max(2.0, count * cell)
    figure = new_figure(side + longest + 0.6, side + longest + 0.9)
    axes = figure.add_subplot()
    shares = row_shares(matrix)
    axes.imshow(_colors(shares), interpolation="nearest")
    if numbered:
        for truth, cells in enumerate(heat_rows(matrix)):
            for predicted, heat in enumerate(cells):
                if heat.text:
                    color = "white" if heat.strong else INK
                    axes.text(
                        predicted,
                        truth,
                        heat.text,
                        ha="center",
                        va="center",
                        fontsize=9 if count > 2 else 12,
                        color=color,
                    )
    font = 9 if numbered else 7.5
    below, beside = ([legible(name) for name in each] for each in (columns, names))
    axes.set_xticks(range(count), below, rotation=90, fontsize=font)
    axes.set_yticks(range(len(names)), beside, fontsize=font)
    axes.tick_params(length=0)
    axes.grid(visible=False, which="major")
    axes.set_xticks(np.arange(0.5, count - 1), minor=True)
    axes.set_yticks(np.arange(0.5, len(names) - 1), minor=True)
    axes.grid(visible=True, which="minor", color=GRID, linewidth=0.8)
    axes.tick_params(which="minor", length=0)
    for spine in axes.spines.values():
        spine.set(visible=True, color=GRID)
    axes.set_xlabel("prediction")
    axes.set_ylabel("truth")
    figure.suptitle(
        f"{legible(title, 60)}\n% of each class's own pixels", fontsize=10, fontweight="bold"
    )
    return figure


def _colors(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """(K, P) shares to (K, P, 3) colours on white paper, as in the page."""
    strength = np.sqrt(np.nan_to_num(shares))[..., None]
    full = np.broadcast_to(np.array(_WRONG) / 255, (*shares.shape, 3)).copy()
    diagonal = np.arange(len(shares))
    full[diagonal, diagonal] = np.array(_RIGHT) / 255
    return 1 - strength * (1 - full)


@dataclass(frozen=True)
class Confusion:
    """How much of one class was taken for another."""

    truth: str
    prediction: str
    share: float
    pixels: int


def confusions(
    matrix: NDArray[np.int64], predicted: Sequence[str], most: int = 5
) -> list[Confusion]:
    """The largest confusions by share of the true class, 1 % or more.

    `predicted` names the P columns of the (K, P) matrix, the classes first.

    >>> confusions(np.array([[6, 4], [0, 9]]), ["a", "b"])
    [Confusion(truth='a', prediction='b', share=0.4, pixels=4)]
    """
    shares = np.nan_to_num(row_shares(matrix))
    np.fill_diagonal(shares, 0.0)
    order = np.argsort(-shares, axis=None, kind="stable")[:most]
    found = []
    for place in order:
        truth, answer = divmod(int(place), len(predicted))
        share = float(shares[truth, answer])
        if share >= 0.01:
            pixels = int(matrix[truth, answer])
            found.append(Confusion(predicted[truth], predicted[answer], share, pixels))
    return found
