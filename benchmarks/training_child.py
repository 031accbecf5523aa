"""Measures training cases in a process of its own: `python -m benchmarks.training_child REQUEST`, which is JSON."""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measure import ROOT, say
from seqlab.numerics import configure, torch_setup
from seqlab.params.params import Params, load_params

BATCH_SIZE = 128
SIZE = 256


def main() -> None:
    """Do what the request asks, and print what came of it as JSON."""
    request = json.loads(sys.argv[1])
    params = recipe(request)
    configure(params.runtime)
    torch_setup(params.runtime)
    # What imports PyTorch comes after what it reads when it is imported.
    from benchmarks.training_measurements import MEASUREMENTS

    with tempfile.TemporaryDirectory(prefix="seqlab-benchmark-") as folder:
        say(json.dumps(MEASUREMENTS[request["measure"]](request, params, Path(folder))))


def recipe(request: dict[str, Any]) -> Params:
    """The project's parameters with those of the benchmark."""
    params = load_params(ROOT / "params.yaml")
    model = params.model.model_copy(
        update={
            "cell": "gru",
            "embedding_size": SIZE,
            "hidden_size": SIZE,
            "layers": 1,
            "bidirectional": False,
            "context": "initial",
            "attention": "none",
            "input_feeding": False,
            "tie_embeddings": False,
            "tie_output": False,
            "dropout": 0.0,
        }
    )
    train = params.train.model_copy(
        update={
            "batch_size": BATCH_SIZE,
            "batch_by": "sentences",
            "optimizer": "adam",
            "learning_rate": 1e-3,
            "teacher_forcing_granularity": request["granularity"],
            "label_smoothing": 0.0,
            "epochs": 1,
        }
    )
    runtime = params.runtime.model_copy(update={"threads": request["threads"], "numerics": "native"})
    return params.model_copy(update={"model": model, "train": train, "runtime": runtime})


if __name__ == "__main__":
    main()
