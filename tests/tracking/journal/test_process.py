import subprocess
import time

import psutil
import pytest

from seqlab.tracking.journal.process import CLOCK_SECONDS, SILENCE_SECONDS, is_alive, process_identity


def test_this_process_is_alive() -> None:
    assert is_alive(process_identity(), time.time())


def test_another_process_of_the_same_number_is_not_it() -> None:
    assert not is_alive(process_identity() | {"started": psutil.Process().create_time() - 100}, time.time())


def test_a_dead_process_is_not_alive_even_as_a_zombie() -> None:
    with subprocess.Popen(["true"]) as child:
        identity = process_identity() | {"pid": child.pid, "started": psutil.Process(child.pid).create_time()}
        deadline = time.monotonic() + 10
        while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not is_alive(identity, time.time())
    assert not is_alive(identity, time.time())


@pytest.mark.parametrize(
    "damage", [{"pid": "1"}, {"pid": []}, {"pid": -1}, {"pid": 2**70}, {"started": None}, {"started": "yesterday"}]
)
def test_what_names_no_process_is_not_alive(damage: dict[str, object]) -> None:
    assert not is_alive(process_identity() | damage, time.time())


def test_a_process_elsewhere_lives_as_long_as_it_writes() -> None:
    elsewhere = process_identity() | {"machine": "another", "pid": 0}
    assert is_alive(elsewhere, time.time() - SILENCE_SECONDS / 2)
    assert not is_alive(elsewhere, time.time() - SILENCE_SECONDS * 2)
    # Its clock may be ahead, and not by years: it would live for ever.
    assert is_alive(elsewhere, time.time() + CLOCK_SECONDS / 2)
    assert not is_alive(elsewhere, time.time() + CLOCK_SECONDS * 2)
