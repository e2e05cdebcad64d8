"""Whether two figures are the same but for a margin that was fixed before."""

from __future__ import annotations

from scipy import stats

from intarsia.errors import DataError
from intarsia.statistics.spread import Spread


def equivalence_p(difference: float, spread: Spread, margin: float) -> float:
    """The p-value that |difference| < margin, by two one-sided t-tests (Schuirmann 1987).

    The larger of two: that the difference is not below -margin, and not above it. "Not found to be
    different" says nothing; this does. p < 0.05 is the same as the 90 % interval lying inside.

    Raises:
        DataError: the margin is not a positive number.

    >>> equivalence_p(0.001, Spread(0.002, None, 29, None), margin=0.01) < 0.05
    True
    """
    check_margin(margin)
    error = spread.total
    if error == 0:
        return 0.0 if abs(difference) < margin else 1.0
    below = stats.t.sf((difference + margin) / error, spread.freedom)
    above = stats.t.cdf((difference - margin) / error, spread.freedom)
    return float(max(below, above))


def check_margin(margin: float) -> None:
    """Raises DataError where the margin is not a positive number."""
    if not 0 < margin < float("inf"):
        raise DataError(
            f"the margin is {margin}",
            expected="the largest difference that does not matter, say 0.01",
        )
