"""The recorder of a stage: what it does goes to the journal, and a publisher of its own takes it from there.

Nothing here can stop a stage: a failure to record is one warning, and `seqlab sync` makes good what can be made good.
"""

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from seqlab.params.params import Params
from seqlab.results.paths import INPUTS
from seqlab.system.terminal import say
from seqlab.tracking.fingerprint.content import files_below, sha256
from seqlab.tracking.fingerprint.fingerprint import load_recipe
from seqlab.tracking.fingerprint.pipeline import load_stage
from seqlab.tracking.fingerprint.provenance import provenance
from seqlab.tracking.home import Home, find_home
from seqlab.tracking.journal.execution import FILED_UNDER, journal_path, new_execution_id, read_execution
from seqlab.tracking.journal.journal import Journal
from seqlab.tracking.journal.launch import launch_publisher
from seqlab.tracking.journal.ledger import compare_with_earlier
from seqlab.tracking.journal.process import process_identity
from seqlab.tracking.journal.source import SOURCE, keep_source, left_out
from seqlab.tracking.objects import Objects

UPSTREAM: dict[str, tuple[str, ...]] = {"train": (), "evaluate": ("train",), "report": ("train", "evaluate")}
# One a step: the step curves say what is worth keeping.
UNRECORDED = ("BatchFinished",)
# Reaching the disk costs milliseconds: once an epoch, not at every point.
UNHURRIED = ("StepFinished", "StateSaved")
MOST_NAMED = 8
# The peak is in KiB, and in bytes on macOS: getrusage(2).
PEAK_UNITS_PER_MEBIBYTE = 1 << (20 if sys.platform == "darwin" else 10)


class StageRecorder:
    """Records one execution of stage `stage` in working copy `root`; stages without a fingerprint are not recorded."""

    def __init__(self, stage: str, params: Params, root: Path) -> None:
        self._stage = stage
        self._params = params
        self._root = root
        self._home: Home | None = None
        self._journal: Journal | None = None
        self._began = time.monotonic()
        self._numerics: dict[str, Any] | None = None
        self._warned = False

    def start(self) -> None:
        """Open the journal, and start the publisher."""
        if self._stage in FILED_UNDER:
            self._guard(self._start)

    def listener(self, event: Any) -> None:
        """Take in an event of the training loop (a dataclass of seqlab.training.events)."""
        self._guard(lambda: self._record(event))

    def finish(self, outputs: list[Path]) -> None:
        """Note success and what was written: files or folders, relative to the working copy."""
        self._guard(lambda: self._finish(outputs))

    def fail(self, error: str, *, interrupted: bool = False) -> None:
        """Note that the stage failed, or was stopped."""
        self._guard(lambda: self._end("interrupted" if interrupted else "failed", error=error))

    def _guard(self, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as error:
            self._warn(error)

    def _warn(self, error: Exception) -> None:
        if self._warned:
            return
        self._warned = True
        self._say(f"warning: this execution is not (fully) recorded: {error or type(error).__name__}")

    def _say(self, message: str) -> None:
        say(f"{self._stage}: {message}", err=True)

    def _start(self) -> None:
        recipe = load_recipe(self._params, self._root)
        fingerprints = {"train": recipe.train_fingerprint, "run": recipe.run_fingerprint}
        home = find_home(self._root)
        path = journal_path(home, self._stage, fingerprints[FILED_UNDER[self._stage]], new_execution_id())
        packages = sorted({*recipe.train["versions"], *recipe.evaluate["versions"]})
        journal = Journal(path)
        journal.append(
            "started",
            stage=self._stage,
            train_fingerprint=fingerprints["train"],
            run_fingerprint=fingerprints["run"],
            recipe={"train": recipe.train, "evaluate": recipe.evaluate},
            process=process_identity(),
            provenance=provenance(self._root, packages),
            inputs=self._keep(self._inputs()) | {SOURCE: keep_source(self._root, Objects(home.objects))},
        )
        self._home, self._journal = home, journal
        if lost := left_out(self._root):
            self._say(f"warning: git does not track {', '.join(lost[:MOST_NAMED])}: no copy is kept; `git add` it")
        launch_publisher(home)

    def _record(self, event: Any) -> None:
        name = type(event).__name__
        if self._journal is None or name in UNRECORDED:
            return
        self._record_numerics()
        self._journal.append(name, durable=name not in UNHURRIED, **_plain(event))

    def _record_numerics(self) -> None:
        # The class is known only once PyTorch is set up, and asking for it must not be what imports PyTorch.
        if self._journal is None or self._numerics is not None or "torch" not in sys.modules:
            return
        from seqlab.numerics import numerics_class

        self._numerics = numerics_class(self._params.runtime)
        self._journal.append("numerics", numerics=self._numerics)

    def _finish(self, outputs: list[Path]) -> None:
        if self._journal is None or self._home is None:
            return
        self._record_numerics()
        files = [file for path in outputs for file in files_below(self._root / path)]
        digests = {file.relative_to(self._root).as_posix(): sha256(file) for file in files}
        # A full disk may refuse the copies; the digests are worth noting all the same.
        self._guard(lambda: self._keep(files))
        self._end("finished", outputs=digests)
        execution = read_execution(self._journal.path)
        if execution is not None and (verdict := compare_with_earlier(execution)):
            self._say(verdict)

    def _end(self, event: str, **fields: Any) -> None:
        if self._journal is None or self._home is None:
            return
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / PEAK_UNITS_PER_MEBIBYTE
        usage = {"seconds": round(time.monotonic() - self._began, 3), "peak_memory_mb": round(peak, 1)}
        self._journal.append(event, usage=usage, **fields)
        launch_publisher(self._home)

    def _keep(self, files: list[Path]) -> dict[str, str]:
        objects = Objects(find_home(self._root).objects)
        return {file.relative_to(self._root).as_posix(): objects.put(file) for file in files}

    def _inputs(self) -> list[Path]:
        """What a run shows beside this stage's outputs: those of the stages before it may be from DVC's cache."""
        upstream = [out for stage in UPSTREAM[self._stage] for out in load_stage(self._root, stage).outs]
        return [file for name in (*INPUTS, *upstream) for file in files_below(self._root / name)]


def _plain(event: Any) -> dict[str, Any]:
    """An event as JSON-like values, without the points that earlier entries have."""
    return {name: value for name, value in asdict(event).items() if not isinstance(value, tuple)}
