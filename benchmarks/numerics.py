"""Which settings, threads and CPUs agree to the bit, and what `runtime.numerics: portable` costs.

`python -m benchmarks.numerics limits` trains under instruction-set limits and numbers of threads, on this CPU;
`python -m benchmarks.numerics cpus` runs all five stages on CPUs that qemu-x86_64 (Debian: qemu-user) emulates.
"""

import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
LIMITS: dict[str, dict[str, str]] = {
    "no limit": {},
    "AVX2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "SSE": {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"},
    "MKL compatible": {"MKL_CBWR": "COMPATIBLE"},
}
# Without AVX, with AVX alone, and with AVX2; of both vendors.
CPUS = ("Nehalem", "Opteron_G5", "Haswell", "EPYC")


@dataclass(frozen=True)
class Case:
    """One way to run: changed parameters, limits set over what the setting pins, and an emulated CPU."""

    name: str
    changes: dict[str, Any]
    limits: dict[str, str] = field(default_factory=dict)
    cpu: str = ""


@dataclass(frozen=True)
class Result:
    """What a case gave: a digest and seconds by stage, the class it ran in, and the folder of its outputs."""

    digests: dict[str, str]
    seconds: dict[str, float]
    numerics_class: dict[str, Any]
    folder: Path


@click.group()
def main() -> None:
    """Measure which numerics agree."""


@main.command()
@click.option("--cell", default="gru", show_default=True)
@click.option("--size", default=128, show_default=True, help="Of embeddings and states.")
@click.option("--pairs", default=3200, show_default=True, help="Pairs to train on, for two epochs.")
@click.option("--repetitions", default=3, show_default=True, help="Interleaved; the time is their median.")
def limits(cell: str, size: int, pairs: int, repetitions: int) -> None:
    """Train under native and portable, instruction-set limits, and 1 and 2 threads."""
    grid = [("native", limit) for limit in LIMITS] + [("portable", "no limit")]
    cases = [
        Case(f"{numerics}, {limit}, threads {threads}", recipe(cell, size, pairs, numerics, threads), LIMITS[limit])
        for threads in (1, 2)
        for numerics, limit in grid
    ]
    with tempfile.TemporaryDirectory() as base:
        runs: dict[str, list[Result]] = {case.name: [] for case in cases}
        for repetition in range(repetitions):
            for case in cases:
                result = run(case, Path(base, f"{case.name}, {repetition}"))
                runs[case.name].append(result)
                if result.digests != runs[case.name][0].digests:
                    raise SystemExit(f"{case.name}: two runs gave other bytes")
        seconds = {name: statistics.median(each.seconds["train"] for each in found) for name, found in runs.items()}
        table({name: found[0] for name, found in runs.items()}, seconds)


@main.command()
@click.option("--cell", default="gru", show_default=True)
@click.option("--cpu", "cpus", multiple=True, default=CPUS, show_default=True)
@click.option("--numerics", "settings", multiple=True, default=("native", "portable"), show_default=True)
@click.option("--emulator", default="qemu-x86_64", show_default=True)
def cpus(cell: str, cpus: tuple[str, ...], settings: tuple[str, ...], emulator: str) -> None:
    """Run the five stages on this CPU and on emulated ones."""
    if shutil.which(emulator) is None:
        raise SystemExit(f"{emulator} is missing: on Debian, apt-get install qemu-user")
    with tempfile.TemporaryDirectory() as base:
        for numerics in settings:
            found = {}
            for cpu in ("", *cpus):
                name = f"{numerics}, {cpu or 'this CPU'}"
                case = Case(name, recipe(cell, 64, 128, numerics, threads=1), cpu=cpu)
                try:
                    found[name] = run(case, Path(base, name), emulator)
                except subprocess.CalledProcessError as error:
                    say(f"{name}: exit {error.returncode}: {error.stderr.strip().splitlines()[-1:]}")
            table(found, {name: result.seconds["train"] for name, result in found.items()})


