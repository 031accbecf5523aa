"""What this installation is, and what is wrong with it: what `make` checks before it installs, and what runs use."""

import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from seqlab.core.errors import SeqlabError
from seqlab.params.params import Params, load_params
from seqlab.results.paths import PARAMS
from seqlab.system.addresses import stripped
from seqlab.system.dvc_library import default_remote
from seqlab.system.git import check_identity
from seqlab.system.prerequisites import problems, problems_of_python, stale
from seqlab.tracking.fingerprint.pipeline import stage_names
from seqlab.tracking.fingerprint.versions import check_versions, load_versions
from seqlab.tracking.publishing.health import check_health
from seqlab.tracking.publishing.uri import is_server, tracking_uri


@dataclass(frozen=True)
class Diagnosis:
    """What was found, as lines `what  it is`, and what is wrong, each with what to do."""

    found: list[str]
    problems: list[str]

    def __str__(self) -> str:
        wrong = [f"problem: {problem}" for problem in self.problems] or ["Nothing is wrong."]
        return "\n".join([*self.found, "", *wrong])


def diagnose(root: Path) -> Diagnosis:
    """Look at the installation below `root`, and at the device, the store and the remote that runs there use."""
    found, wrong = [], list(_prerequisites(root))
    lines: list[tuple[str, Callable[[Path], str]]] = [
        ("Python", lambda _: f"{platform.python_version()}, {sys.executable}"),
        ("disk", lambda root: f"{shutil.disk_usage(root).free / 1e9:.1f} GB free"),
        ("git", _git),
        ("packages", _packages),
        ("device", _device),
        ("numerics", _numerics),
        ("MLflow", _store),
        ("DVC remote", _remote),
    ]
    for name, line in lines:
        try:
            found.append(f"{name:12}{line(root)}")
        except (SeqlabError, ImportError, OSError) as error:
            found.append(f"{name:12}see below")
            # One cause may stand in the way of two lines.
            wrong += [] if _said(error) in wrong else [_said(error)]
    return Diagnosis(found, wrong)


def _said(error: Exception) -> str:
    """What is wrong; an installation that broke off lacks packages, or the libraries that theirs load."""
    if isinstance(error, SeqlabError):
        return str(error)
    return f"a package does not load ({error}): `rm -r .venv`, then `make install` makes it anew"


def _prerequisites(root: Path) -> Iterator[str]:
    yield from problems(root)
    venv = root / ".venv"
    reason = stale(venv)
    if reason:
        yield f"{venv} is of no use, {reason}: `make install` makes it anew"
    yield from problems_of_python()


def _params(root: Path) -> Params:
    return load_params(root / PARAMS)


def _git(root: Path) -> str:
    """Nothing is wrong if git does not know: runs without experiments need no commit."""
    try:
        check_identity(root)
    except SeqlabError as error:
        return str(error)
    return "knows whose commits experiments are"


def _packages(root: Path) -> str:
    stages = stage_names(root)
    for stage in stages:
        check_versions(root, stage)
    pinned = {name for stage in stages for name in load_versions(root, stage)}
    return f"the {len(pinned)} on which results depend are those of versions.toml"


def _device(root: Path) -> str:
    import torch

    wanted = _params(root).runtime.device
    usable = torch.cuda.device_count() if torch.cuda.is_available() else 0
    devices = [torch.cuda.get_device_name(number) for number in range(usable)]
    if wanted == "cuda" and not devices:
        raise SeqlabError(
            f"runtime.device is cuda, and PyTorch {torch.__version__} finds no CUDA device: set it to cpu, or install "
            "a CUDA build and NVIDIA's driver"
        )
    return f"{wanted} (runtime.device); CUDA devices: {', '.join(devices) or 'none'}; PyTorch {torch.__version__}"


def _numerics(root: Path) -> str:
    from seqlab.numerics import numerics_class

    # Without the device there is no class.
    _device(root)
    runtime = _params(root).runtime
    described = {name: value for name, value in numerics_class(runtime).items() if name not in ("torch", "device")}
    return ", ".join(f"{value} threads" if name == "threads" else str(value) for name, value in described.items())


def _store(root: Path) -> str:
    uri = tracking_uri(root)
    if not is_server(uri):
        return stripped(uri)
    check_health(uri)
    return f"{stripped(uri)}, which answers"


def _remote(root: Path) -> str:
    remote = default_remote(root)
    return f"{remote.name}, {stripped(remote.address)}" if remote else "none: results stay in .dvc/cache"
