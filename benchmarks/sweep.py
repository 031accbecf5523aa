"""What running a sweep's members side by side gains, and what DVC's queue costs for each.

`python -m benchmarks.sweep` runs the same four members one at a time and two at a time, each in a project of its own,
and the first of them once more by a plain `dvc repro`. Only the ratios mean something, and only on a quiet machine.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click

ROOT = Path(__file__).parents[1]
SETTINGS = (
    "corpus.grammar.valid_size=50",
    "corpus.grammar.test_size=50",
    "train.epochs=2",
    "evaluate.bootstrap_samples=100",
)
GRID = ("train.teacher_forcing_ratio=0.0,1.0", "seed=1,2")
FIRST = ("train.teacher_forcing_ratio=0.0", "seed=1", "runtime.threads=1")


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock, and of all CPUs, of a command and what it waited for."""

    wall: float
    cpu: float


@click.command()
@click.option("--pairs", default=8000, show_default=True, help="To train on: of too few, starting up is most of it.")
def main(pairs: int) -> None:
    """Print the throughput ratio of two members at a time, and the queue's overhead per member."""
    settings = (f"corpus.grammar.train_size={pairs}", *SETTINGS)
    with tempfile.TemporaryDirectory(prefix="seqlab-benchmark-") as folder:
        one, two = (sweep(Path(folder, f"jobs-{jobs}"), settings, jobs) for jobs in (1, 2))
        plain = repro(Path(folder, "plain"), settings)
    click.echo(f"four members, one at a time    {one:6.1f} s")
    click.echo(f"four members, two at a time    {two:6.1f} s   throughput × {one / two:.2f}")
    click.echo(f"one member by dvc repro        {plain.wall:6.1f} s   {plain.cpu:.1f} s of CPU")
    click.echo(f"overhead per member            {one / 4 - plain.wall:6.1f} s   of which queueing, workers, MLflow")


def sweep(root: Path, settings: tuple[str, ...], jobs: int) -> float:
    """Seconds that the grid takes in a new project."""
    make_project(root)
    options = (part for setting in (*settings, *GRID) for part in ("-S", setting))
    return run(root, str(Path(sys.executable).with_name("seqlab")), "sweep", "--jobs", str(jobs), *options).wall


def repro(root: Path, settings: tuple[str, ...]) -> Cost:
    """What the first member costs in the working copy, without a queue."""
    make_project(root)
    options = (part for setting in (*settings, *FIRST) for part in ("-S", setting))
    return run(root, "-m", "dvc", "exp", "run", *options)


def make_project(root: Path) -> None:
    """A repository of its own with the files of this one, and an empty cache."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, listing.split("\0")):
        if name != "dvc.lock" and (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, root / name)
    identity = ("-c", "user.name=Benchmark", "-c", "user.email=benchmark@example.org")
    for arguments in (("init", "--quiet"), ("add", "--all"), (*identity, "commit", "--quiet", "--message=Start")):
        subprocess.run(["git", *arguments], cwd=root, check=True)


def run(root: Path, *arguments: str) -> Cost:
    """Run Python in the project, MLflow switched off until the end, so that its publisher takes no core."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "SEQLAB_PUBLISHER": "off",
        "DVC_NO_ANALYTICS": "true",
    }
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=root, env=environment, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(time.perf_counter() - started, cpu)


if __name__ == "__main__":
    main()