def recipe(cell: str, size: int, pairs: int, numerics: str, threads: int) -> dict[str, Any]:
    """Parameters of a small training with attention and free-running steps."""
    return {
        "runtime.numerics": numerics,
        "runtime.threads": threads,
        "corpus.grammar.train_size": pairs,
        "corpus.grammar.valid_size": 50,
        "corpus.grammar.test_size": 50,
        "model.cell": cell,
        "model.embedding_size": size,
        "model.hidden_size": size,
        "model.attention": "dot",
        "train.teacher_forcing_ratio": 0.5,
        "train.epochs": 2,
        "train.validation_max_length": 20,
        "evaluate.max_length": 20,
        "evaluate.bootstrap_samples": 100,
    }


def run(case: Case, folder: Path, emulator: str = "") -> Result:
    """Run the five stages in a process of its own, in `folder`."""
    folder.mkdir()
    yaml = YAML()
    content = yaml.load(ROOT / "params.yaml")
    for name, value in case.changes.items():
        *sections, key = name.split(".")
        section = content
        for part in sections:
            section = section[part]
        section[key] = value
    yaml.dump(content, folder / "params.yaml")
    program = [sys.executable, "-m", "benchmarks.numerics", "probe", json.dumps(case.limits)]
    output = subprocess.run(
        [emulator, "-cpu", case.cpu, *program] if case.cpu else program,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = json.loads(output.splitlines()[-1])
    return Result(found["digests"], found["seconds"], found["class"], folder)


@main.command(hidden=True)
@click.argument("limits", callback=lambda _context, _parameter, value: json.loads(value))
def probe(limits: dict[str, str]) -> None:
    """Run the five stages in the current folder, and print what came of it as JSON."""
    from seqlab.numerics import configure
    from seqlab.params.params import load_params

    params = load_params(Path("params.yaml"))
    configure(params.runtime)
    # Over what it pins: they are what is measured.
    os.environ.update(limits)
    from benchmarks.stages import run_stages
    from seqlab.numerics import numerics_class, torch_setup

    torch_setup(params.runtime)
    stages = run_stages(params)
    found = {
        "digests": {
            name: hashlib.sha256(json.dumps(stage.files).encode()).hexdigest() for name, stage in stages.items()
        },
        "seconds": {name: stage.seconds for name, stage in stages.items()},
        "class": numerics_class(params.runtime),
    }
    say(json.dumps(found))


def table(results: dict[str, Result], seconds: dict[str, float]) -> None:
    """Print a Markdown table: equal letters are equal bytes, differences and times are against the first row."""
    first = next(iter(results))
    letters: dict[str, dict[str, str]] = {stage: {} for stage in results[first].digests}
    say(f"| | kernels | {' | '.join(letters)} | parameters differ by | valid loss | test BLEU | time |")
    say("| --- " * (len(letters) + 6) + "|")
    for name, result in results.items():
        marks = [
            letters[stage].setdefault(value, chr(97 + len(letters[stage]))) for stage, value in result.digests.items()
        ]
        loss, bleu = scores(result)
        cells = [name, result.numerics_class["cpu_capability"], *marks, f"{difference(results[first], result):.0e}"]
        say(f"| {' | '.join(cells)} | {loss:.6f} | {bleu:.2f} | {seconds[name] / seconds[first]:.2f} |")


def difference(one: Result, other: Result) -> float:
    """The largest difference between the parameters of the two last models."""
    from safetensors.numpy import load_file

    left, right = (load_file(result.folder / "models/last/model.safetensors") for result in (one, other))
    return max(float(abs(left[name] - right[name]).max()) for name in left)


def scores(result: Result) -> tuple[float, float]:
    """The last validation loss, and the BLEU of the test set."""
    lines = (result.folder / "reports/curves.csv").read_text("utf-8").splitlines()
    last = dict(zip(lines[0].split(","), lines[-1].split(","), strict=True))
    found = json.loads((result.folder / "reports/scores.json").read_text("utf-8"))
    return float(last["valid_loss"]), found["bleu"]["score"]


def say(line: str) -> None:
    """Print at once."""
    print(line, flush=True)  # noqa: T201 (a command's output)


if __name__ == "__main__":
    main()
