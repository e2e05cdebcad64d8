"""Many tests at once (Holm, *Scandinavian Journal of Statistics* 1979)."""

from __future__ import annotations

from collections.abc import Sequence


def adjust_holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """p-values for all tests together, in their order: the chance of any false alarm is kept.

    The smallest is multiplied by how many there are, the next by one less, and so on; none falls
    below the one before it, or exceeds 1.

    >>> adjust_holm([0.01, 0.04, 0.03])
    (0.03, 0.06, 0.06)
    """
    order = sorted(range(len(p_values)), key=lambda at: p_values[at])
    adjusted = [0.0] * len(p_values)
    least = 0.0
    for rank, at in enumerate(order):
        least = max(least, min(1.0, (len(order) - rank) * p_values[at]))
        adjusted[at] = least
    return tuple(adjusted)
