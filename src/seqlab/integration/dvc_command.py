"""Calls DVC as people do, by its command line: what it says in between goes to the log as it is said."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seqlab.errors import SeqlabError
from seqlab.terminal import say

# DVC starts stages through a shell: the environment's programs come first on its path, activated or not.
_BIN = str(Path(sys.executable).parent)


def run_dvc(root: Path, *arguments: str, each_line: Callable[[str], None] = lambda _: None) -> int:
    """Run DVC in `root`; return its exit status.

    Args:
        root: The working copy.
        arguments: Of the command line.
        each_line: Called with each line of its standard output, which is shown as well.
    """
    with subprocess.Popen(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=root,
        env=_environment(),
        stdout=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            say(line.rstrip("\n"))
            each_line(line.rstrip("\n"))
    return process.returncode


def ask_dvc(root: Path, *arguments: str) -> Any:
    """What DVC answers in JSON.

    Raises:
        SeqlabError: it does not; its own words are in the log, and not in the message, which may be published.
    """
    command = [sys.executable, "-m", "dvc", *arguments, "--json"]
    done = subprocess.run(command, cwd=root, env=_environment(), stdout=subprocess.PIPE, check=False)
    try:
        if done.returncode == 0:
            return json.loads(done.stdout)
    except ValueError:
        pass
    raise SeqlabError(f"`dvc {' '.join(arguments[:2])}` failed; see the log")


def _environment() -> dict[str, str]:
    # Unbuffered, so that the lines of DVC and those of its stages come in their order.
    return {
        **os.environ,
        "DVC_NO_ANALYTICS": "true",
        "PATH": os.pathsep.join([_BIN, os.environ.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
    }
