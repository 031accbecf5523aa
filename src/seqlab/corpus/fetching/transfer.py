"""One file over HTTP into a partial file that a later try, or a later run, continues."""

import re
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests
import urllib3
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter
from tqdm import tqdm

from seqlab.core.errors import SeqlabError
from seqlab.corpus.fetching.pin import CHUNK_BYTES
from seqlab.system.addresses import stripped
from seqlab.system.terminal import say

_PASSING = {408, 425, 429, 500, 502, 503, 504}
_ABSENT = {404, 410}


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a transfer may take, in seconds, and how often it is tried."""

    connect: float = 10
    silence: float = 30
    total: float = 900
    attempts: int = 4
    longest_wait: float = 8


class UnreachableError(SeqlabError):
    """The address gave no file: no network, a server in trouble, a refusal, or too slow."""


class AbsentError(SeqlabError):
    """The server has no such file."""


class SizeError(SeqlabError):
    """The server gives more or fewer bytes than the file has."""


class _InterruptedError(Exception):
    """A try failed in a way that the next one may not."""


def shown(url: str) -> str:
    """A URL as messages show it: in its usual form, without a user's name and password."""
    return stripped(urlsplit(url).geturl())


def fetch(url: str, partial: Path, *, size: int | None, most: int, limits: Limits) -> None:
    """Complete `partial`, which may hold the beginning of the file from an earlier run, with what `url` serves.

    Args:
        url: http or https.
        partial: Kept as it is on an error, so that the next call continues it.
        size: Bytes of the file, if known: fewer count as an interruption.
        most: Bytes at which the transfer is cut off.
        limits: Time and tries.

    Raises:
        UnreachableError: no answer, an error of the server, or too slow, after all tries.
        AbsentError: the server says that there is no such file.
        SizeError: there are more than `most` bytes, or the server announces another number than `size`.
    """
    transfer = _Transfer(url, partial, size, most, limits, deadline=time.monotonic() + limits.total)
    retrying = Retrying(
        retry=retry_if_exception_type(_InterruptedError),
        stop=stop_after_attempt(limits.attempts),
        wait=wait_exponential_jitter(multiplier=min(1, limits.longest_wait), max=limits.longest_wait, jitter=0.1),
        before_sleep=transfer.announce,
        reraise=True,
    )
    try:
        retrying(transfer.attempt)
    except _InterruptedError as error:
        raise UnreachableError(f"{shown(url)}: {error} ({limits.attempts} tries)") from None


@dataclass(frozen=True, slots=True)
class _Transfer:
    url: str
    partial: Path
    size: int | None
    most: int
    limits: Limits
    deadline: float

    def announce(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        attempt = f"{state.attempt_number + 1} of {self.limits.attempts}"
        say(f"{shown(self.url)}: {error}; trying again, {attempt}", err=True)

    def attempt(self) -> None:
        """One request for what is missing."""
        start = self._held()
        if start and start == self.size:
            return
        # identity: the pinned bytes, not a compressed form of them.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        timeout = (self.limits.connect, self.limits.silence)
        try:
            with requests.get(self.url, headers=headers, stream=True, timeout=timeout) as response:
                self._check_status(response)
                self._receive(response, start if self._continues(response, start) else 0)
        except requests.ConnectTimeout:
            raise _InterruptedError(f"no connection within {self.limits.connect:g} s") from None
        except (requests.ReadTimeout, urllib3.exceptions.ReadTimeoutError):
            raise _InterruptedError(f"no data for {self.limits.silence:g} s") from None
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise _InterruptedError(_reason(error)) from None

    def _held(self) -> int:
        """Bytes that are already there."""
        held = self.partial.stat().st_size if self.partial.exists() else 0
        if held <= self.most:
            return held
        self.partial.unlink()
        return 0

    def _check_status(self, response: requests.Response) -> None:
        status = response.status_code
        if status in (200, 206):
            return
        if status in _ABSENT:
            raise AbsentError(f"{shown(self.url)}: no such file (HTTP {status})")
        if status == 416:
            raise self._not_continued()
        if status in _PASSING:
            raise _InterruptedError(f"HTTP {status}")
        raise UnreachableError(f"{shown(self.url)}: HTTP {status} {response.reason}")

    def _continues(self, response: requests.Response, start: int) -> bool:
        """Whether the body begins at byte `start`; a server may ignore the range and send everything."""
        if response.status_code == 200:
            return False
        match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
        if match is None or int(match[1]) != start:
            raise self._not_continued()
        return True

    def _not_continued(self) -> _InterruptedError:
        """What we hold is no beginning of what the server has: the next try starts from nothing."""
        self.partial.unlink(missing_ok=True)
        return _InterruptedError("the transfer cannot be continued")

    def _receive(self, response: requests.Response, start: int) -> None:
        announced = response.raw.length_remaining
        if announced is not None and not (self.size or 0) <= start + announced <= self.most:
            raise SizeError(f"{start + announced} bytes")
        name = self.partial.name.removesuffix(".part")
        # A partial file is no result yet, so it is written in place, not through seqlab.core.atomic.
        with (
            open(self.partial, "r+b" if start else "wb") as file,
            tqdm(total=self.size, initial=start, unit="B", unit_scale=True, desc=name, disable=None) as bar,
        ):
            file.seek(start)
            received = start
            # read1 returns what has come: a slow server can't hold us past the deadline by dripping into a full chunk.
            while chunk := response.raw.read1(CHUNK_BYTES, decode_content=False):
                received += len(chunk)
                if received > self.most:
                    raise SizeError(f"more than {self.most} bytes")
                file.write(chunk)
                bar.update(len(chunk))
                if time.monotonic() > self.deadline:
                    raise UnreachableError(
                        f"{shown(self.url)}: not done within {self.limits.total:g} s; it can be continued"
                    )
        if self.size is not None and received < self.size:
            raise _InterruptedError(f"cut off after {received} of {self.size} bytes")


def _reason(error: Exception) -> str:
    """The innermost cause: requests and urllib3 wrap it several times."""
    while isinstance(inner := getattr(error, "reason", None) or next(iter(error.args), None), Exception):
        error = inner
    return re.sub(r"^HTTPS?Connection\(.*?\): ", "", str(error)) or type(error).__name__
