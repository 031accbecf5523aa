from typing import Any

import pytest

from seqlab.pages.wording import figure
from seqlab.reporting.wording import bottleneck, gradients, parameter_groups, recipe
from seqlab.results.records import LengthBucket, Training
from tests.reporting import run


def bucket(low: int, bleu: float | None, examples: int = 100, margin: float = 2.0) -> LengthBucket:
    bounds = (None, None) if bleu is None else (bleu - margin, bleu + margin)
    return LengthBucket(
        bucket=f"{low}–{low + 4}", low=low, high=low + 4, examples=examples, bleu=bleu,
        bleu_low=bounds[0], bleu_high=bounds[1],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("buckets", "attention", "sentence"),
    [
        ([bucket(1, 60.0), bucket(6, 20.0)], "none", "BLEU falls from 60.0 on sources of 1–5 words to 20.0"),
        ([bucket(1, 60.0), bucket(6, 20.0)], "none", "one vector of fixed size has to hold the whole source"),
        ([bucket(1, 60.0), bucket(6, 20.0)], "dot", "even though attention"),
        ([bucket(1, 20.0), bucket(6, 60.0)], "none", "BLEU rises from 20.0"),
        ([bucket(1, 40.0), bucket(6, 38.0)], "none", "no clear fall from 40.0"),
        ([bucket(1, 40.0), bucket(6, 38.0)], "general", "attention lets the decoder look back"),
        (
            [bucket(1, 90.0, examples=3), bucket(6, 60.0), bucket(11, None, 0), bucket(16, 9.0)],
            "none",
            "falls from 60.0",
        ),
        ([bucket(1, 60.0), bucket(6, 20.0, examples=2)], "none", "Too few"),
        ([bucket(1, 0.3), bucket(6, 0.0)], "dot", "BLEU is about zero at every length"),
        ([], "none", "Too few"),
    ],
)
def test_bottleneck_claims_what_the_intervals_allow(buckets: list[LengthBucket], attention: str, sentence: str) -> None:
    assert sentence in bottleneck(buckets, run.params(model={"attention": attention}).model)


@pytest.mark.parametrize(
    ("value", "digits", "shown"), [(None, 1, "–"), (1234.56, 1, "1,234.6"), (3, 0, "3"), (0.00123, 4, "0.0012")]
)
def test_figure(value: float | None, digits: int, shown: str) -> None:
    assert figure(value, digits) == shown


def test_recipe() -> None:
    params = run.params(model={"bidirectional": True, "attention": "dot"}, train={"teacher_forcing_ratio": 1})
    assert recipe(params) == "Bidirectional GRU, hidden size 128, dot attention, teacher forcing 1, grammar en → fr"


def names(corpus: dict[str, Any]) -> set[str]:
    return {f"{group}.{name}" for group, rows in parameter_groups(run.params(corpus=corpus)) for name, _, _ in rows}


def test_every_parameter_that_counts_is_shown() -> None:
    shown = names({"name": "tatoeba"})
    assert {"corpus.tatoeba.seed", "experiment.seed", "model.cell", "report.samples"} <= shown
    assert not {name for name in shown if name.startswith(("corpus.grammar", "corpus.files"))}
    content = run.params().model_dump()
    assert {f"train.{name}" for name in content["train"]} <= shown
    assert {f"evaluate.{name}" for name in content["evaluate"]} <= shown


@pytest.mark.parametrize(
    ("limit", "sentence"),
    [
        (1.0, "The largest gradient norm was 12.50; gradients were clipped to 1 in 1,234 of 5,678 optimizer steps."),
        (0.0, "The largest gradient norm was 12.50; gradients were not clipped."),
    ],
)
def test_exploding_gradients_are_shown(limit: float, sentence: str) -> None:
    training = Training.model_validate(
        {
            "best": {"epoch": 1, "step": 1}, "epochs": 2, "steps": 5678, "stopped_early": False, "parameters": 3,
            "clipped_steps": 1234, "largest_gradient_norm": 12.5,
        }
    )  # fmt: skip
    assert gradients(training, limit) == sentence
