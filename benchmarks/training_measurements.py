"""What a child process measures of training cases: their times, the memory of one, the share of the listeners.

Each takes the request of benchmarks.training, the parameters, and an empty folder; and returns what JSON can say.
"""

import time
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import Any

import torch

from benchmarks import corpora
from benchmarks.case import ROOF, STOCK, Case
from benchmarks.flop import training_flop
from benchmarks.measure import interleaved, peak_memory, resident_memory
from benchmarks.roof import Product
from benchmarks.training_cases import Watched, Workshop
from seqlab.params.params import Params


def timed(request: dict[str, Any], params: Params, folder: Path) -> dict[str, Any]:
    """Seconds of each case and repetition; its FLOP, real target tokens, and steps. The roofs are cases too."""
    workshop, cases = _prepare(request, params, folder)
    products = {
        f"{name}, {case.precision}": Product(getattr(torch, case.precision), params.runtime.device, stock=name == STOCK)
        for case in cases
        for name in (ROOF, STOCK)
    }
    runs = {case.name: workshop.make(case) for case in cases}
    times = interleaved(runs | products, request["repetitions"])
    found: dict[str, Any] = {
        name: {"seconds": times[name].seconds, "flop": product.flop} for name, product in products.items()
    }
    for case in cases:
        batches = workshop.batches(case)
        sources, targets = (
            torch.cat([getattr(b, f"{side}_lengths") for b in batches]) for side in ("source", "target")
        )
        found[case.name] = {
            "seconds": times[case.name].seconds,
            "flop": training_flop(workshop.config(case), sources, targets),
            "tokens": int(targets.sum()),
            "steps": len(batches),
        }
    return found


def peak(request: dict[str, Any], params: Params, folder: Path) -> dict[str, int]:
    """Bytes resident at most while the only case trains, and before its model was made; on a GPU, those allocated."""
    workshop, cases = _prepare(request, params, folder)
    on_gpu = params.runtime.device == "cuda"
    before = torch.cuda.memory_allocated() if on_gpu else resident_memory()
    for case in cases:
        workshop.make(case)()
    return {"before": before, "peak": torch.cuda.max_memory_allocated() if on_gpu else peak_memory()}


def listeners(request: dict[str, Any], params: Params, folder: Path) -> dict[str, float]:
    """Seconds of a training, and of these its listeners' together."""
    workshop, cases = _prepare(request, params, folder)
    watched: list[Watched] = []
    seconds = sum(workshop.run_trainer(workshop.updater(case), case, watched) for case in cases)
    return {"training": seconds, "listeners": sum(each.seconds for each in watched)}


def profiled(request: dict[str, Any], params: Params, folder: Path) -> dict[str, dict[str, Any]]:
    """Of each case, seconds of a step, alone and under the profiler, and of the latter those of each kernel itself."""
    workshop, cases = _prepare(request, params, folder)
    found = {}
    for case in cases:
        run = workshop.make(case)
        times = interleaved({case.name: run}, request["rounds"], warm_ups=3)[case.name]
        seconds, kernels = min((_profile(run) for _ in range(request["rounds"])), key=itemgetter(0))
        found[case.name] = {
            "seconds": times.spread.median / request["steps"],
            "profiled": seconds / request["steps"],
            "kernels": {name: spent / request["steps"] for name, spent in kernels.items()},
        }
    return found


def _profile(run: Callable[[], object]) -> tuple[float, dict[str, float]]:
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        began = time.perf_counter()
        run()
        seconds = time.perf_counter() - began
    return seconds, {each.key: each.self_cpu_time_total / 1e6 for each in profiler.key_averages()}


MEASUREMENTS = {"timed": timed, "peak": peak, "listeners": listeners, "profiled": profiled}


def _prepare(request: dict[str, Any], params: Params, folder: Path) -> tuple[Workshop, list[Case]]:
    cases = [Case(*case) for case in request["cases"]]
    if not _has_bfloat16(params.runtime.device):
        cases = [case for case in cases if case.precision != "bfloat16"]
    pairs = request["steps"] * params.train.batch_size
    corpus = corpora.real_lengths(folder) if request["real_lengths"] else corpora.equal_lengths(folder, pairs)
    return Workshop(params, corpus, request["steps"], request["sentences"], folder), cases


def _has_bfloat16(device: str) -> bool:
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
