"""Invented results and integrations."""

from pathlib import Path

from seqlab.commands.ci.integration import Integration
from seqlab.commands.ci.reproduction import Reproduction, StageOutcome
from seqlab.commands.ci.result import Result
from seqlab.commands.ci.revision import Revision
from seqlab.results.records import Epoch, LengthBucket, Translation
from seqlab.results.scores import Score, Scores

WORDS = [
    "le",
    "vieux",
    "marin",
    "voit",
    "un",
    "petit",
    "bateau",
    "qui",
    "part",
    "de",
    "la",
    "maison",
    "près",
    "du",
    "jardin",
]
SENTENCES = 60
SIGNATURE = "nrefs:1|bs:1000|seed:12345|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"


def result(wrong: int = 0, *, epochs: int = 3) -> Result:
    """A result in whose translations every `wrong`-th word is another (0: none)."""
    bleu = Score(score=50.0 - wrong, signature=SIGNATURE, low=40.0, high=60.0)
    return Result(
        scores=Scores.model_validate(
            {
                "bleu": bleu,
                "chrf": bleu,
                "ter": bleu,
                "perplexity": 7.5 + wrong,
                "exact_match": 0.0,
                "examples": SENTENCES,
            }
        ),
        epochs=[_epoch(number, wrong) for number in range(1, epochs + 1)],
        buckets=[
            LengthBucket(bucket="0–5", low=0, high=5, examples=40, bleu=60.0 - wrong, bleu_low=50.0, bleu_high=70.0),
            LengthBucket(bucket="6+", low=6, high=None, examples=0, bleu=None, bleu_low=None, bleu_high=None),
        ],
        translations=[_translation(number, wrong) for number in range(SENTENCES)],
    )


def integration(**changes: object) -> Integration:
    """One in which all went well: train and what follows ran."""
    stages = {
        "download": StageOutcome.UNCHANGED,
        "tokenize": StageOutcome.RESTORED,
        "train": StageOutcome.RAN,
        "evaluate": StageOutcome.RAN,
        "report": StageOutcome.RAN,
    }
    made = Integration("main", Revision(Path.cwd(), "0" * 40), Reproduction(stages), before=result(4), after=result())
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def _epoch(number: int, wrong: int) -> Epoch:
    return Epoch(
        epoch=number,
        step=number * 10,
        train_nll=None,
        valid_loss=None,
        valid_perplexity=None,
        valid_bleu=number * 10.0 - wrong,
        learning_rate=None,
        teacher_forcing_ratio=None,
        gradient_norm=None,
    )


def _translation(number: int, wrong: int) -> Translation:
    words = [WORDS[(number + place * (1 + number % 3)) % len(WORDS)] for place in range(8)]
    translated = ["gris" if wrong and place % wrong == 0 else word for place, word in enumerate(words)]
    return Translation(
        source=f"source {number}",
        references=[" ".join(words)],
        translation=" ".join(translated),
        score=-1.0,
        bleu=0.0,
    )
