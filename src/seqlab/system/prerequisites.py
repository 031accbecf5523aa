"""What must be there before anything is installed: Python, git, a working copy, room on the disk.

`make` runs this file before it downloads anything, so it is written for every Python from 3.6 on, and for the standard
library alone. `seqlab doctor` asks the same at any time.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Iterator, List, Optional, Tuple

OLDEST, NEWEST = (3, 11), (3, 14)
# Room for the packages, and for pip while it unpacks them: with PyTorch's build for CPUs alone, and with that for CUDA.
CPU_GB, CUDA_GB = 3, 10
CUDA_BUILD = "a download of 2.7 GB and 4.6 GB on the disk, where the CPU build takes 0.2 and 0.8"
# PyTorch is built for these and later ones.
GLIBC, MACOS = (2, 28), 14
SECONDS = 20
# In the path of a working copy: DVC reads braces as a template's, MLflow reads % and ? in the address of a database,
# pip's scripts have the rest read by a shell, and a colon ends a folder on the path of programs.
MISREAD = '{}%?$`"\\:\n'


def problems(root: Path) -> List[str]:
    """What is wrong at `root`, installed or not, each in one line that says what to do."""
    found = [_folder(root), _git(root), _make(), _permission(root)]
    return [problem for problem in found if problem]


def problems_of_python() -> List[str]:
    """What keeps this Python from running the packages, likewise."""
    found = [_python(), _venv(), _platform()]
    return [problem for problem in found if problem]


def problems_of_installing(root: Path) -> List[str]:
    """What keeps this Python from installing the packages below `root`, likewise: room, too."""
    room = _disk(root)
    return [*problems_of_python(), *([room] if room else [])]


def stale(venv: Path, wanted: Optional[Tuple[int, int]] = None) -> str:
    """Why the environment in folder `venv` is of no use; empty where it is of use, or where there is none.

    `wanted`: the version of Python that somebody asked for; without it, any that the project runs on.
    """
    return next(_faults(venv, wanted), "") if venv.exists() or venv.is_symlink() else ""


def takes_cuda_build() -> bool:
    """Whether pip takes PyTorch's CUDA build: on Linux, unless it is set up to look somewhere else, too."""
    return platform.system() == "Linux" and not _other_index()


def has_nvidia_driver() -> bool:
    """Whether an NVIDIA driver is here; /dev/dxg is that of Windows, as its Linux sees it."""
    places = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg")
    return any(map(os.path.exists, places)) or shutil.which("nvidia-smi") is not None


def _faults(venv: Path, wanted: Optional[Tuple[int, int]]) -> Iterator[str]:
    version = _version_of(str(venv / "bin/python"))
    if version is None:
        yield "its Python is gone"
        return
    name = "{}.{}".format(*version)
    if wanted and version != wanted:
        yield f"it is of Python {name}"
    if not OLDEST <= version <= NEWEST:
        yield f"it is of Python {name}, and seqlab needs {_range()}"
    if not (venv / f"lib/python{name}/site-packages").is_dir():
        yield f"its Python has become {name}"
    made_for = _made_for(venv / "bin/pip")
    if made_for is None:
        yield "it has no pip"
    elif made_for.resolve() != (venv / "bin").resolve():
        yield f"it was made in another folder, {made_for.parent}"


def _range() -> str:
    return "{}.{} to {}.{}".format(*OLDEST, *NEWEST)


def _python() -> Optional[str]:
    if OLDEST <= sys.version_info[:2] <= NEWEST and platform.python_implementation() == "CPython":
        return None
    names = (f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1))
    usable = next((name for name in names if OLDEST <= (_version_of(name) or (0, 0)) <= NEWEST), None)
    cure = f"`make run PYTHON={usable}`" if usable else "install one, then `make run PYTHON=python3.13`, say"
    here = f"{platform.python_implementation()} {platform.python_version()}"
    return f"this Python is {here}, and seqlab needs CPython {_range()}: {cure}"


def _venv() -> Optional[str]:
    try:
        # Debian has it in a package of its own.
        import ensurepip  # noqa: F401
    except ImportError:
        return "this Python cannot make an environment: `apt install python3-venv`, on Debian and Ubuntu"
    return None


def _platform() -> Optional[str]:
    system, machine = platform.system(), platform.machine()
    if system == "Darwin":
        release = int((platform.mac_ver()[0] or "0").split(".")[0])
        if machine == "arm64" and release >= MACOS:
            return None
        return f"PyTorch has builds for macOS {MACOS} and arm64, and this Python is for {machine} on macOS {release}"
    if system != "Linux":
        return f"seqlab runs on Linux and macOS, and this is {system}: on Windows, use its Linux (WSL)"
    library, version = platform.libc_ver()
    if library == "glibc" and tuple(map(int, version.split(".")[:2])) >= GLIBC:
        return None
    here = f"{library or 'another C library'} {version}".strip()
    return "PyTorch needs glibc {}.{} or later, and here is {}: use another Linux, or a container".format(*GLIBC, here)


