"""Runs benchmarks, and appends what they print to today's log, benchmarks/log/YYYY-MM-DD.md: that is `make bench`.

People write into the log, too: what was tried, what it was expected to give, and what it gave. So nothing in it is ever
changed: a section with the machine and the versions is added at its end, each table as soon as it is known.
"""

import argparse
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from benchmarks.measure import ROOT, say
from seqlab.params.params import load_params

MODULES = ("training", "profile", "decoding", "data")
ON_A_GPU = ("gpu", "decoding")
LOG = ROOT / "benchmarks/log"
# By their names in /proc/cpuinfo.
INSTRUCTIONS = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16")
PACKAGES = ("torch", "numpy", "sentencepiece", "tokenizers")


def main() -> None:
    """Run the benchmarks asked for, one after another; a failure of one stops none, and is exit status 1 at the end."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "modules", nargs="*", help=f"of benchmarks; all: {' '.join(MODULES)}, on a GPU {' '.join(ON_A_GPU)}"
    )
    parser.add_argument("--log", type=Path, default=LOG, help="folder of the logs")
    arguments = parser.parse_args()
    now = datetime.now(UTC)
    log = arguments.log / f"{now:%Y-%m-%d}.md"
    append(log, section(now, new=not log.exists()))
    modules = arguments.modules or (MODULES if device() == "cpu" else ON_A_GPU)
    failed = [module for module in modules if not run(f"benchmarks.{module}", log)]
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}; see {log}")
    say(f"\nwritten to {log}")


def run(module: str, log: Path) -> bool:
    """Run a module, and copy what it prints to the log line by line; True if it succeeded."""
    command = [sys.executable, "-u", "-m", module]
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101 (for mypy)
        for line in process.stdout:
            append(log, line)
    if process.returncode:
        append(log, f"\n`{module}` failed with exit status {process.returncode}.\n\n")
    return process.returncode == 0


def append(log: Path, text: str) -> None:
    """Add to the end of the log, and print."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "a", encoding="utf-8") as file:
        file.write(text)
    say(text.rstrip("\n"))


def section(now: datetime, *, new: bool) -> str:
    """The heading of a section, with the machine, its load before, and the versions; a `new` file's title above it."""
    title = f"# Benchmarks, {now:%Y-%m-%d}\n" if new else ""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{title}\n## {now:%H:%M} UTC, commit {commit()}\n\n"
        f"- {processor()}, {psutil.cpu_count(logical=False)} cores, {os.cpu_count()} threads; "
        f"{psutil.virtual_memory().total / 2**30:.0f} GiB; {platform.system()} {platform.release()}\n"
        f"- computed on: {device()}\n"
        f"- load before: {os.getloadavg()[0]:.2f}\n"
        f"- Python {platform.python_version()}, {versions}\n\n"
    )


def device() -> str:
    """What `runtime.device` of params.yaml names, as the benchmarks take it."""
    if load_params(ROOT / "params.yaml").runtime.device == "cpu":
        return "cpu"
    import torch

    return f"cuda, {torch.cuda.get_device_name()}"


def commit() -> str:
    """The commit of the working copy, and whether files differ from it; `unknown` outside a repository."""
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude=*"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or "unknown"


def processor() -> str:
    """The CPU's name; on Linux also its family and model, the caches of a core, and its instructions."""
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.is_file():
        return platform.processor() or platform.machine()
    lines = (line.partition(":") for line in cpuinfo.read_text("utf-8", "replace").splitlines())
    # Of several cores the last; they are alike.
    said = {name.strip(): value.strip() for name, _, value in lines}
    name, *numbers = (said.get(key, "unknown") for key in ("model name", "cpu family", "model"))
    instructions = " ".join(each for each in INSTRUCTIONS if each in said.get("flags", "").split())
    return f"{name} (family {numbers[0]}, model {numbers[1]}; {caches()}; {instructions})"


def caches() -> str:
    """Of the first core, for data."""
    found = Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")
    parts = [{name: (each / name).read_text().strip() for name in ("level", "type", "size")} for each in sorted(found)]
    return ", ".join(f"L{each['level']} {each['size']}" for each in parts if each["type"] != "Instruction")


if __name__ == "__main__":
    main()
