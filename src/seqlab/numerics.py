"""What the bytes of a result depend on beside the recipe: instruction sets, threads, deterministic kernels.

`configure` runs before PyTorch is imported (it sets what libraries read once, when they are loaded), `torch_setup`
after. Both make a result independent of the environment and of the number of cores; `numerics_class` says what is left.
"""

import ctypes
import hashlib
import json
import mmap
import os
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from seqlab.core.errors import SeqlabError

if TYPE_CHECKING:
    import torch

    from seqlab.params.schema import RuntimeParams

# Inherited from the environment, each of these could change bytes.
_UNPINNED = (
    "ATEN_CPU_CAPABILITY",
    "DNNL_DEFAULT_FPMATH_MODE",
    "DNNL_MAX_CPU_ISA",
    "MKL_CBWR",
    "MKL_DEBUG_CPU_TYPE",
    "MKL_DOMAIN_NUM_THREADS",
    "MKL_ENABLE_INSTRUCTIONS",
    "NVIDIA_TF32_OVERRIDE",
    "OMP_THREAD_LIMIT",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "ONEDNN_MAX_CPU_ISA",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
)
_MALLOC_PAD = 256 << 20
_HEAP = 1 << 30
_SPINS = "10000"
_PRIMITIVES = "128"


def configure(runtime: "RuntimeParams") -> None:
    """Pin the instruction sets and thread counts of ATen, oneDNN, MKL and OpenMP, and set up memory allocation.

    `portable` limits ATen and oneDNN to AVX2, and MKL to its COMPATIBLE code, the only one that it runs alike on the
    CPUs of all vendors: docs/numerics.md has what agrees, and the cost.

    Raises:
        RuntimeError: PyTorch is imported already, so it is too late.
        SeqlabError: `portable` is asked for, and the CPU lacks AVX2.
    """
    if "torch" in sys.modules:
        raise RuntimeError("numerics.configure must run before torch is imported")
    flags = _cpuinfo("flags").split()
    if runtime.numerics == "portable" and flags and "avx2" not in flags:
        # ATen would believe the setting, and die of an illegal instruction.
        raise SeqlabError(
            "runtime.numerics is portable, which needs a CPU with AVX2, and this one has none: set it to native"
        )
    for name in _UNPINNED:
        os.environ.pop(name, None)
    os.environ.update(_environment(runtime))
    _keep_memory()


def _environment(runtime: "RuntimeParams") -> dict[str, str]:
    threads = str(runtime.threads)
    # Dynamic teams would shrink to the number of cores, and a sum's bytes depend on the number of threads.
    pinned = {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "OMP_DYNAMIC": "false", "MKL_DYNAMIC": "false"}
    if "OMP_WAIT_POLICY" not in os.environ:
        # Changes no result. Asleep at once, threads cost a quarter of a step in being woken; spinning for long, they
        # bring a second training on the same cores to a standstill.
        pinned["GOMP_SPINCOUNT"] = os.environ.get("GOMP_SPINCOUNT", _SPINS)
    # Changes no result either. oneDNN keeps a compiled kernel, of up to 2 MB, for each shape that it has seen, and
    # batches of real lengths have no end of shapes: with its own limit of 1,024 bfloat16 training grows to 3 GB.
    pinned["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] = os.environ.get("ONEDNN_PRIMITIVE_CACHE_CAPACITY", _PRIMITIVES)
    # cuBLAS is deterministic only with a workspace of fixed size.
    pinned["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    if runtime.numerics == "portable":
        pinned["ATEN_CPU_CAPABILITY"] = "avx2"
        pinned["ONEDNN_MAX_CPU_ISA"] = "AVX2"
        pinned["MKL_CBWR"] = "COMPATIBLE"
    return pinned


def _keep_memory() -> None:
    """Tell glibc to keep freed memory: giving it back after each step costs up to a third of it in page faults."""
    if platform.libc_ver()[0] != "glibc":
        return
    trim_threshold, top_pad, mmap_max = -1, -2, -4
    libc = ctypes.CDLL(None)
    libc.mallopt(mmap_max, 0)
    libc.mallopt(trim_threshold, -1)
    libc.mallopt(top_pad, _MALLOC_PAD)
    _use_huge_pages(libc)


def _use_huge_pages(libc: ctypes.CDLL) -> None:
    """Ask Linux for huge pages under what malloc hands out first; where it has none to give, nothing changes.

    The scores of a vocabulary lie on thousands of common pages, and to find each of these in memory takes about as long
    as to write it. What is not written has no page of either size.
    """
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return
    libc.malloc.restype = ctypes.c_void_p
    block = libc.malloc(ctypes.c_size_t(_HEAP))
    if not block:
        return
    first_page = -(-block // mmap.PAGESIZE) * mmap.PAGESIZE
    libc.madvise(ctypes.c_void_p(first_page), ctypes.c_size_t(_HEAP - mmap.PAGESIZE), mmap.MADV_HUGEPAGE)
    libc.free(ctypes.c_void_p(block))


def torch_setup(runtime: "RuntimeParams") -> "torch.device":
    """Set PyTorch's threads and deterministic kernels; return the device to compute on.

    Raises:
        SeqlabError: `cuda` is asked for and there is no usable CUDA device.
    """
    import torch

    if runtime.device == "cuda" and not torch.cuda.is_available():
        raise SeqlabError(
            "runtime.device is cuda, but PyTorch finds no CUDA device here: set runtime.device to cpu, "
            f"or install a CUDA build of PyTorch and its driver (this build is {torch.__version__})"
        )
    torch.set_num_threads(runtime.threads)
    # use_deterministic_algorithms(True) says the same and imports PyTorch's compiler, which takes a second.
    torch.set_deterministic_debug_mode("error")
    # Only a program that reads memory it never wrote would need it; it costs a pass over every new tensor.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.set_float32_matmul_precision("highest")
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    return torch.device(runtime.device)


def numerics_class(runtime: "RuntimeParams") -> dict[str, str | int]:
    """What results of equal bytes have in common beside their recipe: same class, same bytes."""
    import torch

    found: dict[str, str | int] = {"system": platform.system(), "architecture": platform.machine()}
    # Portable code asks for no vendor.
    if runtime.numerics == "native":
        found["cpu_vendor"] = cpu_vendor()
    found |= {
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "numerics": runtime.numerics,
        "threads": runtime.threads,
        "torch": torch.__version__,
        "device": runtime.device,
    }
    if runtime.device == "cuda":
        found["gpu"] = torch.cuda.get_device_name()
        found["cuda"] = str(torch.version.cuda)
        found["cudnn"] = int(torch.backends.cudnn.version() or 0)  # type: ignore[no-untyped-call]
    return found


def class_digest(runtime: "RuntimeParams") -> str:
    """The beginning of the SHA-256 of the numerics class, which tells it from others."""
    return hashlib.sha256(json.dumps(numerics_class(runtime), sort_keys=True).encode()).hexdigest()[:12]


def cpu_vendor() -> str:
    """The CPU's vendor as CPUID names it, such as GenuineIntel; where the system does not tell, the CPU's name."""
    return _cpuinfo("vendor_id", "CPU implementer") or platform.processor() or "unknown"


def _cpuinfo(*keys: str) -> str:
    """The first value of any of these keys in /proc/cpuinfo; empty where there is none."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text("utf-8", "replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() in keys:
                return value.strip()
    return ""
