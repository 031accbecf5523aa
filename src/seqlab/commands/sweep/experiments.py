"""The DVC experiments on the commit that is checked out, and whether they are of a recipe."""

from pathlib import Path

from seqlab.core.errors import SeqlabError
from seqlab.params import schema
from seqlab.params.params import Params, parse_params
from seqlab.params.yaml import parse_yaml
from seqlab.results.paths import CODE, DEFINITIONS, OWN_TEXT, PARAMS
from seqlab.system import git
from seqlab.tracking.fingerprint.leftovers import is_leftover
from seqlab.tracking.fingerprint.pipeline import load_stages

# Checkpoints from elsewhere, of which a recipe depends on those that it names.
ORIGINS = schema.ORIGINS.as_posix()
# What clones have as it was committed, and working copies may have otherwise.
BESIDE = (PARAMS, OWN_TEXT, ORIGINS, ".dvc/config")
# Untracked files here would be missing in DVC's temporary copies.
COPIED = (*CODE, OWN_TEXT, ORIGINS)


def experiments_folder(baseline: str) -> str:
    """Where DVC keeps the experiments on a commit, as references of git."""
    return f"refs/exps/{baseline[:2]}/{baseline[2:]}/"


class Experiments:
    """The experiments of working copy `root`.

    Raises:
        SeqlabError: it is no git repository, or has no commit.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        baseline = git.find_commit(root, "HEAD")
        if baseline is None:
            raise SeqlabError(f"{root}: no git repository, or no commit in it yet; experiments need both")
        self._baseline = baseline
        self._known: dict[str, Params | None] = {}
        self._recipe_paths = [
            *DEFINITIONS,
            *sorted({path for stage in load_stages(root) for path in stage.code}),
        ]

    @property
    def baseline(self) -> str:
        """The commit that is checked out."""
        return self._baseline

    def check_baseline(self) -> None:
        """Raise an error where another commit is checked out by now: what ran from then on would be filed under that.

        Raises:
            SeqlabError: so it is.
        """
        if git.find_commit(self._root, "HEAD") != self._baseline:
            raise SeqlabError(
                f"another commit was checked out meanwhile than {self._baseline[:7]}, from which this began and under "
                "which DVC has what is done; the same command goes on at that commit, and begins anew at this one"
            )

    def unshared(self) -> list[str]:
        """Files of recipes, and DVC's settings, that the working copy has otherwise than its commit."""
        return git.differing_files(self._root, self._baseline, [*self._recipe_paths, *BESIDE])

    def revisions(self) -> dict[str, str]:
        """Name → commit of each finished experiment on the commit that is checked out."""
        return git.references(self._root, experiments_folder(self._baseline))

    def params(self, revision: str) -> Params | None:
        """A commit's parameters; None if its code or definitions are not those that the working copy has now.

        Each commit is looked at once: a search asks for all of them in every round.
        """
        if revision not in self._known:
            self._known[revision] = self._read_params(revision)
        return self._known[revision]

    def _read_params(self, revision: str) -> Params | None:
        content = git.file_at(self._root, revision, PARAMS)
        if content is None:
            # A commit that is gone.
            return None
        try:
            params = parse_params(parse_yaml(content, revision), revision)
        except SeqlabError:
            # Parameters of another time.
            return None
        own = [OWN_TEXT] if params.corpus.name == "files" else []
        paths = [*self._recipe_paths, *own, *_origins(params)]
        return None if git.differing_files(self._root, revision, paths) else params

    def untracked(self) -> list[str]:
        """Files that git does not know, where the temporary copies would need them."""
        return [path for path in git.untracked_files(self._root, COPIED) if not is_leftover(path)]


def _origins(params: Params) -> list[str]:
    """The checkpoints that a recipe names, as git has them: folders, or what DVC's files say of folders."""
    return [f"{ORIGINS}/{name}{suffix}" for name in sorted(params.origins) for suffix in ("", ".dvc")]