def _folder(root: Path) -> Optional[str]:
    misread = " ".join(sorted({*MISREAD}.intersection(str(root)))).replace("\n", "a line end")
    return f"DVC, MLflow or pip misread {misread} in {root}: move or rename the folder" if misread else None


def _git(root: Path) -> Optional[str]:
    if shutil.which("git") is None:
        return "git is not installed: `apt install git`, or on macOS `xcode-select --install`"
    status, message = _run(["git", "rev-parse", "--is-inside-work-tree"], root)
    if status == 0:
        return None
    if "dubious ownership" in message:
        return (
            f"git refuses {root}, which belongs to somebody else: `git config --global --add safe.directory '{root}'`"
        )
    if _does_without_git(root):
        return None
    return (
        f"{root} is no working copy of git, as a downloaded archive is none: clone the project, or here "
        "`git init && git add --all && git commit --message=Start`"
    )


def _does_without_git(root: Path) -> bool:
    """Whether DVC was told so (docs/command-line.md)."""
    for name in ("config", "config.local"):
        path = root / ".dvc" / name
        if path.is_file() and re.search(r"(?mi)^\s*no_scm\s*=\s*true\s*$", path.read_text("utf-8", "replace")):
            return True
    return False


def _make() -> Optional[str]:
    return None if shutil.which("make") else "make is not installed: `apt install make`"


def _permission(root: Path) -> Optional[str]:
    return None if os.access(str(root), os.W_OK) else f"{root} cannot be written: change its owner or its mode"


def _disk(root: Path) -> Optional[str]:
    needed = CUDA_GB if takes_cuda_build() else CPU_GB
    free = shutil.disk_usage(str(root)).free / 1e9
    if free >= needed:
        return None
    return f"{free:.1f} GB are free at {root}, and to install the packages takes up to {needed} GB: make room"


def _other_index() -> bool:
    """Whether pip's settings name an index, or a folder, beside its usual index."""
    if any(os.environ.get(f"PIP_{name}") for name in ("INDEX_URL", "EXTRA_INDEX_URL", "FIND_LINKS")):
        return True
    _, settings = _run([sys.executable, "-m", "pip", "config", "list"], Path())
    return any(name in line.partition("=")[0] for line in settings.splitlines() for name in ("index-url", "find-links"))


def _version_of(python: str) -> Optional[Tuple[int, int]]:
    status, answer = _run([python, "-c", "import sys; print(*sys.version_info[:2])"], Path())
    if status != 0:
        return None
    major, minor = answer.split()
    return int(major), int(minor)


def _made_for(script: Path) -> Optional[Path]:
    """The folder of the interpreter that a script of an environment was made for."""
    try:
        first, second, *_ = [*script.read_text("utf-8", "replace").splitlines(), "", ""]
    except OSError:
        return None
    # A long path, or one with blanks, stands in the second line, for a shell.
    path = first[2:] if "python" in first else second.replace("'''exec' ", "").partition(' "$0"')[0]
    return Path(path.strip().strip('"')).parent if path else None


def _run(command: List[str], folder: Path) -> Tuple[int, str]:
    """Exit status, and what was printed; a program that is not there, or does not end, has failed."""
    try:
        done = subprocess.run(  # noqa: UP022 (capture_output is of Python 3.7)
            command,
            cwd=str(folder),
            env=dict(os.environ, LC_ALL="C"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return 127, ""
    return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace").strip()


def main(root: Path, venv: Path, *, asked_for: bool, installs: bool) -> int:
    """Check, print what people should know, and return the exit status.

    `asked_for`: somebody named the Python that runs this, so an environment of another one is stale. `installs`: what
    is missing is installed next, so a stale environment is removed; else nothing is touched.
    """
    reason = stale(venv, sys.version_info[:2] if asked_for else None)
    installed = not reason and (venv / ".installed").exists()
    found = problems(root) + ([] if installed else problems_of_installing(root))
    for problem in found:
        print(f"seqlab: {problem}", file=sys.stderr)  # noqa: T201
    if found:
        return 1
    if reason and not installs:
        print(f"seqlab: {venv} is of no use, and `make run` makes it anew: {reason}", flush=True)  # noqa: T201
    elif reason:
        print(f"seqlab: {venv} is made anew: {reason}", flush=True)  # noqa: T201
        # Of a link to an environment elsewhere, the link.
        venv.unlink() if venv.is_symlink() else shutil.rmtree(str(venv))
    if not installed and takes_cuda_build() and not has_nvidia_driver():
        print(  # noqa: T201
            f"seqlab: there is no NVIDIA driver, and pip takes PyTorch's CUDA build: {CUDA_BUILD}. "
            "For the CPU build, press Ctrl-C, and set PIP_EXTRA_INDEX_URL as the beginning of README.md says.",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    options = sys.argv[2:]
    sys.exit(main(Path.cwd(), Path(sys.argv[1]), asked_for="--asked-for" in options, installs="--installs" in options))
