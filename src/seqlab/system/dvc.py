"""The one way to call DVC: as people do, by its command line, in a process of its own.

What comes from somewhere else, such as the name of a remote or of an experiment, is an operand: it stands behind `--`,
where DVC looks for no options.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from types import MappingProxyType
from typing import IO, Any

from seqlab.core.errors import SeqlabError
from seqlab.system.git import clean_environment
from seqlab.system.terminal import say

STATUS_SECONDS = 600
# What DVC says of a file, or of the whole working copy, that another DVC holds.
BUSY = ("it is being blocked by", "Unable to acquire lock")


def dvc_environment() -> dict[str, str]:
    """The environment that DVC is called in."""
    # DVC starts stages through a shell: this environment's programs come first on its path, activated or not.
    programs = str(Path(sys.executable).parent)
    return {
        **clean_environment(),
        "DVC_NO_ANALYTICS": "true",
        "PATH": os.pathsep.join([programs, os.environ.get("PATH", os.defpath)]),
        # The lines of DVC and those of its stages come in their order.
        "PYTHONUNBUFFERED": "1",
    }


def run_dvc(
    root: Path, *arguments: str, operands: Sequence[str] = (), each_line: Callable[[str], None] = lambda _: None
) -> int:
    """Run DVC in `root`, in sight: what it says goes to the log, without passwords, as it is said; return its status.

    Args:
        root: The working copy.
        arguments: Of the command line.
        operands: What stands behind `--`.
        each_line: Called with each line of its standard output, which is shown as well.
    """
    with (
        subprocess.Popen(
            _command(arguments, operands),
            cwd=root,
            env=dvc_environment(),
            stdout=subprocess.PIPE,
            # On a terminal the bars of DVC and of stages are drawn as they draw them.
            stderr=None if sys.stderr.isatty() else subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        ) as process,
        _said(process.stderr),
    ):
        for line in process.stdout or ():
            say(line.rstrip("\n"))
            each_line(line.rstrip("\n"))
    return process.returncode


def start_dvc(
    root: Path, *arguments: str, environment: Mapping[str, str], log: IO[Any] | None = None
) -> "subprocess.Popen[bytes]":
    """Start DVC in `root`, in a process group of its own, with this environment alone.

    What it says goes to the log, errors too; without one, to standard error.
    """
    return subprocess.Popen(
        _command(arguments),
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr if log is None else log,
        stderr=log,
        process_group=0,
    )


def call_dvc(
    root: Path,
    *arguments: str,
    operands: Sequence[str] = (),
    environment: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Run DVC in `root`, out of sight, and return what it prints. Ctrl-C does not reach it.

    Raises:
        SeqlabError: it fails.
    """
    # Files, not pipes: the workers that `dvc queue start` leaves behind would hold a pipe open.
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        # A session of its own: Ctrl-C must not cut DVC off while it holds the working copy's edits in a stash.
        status = subprocess.run(
            _command(arguments, operands),
            cwd=root,
            env={**dvc_environment(), **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
            check=False,
        ).returncode
        if status != 0:
            raise SeqlabError(f"dvc {' '.join(arguments[:2])}: {_error(_content(errors)) or f'status {status}'}")
        return _content(output)


def ask_dvc(root: Path, *arguments: str, operands: Sequence[str] = ()) -> Any:
    """What DVC answers in JSON.

    Raises:
        SeqlabError: it does not; its own words are in the log, and not in the message, which may be published.
    """
    command = _command((*arguments, "--json"), operands)
    done = subprocess.run(command, cwd=root, env=dvc_environment(), capture_output=True, check=False)
    if errors := done.stderr.decode("utf-8", "replace").rstrip("\n"):
        say(errors, err=True)
    try:
        if done.returncode == 0:
            return json.loads(done.stdout)
    except ValueError:
        pass
    raise SeqlabError(f"`dvc {' '.join(arguments[:2])}` failed; see the log")


def dvc_status(root: Path) -> dict[str, list[Any]]:
    """What `dvc status --json` says in working copy `root`: stage → its changes, for each that would run.

    Raises:
        SeqlabError: DVC cannot tell.
    """
    command = _command(("status", "--json"))
    try:
        done = subprocess.run(
            command, cwd=root, env=dvc_environment(), capture_output=True, timeout=STATUS_SECONDS, check=True
        )
        return json.loads(done.stdout)  # type: ignore[no-any-return]
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", "replace").strip()
        if any(words in said for words in BUSY):
            raise SeqlabError(f"DVC is at work in {root}; ask when it has ended") from None
        raise SeqlabError(f"`dvc status` failed: {_once(said)}") from None
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise SeqlabError(f"`dvc status` failed: {error}") from None


@contextmanager
def _said(errors: IO[str] | None) -> Iterator[None]:
    """While the block runs, say what comes from there on standard error."""

    def relay() -> None:
        for line in errors or ():
            # Read on, where nobody reads us any more: who writes must not wait for ever.
            with suppress(SeqlabError, OSError):
                say(line.rstrip("\n"), err=True)

    thread = Thread(target=relay)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _once(said: str) -> str:
    """What DVC said, each line once: it names the process that holds a lock once for every path that is locked."""
    return "\n".join(dict.fromkeys(line.strip() for line in said.splitlines()))


def _command(arguments: Sequence[str], operands: Sequence[str] = ()) -> list[str]:
    # -P: `-m` would look for DVC in the working copy first, whose dvc.py may be anybody's.
    return [sys.executable, "-P", "-m", "dvc", *arguments, *(["--", *operands] if operands else [])]


def _content(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")


def _error(text: str) -> str:
    """What DVC says went wrong, without its warnings and its offer to help."""
    lines = [line.removeprefix("ERROR: ") for line in text.splitlines() if line.startswith("ERROR: ")]
    return "; ".join(lines) or text.strip()
