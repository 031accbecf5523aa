"""The door for developers stays true: what `make` lists exists, hooks run what lint runs. Pages: tests/test_docs.py."""

import re
import subprocess
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
MOST_LINES = 300
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


def test_make_alone_lists_every_target() -> None:
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    listed = re.findall(r"^make ([a-z-]+) ", done.stdout, re.MULTILINE)
    targets = set(re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[0].split())
    # Steps of `run` and `test`, which nobody needs to call.
    assert set(listed) == targets - {"help", "install", "install-dev"}
    assert len(listed) == len(set(listed))


def test_files_are_small() -> None:
    sources = [path for folder in ("src", "pipeline", "tools", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_bytes().splitlines()) for path in sources}
    assert len(lengths) > 300
    assert {path: length for path, length in lengths.items() if length > MOST_LINES} == {}


def test_the_hooks_are_what_lint_runs() -> None:
    hooks = YAML(typ="safe", pure=True).load(ROOT / ".pre-commit-config.yaml")["repos"][0]["hooks"]
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert recipe
    assert [hook["entry"].removeprefix(".venv/bin/") for hook in hooks] == [
        line.strip() for line in recipe[1].splitlines()
    ]
