"""`seqlab watch`: what runs, and how far it is, from the journals of a working copy."""

import io
import json
import math
import subprocess
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from seqlab.commands.watch import display
from seqlab.commands.watch.display import LEVELS, curve, watch
from seqlab.commands.watch.journals import Journals
from seqlab.commands.watch.progress import progress
from seqlab.tracking.journal import process
from seqlab.tracking.journal.execution import Execution, read_execution
from seqlab.tracking.journal.recorder import StageRecorder
from seqlab.tracking.journal.run_name import run_name
from seqlab.training.events import TrainingStarted
from tests.tracking.conftest import STEPS_AN_EPOCH, Project, _no_environment, project, template_project

# Fixtures that the tests here use too.
__all__ = ["_no_environment", "project", "template_project"]


def shown(project: Project, encoding: str = "utf-8") -> list[str]:
    """The lines that are printed where the output is no terminal."""
    content = io.BytesIO()
    file = io.TextIOWrapper(content, encoding=encoding, write_through=True)
    watch(project.root, once=False, console=Console(file=file, width=200))
    return content.getvalue().decode(encoding).splitlines()


def begin(project: Project, *, step: int = 0, epoch: int = 1) -> StageRecorder:
    """A training of this process, which begins or goes on."""
    recorder = project.recorder("train")
    recorder.start()
    recorder.listener(TrainingStarted(step, epoch, 4, STEPS_AN_EPOCH, 10, (), ()))
    return recorder


def test_a_training_its_curves_and_its_end(project: Project) -> None:
    assert shown(project) == ["Nothing runs here, and nothing ran yet: `dvc repro` runs the pipeline"]
    recorder = begin(project)
    project.play_epochs(recorder, range(1, 4))
    [execution] = project.executions()
    name = run_name(execution.header["recipe"], execution.run_fingerprint)
    identity = process.process_identity()
    heading, bar, pace, curves = shown(project)
    assert heading == name
    assert bar.startswith("  train  epoch 3/4  ")
    assert bar.endswith(" left")
    place = f"{identity['machine']}, process {identity['pid']}"
    assert pace == f"  step {3 * STEPS_AN_EPOCH}/{4 * STEPS_AN_EPOCH}, 1,000 target tokens/s, {place}"
    # The losses are 5 / step, BLEU 10 an epoch.
    losses = [5 / step for step in range(1, 3 * STEPS_AN_EPOCH + 1)]
    assert curves == f"  loss {curve(losses)} {losses[-1]:.3f}   BLEU {curve([10, 20, 30])} 30.0"

    project.evaluate()
    assert shown(project)[0] == name
    recorder.fail("the numbers went wrong")
    [line] = shown(project)
    assert line.startswith(f"Nothing runs here. The last was train of {name}: failed 0:00:0")


def test_scan_is_watched_by_its_own_measure(project: Project) -> None:
    project.set("corpus", name="scan")
    project.play_epochs(begin(project), range(1, 4))
    assert shown(project)[-1].endswith(f"   Exact match {curve([1, 2, 3])} 3.0 %")


def test_other_stages_have_no_steps(project: Project) -> None:
    project.recorder("evaluate").start()
    _, stage, place = shown(project)
    assert stage == "  evaluate"
    assert place.strip().startswith(process.process_identity()["machine"])


def test_what_ran_at_an_earlier_look_stays_with_its_outcome(project: Project) -> None:
    seen, failing, going_on = Journals(project.home), begin(project), begin(project)
    assert [each.outcome for each in seen.followed()] == ["running", "running"]
    failing.fail("a [red]word[/red] \x1b[2J")
    assert [each.outcome for each in seen.followed()] == ["failed", "running"]
    console = Console(file=io.StringIO(), width=200)
    console.print(display._picture(seen, console))
    assert r"  train  failed: a [red]word[/red] \x1b[2J" in console.file.getvalue()  # type: ignore[attr-defined]
    assert [each.outcome for each in Journals(project.home).followed()] == ["running"]
    going_on.finish([])


def test_a_killed_process_runs_no_more(project: Project) -> None:
    begin(project)
    [path] = project.home.journal.rglob("*.jsonl")
    gone = subprocess.Popen(["true"])
    gone.wait()
    first, *others = path.read_text("utf-8").splitlines()
    header = json.loads(first)
    header["process"]["pid"] = gone.pid
    path.write_text("\n".join([json.dumps(header), *others, ""]), "utf-8")
    [line] = shown(project)
    assert ": died " in line
    path.unlink()
    assert "nothing ran yet" in shown(project)[0]


