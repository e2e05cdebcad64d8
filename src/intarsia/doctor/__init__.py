"""What is wrong with a data set, found before training."""

from intarsia.doctor.check import check
from intarsia.doctor.findings import Finding, Report
from intarsia.doctor.repair import Change, write_repaired
from intarsia.doctor.unopened import check_unopened

__all__ = ["Change", "Finding", "Report", "check", "check_unopened", "write_repaired"]
