"""The five stages in one process, in the current folder: no DVC, no journal, no fingerprint.

The caller runs `seqlab.numerics.configure` first, once: it must precede PyTorch, and the stages share one PyTorch.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from seqlab.params.params import Params
from seqlab.stage import Stage
from seqlab.tracking.fingerprint.canonical import digest
from seqlab.tracking.journal.recorder import StageRecorder

STAGES = ("download", "tokenize", "train", "evaluate", "report")


@dataclass(frozen=True)
class Outputs:
    """What a stage wrote, and the seconds it took: SHA-256 by file, and whether it is executable, as DVC sees modes."""

    files: dict[str, str]
    seconds: float


@dataclass
class _Stage(Stage):
    """A stage that keeps everything in the current folder."""

    @property
    def downloads(self) -> Path:
        return self.root / "downloads"

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    def train_fingerprint(self) -> str:
        return "none"

    def continuation_fingerprint(self) -> str:
        # Of the epochs, too: no training goes on from another.
        return digest(self.params.model_dump())


def run_stages(params: Params, stages: Sequence[str] = STAGES) -> dict[str, Outputs]:
    """Run the stages by their own `main`; return what each wrote."""
    return {name: _run(name, params) for name in stages}


def _run(name: str, params: Params) -> Outputs:
    module = import_module(f"pipeline.{name}")
    if hasattr(module, "configure"):
        module.configure = lambda _runtime: None  # type: ignore[attr-defined]
    root = Path.cwd()
    stage = _Stage(name, params, root, StageRecorder(name, params, root), lambda: None)
    began = time.perf_counter()
    module.main(stage)
    seconds = time.perf_counter() - began
    files = {file.relative_to(root).as_posix(): file for out in stage.outputs for file in _files(root / out)}
    return Outputs({name: _contents(file) for name, file in sorted(files.items())}, seconds)


def _files(path: Path) -> Iterator[Path]:
    return (file for file in path.rglob("*") if file.is_file()) if path.is_dir() else iter([path])


def _contents(file: Path) -> str:
    executable = bool(file.stat().st_mode & 0o111)
    return hashlib.sha256(file.read_bytes()).hexdigest() + " executable" * executable
