"""Errors that a person can act on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


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


@contextmanager
def memory_named(said: Callable[[], str]) -> Iterator[None]:
    """Turn an error by which memory ran out into one that says where, and what would help: `out of memory` and `said`.

    Raises:
        SeqlabError: memory ran out.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise SeqlabError(f"out of memory {said()}") from None
