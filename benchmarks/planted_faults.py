"""What the check finds of the faults that the tests plant, and what it says of sound sets.

    python benchmarks/planted_faults.py [--data ../shared/data] [--write docs/benchmarks.md]
    python benchmarks/planted_faults.py --examples

prints the two tables of docs/benchmarks.md, or writes them there; `--examples` gives one line of
the report for every code instead. Without `--data` the real sets are left out.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from intarsia.datasets import Dataset
from intarsia.doctor import Finding, Report, check
from intarsia.doctor.findings import CODES

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from doctor import planting, test_sets  # noqa: E402 - the tests are no installed package
from doctor.made import Made, make  # noqa: E402

REAL = ("camvid", "pets", "facade", "lungs64")
BEGIN, END = "<!-- planted -->", "<!-- end of planted -->"


class Count:
    """Kinds, cases and found cases of every code, and a finding of each to show."""

    def __init__(self) -> None:
        self.kinds: dict[str, set[str]] = {}
        self.cases: Counter[str] = Counter()
        self.found: Counter[str] = Counter()
        self.shown: dict[str, Finding] = {}

    def see(self, report: Report) -> None:
        for finding in report.findings:
            self.shown.setdefault(finding.code, finding)

    def add(self, code: str, kind: str, found: bool) -> None:
        self.kinds.setdefault(code, set()).add(kind)
        self.cases[code] += 1
        self.found[code] += found


def of_files(folder: Path, count: Count) -> None:
    """All faults of files in one set of each kind, each set checked once."""
    for number, (layout, image, mask, encoding) in enumerate(planting.SETS):
        made = make(Made(folder / f"files{number}", layout, image, mask, encoding))
        planted = planting.plant_all(made)
        report = check(Dataset.open(made.root))
        count.see(report)
        found = {(f.code, f.file) for f in report.findings if f.hint}
        for kind, case in planted.items():
            count.add(case[0], kind, case in found)


def of_sets(folder: Path, count: Count) -> None:
    """One fault of the whole a set, in every layout."""
    for layout in test_sets.LAYOUTS:
        for number, (code, severity, encoding, damage) in enumerate(test_sets.FAULTS):
            root = folder / f"sets{layout}{number}"
            made = make(Made(root, layout, "png", "png", encoding))
            damage(made)
            report = check(Dataset.open(root))
            count.see(report)
            found = (code, severity) in {(f.code, f.severity) for f in report.findings}
            count.add(code, f"{code} {severity} {encoding}", found)


def sound(folder: Path) -> list[str]:
    """A row for all sound made sets, with and without their dataset.yaml."""
    rows = []
    for described in (True, False):
        errors, warnings, sets = 0, 0, 0
        for layout in planting.SOUND_LAYOUTS:
            for image, mask, encoding in planting.SOUND:
                root = folder / f"sound{described}{layout}{image}{mask}{encoding}"
                made = make(Made(root, layout, image, mask, encoding), each=2)
                if not described:
                    (made.root / "dataset.yaml").unlink()
                report = check(Dataset.open(made.root))
                errors, warnings = errors + len(report.errors), warnings + len(report.warnings)
                sets += 1
        how = "with" if described else "without"
        rows.append(f"| {sets} made sets, {how} dataset.yaml | {errors} | {warnings} |")
    return rows


def real(data: Path) -> list[str]:
    rows = []
    for name in REAL:
        report = check(Dataset.open(data / name))
        said = Counter(f.code for f in report.warnings)
        codes = ", ".join(f"{n} `{code}`" for code, n in said.items())
        rows.append(f"| {name} | {len(report.errors)} | {codes or 0} |")
    return rows


def table(count: Count) -> list[str]:
    lines = ["| code | kinds | cases | found |", "|---|---|---|---|"]
    for code in CODES:
        if count.cases[code]:
            kinds = len(count.kinds[code])
            lines.append(f"| `{code}` | {kinds} | {count.cases[code]} | {count.found[code]} |")
    kinds = sum(map(len, count.kinds.values()))
    total, found = count.cases.total(), count.found.total()
    lines.append(f"| **all {len(count.cases)} codes** | **{kinds}** | **{total}** | **{found}** |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--examples", action="store_true")
    asked = parser.parse_args()
    count = Count()
    with tempfile.TemporaryDirectory() as folder:
        of_files(Path(folder), count)
        of_sets(Path(folder), count)
        if asked.examples:
            for code, finding in count.shown.items():
                expected = f" (expected: {finding.expected})" if finding.expected else ""
                print(f"{code}\t{finding.file or ''}: {finding.value}{expected}")
            return
        alarms = sound(Path(folder))
    alarms += real(asked.data) if asked.data else []
    lines = [*table(count), "", "| sound sets | errors | warnings |", "|---|---|---|", *alarms]
    text = "\n".join(lines)
    if asked.write is None:
        print(text)
        return
    page = asked.write.read_text(encoding="utf-8")
    start, _, rest = page.partition(BEGIN)
    old, _, end = rest.partition(END)
    if not old:
        raise SystemExit(f"{asked.write} has no place for the tables: {BEGIN} ... {END}")
    asked.write.write_text(f"{start}{BEGIN}\n{text}\n{END}{end}", encoding="utf-8")


if __name__ == "__main__":
    main()
