"""Several runs on the same images: trained under one budget, or found; with verdicts."""

from intarsia.comparison.ablation import Ablation, FreeGain, Use
from intarsia.comparison.comparison import Comparison, Entry
from intarsia.comparison.contender import Contender, open_contender
from intarsia.comparison.cost import Cost
from intarsia.comparison.gains import ablate
from intarsia.comparison.gate import Gate, judge_first
from intarsia.comparison.measurement import compare
from intarsia.comparison.remark import Remark
from intarsia.comparison.switches import Switch
from intarsia.comparison.trainings import compare_recipes

__all__ = [
    "Ablation",
    "Comparison",
    "Contender",
    "Cost",
    "Entry",
    "FreeGain",
    "Gate",
    "Remark",
    "Switch",
    "Use",
    "ablate",
    "compare",
    "compare_recipes",
    "judge_first",
    "open_contender",
]