def test_a_file_is_read_again_only_when_it_grew(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []

    def noted(path: Path) -> Execution | None:
        read.append(path)
        return read_execution(path)

    monkeypatch.setattr("seqlab.commands.watch.journals.read_execution", noted)
    project.train()
    recorder, seen = begin(project), Journals(project.home)
    seen.followed()
    seen.followed()
    assert len(read) == 2
    project.play_epochs(recorder, range(1, 2))
    [execution] = seen.followed()
    assert len(read) == 3
    assert progress(execution).epoch == 1


def execution(events: list[dict[str, Any]]) -> Execution:
    header = {"process": process.process_identity()}
    return Execution("a", "train", header, started=0.0, last_seen=0.0, outcome="running", events=events)


def point(time: float, step: int, **values: Any) -> dict[str, Any]:
    return {"event": "StepFinished", "time": time, "point": {"step": step, "epoch": 2, **values}}


def test_time_left_counts_what_this_execution_did() -> None:
    began = {"event": "TrainingStarted", "time": 100.0, "step": 60, "epoch": 2, "epochs": 3, "steps_per_epoch": 50}
    assert progress(execution([began])).seconds_left is None
    found = progress(execution([began, point(120.0, 70, loss=2.0), point(140.0, 80, loss=1.0)]))
    # 20 steps in 40 seconds; 70 are left.
    assert found.seconds_left == 140.0
    assert (found.epoch, found.epochs, found.step, found.steps, found.losses) == (2, 3, 80, 150, (2.0, 1.0))


def test_what_is_no_number_is_passed_over() -> None:
    began = {"event": "TrainingStarted", "time": 100.0, "epochs": "three", "steps_per_epoch": math.nan}
    found = progress(execution([began, point(120.0, 7, loss=math.inf), point(130.0, 8, loss=None)]))
    assert (found.epochs, found.step, found.steps, found.losses) == (0, 8, 0, ())


def test_figures_that_no_curve_has_are_passed_over(project: Project) -> None:
    began = {"event": "TrainingStarted", "time": 100.0, "step": 0, "epochs": 10**11, "steps_per_epoch": 10**11}
    events = [began, *(point(120.0 + step, step, loss=1.7e308) for step in range(1, 60)), point(200.0, 60, loss=2.0)]
    events[1]["tokens_per_second"] = 10**400
    found = progress(execution(events))
    assert (found.losses, found.tokens_per_second, found.seconds_left) == ((2.0,), None, None)
    # As they stand in a journal that somebody else wrote.
    recorder = project.recorder("train")
    recorder.start()
    [path] = project.home.journal.rglob("*.jsonl")
    lines = [json.dumps(event) for event in events]
    lines += ['{"event": "TrainingStarted", "time": 100.0, "epochs": 1%s, "steps_per_epoch": 2}' % ("0" * 400)]
    with open(path, "a", encoding="utf-8") as file:
        file.write("\n".join([*lines, ""]))
    assert shown(project)[-1].endswith("  loss ▁ 2.000")


def test_curves() -> None:
    assert curve([]) == ""
    assert curve([3.0]) == curve([3.0, 3.0])[0] == LEVELS[0]
    assert curve(range(8)) == LEVELS
    assert curve(range(16), width=8) == LEVELS
    assert curve([8, 7, 1], width=8) == "█▇▁"


def test_without_blocks_where_the_terminal_has_none(project: Project) -> None:
    project.play_epochs(begin(project), range(1, 3))
    assert shown(project, "latin-1")[-1] == f"  loss {5 / (2 * STEPS_AN_EPOCH):.3f}   BLEU 20.0"


def test_a_terminal_is_drawn_again_until_ctrl_c(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = begin(project)

    def meanwhile(_: float) -> None:
        if drawn:
            raise KeyboardInterrupt
        drawn.append(True)
        project.play_epochs(recorder, range(1, 2))

    drawn: list[bool] = []
    monkeypatch.setattr("seqlab.commands.watch.display.time.sleep", meanwhile)
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    watch(project.root, once=False, console=console)
    assert "BLEU ▁ 10.0" in console.file.getvalue()  # type: ignore[attr-defined]
