"""Figures of a data set: classes by split, sizes, objects, colours."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from intarsia.labels import LabelMap
from intarsia.reporting.figures import (
    FIRST,
    INK,
    MUTED,
    RUN_COLORS,
    SECOND,
    Drawing,
    draw,
    hex_color,
    legible,
    new_figure,
)

_SPLIT_COLORS = {"train": FIRST, "val": SECOND, "test": RUN_COLORS[2]}
_MOST_CLASSES = 40
_MOST_LINES = 8
_CHANNELS = ("red", "green", "blue")


def check_drawings(labels: LabelMap, numbers: dict[str, Any]) -> dict[str, Drawing]:
    """The figures that these statistics have something for, by name."""
    found: dict[str, Drawing] = {}
    if numbers["splits"]:
        found["pixels"] = draw(
            "pixels", "Share of the pixels by class and split", lambda: _pixels(numbers)
        )
        found["presence"] = draw(
            "presence", "Share of the images that hold each class", lambda: _presence(numbers)
        )
    if numbers["sizes"].get("each"):
        found["sizes"] = draw("sizes", "Width and height of the images", lambda: _sizes(numbers))
        found["ratios"] = draw("ratios", "Aspect ratios of the images", lambda: _ratios(numbers))
    if any(item["objects"] for item in numbers["objects"]):
        found["objects"] = draw(
            "objects", "Objects under 4 px by training size", lambda: _objects(labels, numbers)
        )
    if numbers["colors"]:
        found["colors"] = draw("colors", "Mean colours by split", lambda: _colors(numbers))
    return found


def _bars(numbers: dict[str, Any], values: dict[str, list[float]], label: str) -> Figure:
    """Horizontal bars, a group a class, a bar a split."""
    splits = numbers["splits"]
    names = [c["name"] for c in next(iter(splits.values()))["classes"]][:_MOST_CLASSES]
    figure = new_figure(5.4, 1.3 + 0.16 * len(names) * (len(splits) + 0.8))
    axes = figure.add_subplot()
    height = 0.8 / len(splits)
    at = np.arange(len(names))
    for place, split in enumerate(splits):
        axes.barh(
            at + (place - (len(splits) - 1) / 2) * height,
            values[split][: len(names)],
            height=height * 0.92,
            color=_SPLIT_COLORS.get(split, MUTED),
            label=split,
        )
    axes.set_yticks(at, [legible(name, 20) for name in names])
    axes.invert_yaxis()
    axes.set_xlabel(label)
    axes.grid(axis="y", visible=False)
    figure.legend(loc="outside upper left", ncols=3)
    return figure


def _pixels(numbers: dict[str, Any]) -> Figure:
    values = {
        split: [100 * (c["share"] or 0.0) for c in item["classes"]]
        for split, item in numbers["splits"].items()
    }
    return _bars(numbers, values, "% of the labelled pixels")


def _presence(numbers: dict[str, Any]) -> Figure:
    values = {
        split: [100 * c["images"] / max(1, item["images"]) for c in item["classes"]]
        for split, item in numbers["splits"].items()
    }
    return _bars(numbers, values, "% of the images hold it")


def _sizes(numbers: dict[str, Any]) -> Figure:
    each = np.array(numbers["sizes"]["each"], float)
    figure = new_figure(5.4, 3.8)
    axes = figure.add_subplot()
    area = 14 + 130 * np.sqrt(each[:, 2] / each[:, 2].max())
    axes.scatter(each[:, 1], each[:, 0], s=area, color=FIRST, alpha=0.55, linewidths=0)
    for height, width, count in each[:1]:  # the most frequent; the table has the others
        axes.annotate(
            f"{height:.0f} \N{MULTIPLICATION SIGN} {width:.0f}: {count:.0f}",
            (width, height),
            xytext=(7, 7),
            textcoords="offset points",
            fontsize=9,
            color=INK,
        )
    axes.set_xlim(0, each[:, 1].max() * 1.25)
    axes.set_ylim(0, each[:, 0].max() * 1.25)
    axes.set_xlabel("width, px")
    axes.set_ylabel("height, px")
    return figure


def _ratios(numbers: dict[str, Any]) -> Figure:
    ratios = np.array(numbers["aspect_ratios"], float)
    figure = new_figure(5.4, 3.8)
    axes = figure.add_subplot()
    low, high = ratios[:, 0].min(), ratios[:, 0].max()
    edges = np.linspace(low - 0.05, high + 0.05, 25) if high - low > 0.1 else [low - 0.1, low + 0.1]
    if high - low <= 0.1:
        edges = list(np.linspace(low - 0.5, low + 0.5, 21))
    axes.hist(ratios[:, 0], bins=list(edges), weights=ratios[:, 1], color=FIRST)
    axes.set_xlabel("width : height")
    axes.set_ylabel("images")
    axes.grid(axis="x", visible=False)
    return figure


def _objects(labels: LabelMap, numbers: dict[str, Any]) -> Figure:
    items = (
        sorted(
            (i for i in numbers["objects"] if i["objects"] >= 5),
            key=lambda i: -i["under"]["256"] / i["objects"],
        )[:_MOST_LINES]
        or [i for i in numbers["objects"] if i["objects"]][:_MOST_LINES]
    )
    sides = list(items[0]["under"])
    figure = new_figure(5.4, 3.8)
    axes = figure.add_subplot()
    for item in items:
        shares = [100 * item["under"][side] / item["objects"] for side in sides]
        color = hex_color(labels[item["name"]].color)
        axes.plot(
            range(len(sides)),
            shares,
            marker="o",
            color=color,
            label=legible(item["name"], 16),
            markeredgecolor=MUTED,
            markeredgewidth=0.5,
        )
    axes.set_xticks(range(len(sides)), [s if s != "native" else "own size" for s in sides])
    axes.set_ylim(0, None)
    axes.set_xlabel("longer side in training, px")
    axes.set_ylabel("% of objects under 4 px")
    figure.legend(loc="outside upper left", ncols=4)
    return figure


def _colors(numbers: dict[str, Any]) -> Figure:
    """The mean of every channel by split; the whisker is the spread of the images."""
    splits = numbers["colors"]
    channels = max(len(item["mean"]) for item in splits.values())
    names = _CHANNELS if channels == 3 else [f"channel {n + 1}" for n in range(channels)]
    figure = new_figure(5.4, 3.8)
    axes = figure.add_subplot()
    width = 0.8 / len(splits)
    for place, (split, item) in enumerate(splits.items()):
        at = np.arange(len(item["mean"])) + (place - (len(splits) - 1) / 2) * width
        axes.bar(
            at,
            item["mean"],
            width * 0.92,
            yerr=item["spread"],
            color=_SPLIT_COLORS.get(split, MUTED),
            ecolor=MUTED,
            label=split,
        )
    axes.set_xticks(range(channels), list(names))
    axes.set_ylim(0, 1)
    axes.set_ylabel("mean value, 0 to 1")
    axes.grid(axis="x", visible=False)
    figure.legend(loc="outside upper left", ncols=3)
    return figure
