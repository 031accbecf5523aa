"""Errors that a person can act on."""


class SeqlabError(Exception):
    """What went wrong, where, and what to do about it, in one message.

    Stages and commands print the message, without a traceback, and exit with a non-zero status.
    """
