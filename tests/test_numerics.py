"""What is pinned before and after PyTorch is imported; each in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import pytest
import torch

from seqlab import numerics
from seqlab.core.errors import SeqlabError
from seqlab.params.schema import RuntimeParams

# Gradients of a GRU and a large sum: they differ between thread counts and between instruction sets.
PROGRAM = """
import hashlib, json, os, sys
from seqlab import numerics
from seqlab.params.schema import RuntimeParams
runtime = RuntimeParams(device="cpu", engine="fast", threads=int(sys.argv[1]), numerics=sys.argv[2])
numerics.configure(runtime)
import torch
device = numerics.torch_setup(runtime)
draw = torch.Generator().manual_seed(1)
gru = torch.nn.GRU(64, 64)
for parameter in gru.parameters():
    parameter.data = torch.randn(parameter.shape, generator=draw) / 10
output, _ = gru(torch.randn(20, 64, 64, generator=draw))
(output.tanh() @ torch.randn(64, 3000, generator=draw)).log_softmax(-1).mean().backward()
results = [parameter.grad for parameter in gru.parameters()] + [torch.randn(1_500_000, generator=draw).sum()]
digest = hashlib.sha256(b"".join(result.numpy().tobytes() for result in results)).hexdigest()
found = {
    "digest": digest,
    "class": numerics.numerics_class(runtime),
    "threads": torch.get_num_threads(),
    "deterministic": torch.get_deterministic_debug_mode(),
    "tf32": torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32,
    "device": str(device),
    "compiler": "torch._inductor" in sys.modules,
    "environment": dict(os.environ),
}
print(json.dumps(found))
"""
HOSTILE = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OMP_THREAD_LIMIT": "1",
    "OMP_DYNAMIC": "true",
    "MKL_CBWR": "COMPATIBLE",
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "LC_ALL": "C",
    "PYTHONHASHSEED": "7",
}


def run(threads: int, setting: Literal["native", "portable"], **environment: str) -> dict[str, Any]:
    command = [sys.executable, "-c", PROGRAM, str(threads), setting]
    environment = {**os.environ, "PYTHONPATH": str(Path(numerics.__file__).parents[1]), **environment}
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(output.stdout)
    return found


@pytest.fixture(scope="module")
def native() -> dict[str, Any]:
    return run(2, "native")


def test_the_environment_changes_no_bit(native: dict[str, Any]) -> None:
    found = run(2, "native", **HOSTILE)
    assert found["digest"] == native["digest"]
    assert found["threads"] == native["threads"] == 2


def test_the_number_of_cores_changes_no_bit(native: dict[str, Any]) -> None:
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        assert run(2, "native")["digest"] == native["digest"]
    finally:
        os.sched_setaffinity(0, cores)


def test_threads_are_part_of_the_result(native: dict[str, Any]) -> None:
    assert run(1, "native")["digest"] != native["digest"]


def test_settings(native: dict[str, Any]) -> None:
    # What has no deterministic kernel is an error.
    assert native["deterministic"] == 2
    # Its import takes longer than many a stage.
    assert native["compiler"] is False
    assert native["tf32"] is False
    assert native["device"] == "cpu"
    assert native["environment"]["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"


def test_portable_limits_the_instruction_sets() -> None:
    found = run(2, "portable", **HOSTILE)
    assert found["environment"]["ONEDNN_MAX_CPU_ISA"] == "AVX2"
    if numerics.cpu_vendor() in ("GenuineIntel", "AuthenticAMD"):
        assert found["class"]["cpu_capability"] == "AVX2"
    assert found["class"]["numerics"] == "portable"


@pytest.mark.parametrize("vendor", ["GenuineIntel", "AuthenticAMD"])
def test_portable_is_one_setting_and_one_class_for_all_vendors(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = RuntimeParams(device="cpu", engine="fast", threads=1, numerics="portable")
    monkeypatch.setattr(numerics, "cpu_vendor", lambda: vendor)
    assert numerics._environment(runtime)["MKL_CBWR"] == "COMPATIBLE"
    assert vendor not in numerics.numerics_class(runtime).values()
    assert vendor in numerics.numerics_class(runtime.model_copy(update={"numerics": "native"})).values()


def test_the_class_names_what_bytes_depend_on(native: dict[str, Any]) -> None:
    found = native["class"]
    assert list(found) == [
        "system", "architecture", "cpu_vendor", "cpu_capability", "numerics", "threads", "torch", "device",
    ]  # fmt: skip
    assert (found["numerics"], found["threads"], found["torch"]) == ("native", 2, torch.__version__)


def test_after_torch_it_is_too_late() -> None:
    with pytest.raises(RuntimeError, match="before torch is imported"):
        numerics.configure(RuntimeParams(device="cpu", engine="fast", threads=1, numerics="native"))


def test_cuda_is_refused_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SeqlabError, match=r"PyTorch finds no CUDA device here: set runtime\.device to cpu"):
        numerics.torch_setup(RuntimeParams(device="cuda", engine="fast", threads=1, numerics="native"))


def test_portable_is_refused_without_avx2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setattr(numerics, "_cpuinfo", lambda *_keys: "fpu sse2 avx")
    with pytest.raises(SeqlabError, match="portable, which needs a CPU with AVX2"):
        numerics.configure(RuntimeParams(device="cpu", engine="fast", threads=1, numerics="portable"))


def test_how_threads_wait_is_set_unless_it_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = RuntimeParams(device="cpu", engine="fast", threads=2, numerics="native")
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    assert int(numerics._environment(runtime)["GOMP_SPINCOUNT"]) > 0
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    assert numerics._environment(runtime)["GOMP_SPINCOUNT"] == "7"
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    assert "GOMP_SPINCOUNT" not in numerics._environment(runtime)


def test_onednn_keeps_few_kernels_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = RuntimeParams(device="cpu", engine="fast", threads=2, numerics="native")
    monkeypatch.delenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", raising=False)
    assert int(numerics._environment(runtime)["ONEDNN_PRIMITIVE_CACHE_CAPACITY"]) < 1024
    monkeypatch.setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "1000")
    assert numerics._environment(runtime)["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == "1000"
