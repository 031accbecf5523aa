"""The runner of a pipeline stage: parameters in, errors that people can read out."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import psutil

from seqlab.core.atomic import remove_leftovers
from seqlab.core.errors import SeqlabError, is_out_of_memory
from seqlab.params.params import Params, load_params
from seqlab.results.paths import PARAMS
from seqlab.system.exit_status import EXIT_INTERRUPTED
from seqlab.system.terminal import say
from seqlab.tracking.fingerprint.fingerprint import continuation_fingerprint, train_fingerprint
from seqlab.tracking.fingerprint.inputs import StageInputs, check_upstream, patiently
from seqlab.tracking.fingerprint.pipeline import load_stage
from seqlab.tracking.fingerprint.versions import check_versions
from seqlab.tracking.home import find_home
from seqlab.tracking.journal.launch import check_switch
from seqlab.tracking.journal.recorder import StageRecorder

# How often a stage looks whether the DVC process that started it still lives, in seconds.
WATCH_SECONDS = 1.0


@dataclass
class Stage:
    """What a stage is given: its parameters, its recorder, and whether it was asked to stop.

    `check_inputs` refuses what the stage reads if it is not what it was; see `seqlab.tracking.fingerprint.inputs`.
    """

    name: str
    params: Params
    root: Path
    recorder: StageRecorder
    check_inputs: Callable[[], None]
    outputs: list[Path] = field(default_factory=list)
    stops_itself: bool = False
    _stop: threading.Event = field(default_factory=threading.Event)

    @property
    def downloads(self) -> Path:
        """Folder of downloaded files, shared by all working copies that DVC makes."""
        return find_home(self.root).downloads

    @property
    def checkpoints(self) -> Path:
        """Folder of the states that interrupted trainings resume from, shared likewise."""
        return find_home(self.root).checkpoints

    def train_fingerprint(self) -> str:
        """Hash of all that the model of this working copy depends on."""
        return train_fingerprint(self.params, self.root)

    def continuation_fingerprint(self) -> str:
        """Hash of the same but the number of epochs."""
        return continuation_fingerprint(self.params, self.root)

    def stop(self) -> bool:
        """True once Ctrl-C, SIGTERM or the end of the parent asked the stage to stop."""
        return self._stop.is_set()

    def handle_signal(self, _number: int, _frame: FrameType | None) -> None:
        """Ask a stage that stops itself to stop; interrupt any other, and on the second signal that one too."""
        if self.stops_itself and not self._stop.is_set():
            self._stop.set()
            return
        raise KeyboardInterrupt


def run_stage(name: str, main: Callable[[Stage], None]) -> None:
    """Run a stage in the current folder, and exit: 0, 1 after an error, 130 after Ctrl-C or SIGTERM.

    That what it reads changed meanwhile is an error. `main` takes the parameters from the stage, and lists there what
    it wrote.
    """
    try:
        params, inputs = patiently(lambda: _read(name))
        check_versions(Path(), name)
        check_switch()
        recorder = StageRecorder(name, params, Path.cwd())
        stage = Stage(name, params, Path.cwd(), recorder, lambda: patiently(inputs.check))
    except SeqlabError as error:
        _exit_with(name, str(error))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stage.handle_signal)
    _stop_with_dvc()
    stage.recorder.start()
    try:
        _sweep(stage)
        main(stage)
        stage.check_inputs()
    except KeyboardInterrupt:
        stage.recorder.fail("interrupted", interrupted=True)
        _exit_with(name, "interrupted; `dvc repro` runs this stage again", EXIT_INTERRUPTED)
    except BaseException as error:
        message = _message(error)
        stage.recorder.fail(message or repr(error), interrupted=stage.stop())
        if message is None:
            raise
        _exit_with(name, message, EXIT_INTERRUPTED if stage.stop() else 1)
    stage.recorder.finish(stage.outputs)


def _read(name: str) -> tuple[Params, StageInputs]:
    """The parameters, and what else a stage reads: all as it is at one moment, and as the stages before it had it."""
    check_upstream(name, Path())
    inputs = StageInputs(load_stage(Path(), name), Path())
    params = load_params(Path(PARAMS))
    inputs.check()
    return params, inputs


def _sweep(stage: Stage) -> None:
    """Delete what a killed run of this stage left half-written; DVC lets no two run in one working copy."""
    for out in load_stage(stage.root, stage.name).outs:
        remove_leftovers(stage.root / out)


def _stop_with_dvc() -> None:
    """When the DVC process that started this stage dies, stop too: an orphan would overwrite later outputs."""
    if "DVC_STAGE" not in os.environ:
        return
    # DVC starts a shell, which outlives it, unless that shell replaced itself by this very process. The process that
    # a container starts first has no parent; and it has none that is seen from here if DVC runs outside.
    parents = psutil.Process().parents()
    watched = parents[:2] if parents and _is_shell(parents[0]) else parents[:1]
    if not watched:
        return

    def watch() -> None:
        while all(map(_lives, watched)):
            time.sleep(WATCH_SECONDS)
        # To the main thread, whose wait it interrupts.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)

    threading.Thread(target=watch, name="watch-dvc", daemon=True).start()


def _is_shell(process: psutil.Process) -> bool:
    try:
        return process.name().endswith("sh")
    except psutil.Error:
        # Gone: the watch notices that at once.
        return False


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _message(error: BaseException) -> str | None:
    """What to tell people; None where the fault is ours, and the traceback tells more."""
    if isinstance(error, SeqlabError):
        return str(error)
    if isinstance(error, OSError):
        place = f" ({error.filename})" if error.filename else ""
        return f"{error.strerror or error}{place}; finished stages are kept: make room or fix it, then `dvc repro`"
    if is_out_of_memory(error):
        return "out of memory; try a smaller train.batch_size, evaluate.batch_size or model.hidden_size"
    return None


def _exit_with(name: str, message: str, status: int = 1) -> None:
    say(f"{name}: {message}", err=True)
    sys.exit(status)
