"""Times callables side by side: repetition by repetition in turns, so that whatever slows the machine slows all alike.

Imports no PyTorch, so that `configure` can precede it; the machine's roof is in benchmarks.roof.
"""

import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Spread:
    """The median of repetitions, the lowest and the highest."""

    median: float
    low: float
    high: float

    @staticmethod
    def of(values: Iterable[float]) -> "Spread":
        """That of some values, at least one."""
        values = tuple(values)
        return Spread(statistics.median(values), min(values), max(values))

    def show(self, pattern: str = ".2f") -> str:
        """Median (low–high), each formatted so: `1.32 (1.30–1.35)`."""
        return f"{self.median:{pattern}} ({self.low:{pattern}}–{self.high:{pattern}})"


@dataclass(frozen=True)
class Times:
    """Seconds of each repetition of a case, in their order."""

    seconds: tuple[float, ...]

    @property
    def spread(self) -> Spread:
        """Seconds."""
        return Spread.of(self.seconds)

    def per_second(self, amount: float) -> Spread:
        """Throughput of something of which each repetition did `amount`."""
        return Spread.of(amount / seconds for seconds in self.seconds)

    def faster_than(self, other: "Times", *, work: float = 1.0) -> Spread:
        """How many times faster than another case, repetition by repetition; `work`: ours over the other's."""
        return Spread.of(work * theirs / own for own, theirs in zip(self.seconds, other.seconds, strict=True))


class Measured(float):
    """Seconds that a case measured itself, because not all that it does is to be timed."""


def interleaved(cases: Mapping[str, Callable[[], object]], repetitions: int, *, warm_ups: int = 1) -> dict[str, Times]:
    """Run every case once, then every case again, and so on; each round begins with another case.

    A case on a device that computes by itself must wait for its result. A case may return `Measured` seconds.

    Args:
        cases: What to time, by name.
        repetitions: Timed rounds, at least 1.
        warm_ups: Rounds before them that are not timed.
    """
    names = list(cases)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(-warm_ups, repetitions):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            gc.collect()  # what the case before left to be collected is not this one's to pay
            began = time.perf_counter()
            result = cases[name]()
            elapsed = time.perf_counter() - began
            if number >= 0:
                seconds[name].append(float(result) if isinstance(result, Measured) else elapsed)
    return {name: Times(tuple(values)) for name, values in seconds.items()}


def peak_memory() -> int:
    """The most bytes of this process that were ever resident.

    Not `ru_maxrss`, which begins at what the process that started this one had.
    """
    return status("VmHWM")


def resident_memory() -> int:
    """Bytes of this process that are resident."""
    return status("VmRSS")


def status(key: str) -> int:
    """Bytes that /proc/self/status gives under a key, such as RssAnon."""
    for line in Path("/proc/self/status").read_text("utf-8").splitlines():
        name, _, value = line.partition(":")
        if name == key:
            return int(value.split()[0]) * 1024
    raise OSError(f"/proc/self/status has no {key}")


def in_child(module: str, request: Mapping[str, Any]) -> Any:
    """Run `python -m module REQUEST`, the request as JSON, and read what its last line says: JSON too.

    For what can be set but once in a process (threads, memory allocation), and for the peak memory of one case alone.

    Raises:
        SystemExit: it failed; what it said is on standard error.
    """
    output = subprocess.run(
        [sys.executable, "-m", module, json.dumps(request)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if output.returncode:
        raise SystemExit(f"{module} failed with exit status {output.returncode}: {json.dumps(request)}")
    return json.loads(output.stdout.splitlines()[-1])


def table(rows: Iterable[Mapping[str, object]]) -> str:
    """A Markdown table; the columns are the keys, what a row lacks is empty."""
    frame = pd.DataFrame([{name: str(value) for name, value in row.items()} for row in rows]).fillna("")
    return str(frame.to_markdown(index=False, disable_numparse=True))


def say(text: str) -> None:
    """Print at once."""
    print(text, flush=True)  # noqa: T201 (a command's output)
