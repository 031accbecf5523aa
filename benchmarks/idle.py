"""Commands that have nothing to do, beside what they cannot do without: DVC's start, PyTorch's import.

    python -m benchmarks.idle

In a working copy in which `dvc repro` and two `seqlab sync` have run. DVC's reference is a project of five stages that
copy a line each; it is made in a temporary folder.
"""

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

from benchmarks.measure import ROOT, interleaved, say, table
from seqlab.system.dvc import dvc_environment

REPETITIONS = 7
PYTHON = sys.executable
DVC = (PYTHON, "-m", "dvc")
SEQLAB = (PYTHON, "-c", "from seqlab.cli import main; main()")
STAGES = 5


@dataclass(frozen=True)
class Case:
    """A command, where it runs, and the name of the case that it is measured by."""

    command: tuple[str, ...]
    folder: Path
    reference: str


def main() -> None:
    """Print seconds and ratios, repetition by repetition in turns."""
    with tempfile.TemporaryDirectory(prefix="seqlab-idle-") as folder:
        cases = _cases(_trivial(Path(folder)))
        runs = {name: partial(_run, case.command, case.folder) for name, case in cases.items()}
        times = interleaved(runs, REPETITIONS)
    rows = [
        {
            "nothing to do": name,
            "seconds": times[name].spread.show(),
            "times the reference": times[case.reference].faster_than(times[name]).show(),
            "reference": case.reference,
        }
        for name, case in cases.items()
    ]
    say(table(rows))


def _cases(trivial: Path) -> dict[str, Case]:
    stages, torch = f"dvc repro, {STAGES} trivial stages", "import torch"
    return {
        stages: Case((*DVC, "repro"), trivial, stages),
        "dvc repro": Case((*DVC, "repro"), ROOT, stages),
        "seqlab sync": Case((*SEQLAB, "sync"), ROOT, stages),
        "seqlab summary": Case((*SEQLAB, "summary"), ROOT, stages),
        "seqlab --help": Case((*SEQLAB, "--help"), ROOT, stages),
        torch: Case((PYTHON, "-c", "import torch"), ROOT, torch),
        "seqlab translate": Case((*SEQLAB, "translate", "The black cat sleeps."), ROOT, torch),
    }


def _trivial(folder: Path) -> Path:
    files = ["in.txt", *(f"out{number}.txt" for number in range(STAGES))]
    lines = [
        f"  copy{number}:\n    cmd: cp {source} {target}\n    deps: [{source}]\n    outs: [{target}]\n"
        for number, (source, target) in enumerate(pairwise(files))
    ]
    (folder / "in.txt").write_text("a line\n", "utf-8")
    (folder / "dvc.yaml").write_text("stages:\n" + "".join(lines), "utf-8")
    for command in (("git", "init", "--quiet"), (*DVC, "init", "--quiet"), (*DVC, "repro", "--quiet")):
        _run(command, folder)
    return folder


def _run(command: tuple[str, ...], folder: Path) -> None:
    subprocess.run(command, cwd=folder, env=dvc_environment(), stdout=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    main()
