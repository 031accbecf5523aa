"""Training on a GPU: ours beside stock loops, launched kernel by kernel and as CUDA graphs.

GRU a side, dot attention; batches of one length, or of real lengths, of which only real target tokens count. Needs a
CUDA device, and takes some minutes.

    python -m benchmarks.gpu [--shapes 256 512 1024 gnmt] [--quick]
"""

import argparse
import gc
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from benchmarks import gpu_losses
from benchmarks.flop import training_flop
from benchmarks.gpu_cases import DEVICE, GpuShape, Run, Stock, ours
from benchmarks.measure import ROOT, say, table
from seqlab.numerics import torch_setup
from seqlab.params.params import load_params
from seqlab.text.batches import Batch

SHAPES = {
    "256": GpuShape(256, 6000, 128, 15),
    "512": GpuShape(512, 16000, 256, 25),
    "1024": GpuShape(1024, 32000, 256, 30),
    # Ours alone, for the references have one layer.
    "gnmt": GpuShape(1024, 32000, 128, 30, "lstm", 4),
}
BATCHES = 6
PRECISIONS = ("bfloat16", "float32")
Make = Callable[[], Run]
# Every shape of a batch must have come twice before its step is captured.
WARM_UPS = 2
# Steps under the profiler where all are alike; it notes thousands of kernels of each.
PROFILED = 2


@dataclass(frozen=True)
class Found:
    """What was measured of a case: seconds of a step; and of the same under the profiler, where that was asked for."""

    seconds: float
    peak: int
    launches: float | None = None
    busy: float | None = None


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=("gnmt", "256", "512", "1024"))
    parser.add_argument("--quick", action="store_true", help="ours, in bfloat16 and of equal lengths alone")
    arguments = parser.parse_args()
    params = load_params(ROOT / "params.yaml")
    # As `configure` sets it, which must come before PyTorch.
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    torch_setup(params.runtime.model_copy(update={"device": "cuda"}))
    roofs = {precision: roof(getattr(torch, precision)) for precision in PRECISIONS}
    say(
        f"{torch.cuda.get_device_name()}, torch {torch.__version__}; products of 8192³, TFLOP/s: "
        + ", ".join(f"{precision} {value / 1e12:.0f}" for precision, value in roofs.items())
    )
    rows: list[dict[str, Any]] = []
    for name in arguments.shapes:
        alone = arguments.quick or name == "gnmt"
        for precision in PRECISIONS[: 1 if alone else None]:
            for real in (False,) if alone else (False, True):
                rows += measured(SHAPES[name], precision, roofs[precision], real=real, alone=alone)
    say(f"\nHidden size and embedding, vocabulary, batch, length. Median of 3 × {BATCHES} steps.\n\n{table(rows)}")
    if not arguments.quick:
        found = [row for name in arguments.shapes for row in of_losses(SHAPES[name])]
        say(f"\nThe loss over the vocabulary and its gradients, of a batch, in bfloat16.\n\n{table(found)}")


def of_losses(shape: GpuShape) -> Iterator[Mapping[str, str]]:
    """The rows of losses over the vocabulary."""

    def timed(call: Callable[[], object]) -> tuple[float, int]:
        def run(count: int) -> None:
            for _ in range(count):
                call()

        run(WARM_UPS)
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run(1)
        return _profiled(run, PROFILED)[1], torch.cuda.max_memory_allocated() - before

    return gpu_losses.rows(shape.name, shape.size, shape.vocabulary, shape.rows * shape.length, timed)


def measured(shape: GpuShape, precision: str, peak: float, *, real: bool, alone: bool) -> Iterator[dict[str, Any]]:
    """A row for each case, said as soon as it is known; `alone`: of ours."""
    batches = shape.batches(BATCHES, real=real)
    for name, make in cases(shape, batches, precision, real=real, alone=alone):
        found = row(shape, name, batches, precision, peak, real, measure(make, len(batches), real=real))
        say(f"{time.perf_counter():.0f} | " + " | ".join(map(str, found.values())))
        yield found


def cases(
    shape: GpuShape, batches: list[Batch], precision: str, *, real: bool, alone: bool
) -> Iterator[tuple[str, Make]]:
    """By name; each is made when its turn comes, and its memory is free before the next."""
    for ratio in (1.0, 0.5, 0.0):
        yield f"ours, ratio {ratio:g}", partial(ours, shape, batches, ratio, precision)
    if alone:
        return
    for kind, ratio in (("teacher forcing", 1.0), ("step by step", 0.5)):
        for graph in (False,) if real else (False, True):
            name = f"stock {kind}, ratio {ratio:g}{', graph' * graph}"
            yield name, partial(Stock, kind, shape, batches, ratio, precision, graph=graph)


def measure(make: Make, steps: int, *, real: bool) -> Found:
    """Time a case, warm, and look at it once under the profiler: at all steps where they differ in length."""
    gc.collect()  # what the case before left
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    run = make()
    for _ in range(WARM_UPS):
        run(steps)
    seconds = statistics.median(_timed(run, steps) for _ in range(3)) / steps
    peak = torch.cuda.max_memory_allocated()
    launches, busy = _profiled(run, steps if real else PROFILED)
    return Found(seconds, peak, launches, busy / seconds)


def row(
    shape: GpuShape, name: str, batches: list[Batch], precision: str, peak: float, real: bool, found: Found
) -> dict[str, Any]:
    """Of the table."""
    sources, targets = (torch.cat([getattr(b, f"{side}_lengths") for b in batches]) for side in ("source", "target"))
    seconds = found.seconds * len(batches)
    flop = training_flop(shape.model.config, sources, targets)
    return {
        "shape": shape.name,
        "lengths": "real" if real else "one",
        "precision": precision,
        "case": name,
        "ms a step": f"{found.seconds * 1e3:.2f}",
        "target tokens/s": f"{int(targets.sum()) / seconds:,.0f}",
        "tokens/s of both sides": f"{int(sources.sum() + targets.sum()) / seconds:,.0f}",
        "of the roof": f"{flop / seconds / peak:.1%}",
        "GPU works": f"{min(1.0, found.busy or 0):.0%}",
        "launches a step": f"{found.launches:.0f}",
        "peak memory, MB": f"{found.peak / 2**20:,.0f}",
    }


def roof(dtype: torch.dtype) -> float:
    """FLOP a second of a large product."""
    left, right = (torch.randn(8192, 8192, device=DEVICE).to(dtype) for _ in range(2))

    def run(count: int) -> None:
        for _ in range(count):
            left @ right

    return 5 * 2 * 8192**3 / min(_timed(run, 5) for _ in range(4))


def _timed(run: Run, count: int) -> float:
    torch.cuda.synchronize()
    began = time.perf_counter()
    run(count)
    torch.cuda.synchronize()
    return time.perf_counter() - began


def _profiled(run: Run, steps: int) -> tuple[float, float]:
    """Calls that launch something, and the seconds in which the device works; a step."""
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profiler:
        _timed(run, steps)
    events = profiler.events() or []
    launches = sum(
        event.name.startswith(("cudaLaunch", "cudaGraphLaunch", "cudaMemcpy", "cuLaunch")) for event in events
    )
    spans = sorted(
        (event.time_range.start, event.time_range.end) for event in events if event.device_type.name == "CUDA"
    )
    return launches / steps, _covered(spans) / 1e6 / steps


def _covered(spans: list[tuple[float, float]]) -> float:
    """The length of the union of intervals, which may overlap."""
    total, reached = 0.0, float("-inf")
    for start, end in spans:
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


if __name__ == "__main__":
    main()
