"""A temporary working copy in which a run is made anew, away from everything that was kept of it."""

import os
import re
import shutil
import signal
import site
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seqlab.core.atomic import write_bytes, write_text
from seqlab.core.errors import SeqlabError
from seqlab.corpus.fetching.mirror import VARIABLE as MIRROR
from seqlab.params.schema import NONE, ORIGINS
from seqlab.params.yaml import read_yaml
from seqlab.results.paths import OWN_TEXT, PARAMS
from seqlab.system.addresses import stripped
from seqlab.system.dvc import dvc_environment, start_dvc
from seqlab.system.git import is_in_branch, tree_at
from seqlab.tracking.fingerprint.pipeline import load_stages
from seqlab.tracking.home import Home
from seqlab.tracking.journal.launch import SWITCH
from seqlab.tracking.journal.source import SOURCE, SOURCES, read_source

# DVC's own cache, run-cache and resume states are in the main working copy: nothing of them is seen in this one.
CONFIG = "[core]\n    no_scm = true\n    analytics = false\n    check_update = false\n"
IGNORED = "__pycache__\n"
# Of the project's own, since no archive has them.
SHARED = (OWN_TEXT, ORIGINS.as_posix())
# Of these a copy has its own, and nobody else's settings, hooks or states.
OURS = (".dvc", ".dvcignore", ".git", ".seqlab")
LAST_STAGE = "evaluate"
# Of the environment, what a run may see, name by name: whatever else may be a token, a password, or SSH's socket, and
# NVIDIA's services, say, have keys in variables that begin as those of its drivers do.
PASSED_ON = re.compile(
    "PATH|LANG|LANGUAGE|LC_(ALL|COLLATE|CTYPE|MESSAGES|MONETARY|NUMERIC|TIME)|TZ|TMPDIR|VIRTUAL_ENV"
    "|LD_LIBRARY_PATH|DYLD_(FALLBACK_)?(LIBRARY|FRAMEWORK)_PATH"
    "|PYTHON(PATH|HOME|NOUSERSITE|UTF8|IOENCODING|COERCECLOCALE|HASHSEED|UNBUFFERED|DONTWRITEBYTECODE|PYCACHEPREFIX"
    "|WARNINGS|FAULTHANDLER|OPTIMIZE|MALLOC)"
    "|OMP_(NUM_THREADS|THREAD_LIMIT|DYNAMIC|WAIT_POLICY|PROC_BIND|PLACES|SCHEDULE|STACKSIZE|MAX_ACTIVE_LEVELS|NESTED)"
    "|GOMP_(SPINCOUNT|CPU_AFFINITY|STACKSIZE)|KMP_(AFFINITY|BLOCKTIME|HW_SUBSET|STACKSIZE|DUPLICATE_LIB_OK)"
    "|MKL_(NUM_THREADS|DOMAIN_NUM_THREADS|DYNAMIC|CBWR|ENABLE_INSTRUCTIONS|DEBUG_CPU_TYPE|THREADING_LAYER)"
    "|OPENBLAS_(NUM_THREADS|CORETYPE)|ATEN_CPU_CAPABILITY"
    "|(ONEDNN|DNNL)_(MAX_CPU_ISA|DEFAULT_FPMATH_MODE|PRIMITIVE_CACHE_CAPACITY|CPU_ISA_HINTS|VERBOSE)"
    "|CUDA_(VISIBLE_DEVICES|DEVICE_ORDER|DEVICE_MAX_CONNECTIONS|LAUNCH_BLOCKING|MODULE_LOADING|HOME|PATH"
    "|CACHE_(PATH|DISABLE|MAXSIZE)|MPS_PIPE_DIRECTORY)"
    "|CUBLAS(LT)?_WORKSPACE_(CONFIG|SIZE)|NVIDIA_(VISIBLE_DEVICES|DRIVER_CAPABILITIES|TF32_OVERRIDE)"
    "|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE"
    f"|{MIRROR}"
)
PROXY = re.compile("(?i)(http|https|ftp|all)_proxy")
# Needs no scheme, and has a host and a port alone: `name:password%40host` has no @, and is a password.
PROXY_ADDRESS = re.compile(r"([a-zA-Z][a-zA-Z0-9]*://)?([a-zA-Z0-9._-]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?/?")
NO_PROXY = re.compile("(?i)no_proxy")
HOSTS = re.compile(r"[a-zA-Z0-9.,:/*_\s\[\]-]*")
INTERRUPTED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def working_copy(home: Home, archive: bytes, commit: str | None) -> Iterator[Path]:
    """Yield a folder with the files of a run's archive, and what its stages read beside them, from the run's commit.

    The commit's are there if a branch here has it. The text of one's own, checkpoints from elsewhere and finished
    downloads are those of the project around `home`. The folder is deleted at the end, whatever happens.

    Raises:
        SeqlabError: the archive is damaged, or has files that no run's has, or a params.yaml that `read_yaml` refuses.
    """
    source = read_source(archive)
    if foreign := [name for name in source if _is_ours(name)]:
        raise SeqlabError(f"{SOURCE} has a file named {foreign[0]!r:.80}, as no source does; it is not unpacked")
    with tempfile.TemporaryDirectory(prefix="seqlab-verify-", ignore_cleanup_errors=True) as folder:
        root = Path(folder, "project")
        try:
            _fill(root, home, source, commit)
        except OSError as error:
            # A name too long for this file system, or a file where the project's own folders go.
            said = error.strerror or error
            raise SeqlabError(f"cannot make a working copy of the run's {SOURCE}: {said:.200}") from None
        yield root


