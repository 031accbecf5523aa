"""How to search, chosen on validation: python -m tools.decoding NAME --csv FILE.

Translates the validation and the test set with each trained member of a plan of `tools.trainings`: by greedy and beam
search of several sizes and length penalties, and by minimum-Bayes-risk decoding (Kumar and Byrne 2004) over the best
hypotheses of the largest beam, with sentence chrF as the utility. What a member gave is kept in a file; whoever starts
again searches what is missing.
"""

import json
import math
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from sacrebleu import CHRF
from scipy.special import softmax

from seqlab.core.atomic import write_json
from seqlab.core.errors import SeqlabError
from seqlab.core.parallel import read
from seqlab.params.params import Params
from seqlab.params.schema import EvaluateParams
from tools.plan import PlannedMember, planned
from tools.trainings import machine, make_data, workers, write_rows

if TYPE_CHECKING:
    from seqlab.evaluation.translator import Translator

BEAM_SIZES = (2, 5, 10, 20)
# Of 0 to 1.4; Wu et al. (2016) find 0.6 to 0.7 best.
LENGTH_PENALTIES = (0.0, 0.6, 1.0, 1.4)
FIGURES = ("bleu", "chrf")


@click.command()
@click.argument("name")
@click.option("--jobs", default=2, show_default=True, help="Members that are searched with side by side.")
@click.option("--csv", "table", required=True, type=click.Path(path_type=Path), help="Write the results here.")
@click.option("--folder", default=Path(".seqlab/trainings"), show_default=True, type=click.Path(path_type=Path))
def main(name: str, jobs: int, table: Path, folder: Path) -> None:
    """Search with all members of the plan NAME, which `tools.trainings` trained in the folder."""
    try:
        members = planned(folder / f"{name}.json")
        with workers(jobs, members) as pool:
            rows = [row for found in pool.map(partial(searched, folder=folder), members) for row in found]
    except SeqlabError as error:
        raise click.ClickException(str(error)) from None
    write_rows(rows, table)


def searched(member: PlannedMember, folder: Path) -> list[dict[str, Any]]:
    """A row of figures for each way to search.

    Raises:
        SeqlabError: the member has not been trained.
    """
    result = folder / "decoding" / f"{member.digest}.json"
    if result.is_file():
        found: list[dict[str, Any]] = json.loads(result.read_text("utf-8"))
        return found
    work = folder / "work" / member.training
    if not (work / "training.json").is_file():
        raise SeqlabError(f"a member of seed {member.params.seed} is not trained: `python -m tools.trainings` does it")
    data, checkpoint = make_data(member, folder), work / "models/best"
    valid, test = (list(split_figures(member.params, data, checkpoint, split)) for split in ("valid", "test"))
    source = {
        # Of the training: who searches may be at another.
        "commit": json.loads((work / "training.json").read_text("utf-8"))["commit"],
        "machine": machine(member.params.runtime),
    }
    rows = [
        {"seed": member.params.seed, **of_test, **{f"valid_{name}": of_valid[name] for name in FIGURES}, **source}
        for of_valid, of_test in zip(valid, test, strict=True)
    ]
    result.parent.mkdir(exist_ok=True)
    write_json(result, rows)
    return rows


def minimum_bayes_risk(hypotheses: Sequence[str], probabilities: Sequence[float]) -> str:
    """The hypothesis of most expected sentence chrF, where the hypotheses are the truth with these probabilities.

    Of several with as much it is the first.
    """

    def expected(candidate: str) -> float:
        return math.fsum(_chrf(candidate, truth) * p for truth, p in zip(hypotheses, probabilities, strict=True))

    return max(dict.fromkeys(hypotheses), key=expected)


# Of a sentence's hypotheses, which are judged twice.
@lru_cache(maxsize=max(BEAM_SIZES) ** 2)
def _chrf(candidate: str, truth: str) -> float:
    return float(CHRF().sentence_score(candidate, [truth]).score)


def posterior(log_probabilities: Sequence[float]) -> list[float]:
    """The probabilities of hypotheses when there are no others."""
    return [float(each) for each in softmax(log_probabilities)]


def split_figures(params: Params, data: Path, checkpoint: Path, split: str) -> Iterator[dict[str, Any]]:
    """Each way to search, with what its translations of a split are worth."""
    from seqlab.evaluation.scoring.metrics import bleu, chrf
    from seqlab.evaluation.translator import Translator
    from seqlab.numerics import torch_setup
    from seqlab.scoring.tokenization import resolve

    torch_setup(params.runtime)
    translator = Translator.load(checkpoint, params.runtime.device)
    examples = list(read(data / "raw" / f"{split}.jsonl"))
    references = [each.references for each in examples]
    tokenize, samples = resolve(params.evaluate.tokenize, params.corpus.target), params.evaluate.bootstrap_samples
    for search, size, penalty, texts in _searches(translator, [each.source for each in examples], params.evaluate):
        of_words = bleu(texts, references, tokenize=tokenize, bootstrap_samples=samples)
        of_letters = chrf(texts, references, bootstrap_samples=samples)
        yield {
            "search": search,
            "beam_size": size,
            "length_penalty": penalty,
            "bleu": round(of_words.score, 4),
            "chrf": round(of_letters.score, 4),
            "signature": of_words.signature,
        }


def _searches(
    translator: "Translator", sources: Sequence[str], params: EvaluateParams
) -> Iterator[tuple[str, int, float, list[str]]]:
    """Each way to search: its name, beam size, length penalty, and translations."""
    for size, penalty in [(1, 0.0), *product(BEAM_SIZES, LENGTH_PENALTIES)]:
        found = translator.translate(
            sources,
            beam_size=size,
            length_penalty=penalty,
            max_length=params.max_length,
            batch_size=params.batch_size,
            n_best=size,
        )
        yield "beam" if size > 1 else "greedy", size, penalty, [best[0].text for best in found]
    # Of the last, the largest beam.
    decided = [_decided([each.text for each in best], [each.score for each in best]) for best in found]
    for name, texts in zip(("MBR", "MBR, uniform"), zip(*decided, strict=True), strict=True):
        yield name, size, penalty, list(texts)


def _decided(texts: Sequence[str], log_probabilities: Sequence[float]) -> tuple[str, str]:
    """By the probabilities of the hypotheses where there are no others, and where all are as probable."""
    uniform = [1 / len(texts)] * len(texts)
    return minimum_bayes_risk(texts, posterior(log_probabilities)), minimum_bayes_risk(texts, uniform)


if __name__ == "__main__":
    main()
