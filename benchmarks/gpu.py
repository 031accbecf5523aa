"""Training on a GPU: ours beside stock loops, launched kernel by kernel and as CUDA graphs.

GRU a side, dot attention; batches of one length, or of real lengths, of which only real target tokens count. Needs a
CUDA device, and takes some minutes.

    python -m benchmarks.gpu [--shapes 3] [--quick]
"""

import argparse
import gc
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from benchmarks.flop import training_flop
from benchmarks.gpu_cases import DEVICE, GpuShape, Run, Stock, ours
from benchmarks.measure import ROOT, say, table
from seqlab.numerics import torch_setup
from seqlab.params.params import load_params
from seqlab.text.batches import Batch

SHAPES = (GpuShape(256, 6000, 128, 15), GpuShape(512, 16000, 256, 25), GpuShape(1024, 32000, 256, 30))
GNMT = GpuShape(1024, 32000, 128, 30, "lstm", 4)
BATCHES = 8
PRECISIONS = ("bfloat16", "float32")
Make = Callable[[], Run]
# Under the profiler; it notes thousands of kernels of each.
PROFILED = 3


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
    parser.add_argument("--shapes", type=int, default=len(SHAPES), help="how many, the smallest first")
    parser.add_argument("--quick", action="store_true", help="bfloat16 and equal lengths alone")
    arguments = parser.parse_args()
    params = load_params(ROOT / "params.yaml")
    torch_setup(params.runtime.model_copy(update={"device": "cuda"}))
    roofs = {precision: roof(getattr(torch, precision)) for precision in PRECISIONS}
    say(
        f"{torch.cuda.get_device_name()}, torch {torch.__version__}; products of 8192³, TFLOP/s: "
        + ", ".join(f"{precision} {value / 1e12:.0f}" for precision, value in roofs.items())
    )
    rows: list[dict[str, Any]] = []
    for shape in SHAPES[: arguments.shapes]:
        for precision in PRECISIONS[: 1 if arguments.quick else None]:
            for real in (False,) if arguments.quick else (False, True):
                rows += list(measured(shape, precision, roofs[precision], real=real))
    if not arguments.quick:
        rows += list(gnmt(roofs["bfloat16"]))
    say(f"\nHidden size and embedding, vocabulary, batch, length. Median of 3.\n\n{table(rows)}")


def measured(shape: GpuShape, precision: str, peak: float, *, real: bool) -> Iterator[dict[str, Any]]:
    """A row for each case."""
    batches = shape.batches(BATCHES, real=real)
    for name, make in cases(shape, batches, precision, real=real):
        found = row(shape, name, batches, precision, peak, real, measure(make, len(batches)))
        say(f"{time.perf_counter():.0f} | " + " | ".join(map(str, found.values())))
        yield found


def cases(shape: GpuShape, batches: list[Batch], precision: str, *, real: bool) -> Iterator[tuple[str, Make]]:
    """By name; each is made when its turn comes, and its memory is free before the next."""
    for ratio in (1.0, 0.5, 0.0):
        yield f"ours, ratio {ratio:g}", partial(ours, shape, batches, ratio, precision)
    for kind, ratio in (("teacher forcing", 1.0), ("step by step", 0.5)):
        for graph in (False,) if real else (False, True):
            name = f"stock {kind}, ratio {ratio:g}{', graph' * graph}"
            yield name, partial(Stock, kind, shape, batches, ratio, precision, graph=graph)


def gnmt(peak: float) -> Iterator[dict[str, Any]]:
    """The shape of GNMT: ours alone, for the references have one layer."""
    batches = GNMT.batches(BATCHES, real=False)
    for ratio in (1.0, 0.5):
        found = measure(partial(ours, GNMT, batches, ratio, "bfloat16"), len(batches))
        yield row(GNMT, f"ours, ratio {ratio:g}", batches, "bfloat16", peak, False, found)


def measure(make: Make, steps: int) -> Found:
    """Time a case, warm, and look at it once under the profiler."""
    gc.collect()  # what the case before left
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    run = make()
    for _ in range(3):
        run(steps)
    seconds = statistics.median(_timed(run, steps) for _ in range(3)) / steps
    peak = torch.cuda.max_memory_allocated()
    launches, busy = _profiled(run)
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


def _profiled(run: Run) -> tuple[float, float]:
    """Calls that launch something, and the seconds in which the device works; a step."""
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profiler:
        _timed(run, PROFILED)
    events = profiler.events() or []
    launches = sum(
        event.name.startswith(("cudaLaunch", "cudaGraphLaunch", "cudaMemcpy", "cuLaunch")) for event in events
    )
    spans = sorted(
        (event.time_range.start, event.time_range.end) for event in events if event.device_type.name == "CUDA"
    )
    return launches / PROFILED, _covered(spans) / 1e6 / PROFILED


def _covered(spans: list[tuple[float, float]]) -> float:
    """The length of the union of intervals, which may overlap."""
    total, reached = 0.0, float("-inf")
    for start, end in spans:
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


if __name__ == "__main__":
    main()
