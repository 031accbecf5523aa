"""Where an optimizer step's time goes, by what the kernels do: the profile behind the ratios of benchmarks.training.

Same model, batches and process for all cases. Each is timed alone, and then profiled several times, of which the
shortest counts; a profiler makes small kernels look longer than they are.

    python -m benchmarks.profile [--threads 2] [--rounds 5]
"""

import argparse
from collections.abc import Mapping
from itertools import product
from typing import Any

from benchmarks.case import PRECISIONS, Case
from benchmarks.measure import in_child, say, table

CHILD = "benchmarks.training_child"
STEPS = 4

# Names of PyTorch's kernels; of what is not listed, whatever is spent between kernels, and in Python.
KINDS = {
    "products": ("aten::mm", "aten::addmm", "mkldnn::_linear_pointwise"),
    "attention's products": ("aten::bmm", "aten::baddbmm"),
    "softmax, argmax": ("aten::_softmax", "aten::_softmax_backward_data", "aten::amax", "aten::max", "aten::log"),
    "gates and sums": (
        "aten::sigmoid", "aten::sigmoid_", "aten::sigmoid_backward", "aten::tanh", "aten::tanh_backward", "aten::lerp",
        "aten::mul", "aten::mul_", "aten::add", "aten::add_", "aten::sub", "aten::sub_", "aten::addcmul_", "aten::sum",
    ),
    "copies": (
        "aten::copy_", "aten::cat", "aten::fill_", "aten::index", "aten::_index_put_impl_", "aten::index_select",
        "aten::gather", "aten::embedding_dense_backward",
    ),
    "optimizer, norm": ("aten::_fused_adam_", "aten::linalg_vector_norm", "aten::_foreach_mul_"),
}  # fmt: skip


def main() -> None:
    """Profile all cases, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    cases = [Case("ours", ratio, *kind) for kind in product(PRECISIONS, ("none", "dot")) for ratio in (1.0, 0.5, 0.0)]
    request = {
        "measure": "profiled",
        "cases": [case.plain for case in cases],
        "rounds": arguments.rounds,
        "threads": arguments.threads,
        "granularity": "step",
        "steps": STEPS,
        "sentences": 1,
        "real_lengths": False,
    }
    found = in_child(CHILD, request)
    say(f"## Profile of a step, {arguments.threads} threads, sentences of 15 tokens, milliseconds\n")
    say(table(row(case, found[case.name]) for case in cases if case.name in found))


def row(case: Case, found: Mapping[str, Any]) -> dict[str, object]:
    """Of the table: milliseconds a step, alone and under the profiler, and of the latter those of each kind."""
    kinds = milliseconds(found["kernels"])
    profiled = 1000 * found["profiled"]
    named = {kind: f"{kinds[kind]:.1f}" for kind in KINDS}
    return {
        "ratio": f"{case.ratio:g}",
        "attention": case.attention,
        "precision": case.precision,
        "alone": f"{1000 * found['seconds']:.1f}",
        "profiled": f"{profiled:.1f}",
        **named,
        "other": f"{profiled - sum(kinds[kind] for kind in KINDS):.1f}",
    }


def milliseconds(kernels: Mapping[str, float]) -> dict[str, float]:
    """Those of each kind, of seconds by the names of kernels."""
    kinds = {name: kind for kind, names in KINDS.items() for name in names}
    found = dict.fromkeys((*KINDS, "other"), 0.0)
    for name, seconds in kernels.items():
        found[kinds.get(name, "other")] += 1000 * seconds
    return found


if __name__ == "__main__":
    main()
