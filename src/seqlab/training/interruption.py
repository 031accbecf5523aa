"""Training that was asked to stop."""

from seqlab.core.errors import SeqlabError


class Interrupted(SeqlabError):  # noqa: N818 (it is no error to stop when asked)
    """Training stopped at a safe point because it was asked to; the message says how to go on."""