def execute(root: Path) -> None:
    """Run the pipeline in working copy `root` up to the scores, every stage of it; what DVC says goes to stderr.

    Raises:
        SeqlabError: a stage failed.
        KeyboardInterrupt: Ctrl-C or SIGTERM; no process is left.
    """
    options = ("--force", "--no-commit", "--no-run-cache")
    with _interruptible():
        # A group of its own, so that DVC, its shell and the stage can be ended together.
        process = start_dvc(root, "repro", *options, LAST_STAGE, environment=_environment(root))
        try:
            status = process.wait()
        except BaseException:
            # Nothing in the copy is worth saving.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    if status != 0:
        raise SeqlabError("the run could not be made anew: the stage named above failed; nothing was compared")


def _fill(root: Path, home: Home, source: dict[str, bytes], commit: str | None) -> None:
    root.mkdir()
    for name, content in source.items():
        write_bytes(root / name, content)
    if (root / PARAMS).is_file():
        # Values alone run unasked, and DVC reads them without our limits.
        read_yaml(root / PARAMS)
    _unpack_commit(home.root, commit, root)
    write_text(root / ".dvc/config", CONFIG)
    write_text(root / ".dvcignore", IGNORED)
    _share(home, root)


def _unpack_commit(repository: Path, commit: str | None, root: Path) -> None:
    """Of a commit in a branch, what stages depend on and no archive has: nothing else of it is looked for."""
    if commit is None or not is_in_branch(repository, commit):
        # No repository, a commit of another one, or one that nobody took over: the archive has all that runs.
        return
    deps = {dep for stage in load_stages(root) for dep in stage.deps}
    beside = sorted(dep for dep in deps if dep and not _is_source(dep) and not dep.startswith("/"))
    if not beside:
        return
    try:
        files = tree_at(repository, commit, *beside)
    except SeqlabError:
        # A clone without all objects.
        return
    for name, content in files.items():
        # What the run had deleted of its sources must not come back from the commit.
        if not _is_source(name) and not _is_ours(name):
            write_bytes(root / name, content)


def _is_source(name: str) -> bool:
    return any(name == source or name.startswith(f"{source}/") for source in SOURCES)


def _is_ours(name: str) -> bool:
    return name.split("/", maxsplit=1)[0].lower() in OURS


def _share(home: Home, root: Path) -> None:
    for name in SHARED:
        _remove(root / name)
        if (home.root / name).is_dir():
            shutil.copytree(home.root / name, root / name)
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / ORIGINS / NONE).mkdir(exist_ok=True)
    home.downloads.mkdir(parents=True, exist_ok=True)
    own = Home(root)
    own.folder.mkdir()
    own.downloads.symlink_to(home.downloads.resolve(), target_is_directory=True)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _environment(root: Path) -> dict[str, str]:
    """This environment's programs, and what numbers, texts and connections need; no secret and nobody's settings."""
    home = root.parent / "home"
    home.mkdir(exist_ok=True)
    environment = dvc_environment()
    kept = {
        name: value for name, value in environment.items() if PASSED_ON.fullmatch(name) and stripped(value) == value
    }
    for names, form in ((PROXY, PROXY_ADDRESS), (NO_PROXY, HOSTS)):
        kept |= {name: value for name, value in environment.items() if names.fullmatch(name) and form.fullmatch(value)}
    if MIRROR in kept and "://" not in kept[MIRROR]:
        kept[MIRROR] = str(Path(kept[MIRROR]).expanduser())
    return {
        **kept,
        SWITCH: "off",
        "DVC_NO_ANALYTICS": "true",
        "DVC_SITE_CACHE_DIR": str(root.parent / "site"),
        "HOME": str(home),
        # Packages that were installed for the user alone are below the true home.
        "PYTHONUSERBASE": site.getuserbase(),
    }


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM, and the end of the terminal, interrupt as Ctrl-C does; what is ignored, as after `nohup`, stays so."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    heard = [number for number in INTERRUPTED if signal.getsignal(number) != signal.SIG_IGN]
    earlier = {number: signal.signal(number, interrupt) for number in heard}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
