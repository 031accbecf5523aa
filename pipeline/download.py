"""Stage download: get the parallel text, in one schema for every corpus."""

from pathlib import Path

import seqlab.system.interpreter  # noqa: F401
from seqlab.corpus.build import build
from seqlab.stage import Stage, run_stage


def main(stage: Stage) -> None:
    """Write data/raw."""
    raw = Path("data/raw")
    build(stage.params.corpus, raw, cache=stage.downloads, own=Path("data/own"))
    stage.outputs += [raw]


if __name__ == "__main__":
    run_stage("download", main)
