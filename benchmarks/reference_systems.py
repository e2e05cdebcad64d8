"""The reference systems on real data: runs what is missing, then writes docs/reference-systems.md.

    python benchmarks/reference_systems.py --data ../shared/data --work work [R0 R1 ...]

From the root of the project, with the encoders' ImageNet weights in $INTARSIA_WEIGHTS where the hub
is out of reach. A training that is done is not done again, an interrupted one goes on; its result
is kept in benchmarks/reference-systems/. What is not there is printed as *not run* with its
command. Without systems only the page is written.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from intarsia.reproduction.differences import differences
from intarsia.reproduction.page import stored_results
from intarsia.reproduction.protocol import SYSTEMS
from intarsia.reproduction.results import Result
from intarsia.reproduction.system import System
from intarsia.reproduction.tables import honest_table, published_tables, training_table

KEPT = Path("benchmarks/reference-systems")
PAGE = Path("docs/reference-systems.md")
DATA = {"R0": "camvid", "R1": "pets", "R2": "camvid", "R3": "facade", "R4": "lungs64"}
# of a system, or of one of its experiments: 31 million parameters would take hours here
FLAGS = {
    "R0": ("--time", "900s"),
    "R2": ("--time", "1200s"),
    "R3 mini": ("--time", "900s"),
}
# system, title, script with its arguments, columns of the JSON that it keeps
EXTRA = (
    (
        "R0",
        "One image of 1080 x 1920 with nine classes, made data",
        "benchmarks/hd.py",
        (
            *("network", "parameters", "output", "predict, s", "step, s"),
            *("predict, peak GiB", "step, peak GiB"),
        ),
    ),
    (
        "R4",
        "IoU on test by weights and threshold",
        "benchmarks/lungs_zero.py --data ../shared/data/lungs64 --work work/R4 --mispaired",
        ("training", "best, 0.5", "best, 0.784", "last, 0.5", "last, 0.784"),
    ),
)
HEAD = """# The reference systems

Five published systems, ten networks, each trained again by one command under its own protocol.
Written by `python benchmarks/reference_systems.py` from the results in
`benchmarks/reference-systems/`; do not edit. Every published figure stands beside ours *in the
metric of its report*; `intarsia.reproduction.historical` says how each is computed and why it
misleads. The honest sheet is one confusion matrix over the test images at their own size.

```bash
intarsia reproduce R4 --quick --out reproduced/R4
```

Of the encoders' ImageNet weights only MobileNetV2's were at hand, as
`mobilenetv2_100.ra_in1k.pth` in `$INTARSIA_WEIGHTS` ([models](models.md)). Other encoders started
from random weights; their lines say so.
"""


def command(system: System, data: Path, work: Path, experiment: str) -> list[str]:
    return [
        *("intarsia", "reproduce", system.name, "--data", str(data / DATA[system.key])),
        *("--out", str(work / system.key), "--only", experiment),
        *FLAGS.get(system.key, FLAGS.get(f"{system.key} {experiment}", ())),
        "--resume",
    ]


def run(system: System, data: Path, work: Path) -> None:
    for experiment in system.experiments:
        words = command(system, data, work, experiment.name)
        subprocess.run([sys.executable, "-m", *words], check=True)


def keep(system: System, data: Path, work: Path) -> None:
    """Copies the results of the commands above to where they are kept."""
    for result in stored_results(system, work / system.key):
        if result.command == shlex.join(command(system, data, work, result.experiment)):
            target = KEPT / system.key
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(work / system.key / f"{result.experiment}.json", target)


def section(system: System, data: Path, work: Path) -> str:
    results = stored_results(system, KEPT / system.key)
    lines = [f"## {system.key}: {system.published.title}", "", system.published.images, ""]
    for number, table in enumerate(published_tables(system, results)):
        lines += [
            f"**{table.caption}**",
            "",
            table.markdown(),
            system.published.tables[number].note,
        ]
        lines.append("")
    if results:
        for table in (honest_table(results), training_table(results)):
            lines += [f"**{table.caption}**", "", table.markdown()]
    lines += [line for text in system.misleading for line in (f"Why these mislead: {text}", "")]
    lines += extra(system)
    done = {result.experiment for result in results}
    for experiment in system.experiments:
        if experiment.name not in done:
            words = shlex.join(command(system, data, work, experiment.name))
            lines += [f"- {experiment.name}: *not run*: `{words}`"]
    notes = KEPT / f"{system.key}.md"
    if notes.is_file():
        lines += ["", notes.read_text(encoding="utf-8")]
    lines += ["", "Differences from the report:", ""]
    lines += [f"- {line}" for line in system.differences]
    of = {experiment.name: experiment for experiment in system.experiments}
    for result in results:
        told = differences(system, of[result.experiment], result)
        lines += ["", f"### {result.experiment}", "", f"`{result.command}`", ""]
        lines += [f"- {line}" for line in (*told, machine(result))]
    return "\n".join(lines) + "\n"


def machine(result: Result) -> str:
    own = result.machine
    versions = own.get("versions") or {}
    said = [f"{name} {versions[name]}" for name in ("python", "torch") if name in versions]
    said += [f"commit {own['commit'][:12]}"] if own.get("commit") else []
    place = ", ".join(filter(None, (own.get("device"), own.get("cpu"))))
    return f"Measured on {place}, {own.get('threads')} threads; {', '.join(said)}."


def extra(system: System) -> list[str]:
    """The tables of the other scripts, from the JSON that each keeps."""
    lines: list[str] = []
    for key, title, script, columns in EXTRA:
        if key != system.key:
            continue
        kept = KEPT / key / f"{Path(script.split()[0]).stem}.json"
        lines += [f"**{title}** (`python {script}`)", ""]
        if not kept.is_file():
            lines += ["*not run*", ""]
            continue
        lines += [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
        for row in json.loads(kept.read_text(encoding="utf-8")):
            lines.append(f"| {' | '.join(str(row[name]) for name in columns)} |")
        lines.append("")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("systems", nargs="*", metavar="SYSTEM", help="of R0 to R4")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, default=Path("work"))
    arguments = parser.parse_args()
    unknown = [key for key in arguments.systems if key not in DATA]
    if unknown:
        parser.error(f"no system {', '.join(unknown)}; the systems are {', '.join(DATA)}")
    for system in SYSTEMS:
        if system.key in arguments.systems:
            run(system, arguments.data, arguments.work)
        keep(system, arguments.data, arguments.work)
    sections = [section(system, arguments.data, arguments.work) for system in SYSTEMS]
    PAGE.write_text("\n".join([HEAD, *sections]), encoding="utf-8")
    print(f"written: {PAGE}")


if __name__ == "__main__":
    main()
