"""Times `seqlab compare` on invented runs in a real MLflow database; prints seconds and bytes.

    python -m benchmarks.compare [RUNS]

Making the runs takes longer than comparing them, and is not counted. Each has 70 parameters and 1,000 test sentences;
their files lie where the project's own database has them. What BLEU counts is counted once more, by itself: as the
comparison does it, and by sacreBLEU with the references' n-grams cached.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from sacrebleu import BLEU

from benchmarks.invented_runs import SIGNATURE, InventedRun, grid, references, worsened
from seqlab.commands.compare.compare import compare
from seqlab.significance.bleu_counts import BleuCounter

SENTENCES = 1000
PARAMETERS = 70
RATIOS, SIZES = (0.0, 0.25, 0.5, 0.75, 1.0), (64, 128, 256, 512)


def main() -> None:
    """Make the runs, compare them, print what it took."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with tempfile.TemporaryDirectory(prefix="seqlab-benchmark-") as folder:
        root = Path(folder)
        (root / ".dvc").mkdir()
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{root}/mlflow.db"
        publish(root, number)
        start, began = time.perf_counter(), time.process_time()
        compare(root, root / "reports")
        seconds, used = time.perf_counter() - start, time.process_time() - began
        sizes = {path.name: path.stat().st_size for path in sorted((root / "reports").iterdir())}
    figures = ", ".join(f"{name} {size / 1e6:.2f} MB" for name, size in sizes.items())
    sys.stdout.write(f"{number} runs of {SENTENCES} sentences: {seconds:.1f} s, of a processor {used:.1f}; {figures}\n")
    ours, theirs = counting()
    sys.stdout.write(f"counting, of a processor: {1e3 * ours:.1f} ms a run, by sacreBLEU {1e3 * theirs:.1f}\n")


def counting(runs: int = 20) -> tuple[float, float]:
    """Seconds of a processor that counting takes for a run's translations, by seqlab and by sacreBLEU.

    Raises:
        ValueError: they do not count the same.
    """
    texts = references(SENTENCES)
    outputs = [worsened(texts, errors=0.02 * run, seed=run) for run in range(runs)]
    counter = BleuCounter(SIGNATURE, [[text] for text in texts])
    library = BLEU(tokenize="13a", references=[texts], force=True)
    start = time.process_time()
    ours = [counter.count(output) for output in outputs]
    middle = time.process_time()
    theirs = [library._extract_corpus_statistics(output, None) for output in outputs]
    end = time.process_time()
    if not all(np.array_equal(*pair) for pair in zip(ours, theirs, strict=True)):
        raise ValueError("seqlab and sacreBLEU count differently")
    return (middle - start) / runs, (end - middle) / runs


def publish(root: Path, number: int) -> None:
    """Log `number` runs to the database below `root`."""
    common = {f"section.parameter_{place}": "constant" for place in range(PARAMETERS - 4)}
    seeds = -(-number // (len(RATIOS) * len(SIZES)))
    client = MlflowClient(f"sqlite:///{root}/mlflow.db")
    experiment = client.create_experiment("seqlab", artifact_location=(root / "mlartifacts").as_uri())
    for run in grid(RATIOS, SIZES, seeds, SENTENCES, **common)[:number]:
        log(client, experiment, run)


def log(client: MlflowClient, experiment: str, run: InventedRun) -> None:
    """Log one run with its files."""
    made = client.create_run(experiment, run_name=run.name)
    client.log_batch(
        made.info.run_id,
        metrics=[Metric(name, value, 0, 0) for name, value in run.metrics.items()],
        params=[Param(*item) for item in run.params.items()],
        tags=[RunTag(*item) for item in run.tags.items()],
    )
    for path, content in run.files.items():
        client.log_text(made.info.run_id, content, path)
    client.set_terminated(made.info.run_id)


if __name__ == "__main__":
    main()
