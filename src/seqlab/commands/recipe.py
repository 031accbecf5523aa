"""The command `seqlab recipe`: recipes are lists of parameters, one a line, as somebody else may have written them."""

from collections.abc import Callable
from pathlib import Path

from seqlab.commands.sweep.command import NAME, run_sweep
from seqlab.commands.sweep.experiments import experiments_folder
from seqlab.commands.sweep.members import make_members
from seqlab.commands.sweep.plan import numbered
from seqlab.commands.sweep.where import Where
from seqlab.core.errors import SeqlabError
from seqlab.system.dvc import run_dvc
from seqlab.system.git import check_identity, find_commit, references
from seqlab.tracking.home import find_home

FOLDER = "recipes"
LONGEST = 1 << 16


def read_recipe(root: Path, name: str) -> list[str]:
    """The settings of recipes/NAME.txt, each as after `-S`; empty lines and lines that begin with # say nothing.

    Raises:
        SeqlabError: there is no such recipe, or it is too long, or not text.
    """
    if not NAME.fullmatch(name):
        raise SeqlabError(f"{name}: a recipe's name has at most 40 letters, digits, - and _; see {FOLDER}/")
    path = root / FOLDER / f"{name}.txt"
    try:
        with open(path, "rb") as file:
            content = file.read(LONGEST + 1)
        if len(content) > LONGEST:
            raise SeqlabError(f"{path} is longer than {LONGEST} bytes; it is no recipe")
        lines = [line.strip() for line in content.decode("utf-8").splitlines()]
    except OSError as error:
        known = ", ".join(sorted(each.stem for each in (root / FOLDER).glob("*.txt"))) or "none"
        raise SeqlabError(f"cannot read {path} ({error.strerror}); the recipes here: {known}") from None
    except UnicodeDecodeError:
        raise SeqlabError(f"{path} is not UTF-8 text; it is no recipe") from None
    return [line for line in lines if line and not line.startswith("#")]


def run_recipe(start: Path, name: str, *, say: Callable[[str], None]) -> int:
    """Run a recipe that sets one value each in the working copy, as a DVC experiment of its name; the exit status.

    Where an experiment of that name is there, as when it is run again, it gets a number, and what did not change comes
    from DVC's cache.

    Args:
        start: A folder of the working copy.
        name: The recipe's.
        say: Takes what people want to know.

    Raises:
        SeqlabError: the recipe is refused, as a grid would be, before anything runs; or it is a grid.
    """
    root = find_home(start).root
    settings = read_recipe(root, name)
    if len(members := make_members(root, settings)) != 1:
        raise SeqlabError(
            f"{FOLDER}/{name}.txt is a grid of {len(members)}: run it with --seeds, such as --seeds 1,2,3"
        )
    check_identity(root)
    experiment = _free(root, name)
    if experiment != name:
        say(f"an experiment {name} is there: this one is {experiment}")
    status = run_dvc(root, "exp", "run", f"--name={experiment}", *(f"--set-param={each}" for each in settings))
    return int(status != 0)


def _free(root: Path, name: str) -> str:
    """The name, with the first number that no experiment on the commit has, if it is taken."""
    baseline = find_commit(root, "HEAD")
    # Where there is no commit yet, DVC says what it needs.
    taken = references(root, experiments_folder(baseline)) if baseline else {}
    return next(each for each in numbered(name) if each not in taken)


def run_seeds(start: Path, name: str, seeds: str, *, say: Callable[[str], None]) -> int:
    """Run a recipe as a sweep of its name, one member a seed; the exit status of `run_sweep`.

    Args:
        start: A folder of the working copy.
        name: The recipe's.
        seeds: As after `-S seed=`, such as `1,2,3`.
        say: Takes what people want to know.

    Raises:
        SeqlabError: the recipe is refused, or as `run_sweep`.
    """
    settings = [*read_recipe(find_home(start).root, name), f"seed={seeds}"]
    return run_sweep(start, settings, name=name, where=Where(), dry_run=False, say=say)
