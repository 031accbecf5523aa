import gzip
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from seqlab.core.errors import SeqlabError
from seqlab.corpus.fetching import pin as pin_module
from seqlab.corpus.fetching.download import download
from seqlab.corpus.fetching.pin import Pin
from seqlab.corpus.fetching.transfer import Limits
from tests.corpus import server as behaviours
from tests.corpus.samples import pin_of, publish
from tests.corpus.server import Behaviour, Server

LIMITS = Limits(connect=2, silence=0.3, total=20, attempts=3, longest_wait=0.01)


def pinned(server: Server) -> Pin:
    return pin_of("set/file.bin", server.content, f"{server.url}/file.bin")


def files_in(cache: Path) -> set[str]:
    """Names in the cache, lock files apart."""
    return {path.name for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"}


def test_downloads_once(server: Server, tmp_path: Path) -> None:
    for _ in range(2):
        path = download(pinned(server), tmp_path, LIMITS)
        assert path == tmp_path / "set/file.bin"
        assert path.read_bytes() == server.content
    assert server.requests == [("/file.bin", None)]
    assert files_in(tmp_path) == {"file.bin"}


def test_damaged_file_in_the_cache_is_replaced(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = download(pinned(server), tmp_path, LIMITS)
    path.write_bytes(b"x" * len(server.content))
    assert download(pinned(server), tmp_path, LIMITS).read_bytes() == server.content
    assert "damaged" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("script", "ranges"),
    [
        ([behaviours.cut_after(70_000)], [None, "bytes=70000-"]),
        ([behaviours.cut_unannounced_after(70_000)], [None, "bytes=70000-"]),
        ([behaviours.cut_after(40_000), behaviours.cut_after(40_000)], [None, "bytes=40000-", "bytes=80000-"]),
        ([behaviours.silent_after(70_000)], [None, "bytes=70000-"]),
        ([behaviours.silent], [None, None]),
        ([behaviours.status(500), behaviours.status(503)], [None, None, None]),
        ([behaviours.status(429)], [None, None]),
        ([behaviours.cut_after(70_000), behaviours.ignore_range], [None, "bytes=70000-"]),
        ([behaviours.cut_after(70_000), behaviours.another_range], [None, "bytes=70000-", None]),
        ([behaviours.cut_after(70_000), behaviours.status(416)], [None, "bytes=70000-", None]),
    ],
)
def test_interrupted_transfers_go_on(
    script: list[Behaviour], ranges: list[str | None], server: Server, tmp_path: Path
) -> None:
    server.script = list(script)
    assert download(pinned(server), tmp_path, LIMITS).read_bytes() == server.content
    assert server.ranges == ranges
    assert files_in(tmp_path) == {"file.bin"}


def test_the_next_call_continues_what_this_one_left(server: Server, tmp_path: Path) -> None:
    server.script = [behaviours.cut_after(30_000)] * 3
    with pytest.raises(SeqlabError, match="3 tries"):
        download(pinned(server), tmp_path, LIMITS)
    assert files_in(tmp_path) == {"file.bin.part"}
    server.requests.clear()
    assert download(pinned(server), tmp_path, LIMITS).read_bytes() == server.content
    assert server.ranges == ["bytes=90000-"]


@pytest.mark.parametrize("left", [b"x" * 500, b"x" * 100_000, b"x" * 100_001])
def test_a_wrong_beginning_is_downloaded_again(left: bytes, server: Server, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set/file.bin.part").write_bytes(left)
    assert download(pinned(server), tmp_path, LIMITS).read_bytes() == server.content
    assert files_in(tmp_path) == {"file.bin"}


def test_a_complete_partial_file_needs_no_network(server: Server, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set/file.bin.part").write_bytes(server.content)
    assert download(pinned(server), tmp_path, LIMITS).read_bytes() == server.content
    assert server.requests == []


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"y" * 100_000, "100000 bytes, sha256 "),
        (b"y" * 99_999, "99999 bytes"),
        (b"y" * 100_001, "100001 bytes"),
    ],
)
def test_wrong_bytes_are_refused_and_not_kept(content: bytes, found: str, server: Server, tmp_path: Path) -> None:
    pin = pinned(server)
    server.content = content
    with pytest.raises(SeqlabError) as error:
        download(pin, tmp_path, LIMITS)
    for part in ("set/file.bin", server.url, pin.sha256, "100000 bytes", found, "SEQLAB_CORPUS_MIRROR"):
        assert part in str(error.value)
    assert files_in(tmp_path) == set()
    assert len(server.requests) == 1


