"""The DVC experiments on the commit that is checked out, and whether they are of a recipe."""

import subprocess
from pathlib import Path

from seqlab.errors import SeqlabError
from seqlab.params.params import Params, parse_params
from seqlab.params.yaml import parse_yaml
from seqlab.tracking.pipeline import load_stage, stage_names

# Beside the code and the parameters, a recipe depends on these.
DEFINITIONS = ("dvc.yaml", "versions.toml")
# Data that come with the working copy; of the corpora, one is made from them.
OWN_TEXT = "data/own"
# Untracked files here would be missing in DVC's temporary copies.
NEEDED = ("src", "pipeline", OWN_TEXT)


class Experiments:
    """The experiments of working copy `root`.

    Raises:
        SeqlabError: it is no git repository, or has no commit.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._baseline = self._git("rev-parse", "--verify", "HEAD").strip()
        self._recipe_paths = [
            *DEFINITIONS,
            *sorted({path for stage in stage_names(root) for path in load_stage(root, stage).code}),
        ]

    def revisions(self) -> dict[str, str]:
        """Name → commit of each finished experiment on the commit that is checked out."""
        folder = f"refs/exps/{self._baseline[:2]}/{self._baseline[2:]}/"
        listing = self._git("for-each-ref", "--format=%(objectname) %(refname)", folder)
        pairs = (line.split(" ", 1) for line in listing.splitlines())
        return {name.removeprefix(folder): revision for revision, name in pairs}

    def params(self, revision: str) -> Params | None:
        """A commit's parameters; None if its code or definitions are not those that the working copy has now."""
        try:
            params = parse_params(parse_yaml(self._git("show", f"{revision}:params.yaml"), revision), revision)
        except SeqlabError:
            # Parameters of another time, or a commit that is gone.
            return None
        own = [OWN_TEXT] if params.corpus.name == "files" else []
        changed = self._git("diff", "--name-only", revision, "--", *self._recipe_paths, *own)
        return None if changed else params

    def untracked(self) -> list[str]:
        """Files that git does not know, where the temporary copies would need them."""
        return self._git("ls-files", "--others", "--exclude-standard", "--", *NEEDED).splitlines()

    def _git(self, *arguments: str) -> str:
        try:
            done = subprocess.run(
                ["git", *arguments], cwd=self._root, capture_output=True, encoding="utf-8", check=True
            )
        except subprocess.CalledProcessError as error:
            raise SeqlabError(f"git {arguments[0]}: {error.stderr.strip() or error.returncode}") from None
        except OSError as error:
            raise SeqlabError(f"git {arguments[0]}: {error.strerror}") from None
        return done.stdout
