"""The command `seqlab sync`."""

from pathlib import Path

from seqlab.system.terminal import say
from seqlab.tracking.home import find_home
from seqlab.tracking.journal.launch import check_switch
from seqlab.tracking.publishing.last_sync import same_as_last


def run_sync(start: Path) -> int:
    """Bring MLflow up to date with the working copy around `start`; the exit status.

    It is 1 if a run could not be published, or dvc.lock is damaged: then the journal alone was.

    Where nothing changed since the last sync that found nothing to do, its words are said again.

    Raises:
        SeqlabError: outside a DVC project; the server does not answer in time; the working copy is damaged;
            SEQLAB_PUBLISHER is neither on nor off.
    """
    check_switch()
    if (said := same_as_last(find_home(start))) is not None:
        say(said)
        return 0

    # MLflow and DVC take seconds to import.
    from seqlab.tracking.publishing.sync import sync

    summary = sync(start)
    say(summary)
    return 0 if summary.complete else 1
