"""Several runs side by side: their learning curves in one drawing, their masks on one image.

A page shows both with `html/templates/compared.html`, or calls its parts.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from intarsia.draw import displayable
from intarsia.errors import DataError
from intarsia.reporting.curves import points
from intarsia.reporting.figures import RUN_COLORS, Drawing, draw, legible, new_figure, themed
from intarsia.reporting.painting import SMALL, Scene, flat_uri, photo_uri

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from intarsia.datasets import Dataset, Sample
    from intarsia.prediction import Predictor
    from intarsia.reporting.curves import Points
    from intarsia.runs import Run

# with more runs than colours the next shape begins: of the figure, and of the style sheet
RUN_SHAPES = {"o": "round", "s": "square", "^": "triangle", "D": "diamond"}
_MARKERS = tuple(RUN_SHAPES)
_WIDTH, _HEIGHT = 5.0, 3.1  # inches
_FEW = 40  # epochs that still get a dot each
_FEW_LINES = 6  # runs and repeats whose training is still drawn beside the validation
_DECADES = 1.7  # losses that span more go on a logarithmic axis
_CURVES = (
    ("loss", "compared-loss", "Loss"),
    ("mean_dice", "compared-dice", "Mean Dice"),
    ("miou", "compared-miou", "mIoU"),
    ("pixel_accuracy", "compared-accuracy", "Pixel accuracy"),
)


@dataclass(frozen=True)
class NetworkView:
    """One network's answer to one image: its mask and the mask over the image, as addresses."""

    run: str
    color: str
    mask: str
    overlay: str


@dataclass(frozen=True)
class ComparedImage:
    """One image, its truth, and the masks of every network; pictures are `data:` addresses."""

    file: str
    size: tuple[int, int]
    image: str
    truth: str
    truth_over_image: str
    networks: tuple[NetworkView, ...]

    @property
    def small(self) -> bool:
        """True where the page shows square pixels."""
        return max(self.size) < SMALL

    @property
    def sources(self) -> list[tuple[str, str]]:
        """Title and address of every picture, in reading order."""
        own = [
            ("image", self.image),
            ("truth", self.truth),
            ("truth over image", self.truth_over_image),
        ]
        for network in self.networks:
            own.append((f"{network.run}: mask", network.mask))
            own.append((f"{network.run}: overlay", network.overlay))
        return own


def run_colors(runs: Sequence[str]) -> dict[str, str]:
    """A colour for each run by its place, `#rrggbb`; the same in every figure and page.

    >>> run_colors(["a", "b"])
    {'a': '#0072b2', 'b': '#d55e00'}
    """
    return dict(zip(runs, itertools.cycle(RUN_COLORS), strict=False))