def test_a_server_that_sends_too_much_is_cut_off(server: Server, tmp_path: Path) -> None:
    server.script = [behaviours.endless]
    with pytest.raises(SeqlabError, match="more than 100000 bytes"):
        download(pinned(server), tmp_path, LIMITS)
    assert files_in(tmp_path) == set()


def test_a_slow_server_meets_the_time_limit(server: Server, tmp_path: Path) -> None:
    server.script = [behaviours.drip]
    with pytest.raises(SeqlabError, match=r"not done within 0.5 s"):
        download(pinned(server), tmp_path, Limits(silence=0.3, total=0.5))
    assert len(server.requests) == 1
    assert files_in(tmp_path) == {"file.bin.part"}


@pytest.mark.parametrize("code", [403, 404, 410])
def test_a_refusal_is_not_tried_again(code: int, server: Server, tmp_path: Path) -> None:
    server.otherwise = behaviours.status(code)
    with pytest.raises(SeqlabError, match=f"HTTP {code}"):
        download(pinned(server), tmp_path, LIMITS)
    assert len(server.requests) == 1


def test_no_network_names_the_url_and_the_mirror(tmp_path: Path) -> None:
    pin = pin_of("set/file.bin", b"content", "http://127.0.0.1:9/set/file.bin")
    with pytest.raises(SeqlabError) as error:
        download(pin, tmp_path, LIMITS)
    assert str(error.value) == (
        "cannot download set/file.bin: http://127.0.0.1:9/set/file.bin: Failed to establish a new connection: "
        "[Errno 111] Connection refused (3 tries).\n"
        "Check the network, or set SEQLAB_CORPUS_MIRROR to a folder or base URL that holds set/file.bin."
    )
    assert files_in(tmp_path) == set()


def test_a_gzip_file_stays_one_whatever_its_headers_say(server: Server, tmp_path: Path) -> None:
    server.content = gzip.compress(b"caption\n" * 1000)
    server.script = [lambda handler: handler.reply(200, server.content, Content_Encoding="gzip")]
    assert download(pinned(server), tmp_path, LIMITS).read_bytes() == server.content


def test_progress_is_shown_on_a_terminal_alone(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    download(pinned(server), tmp_path / "one", LIMITS)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    download(pinned(server), tmp_path / "other", LIMITS)
    captured = capsys.readouterr()
    assert "file.bin: 100%" in captured.err
    assert captured.out == ""


def test_several_at_once_share_one_download(server: Server, tmp_path: Path) -> None:
    def let_the_others_come(handler: behaviours.Handler) -> None:
        time.sleep(0.1)
        behaviours.serve(handler)

    server.otherwise = let_the_others_come
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda _: download(pinned(server), tmp_path, LIMITS), range(4)))
    assert {path.read_bytes() for path in paths} == {server.content}
    assert len(server.requests) == 1


@pytest.mark.slow
def test_a_killed_download_is_continued(server: Server, tmp_path: Path) -> None:
    server.script = [behaviours.silent_after(70_000)]
    pin = pinned(server)
    program = (
        "import sys\nfrom pathlib import Path\nfrom seqlab.corpus.fetching.download import download\n"
        "from seqlab.corpus.fetching.pin import Pin\n"
        "download(Pin(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])), Path(sys.argv[5]))\n"
    )
    arguments = [pin.path, pin.url, pin.sha256, str(pin.size), str(tmp_path)]
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, "PYTHONPATH": str(Path(pin_module.__file__).parents[3])},
    )
    partial = tmp_path / "set/file.bin.part"
    while process.poll() is None and not (partial.exists() and partial.stat().st_size > 0):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    held = partial.stat().st_size
    assert 0 < held < pin.size
    assert download(pin, tmp_path, LIMITS).read_bytes() == server.content
    assert server.ranges == [None, f"bytes={held}-"]


