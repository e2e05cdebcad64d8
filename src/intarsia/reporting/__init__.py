"""The report: `report.html`, figures and tables, from what a run left."""

from __future__ import annotations

from intarsia.reporting.report import write_report

__all__ = ["write_report"]
