"""The tables of a sweep over teacher forcing ratio, hidden size, attention and seed: python -m tools.grid SWEEP.

Reads the runs from MLflow, as `seqlab sync` left them in this working copy, and prints Markdown: means over the seeds,
with their standard deviations.
"""

import sys
from pathlib import Path

import mlflow
import pandas as pd

from seqlab.tracking.home import find_home
from seqlab.tracking.publishing.server import connect
from tools.tables import LENGTH, means

RATIO, HIDDEN, ATTENTION = "teacher forcing ratio", "hidden size", "attention"
NAMES = {
    "params.train.teacher_forcing_ratio": RATIO,
    "params.model.hidden_size": HIDDEN,
    "params.model.attention": ATTENTION,
    "params.seed": "seed",
    "metrics.test/bleu": "BLEU",
    "metrics.test/perplexity": "perplexity under teacher forcing",
    "metrics.test/loss": "truth",
    "metrics.test/own_prefix_loss": "own",
    "metrics.time/train_seconds": "seconds of training",
}
FACTORS = [ATTENTION, HIDDEN, RATIO]
GAP = "exposure bias: nats a token lost to the model's own prefix"


def main() -> None:
    """Print the tables of the sweep that the command line names."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    runs = find_runs(sys.argv[1])
    if runs.empty:
        sys.exit(f"no finished run of a sweep {sys.argv[1]!r} in MLflow: run it, then `seqlab sync`")
    sys.stdout.write(f"{tables(runs, lengths(runs))}\n")


def find_runs(sweep: str) -> pd.DataFrame:
    """The sweep's finished runs, one a row."""
    server = connect(find_home(Path.cwd()))
    mlflow.set_tracking_uri(server.uri)
    condition = f"attributes.status = 'FINISHED' and tags.`sweep.{sweep}` LIKE '%'"
    found = mlflow.search_runs([server.experiment_id], condition)
    if found.empty:
        return found
    runs = found[["run_id", *NAMES]].rename(columns=NAMES)
    return runs.astype({RATIO: float, HIDDEN: int})


def lengths(runs: pd.DataFrame) -> pd.DataFrame:
    """BLEU by source length of each run: the factors, the bucket and its BLEU."""
    tables = []
    for run in runs.to_dict("records"):
        path = mlflow.artifacts.download_artifacts(run_id=run["run_id"], artifact_path="reports/bleu_by_length.csv")
        table = pd.read_csv(path).rename(columns={"bucket": LENGTH})
        tables.append(table.assign(**{name: run[name] for name in FACTORS}))
    return pd.concat(tables).dropna(subset="bleu")


def tables(runs: pd.DataFrame, by_length: pd.DataFrame) -> str:
    """All tables, in Markdown."""
    runs = runs.assign(**{GAP: runs["own"] - runs["truth"]})
    parts = [
        f"{len(runs)} runs, {runs['seed'].nunique()} seeds; mean ± standard deviation over the seeds.",
        *(_by_ratio(runs, name, digits) for name, digits in (("BLEU", 1), (NAMES["metrics.test/perplexity"], 2))),
        _by_ratio(runs, GAP, 2),
        _by_ratio(runs, "seconds of training", 0),
        _by_length(by_length),
    ]
    return "\n\n".join(parts)


def _by_ratio(runs: pd.DataFrame, name: str, digits: int) -> str:
    table = means(runs.sort_values(RATIO), FACTORS[:-1], RATIO, name, digits)
    return f"**{name[0].upper()}{name[1:]}**, by teacher forcing ratio:\n\n{table}"


def _by_length(by_length: pd.DataFrame) -> str:
    return f"**BLEU by words in the source**:\n\n{means(by_length, FACTORS, LENGTH, 'bleu', 1)}"


if __name__ == "__main__":
    main()
