"""What a comparison found as plain tables: a row a run, a row a pair, a row an image."""

from __future__ import annotations

import numpy as np

from intarsia.comparison import Comparison, Entry
from intarsia.reporting.tables import Cell, Column, Table
from intarsia.statistics import MIOU, Estimate, count_groups
from intarsia.statistics.ratios import mean_of_ratios

_COSTS = {
    "parameters": "parameters",
    "multiply_adds": "multiply_adds_per_image",
    "training_seconds": "training_seconds",
    "epochs": "epochs",
    "images_per_second": "training_images_per_second",
    "evaluation_seconds": "evaluation_seconds",
    "milliseconds_per_image": "milliseconds_per_image",
    "peak_memory_bytes": "peak_memory_bytes",
}


def runs_table(comparison: Comparison) -> Table:
    """`comparison`: a row a run, the best first, failed ones last; units are in the names."""
    metrics = list(comparison.entries[0].estimates)
    names = [
        *("name", "recipe", "repeats", "primary_metric", "primary", "primary_low", "primary_high"),
        *("level", "interval_method"),
        *(f"{metric}{end}" for metric in metrics for end in ("", "_low", "_high")),
        *(f"iou{end}[{name}]" for name in comparison.labels.names for end in ("", "_low", "_high")),
        *_COSTS.values(),
        *("leaks", "chosen_on_images", "test_looks", "failures"),
    ]
    rows: list[tuple[Cell, ...]] = [
        _row(comparison, entry, metrics) for entry in comparison.ranking
    ]
    for each in comparison.failed:
        empty: list[Cell] = [None] * (len(names) - 4)
        rows.append((each.name, None, 0, *empty, "; ".join(each.failures)))
    columns = tuple(Column(name) for name in names)
    return Table("comparison", comparison.headline(), columns, tuple(rows))


def _row(comparison: Comparison, entry: Entry, metrics: list[str]) -> tuple[Cell, ...]:
    interval = entry.primary.interval
    costs = entry.cost.to_json()
    return (
        *(entry.name, entry.recipe, len(entry.matrices), comparison.metric_name),
        *_bounded(entry.primary),
        *(comparison.level, None if interval is None else interval.method),
        *(cell for metric in metrics for cell in _bounded(entry.estimates[metric])),
        *(cell for each in entry.class_estimates for cell in _bounded(each)),
        *(costs[key] for key in _COSTS),
        *("; ".join(entry.leaks) or None, entry.chosen_on, entry.test_looks),
        "; ".join(entry.contender.failures) or None,
    )


def _bounded(estimate: Estimate) -> tuple[Cell, Cell, Cell]:
    found = estimate.interval
    if found is None:
        return estimate.value, None, None
    return estimate.value, found.low, found.high


def pairs_table(comparison: Comparison) -> Table:
    """`pairs`: a row a paired difference, a minus b, with every p-value and the verdict on a."""
    names = (
        *("a", "b", "metric", "difference", "low", "high", "level", "verdict_on_a"),
        *("p_value", "p_adjusted", "p_swap", "p_bootstrap", "p_repeats"),
        *("margin", "p_equivalent", "p_equivalent_adjusted"),
        *("groups", "images", "groups_needed"),
    )
    rows = tuple(
        (
            *(pair.a, pair.b, comparison.metric_name, pair.value),
            *((None, None) if pair.interval is None else (pair.interval.low, pair.interval.high)),
            *(pair.level, pair.verdict),
            *(pair.p_value, pair.p_adjusted, pair.p_swap, pair.p_bootstrap, pair.p_repeats),
            *(pair.margin, pair.p_equivalent, pair.p_equivalent_adjusted),
            *(pair.groups, pair.images, pair.needed),
        )
        for pair in comparison.pairs
    )
    return Table("pairs", "Paired differences", tuple(Column(name) for name in names), rows)


def images_table(comparison: Comparison) -> Table:
    """`per-image`: the mIoU of each image by each run, mean over its repeats.

    It is over the classes in the image's truth or prediction; the mean of a column is not the mIoU
    of the split.
    """
    each = [_image_figures(entry) for entry in comparison.entries]
    rows = tuple(
        (file, group, *(None if np.isnan(values[at]) else float(values[at]) for values in each))
        for at, (file, group) in enumerate(zip(comparison.files, comparison.groups, strict=True))
    )
    names = ("image", "group", *(f"miou[{entry.name}]" for entry in comparison.entries))
    return Table("per-image", "mIoU by image", tuple(Column(name) for name in names), rows)


def _image_figures(entry: Entry) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """(N,) the mIoU of each image."""
    values = count_groups(entry.matrices).values  # each image a group of its own
    return np.asarray(mean_of_ratios(MIOU.ratios(values)).mean(axis=0))