@pytest.mark.parametrize("gzipped", [False, True])
def test_the_mirror_is_tried_first(gzipped: bool, server: Server, mirror: Path, tmp_path: Path) -> None:
    pin = publish(mirror, "set/file.txt", b"text\n" * 9, gzipped_in_mirror=gzipped)
    assert (mirror / "set/file.txt.gz").exists() == gzipped
    assert download(pin, tmp_path / "cache", LIMITS).read_bytes() == b"text\n" * 9
    assert files_in(tmp_path / "cache") == {"file.txt"}


@pytest.mark.parametrize("gzipped", [False, True])
def test_a_mirror_may_be_a_base_url(
    gzipped: bool, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = server.content
    pin = pin_of("set/file.bin", content, gzipped_in_mirror=gzipped)
    server.content = gzip.compress(content) if gzipped else content
    server.script = [behaviours.cut_after(50)]
    monkeypatch.setenv("SEQLAB_CORPUS_MIRROR", f"{server.url}/base/")
    assert download(pin, tmp_path, LIMITS).read_bytes() == content
    path = "/base/set/file.bin.gz" if gzipped else "/base/set/file.bin"
    assert server.requests == [(path, None), (path, "bytes=50-")]
    assert files_in(tmp_path) == {"file.bin"}


def test_a_relative_mirror_counts_from_the_repository(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin = publish(mirror, "set/file.txt", b"text\n")
    elsewhere = tmp_path / "a temporary" / "copy"
    elsewhere.mkdir(parents=True)
    (tmp_path / "repository").mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("SEQLAB_CORPUS_MIRROR", "../mirror")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "repository"))
    assert download(pin, tmp_path / "cache", LIMITS).read_bytes() == b"text\n"


def test_a_mirror_without_the_file_says_so(
    server: Server, mirror: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert download(pinned(server), tmp_path / "cache", LIMITS).read_bytes() == server.content
    error = capsys.readouterr().err
    assert error == f"SEQLAB_CORPUS_MIRROR: no file {mirror}/set/file.bin; downloading {server.url}/file.bin\n"


@pytest.mark.parametrize("code", [404, 500])
def test_a_mirror_url_without_the_file_says_so(
    code: int,
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SEQLAB_CORPUS_MIRROR", server.url.replace("http://", "HTTP://me:secret@"))
    server.script = [behaviours.status(code)] * (3 if code == 500 else 1)
    assert download(pinned(server), tmp_path, LIMITS).read_bytes() == server.content
    error = capsys.readouterr().err
    assert f"SEQLAB_CORPUS_MIRROR: {server.url}/set/file.bin: " in error
    assert f"HTTP {code}" in error
    assert f"downloading {server.url}/file.bin" in error
    assert "secret" not in error


@pytest.mark.parametrize("damaged", [b"other\n", b"text\n" * 3, b"text\n" * 10_000])
@pytest.mark.parametrize("gzipped", [False, True])
def test_wrong_bytes_in_the_mirror_are_an_error(gzipped: bool, damaged: bytes, mirror: Path, tmp_path: Path) -> None:
    pin = publish(mirror, "set/file.txt", b"text\n", gzipped_in_mirror=gzipped)
    (mirror / pin.mirror_path).write_bytes(gzip.compress(damaged) if gzipped else damaged)
    with pytest.raises(SeqlabError, match=f"set/file.txt from {mirror}.* has the wrong content"):
        download(pin, tmp_path / "cache", LIMITS)
    assert files_in(tmp_path / "cache") == set()


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"text\n", mtime=0)[:-3], b""])
def test_a_damaged_gzip_file_in_the_mirror_is_an_error(content: bytes, mirror: Path, tmp_path: Path) -> None:
    pin = publish(mirror, "set/file.txt", b"text\n", gzipped_in_mirror=True)
    (mirror / pin.mirror_path).write_bytes(content)
    with pytest.raises(SeqlabError, match="has the wrong content"):
        download(pin, tmp_path / "cache", LIMITS)
    assert files_in(tmp_path / "cache") == set()


def test_a_damaged_gzip_file_from_a_mirror_url_is_not_kept(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQLAB_CORPUS_MIRROR", server.url)
    pin = pin_of("set/file.txt", server.content, gzipped_in_mirror=True)
    for content in (server.content, gzip.compress(server.content)[:-1], b""):
        server.content = content
        with pytest.raises(SeqlabError, match="has the wrong content"):
            download(pin, tmp_path, LIMITS)
        assert files_in(tmp_path) == set()
