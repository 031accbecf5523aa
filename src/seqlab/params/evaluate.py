"""The `evaluate` section of params.yaml."""

from itertools import pairwise
from typing import Literal, Self

from pydantic import Field, model_validator

from seqlab.params.origin import OriginName
from seqlab.params.section import Section


class EvaluateParams(Section):
    """How the test set is translated and scored."""

    parameters: Literal["best", "average", "ensemble"] = Field(
        description="Translate with the best epoch's parameters, with the mean of the kept ones (average), or with the "
        "mean of their probabilities (ensemble).",
    )
    ensemble_with: OriginName = Field(
        description="Checkpoint below models/origins/, or folder of several, whose models translate together with this "
        "one (an ensemble of runs): at each step the mean of the probabilities; none: alone.",
    )
    beam_size: int = Field(ge=1, description="Hypotheses kept by beam search; 1 is greedy search.")
    length_penalty: float = Field(ge=0, description="α of the length penalty ((5 + length) / 6)^α; 0: none.")
    n_best: int = Field(ge=1, description="Translations kept for each source, at most beam_size.")
    max_length: int = Field(ge=1, description="Longest translation, in tokens.")
    batch_size: int = Field(ge=1, description="Sentences translated at once; changes no result.")
    tokenize: Literal["auto", "13a", "intl", "char", "zh", "ja-mecab", "ko-mecab", "flores200", "none"] = Field(
        description="Words of BLEU, in validation too, by a tokenizer of sacreBLEU: 13a, intl, char, zh, ja-mecab, "
        "ko-mecab, flores200 or none; auto: by the target's language, 13a for most.",
    )
    metrics: list[Literal["rouge", "diversity"]] = Field(
        description="Metrics beside BLEU, chrF and TER: rouge (of English), diversity.",
    )
    bootstrap_samples: int = Field(ge=100, description="Resamples of the test set for confidence intervals.")
    length_buckets: list[int] = Field(
        min_length=1,
        description="Upper bounds of the source-length buckets, in whitespace-separated words; in characters "
        "where the source has no spaces between words.",
    )

    @model_validator(mode="after")
    def _n_best_fits_the_beam(self) -> Self:
        if self.n_best > self.beam_size:
            raise ValueError(f"n_best ({self.n_best}) is larger than beam_size ({self.beam_size})")
        return self

    @model_validator(mode="after")
    def _metrics_once(self) -> Self:
        if len(set(self.metrics)) < len(self.metrics):
            raise ValueError(f"metrics names one twice: {', '.join(self.metrics)}")
        return self

    @model_validator(mode="after")
    def _buckets_rise(self) -> Self:
        if self.length_buckets[0] < 1 or any(low >= high for low, high in pairwise(self.length_buckets)):
            raise ValueError("length_buckets must be positive and rise, such as [5, 10, 20]")
        return self
