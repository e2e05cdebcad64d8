"""Several runs on the same images: trained under one budget, or found; with verdicts."""

from intarsia.comparison.comparison import Comparison, Entry
from intarsia.comparison.contender import Contender, open_contender
from intarsia.comparison.cost import Cost
from intarsia.comparison.gate import Gate, judge_first
from intarsia.comparison.measurement import compare
from intarsia.comparison.trainings import compare_recipes

__all__ = [
    "Comparison",
    "Contender",
    "Cost",
    "Entry",
    "Gate",
    "compare",
    "compare_recipes",
    "judge_first",
    "open_contender",
]
