"""`methods.md`: how the runs of a comparison were made and measured, from their own files."""

from __future__ import annotations

from pathlib import Path

from intarsia.comparison import Comparison
from intarsia.images import write_atomic
from intarsia.reporting.methods.data import data_sentences
from intarsia.reporting.methods.machines import machine_sentences
from intarsia.reporting.methods.measures import cost_sentences, measure_sentences
from intarsia.reporting.methods.prediction import prediction_sentences
from intarsia.reporting.methods.references import bibliography
from intarsia.reporting.methods.statistics import statistics_sentences
from intarsia.reporting.methods.training import training_sentences
from intarsia.reporting.methods.wording import code


def write_methods(comparison: Comparison, folder: Path) -> None:
    """`methods.md`, and `references.bib` with what it cites.

    Raises:
        RunError: a run's files cannot be read.
    """
    text = methods_text(comparison)
    write_atomic(folder / "methods.md", text.encode())
    write_atomic(folder / "references.bib", bibliography(text).encode())


def methods_text(comparison: Comparison) -> str:
    """Markdown with citations as Pandoc reads them: `[@key]`.

    Only what the runs and the comparison record; what they do not is left out.
    """
    trained = tuple(entry for entry in comparison.entries if entry.contender.runs)
    sections = {
        "Data": data_sentences(comparison, trained),
        "Training": training_sentences(comparison, trained),
        "Hardware and software": machine_sentences(trained),
        "Prediction": prediction_sentences(comparison, trained),
        "Measures": [*measure_sentences(comparison), *cost_sentences(trained)],
        "Statistics": statistics_sentences(comparison),
    }
    annotators = [entry for entry in comparison.entries if not entry.contender.runs]
    for entry in annotators:
        sections["Data"].append(
            f"{code(entry.name)} are masks of these images by a second annotator, measured as a "
            "network's are; pixels that they left out count as wrong."
        )
    paragraphs = [f"**{title}.** {' '.join(said)}\n" for title, said in sections.items()]
    return "\n".join(["# Methods\n", *paragraphs])
