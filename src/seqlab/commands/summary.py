"""What a run came to, in a few lines."""

import os
from pathlib import Path

from seqlab.commands.why.stale import stale_note
from seqlab.pages.wording import figure, shown
from seqlab.params.params import Params, load_params
from seqlab.results.metrics import Metric
from seqlab.results.paths import MANIFEST, PAGE, PARAMS
from seqlab.results.reading import read_manifest, read_scores
from seqlab.results.scores import Score
from seqlab.system.dvc import dvc_status
from seqlab.system.terminal import say
from seqlab.tracking.fingerprint.pipeline import locked_stages, stage_names
from seqlab.tracking.home import find_home
from seqlab.tracking.publishing.server import LOCAL, known_view


def show_summary(start: Path) -> None:
    """Print the scores of the working copy around `start`, then what changed since, or else what to try next.

    Raises:
        SeqlabError: outside a DVC project; the scores, dvc.lock or params.yaml are missing or damaged.
    """
    home = find_home(start)
    root = home.root
    say(summarize(root / "reports", known_view(home)))
    # A damaged dvc.lock is worth a word: `dvc repro` will refuse it.
    locked_stages(root)
    note = stale_note(root, "these results are", stage_names(root), lambda: dvc_status(root))
    if note := note or with_environment(root, invitation(load_params(root / PARAMS))):
        say(f"\n{note}")


# Of a figure.
WIDTH = 6


def summarize(reports: Path, view: str | None = None) -> str:
    """The scores of reports/scores.json with interval and signature, and where to look next.

    `view` is the address of the runs in MLflow, if it is known.

    Raises:
        SeqlabError: the file is missing or damaged.
    """
    scores = read_scores(reports.parent)
    width = max(len(metric.label) for metric, _ in scores.shown())
    lines = [_line(metric, score, width) for metric, score in scores.shown()]
    lines += [f"Mind: {note}" for note in scores.notes]
    return "\n".join(
        [
            *lines,
            *_overlap(reports.parent),
            "",
            f"Report   {reports.parent / PAGE}",
            *_mlflow(view),
        ]
    )


def invitation(params: Params) -> str:
    """The next experiments to try, a command and a question each; empty where they have been tried."""
    tries = []
    if params.model.attention != "none":
        tries.append(("model.attention=none", "without attention: what becomes of long sentences?"))
    if params.train.teacher_forcing_ratio == 1:
        tries.append(("train.teacher_forcing_ratio=0.5", "fed its own words at every other step: is it still as good?"))
    return "\n".join(f"Try      dvc exp run -S {setting:32}  # {question}" for setting, question in tries)


def with_environment(root: Path, tries: str) -> str:
    """The commands to try, and before them what makes them known to the shell that `make run` returns to."""
    if not tries or "VIRTUAL_ENV" in os.environ or not (root / ".venv/bin/activate").is_file():
        return tries
    return f"First    . .venv/bin/activate\n{tries}"


def _overlap(root: Path) -> list[str]:
    """A line on test examples that are among the training examples, where the corpus is there to tell."""
    if not (root / MANIFEST).is_file():
        return []
    note = read_manifest(root).seen_in_training
    return [f"Mind: {note}"] if note else []


def _mlflow(view: str | None) -> list[str]:
    if view is None:
        return ["MLflow   make ui"]
    if view.startswith(LOCAL):
        return ["MLflow   make ui, which opens", f"         {view}"]
    return [f"MLflow   {view}"]


def _line(metric: Metric, score: Score, width: int) -> str:
    ends = [figure(end, metric.digits) for end in (score.low, score.high)]
    interval = "" if score.low is None else f"95 % confidence [{', '.join(ends)}]"
    references = "" if score.references is None else f"references {shown(metric, score.references)}"
    found = f"{metric.label:{width}}  {shown(metric, score.score, WIDTH)}"
    return "  ".join(filter(None, (found, interval, metric.explanation, references, score.signature)))