def run_markers(runs: Sequence[str]) -> dict[str, str]:
    """The shape that goes with the colour of each run: the next one when all colours are taken.

    >>> run_markers(["a", "b"])
    {'a': 'o', 'b': 'o'}
    """
    places = {name: place // len(RUN_COLORS) for place, name in enumerate(runs)}
    return {name: _MARKERS[place % len(_MARKERS)] for name, place in places.items()}


def compared_curves(runs: Mapping[str, Run]) -> list[Drawing]:
    """Loss, mean Dice, mIoU and pixel accuracy by epoch, the runs in one drawing a quantity.

    `runs` maps the name shown to the run. Training is dashed, validation solid; each run keeps
    its colour. A quantity that no log holds is left out.
    """
    return repeated_curves({name: (run,) for name, run in runs.items()})


def repeated_curves(runs: Mapping[str, Sequence[Run]]) -> list[Drawing]:
    """The same of recipes that were trained several times: a thinner line each, in one colour.

    With more than a few lines the training is left out, unless nothing was validated.
    """
    logs = {name: [run.log for run in repeats] for name, repeats in runs.items()}
    drawings = []
    for key, name, title in _CURVES:
        lines = {
            run: [(points(log, f"train_{key}"), points(log, f"val_{key}")) for log in repeats]
            for run, repeats in logs.items()
        }
        pairs = [pair for repeats in lines.values() for pair in repeats]
        validated = any(val[0] for _, val in pairs)
        if validated and len(pairs) > _FEW_LINES:
            lines = {run: [(([], []), val) for _, val in each] for run, each in lines.items()}
        if validated or any(train[0] for train, _ in pairs):
            drawings.append(draw(name, f"{title} by epoch", partial(_figure, title, lines)))
    return drawings


def compared_gallery(
    runs: Mapping[str, Run],
    split: str,
    count: int,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> list[ComparedImage]:
    """`count` images of a split, evenly spaced and not picked by result, as every run sees them.

    `runs` maps the name shown to the run; each reads the images from its own data and predicts
    as its recipe says (or as `Run.setting` changed it). Only images that all runs have in this
    split are shown, fewer than `count` where there are no more. The first run's data give truth
    and class colours. `progress` is called with (images done, all images).

    Raises:
        DataError: the runs differ in their classes, or no image is in this split of all.
        RunError: a run has no weights.
    """
    if not runs:
        return []
    data = {name: run.dataset() for name, run in runs.items()}
    first = next(iter(data.values()))
    for name, other in data.items():
        if other.labels.names != first.labels.names:
            raise DataError(
                f'"{name}" has other classes than "{next(iter(data))}"',
                where=other.root,
                expected=", ".join(first.labels.names),
            )
    samples = {
        name: {sample.name: sample for sample in each.split(split)} for name, each in data.items()
    }
    files = [
        file
        for file in next(iter(samples.values()))
        if all(file in known for known in samples.values())
    ]
    if not files:
        raise DataError(f'the runs share no image of the split "{split}"', where=first.root)
    places = np.linspace(0, len(files) - 1, min(count, len(files))).round().astype(int)
    predictors = {name: _predictor(run) for name, run in runs.items()}
    shown: list[ComparedImage] = []
    for place in places:
        own = {name: known[files[int(place)]] for name, known in samples.items()}
        shown.append(_compared(own, data, predictors))
        if progress is not None:
            progress(len(shown), len(places))
    return shown


def _compared(
    samples: Mapping[str, Sample],
    data: Mapping[str, Dataset],
    predictors: Mapping[str, Predictor],
) -> ComparedImage:
    (first, sample), *_ = samples.items()
    colors = run_colors(list(samples))
    picture = displayable(data[first].read_image(sample), data[first].scaling)
    scene = Scene.of(picture, data[first].labels)
    truth = data[first].read_mask(sample)
    networks = []
    for name, own in samples.items():
        mask = predictors[name](data[name].read_image(own))
        networks.append(
            NetworkView(name, colors[name], flat_uri(scene.flat(mask)), photo_uri(scene.over(mask)))
        )
    return ComparedImage(
        file=sample.name,
        size=scene.size,
        image=photo_uri(scene.photo),
        truth=flat_uri(scene.flat(truth)),
        truth_over_image=photo_uri(scene.over(truth)),
        networks=tuple(networks),
    )


def compared_values(
    runs: Mapping[str, Run],
    gallery: Sequence[ComparedImage] = (),
    curves: Sequence[Drawing] | None = None,
) -> dict[str, object]:
    """What the template part `compared.html` needs, to be merged into a page's values.

    `curves` are those of `compared_curves`, where they are drawn already.
    The page imports `parts.html`, has `labels` and includes `compared.html`.
    """
    return {
        "compared_colors": {n: themed(c) for n, c in run_colors(list(runs)).items()},
        "compared_curves": compared_curves(runs) if curves is None else list(curves),
        "compared_gallery": list(gallery),
    }


def _predictor(run: Run) -> Predictor:
    from intarsia.prediction import Predictor

    return Predictor(run)


def _figure(title: str, lines: Mapping[str, Sequence[tuple[Points, Points]]]) -> Figure:
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator

    colors, markers = run_colors(list(lines)), run_markers(list(lines))
    pairs = [pair for repeats in lines.values() for pair in repeats]
    columns = 2
    rows = math.ceil(len(lines) / columns)
    figure = new_figure(_WIDTH, _HEIGHT + 0.2 * rows)
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontweight="bold")
    trained = any(train[0] for train, _ in pairs)
    shown_lines = "dashed: training, solid: validation" if trained else "validation"
    axes.set_title(shown_lines, loc="right", fontsize=9)
    axes.set_xlabel("epoch")
    handles = []
    for name, repeats in lines.items():
        thin = 0.65 if len(repeats) > 1 else 1.0
        for train, val in repeats:
            _line(axes, train, colors[name], markers[name], thin, dashed=True)
            _line(axes, val, colors[name], markers[name], thin, dashed=False)
        if not repeats:
            continue  # a second annotator has no curve
        shown = markers[name] if len(lines) > len(RUN_COLORS) else ""
        handles.append(Line2D([], [], color=colors[name], marker=shown, label=legible(name, 34)))
    values = [v for pair in pairs for _, measured in pair for v in measured]
    if title == "Loss" and min(values) > 0 and math.log10(max(values) / min(values)) > _DECADES:
        axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    figure.legend(handles=handles, loc="outside lower left", ncols=columns, handlelength=1.6)
    return figure


def _line(
    axes: Axes, measured: Points, color: str, marker: str, thin: float, *, dashed: bool
) -> None:
    epochs, values = measured
    if not epochs:
        return
    few = len(epochs) <= _FEW
    axes.plot(
        epochs,
        values,
        color=color,
        marker=marker if few else "",
        linestyle=(0, (4, 1.5)) if dashed else "-",
        linewidth=thin * (1.2 if dashed else 1.8),
        markersize=thin * (2 if dashed else 3.5),
    )
