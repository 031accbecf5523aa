"""Try the loaders of files from outside on damaged files, and count.

    python -m tests.fuzz.loaders --inputs 20000 --seed 1

A loader returns, or raises SeqlabError. Anything else is a finding: another exception, a crash of the process, more
than a few seconds, gigabytes of memory. Inputs are tried in a process of their own, which is started anew after one
that killed it. An input is made from the seed, the loader's name and the input's number alone: --first repeats it.
"""

import argparse
import faulthandler
import importlib
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from seqlab.core.errors import SeqlabError

ROOT = Path(__file__).parents[2]
CATALOGUE = "tests.fuzz.catalogue"
SECONDS = 10.0
MEMORY = 2 << 30
DOUBLED, REPAIRED = 0.2, 0.6


@dataclass
class Tally:
    """What became of the inputs of one loader; `findings` maps what went wrong to the first input's number."""

    inputs: int = 0
    refused: int = 0
    findings: dict[str, int] = field(default_factory=dict)

    def note(self, line: dict[str, Any]) -> None:
        """Count a line of the child's."""
        if "finding" in line:
            self.findings.setdefault(line["finding"], line["first"])
        else:
            self.inputs += "input" in line
            self.refused += "refused" in line


@dataclass(frozen=True)
class Plan:
    """Inputs number `first` up to `last`, exclusively, of each loader of a module's LOADERS."""

    catalogue: str
    names: list[str]
    seed: int
    first: int
    last: int
    seconds: float


def fuzz(
    names: list[str], inputs: int, seed: int, first: int = 0, catalogue: str = CATALOGUE, seconds: float = SECONDS
) -> dict[str, Tally]:
    """Try each named loader on `inputs` damaged files, from number `first` on."""
    plan = Plan(catalogue, names, seed, first, first + inputs, seconds)
    tallies = {name: Tally() for name in names}
    at: tuple[int, int] | None = (0, first)
    while at is not None:
        at = _batch(plan, at, tallies)
    return tallies


def _batch(plan: Plan, at: tuple[int, int], tallies: dict[str, Tally]) -> tuple[int, int] | None:
    """Run a child from input `at` on; return where to go on, None if it came to the end."""
    arguments = json.dumps({"plan": asdict(plan), "at": at})
    command = [sys.executable, "-m", "tests.fuzz.loaders", "--child", arguments]
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        status = subprocess.run(command, cwd=ROOT, stdout=output, stderr=errors, check=False).returncode
        output.seek(0)
        errors.seek(0)
        lines = [json.loads(line) for line in output]
        said = errors.read().decode("utf-8", "replace")
    for line in lines:
        tallies[line["loader"]].note(line)
    if status == 0:
        return None
    tried = [line for line in lines if "input" in line]
    if not tried:
        raise RuntimeError(f"the child failed before its first input:\n{said}")
    name, number = tried[-1]["loader"], tried[-1]["input"]
    tallies[name].findings.setdefault(f"the process ended with status {status}:\n{said[:2000]}", number)
    return plan.names.index(name), number + 1


def _child(plan: Plan, at: tuple[int, int]) -> None:
    loaders = importlib.import_module(plan.catalogue).LOADERS
    faulthandler.enable()
    start, number = at
    with tempfile.TemporaryDirectory(prefix="seqlab-fuzz-") as folder:
        for name in plan.names[start:]:
            loader = loaders[name]()
            _limit_memory()
            for index in range(number, plan.last):
                _say(loader=name, input=index)
                make_input(name, loader, index, plan.seed, Path(folder, "input"))
                if _is_refused(name, loader, index, Path(folder, "input"), plan.seconds):
                    _say(loader=name, refused=index)
            number = plan.first


def _limit_memory() -> None:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, resource.RLIM_INFINITY))


def _say(**fields: Any) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def _is_refused(name: str, loader: Any, index: int, root: Path, seconds: float) -> bool:
    faulthandler.dump_traceback_later(seconds, exit=True)
    try:
        loader.load(root)
    except SeqlabError:
        return True
    except BaseException as error:
        _say(loader=name, finding=_described(error), first=index)
    finally:
        faulthandler.cancel_dump_traceback_later()
    return False


def make_input(name: str, loader: Any, index: int, seed: int, root: Path) -> None:
    """Write input number `index` of a loader into the folder `root`, which is made anew."""
    shutil.rmtree(root, ignore_errors=True)
    random = Random(f"{seed} {name} {index}")
    content = dict(loader.files)
    for path in random.sample(sorted(loader.mutations), min(len(loader.mutations), 1 + (random.random() < DOUBLED))):
        content[path] = loader.mutations[path](content[path], random)
    for path, data in content.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    if loader.repair is not None and random.random() < REPAIRED:
        loader.repair(root)


def _described(error: BaseException) -> str:
    """Type and place: inputs that fail alike are one finding."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "seqlab" in frame.filename]
    if not frames:
        return f"{type(error).__name__}: {str(error)[:200]!r}"
    return f"{type(error).__name__} at {Path(frames[-1].filename).name}:{frames[-1].lineno}"


def _table(tallies: dict[str, Tally], seed: int) -> str:
    lines = []
    for name, tally in tallies.items():
        lines.append(f"{name:30}{tally.inputs:>8} inputs{tally.refused:>8} refused{len(tally.findings):>4} findings")
        lines += [f"    input {index}: {finding}" for finding, index in tally.findings.items()]
    total = sum(tally.inputs for tally in tallies.values())
    return "\n".join([*lines, f"{total} inputs in all, seed {seed}"]) + "\n"


def main() -> int:
    """Print the table; 1 if anything was found."""
    if sys.argv[1:2] == ["--child"]:
        arguments = json.loads(sys.argv[2])
        _child(Plan(**arguments["plan"]), arguments["at"])
        return 0
    # A second, which children spend on their own catalogue alone.
    names = list(importlib.import_module(CATALOGUE).LOADERS)
    parser = argparse.ArgumentParser(description="Try the loaders of files from outside on damaged files, and count.")
    parser.add_argument("--inputs", type=int, default=1000, help="inputs for each loader")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--only", action="append", choices=names, help="this loader; may be given again")
    options = parser.parse_args()
    tallies = fuzz(options.only or names, options.inputs, options.seed, options.first)
    sys.stdout.write(_table(tallies, options.seed))
    return int(any(tally.findings for tally in tallies.values()))


if __name__ == "__main__":
    sys.exit(main())
