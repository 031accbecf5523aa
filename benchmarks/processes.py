"""What several processes give one training: two of one thread against one of two, and what shards cost one process.

`python -m benchmarks.processes` makes the same optimizer steps in turns, on random tokens in sentences of 10 to 20. Of
each case the fastest repetition counts, since what is slower is the machine's other work; only the ratios mean
something, and only on a machine of at least two cores that are free now and then.
"""

import itertools
from collections.abc import Callable
from pathlib import Path

import click

from benchmarks.measure import interleaved
from seqlab.numerics import configure
from seqlab.params.params import Params, load_params

ROOT = Path(__file__).parents[1]
# Hidden size and embedding, vocabulary, pairs of a batch.
SIZES = ((64, 2000, 64), (128, 2000, 64), (256, 6000, 128), (512, 16000, 128))
SHORTEST, LONGEST = 10, 20


@click.command()
@click.option("--repetitions", default=20, show_default=True)
@click.option("--steps", default=2, show_default=True, help="Of a repetition.")
@click.option("--ratio", default=1.0, show_default=True, help="The teacher forcing ratio.")
def main(repetitions: int, steps: int, ratio: float) -> None:
    """Print milliseconds of a step, and how many times faster two processes of one thread are."""
    params = load_params(ROOT / "params.yaml")
    configure(params.runtime)
    click.echo(
        "| size | 10^6 parameters | one of two threads, ms | … two shards | one of one thread | two of one thread |"
    )
    click.echo("| --- | --- | --- | --- | --- | --- |")
    for hidden, vocabulary, pairs in SIZES:
        content = params.model_dump()
        content["model"] |= {"hidden_size": hidden, "embedding_size": hidden}
        content["train"] |= {"batch_size": pairs, "teacher_forcing_ratio": ratio, "shards": 2}
        content["runtime"] |= {"threads": 1}
        click.echo(row(Params.model_validate(content), vocabulary, steps, repetitions))


def row(params: Params, vocabulary: int, steps: int, repetitions: int) -> str:
    """One size's line of the table."""
    # Nothing before has imported PyTorch, which reads the environment once.
    import torch

    from seqlab.seq2seq.engines.choice import choose
    from seqlab.seq2seq.model.config import ModelConfig
    from seqlab.seq2seq.model.seq2seq import Seq2Seq
    from seqlab.text.batches import Batch
    from seqlab.training.processes.launch import launched
    from seqlab.training.seeds import generator
    from seqlab.training.update import Updater
    from seqlab.training.updaters import make_updater

    drawn = torch.Generator().manual_seed(1)

    def side(pairs: int) -> tuple[torch.Tensor, torch.Tensor]:
        lengths = torch.randint(SHORTEST, LONGEST + 1, (pairs,), generator=drawn).sort(descending=True).values
        ids = torch.randint(4, vocabulary, (pairs, int(lengths.max())), generator=drawn)
        return ids.masked_fill(torch.arange(ids.shape[1]) >= lengths[:, None], 0), lengths

    def batch() -> Batch:
        pairs = params.train.batch_size
        return Batch(*side(pairs), *side(pairs), torch.arange(pairs))

    batches = [batch() for _ in range(steps)]
    config = ModelConfig(vocabulary, vocabulary, **params.model.model_dump())
    whole = params.train.model_copy(update={"shards": 1})

    def model() -> Seq2Seq:
        return Seq2Seq(config, generator(1, "initialisation"))

    def timed(updater: Updater, threads: int) -> Callable[[], None]:
        number = itertools.count(1)

        def run() -> None:
            torch.set_num_threads(threads)
            for each in batches:
                updater.update(each, step=next(number), learning_rate=1e-3, place="in a benchmark")

        return run

    engine = choose(params.runtime.device, params.runtime.engine)
    with launched(params, config, 2) as workers:
        cases = {
            "whole": timed(make_updater(engine, model(), whole, 1), 2),
            "shards": timed(make_updater(engine, model(), params.train, 1), 2),
            "single": timed(make_updater(engine, model(), params.train, 1), 1),
            "two": timed(make_updater(engine, model(), params.train, 1, workers), 1),
        }
        times = interleaved(cases, repetitions)
    fastest = {name: found.spread.low for name, found in times.items()}
    millions = sum(each.numel() for each in model().parameters()) / 1e6
    ratios = [f"{fastest['whole'] / fastest[name]:.2f} ×" for name in ("shards", "single", "two")]
    size = f"{params.model.hidden_size}, {vocabulary:,}, {params.train.batch_size}"
    return f"| {size} | {millions:.1f} | {1000 * fastest['whole'] / steps:.0f} | {' | '.join(ratios)} |"


if __name__ == "__main__":
    main()
