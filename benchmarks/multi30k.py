"""Multi30k, German to English, for benchmarks on real text and real lengths."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import ROOT
from seqlab.corpus.build import build
from seqlab.corpus.fetching.mirror import mirror_location
from seqlab.params.params import load_params


def download_multi30k(folder: Path) -> Path | None:
    """The folder with train.jsonl; None where SEQLAB_CORPUS_MIRROR does not say where the corpus is."""
    if mirror_location() is None:
        return None
    params = load_params(ROOT / "params.yaml").corpus
    corpus = params.model_copy(update={"name": "multi30k", "source": "de", "target": "en"})
    build(corpus, folder / "raw", cache=folder / "downloads", own=folder / "own")
    return folder / "raw"


def lengths_alike(generator: np.random.Generator, mean: float, deviation: float, count: int) -> NDArray[np.float64]:
    """Log-normal lengths (count,) with this mean and standard deviation, as sentences of Multi30k have them."""
    variance = np.log(1 + (deviation / mean) ** 2)
    return generator.lognormal(np.log(mean) - variance / 2, variance**0.5, count)
