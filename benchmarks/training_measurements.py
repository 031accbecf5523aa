"""What a child process measures of training cases: their times, the memory of one, the share of the listeners.

Each takes the request of benchmarks.training, the parameters, and an empty folder; and returns what JSON can say.
"""

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


MEASUREMENTS = {"timed": timed, "peak": peak, "listeners": listeners}


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
