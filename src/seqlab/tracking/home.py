"""Where tracking keeps what is its own: .seqlab/ in the main working copy, shared by all copies that DVC makes."""

import os
from dataclasses import dataclass
from pathlib import Path

from seqlab.core.errors import SeqlabError

# Neither is in git.
FOLDER = ".seqlab"
CHECKPOINTS = ".checkpoints"


@dataclass(frozen=True)
class Home:
    """The folders and files of `<root>/.seqlab`, none of them created yet."""

    root: Path

    @property
    def folder(self) -> Path:
        """Everything below is in here; git ignores it."""
        return self.root / FOLDER

    @property
    def downloads(self) -> Path:
        """Files that were downloaded, shared by all working copies that DVC makes."""
        return self.folder / "downloads"

    @property
    def checkpoints(self) -> Path:
        """The states that interrupted trainings resume from, shared likewise."""
        return self.root / CHECKPOINTS

    @property
    def journal(self) -> Path:
        """One JSON Lines file an execution: journal/<train|run>/<fingerprint>/<execution>.jsonl."""
        return self.folder / "journal"

    @property
    def objects(self) -> Path:
        """Copies of files that must be shown, by content."""
        return self.folder / "objects"

    @property
    def locks(self) -> Path:
        """Lock files, by what they protect."""
        return self.folder / "locks"

    @property
    def publisher_log(self) -> Path:
        """What the publisher says, since no terminal is its own."""
        return self.folder / "publisher.log"

    @property
    def experiment(self) -> Path:
        """Where runs were last published to: what the address of their page is made of."""
        return self.folder / "experiment.json"

    @property
    def published(self) -> Path:
        """Its modification time says up to when the publisher has published all."""
        return self.folder / "published"

    @property
    def last_sync(self) -> Path:
        """What the last sync said that had nothing to do, and the state that it was said of."""
        return self.folder / "last_sync.json"


def find_home(start: Path) -> Home:
    """The home of the working copy around `start`.

    DVC names the main working copy in DVC_ROOT, from temporary copies (`dvc exp run --temp`, the queue) too.

    Raises:
        SeqlabError: neither DVC_ROOT nor a folder with .dvc in it above `start`.
    """
    named = os.environ.get("DVC_ROOT")
    if named:
        return Home(Path(named))
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / ".dvc").is_dir():
            return Home(folder)
    raise SeqlabError(f"{start.resolve()} is not inside a DVC project (no .dvc folder here or above)")
