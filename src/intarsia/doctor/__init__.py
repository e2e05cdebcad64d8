"""What is wrong with a data set, found before training."""

from intarsia.doctor.check import check
from intarsia.doctor.findings import Finding, Report

__all__ = ["Finding", "Report", "check"]
