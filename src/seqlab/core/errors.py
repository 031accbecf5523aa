"""Errors that a person can act on."""


class SeqlabError(Exception):
    """What went wrong, where, and what to do about it, in one message.

    Stages and commands print the message, without a traceback, and exit with a non-zero status.
    """


# PyTorch's allocator of a CPU raises a plain RuntimeError; and who asks may not have imported PyTorch.
_OUT_OF_MEMORY = ("can't allocate memory", "out of memory", "Storage size calculation overflowed")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: that of Python, or of PyTorch on a CPU or a GPU."""
    if isinstance(error, RuntimeError):
        return any(words in str(error) for words in _OUT_OF_MEMORY)
    return isinstance(error, MemoryError)
