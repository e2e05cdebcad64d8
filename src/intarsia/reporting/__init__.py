"""The report of a run with its figures and tables, and the pages of checks and comparisons."""

from __future__ import annotations

from intarsia.reporting.ablation import write_ablation
from intarsia.reporting.check_page import write_check_page
from intarsia.reporting.comparison import write_comparison
from intarsia.reporting.report import write_report

__all__ = ["write_ablation", "write_check_page", "write_comparison", "write_report"]
