"""Doing what a remote may not do at once: one that is down for some minutes is asked again."""

from collections.abc import Callable
from threading import Event
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_after_delay,
    stop_when_event_set,
    wait_exponential_jitter,
)

from seqlab.core.errors import SeqlabError

T = TypeVar("T")

# Seconds between two questions.
LONGEST_WAIT = 30.0


class FinalError(Exception):
    """It would go no better the next time; `patiently` tries it once."""


def patiently(action: Callable[[], T], seconds: float, stop: Event, announce: Callable[[str], None]) -> T:
    """Do something; if it raises a SeqlabError, again and again for so many seconds, or until asked to stop.

    Args:
        action: What to do. Other errors than a SeqlabError are handed on at once.
        seconds: After which it is given up.
        stop: Set by who wants it to be given up now.
        announce: Takes what it said, and when it is tried again.

    Raises:
        SeqlabError: what it said in the end.
    """

    def tell(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        wait = state.next_action.sleep if state.next_action else 0.0
        announce(f"{error}; again in {wait:.0f} s")

    return Retrying(
        retry=retry_if_exception_type(SeqlabError),
        stop=stop_after_delay(seconds) | stop_when_event_set(stop),
        sleep=sleep_using_event(stop),
        wait=wait_exponential_jitter(multiplier=2, max=LONGEST_WAIT),
        before_sleep=tell,
        reraise=True,
    )(action)
