"""The Pareto front: what no other run beats in both cost and figure."""

from __future__ import annotations

from collections.abc import Mapping


def pareto_front(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """The names of (cost, value) that none dominates, the cheapest first.

    One dominates another where it costs no more and is no worse, and either costs less or is
    better. Of equal ones all are in front.

    >>> pareto_front({"a": (1.0, 0.5), "b": (2.0, 0.7), "c": (3.0, 0.6), "d": (1.0, 0.4)})
    ['a', 'b']
    """
    front = []
    for name, (cost, value) in points.items():
        dominated = any(
            cheap <= cost and good >= value and (cheap < cost or good > value)
            for cheap, good in points.values()
        )
        if not dominated:
            front.append(name)
    return sorted(front, key=lambda name: points[name])
