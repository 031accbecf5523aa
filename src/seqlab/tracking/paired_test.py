"""Is a difference in BLEU more than chance? By sacreBLEU's own paired test."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass

from seqlab.errors import SeqlabError

LEVEL = 0.05
METRIC = "BLEU"
# Swapping k pairs of translations leaves the difference as large in 2 of 2^k cases at least: no fewer than these can be
# significant. sacreBLEU counts only the larger ones, and so finds a single sentence, or none, significant.
FEWEST = 6
# sacreBLEU's own default, whatever the environment says.
SEED = "12345"


@dataclass(frozen=True)
class PairedResult:
    """p of the observed difference if the two were alike; `signature` says how it was found."""

    p: float
    signature: str

    @property
    def significant(self) -> bool:
        """Whether the difference is more than chance."""
        return self.p < LEVEL


def paired_test(baseline: Sequence[str], system: Sequence[str], references: Sequence[tuple[str, ...]]) -> PairedResult:
    """Paired approximate randomization (Riezler and Maxwell 2005) of two systems' translations of one test set.

    Raises:
        SeqlabError: they hardly differ.
    """
    from sacrebleu import BLEU
    from sacrebleu.significance import PairedTest, Result

    from seqlab.scoring.bleu import reference_streams

    os.environ["SACREBLEU_SEED"] = SEED
    logging.getLogger("sacrebleu").setLevel(logging.WARNING)
    streams = reference_streams(references)
    counts = [BLEU(force=True)._extract_corpus_statistics(texts, streams) for texts in (baseline, system)]
    differing = sum(one != other for one, other in zip(*counts, strict=True))
    if differing < FEWEST:
        raise SeqlabError(f"BLEU differs in only {differing} of {len(references)} sentences, too few for a test")
    systems = [("baseline", baseline), ("system", system)]
    signatures, scores = PairedTest(systems, {METRIC: BLEU(force=True)}, streams, test_type="ar")()
    compared = scores[METRIC][1]
    if not isinstance(compared, Result) or compared.p_value is None:
        raise AssertionError("a paired test without a p-value")
    return PairedResult(float(compared.p_value), str(signatures[METRIC]))
