"""SEQLAB_CORPUS_MIRROR: a folder or base URL that is tried before the publisher."""

import os
from pathlib import Path

VARIABLE = "SEQLAB_CORPUS_MIRROR"


def mirror_location() -> str | Path | None:
    """The base URL (without a slash at its end) or folder that SEQLAB_CORPUS_MIRROR names; None if it names none.

    A relative folder counts from the repository's root, also for a stage that DVC runs in a temporary copy of it.
    """
    value = os.environ.get(VARIABLE, "").strip()
    if not value:
        return None
    if value.lower().startswith(("http://", "https://")):
        return value.rstrip("/")
    return Path(os.environ.get("DVC_ROOT", ""), Path(value).expanduser())
