"""Estimates with intervals, and paired comparisons, from per-image confusion matrices.

NumPy and SciPy only. The chain: `count_groups` sums matrices by group; an `Estimand` says what is
estimated; `estimate` gives it an interval; `compare_pairs` tells runs apart. Which interval it is,
and how often it holds the truth, was measured: `benchmarks/coverage.py`, docs/benchmarks.md.
"""

from intarsia.statistics.counts import GroupCounts, Unit, count_groups
from intarsia.statistics.difference import Difference, measure_difference
from intarsia.statistics.emptiness import EmptyTruth, empty_truth
from intarsia.statistics.estimand import (
    MEAN_ACCURACY,
    MEAN_DICE,
    MICRO_IOU,
    MIOU,
    PIXEL_ACCURACY,
    Estimand,
    Metric,
)
from intarsia.statistics.estimate import Estimate, estimate
from intarsia.statistics.holm import adjust_holm
from intarsia.statistics.interval import Interval
from intarsia.statistics.pairs import compare_pairs, correct_together
from intarsia.statistics.remarks import FEW_GROUPS
from intarsia.statistics.spread import Spread
from intarsia.statistics.verdict import Verdict

__all__ = [
    "FEW_GROUPS",
    "MEAN_ACCURACY",
    "MEAN_DICE",
    "MICRO_IOU",
    "MIOU",
    "PIXEL_ACCURACY",
    "Difference",
    "EmptyTruth",
    "Estimand",
    "Estimate",
    "GroupCounts",
    "Interval",
    "Metric",
    "Spread",
    "Unit",
    "Verdict",
    "adjust_holm",
    "compare_pairs",
    "correct_together",
    "count_groups",
    "empty_truth",
    "estimate",
    "measure_difference",
]
