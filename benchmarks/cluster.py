"""What a cluster of two nodes gains, and what a member costs there: a SLURM of two one-CPU nodes on this machine.

`python -m benchmarks.cluster`, as root, with Debian's slurmctld, slurmd and slurm-client, and two CPUs that do nothing
else. The same sweep runs twice, each in a project with remotes of its own and one MLflow server: here, one member after
another, and on both nodes. A member computes on one thread.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import requests
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from benchmarks.measure import say, table
from benchmarks.ports import free_port
from benchmarks.slurm import missing, slurm
from benchmarks.sweep import make_project
from seqlab.commands.sweep.experiments import Experiments
from seqlab.commands.ui import QUICK
from seqlab.params.yaml import parse_yaml
from seqlab.system.git import file_at

SEQLAB = str(Path(sys.executable).with_name("seqlab"))
SETTINGS = (
    "corpus.grammar.valid_size=50",
    "corpus.grammar.test_size=50",
    "model.attention=none",
    "evaluate.bootstrap_samples=100",
)
WHERE = {
    "here, one after another": ("--jobs", "1"),
    "two nodes": ("--on", "slurm"),
}


@click.command()
@click.option("--members", default=8, show_default=True)
@click.option("--pairs", default=6000, show_default=True, help="To train on.")
@click.option("--epochs", default=3, show_default=True)
def main(members: int, pairs: int, epochs: int) -> None:
    """Print the seconds of both, and their ratio."""
    if lacking := missing():
        raise click.ClickException(lacking)
    seeds = ",".join(str(seed) for seed in range(1, members + 1))
    settings = (f"corpus.grammar.train_size={pairs}", f"train.epochs={epochs}", *SETTINGS, f"seed={seeds}")
    with tempfile.TemporaryDirectory(prefix="seqlab-cluster-") as name:
        folder = Path(name)
        (folder / "slurm").mkdir()
        with slurm(folder / "slurm") as cluster, mlflow_server(folder) as uri:
            environment = cluster.environment | {"MLFLOW_TRACKING_URI": uri}
            seconds, locks = {}, {}
            for number, (where, options) in enumerate(WHERE.items()):
                root = team(folder / f"team{number}")
                seconds[where] = sweep(root, settings, options, environment)
                locks[where] = experiments(root)
    if len({tuple(sorted(each.items())) for each in locks.values()}) != 1:
        raise click.ClickException("the two sweeps ended in different bytes")
    first, *_ = seconds.values()
    rows = [
        {
            f"{members} members": where,
            "seconds": f"{each:.0f}",
            "a member": f"{each / members:.1f}",
            "throughput": f"{first / each:.2f}",
        }
        for where, each in seconds.items()
    ]
    say(table(rows))
    say(f"The outputs of all {members} members have the same digests in both.")


def team(folder: Path) -> Path:
    """A project with a git remote and a DVC remote, and room for its members on the small nodes."""
    root = folder / "project"
    make_project(root)
    settings = (root / "cluster.yaml").read_text("utf-8").replace("mem: 4G", "mem: 1G")
    (root / "cluster.yaml").write_text(settings, "utf-8")
    (folder / "remote").mkdir()
    commands = (
        ("git", "init", "--quiet", "--bare", "--initial-branch=main", str(folder / "origin.git")),
        ("git", "branch", "--move", "--force", "main"),
        ("git", "remote", "add", "origin", str(folder / "origin.git")),
        ("git", "config", "user.name", "Benchmark"),
        ("git", "config", "user.email", "benchmark@example.org"),
        (sys.executable, "-m", "dvc", "remote", "add", "--quiet", "--default", "store", str(folder / "remote")),
        ("git", "commit", "--quiet", "--all", "--message=Team"),
        ("git", "push", "--quiet", "origin", "main"),
    )
    for command in commands:
        subprocess.run(command, cwd=root, check=True)
    return root


def sweep(root: Path, settings: tuple[str, ...], options: tuple[str, ...], environment: dict[str, str]) -> float:
    """Seconds of the sweep, until it says how it went."""
    changes = [part for setting in settings for part in ("-S", setting)]
    variables = os.environ | environment | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    started = time.perf_counter()
    subprocess.run([SEQLAB, "sweep", *options, *changes], cwd=root, env=variables, stdin=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def experiments(root: Path) -> dict[str, str]:
    """Name of each experiment → digests of its outputs."""
    found = {}
    for name, revision in Experiments(root).revisions().items():
        stages = parse_yaml((file_at(root, revision, "dvc.lock") or b"").decode(), name)["stages"]
        found[name] = str([(each["path"], each["md5"]) for stage in stages.values() for each in stage["outs"]])
    return found


@contextmanager
def mlflow_server(folder: Path) -> Iterator[str]:
    """The address of a server whose data is in `folder`."""
    uri = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "mlflow", "server", "--serve-artifacts", "--workers=1", f"--port={port}"]
    command += [f"--backend-store-uri=sqlite:///{folder}/mlflow.db", f"--artifacts-destination={folder}/artifacts"]
    with open(folder / "mlflow.log", "wb") as log:
        process = subprocess.Popen(command, env=os.environ | QUICK, stdout=log, stderr=log)
    try:
        _answered(uri)
        yield uri
    finally:
        process.terminate()
        process.wait()


@retry(wait=wait_fixed(0.5), stop=stop_after_delay(300), retry=retry_if_exception_type(requests.RequestException))
def _answered(uri: str) -> None:
    requests.get(f"{uri}/health", timeout=5).raise_for_status()


if __name__ == "__main__":
    main()
