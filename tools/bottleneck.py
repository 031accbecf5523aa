"""The picture docs/bottleneck.png, from docs/experiments/grammar-bottleneck.csv: python -m tools.bottleneck."""

import io

import pandas as pd
from matplotlib.figure import Figure

from seqlab.core.atomic import write_bytes
from tools.tables import LENGTH, RESULTS, best, lower_bound, with_lengths

HIDDEN = "model.hidden_size"


def main() -> None:
    """Write the picture."""
    runs = pd.read_csv(RESULTS / "grammar-bottleneck.csv")
    figure = drawn(with_lengths(best(runs, [HIDDEN], "train.learning_rate", "valid_bleu")))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    write_bytes(RESULTS.with_name("bottleneck.png"), buffer.getvalue())


def drawn(runs: pd.DataFrame) -> Figure:
    """BLEU by length of the source, a line for each hidden size; the bars are standard deviations over the seeds."""
    figure = Figure(figsize=(7.5, 4.2), layout="constrained")
    axes = figure.subplots()
    buckets = sorted(set(runs[LENGTH]), key=lower_bound)
    for hidden_size, group in runs.groupby(HIDDEN):
        figures = group.groupby(LENGTH)["by_length"]
        means, deviations = figures.mean().reindex(buckets), figures.std().fillna(0).reindex(buckets)
        axes.errorbar(buckets, means, deviations, marker="o", capsize=3, label=str(hidden_size))
    axes.set_xlabel("words in the source")
    axes.set_ylabel("BLEU")
    axes.set_ylim(0, 100)
    axes.grid(alpha=0.3)
    axes.legend(title="hidden size")
    axes.set_title("No attention: what one context vector holds")
    return figure


if __name__ == "__main__":
    main()
