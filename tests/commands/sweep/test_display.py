"""What people see of a sweep, and how signals reach it."""

import io
import os
import signal

import pytest

from seqlab.commands.sweep.interruption import Interruption
from seqlab.commands.sweep.members import Member
from seqlab.commands.sweep.plan import Planned
from seqlab.commands.sweep.progress import ProgressBar
from seqlab.commands.sweep.report import closing, outline
from seqlab.commands.sweep.result import Result
from seqlab.params.params import load_params
from tests.commands.sweep.test_grid import ROOT


class Terminal(io.StringIO):
    """A terminal that keeps what it shows."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def test_the_bar_counts_what_runs_waits_and_failed() -> None:
    terminal = Terminal()
    with ProgressBar(3, terminal) as progress:
        progress.show(["s2", "s1"], 1)
        progress.end("s1", failed=True)
        progress.end("s2", failed=False)
        progress.show([], 1)
    text = terminal.getvalue()
    assert "2 running (s1, s2), 1 waiting, 0 failed" in text
    assert "failed 1/3  s1\n" in text
    assert "done 2/3  s2\n" in text
    assert "1 waiting, 1 failed" in text
    assert "2/3 [" in text


def test_without_a_terminal_there_are_only_lines() -> None:
    file = io.StringIO()
    with ProgressBar(2, file) as progress:
        progress.show(["s1"], 1)
        progress.end("s1", failed=False)
    assert file.getvalue() == "done 1/2  s1\n"


def test_a_line_has_no_password_and_commands_nothing() -> None:
    file = io.StringIO()
    with ProgressBar(1, file) as progress:
        progress.say("fatal: https://alice:hunter2@host/a \x1b[2J")
    assert file.getvalue() == "fatal: https://host/a \\x1b[2J\n"


def test_outline() -> None:
    params = load_params(ROOT / "params.yaml")
    plan = [
        Planned(Member("s1", ("seed=1",), params), "done"),
        Planned(Member("s10", ("seed=10",), params), "failed"),
        Planned(Member("s2", ("seed=2",), params), "done"),
    ]
    assert outline("grid", plan, listed=False) == "Sweep grid: 3 members, 2 done already, 1 to try again"
    assert outline("grid", plan, listed=True).splitlines()[1:] == [
        "  s1   done     seed=1",
        "  s10  failed   seed=10",
        "  s2   done     seed=2",
    ]


def test_closing_names_each_failure_and_its_log() -> None:
    text = closing("grid", Result(["s1"], {"s2": "train: " + 1000 * "x"}, ["s3"]))
    assert "1 done, 1 failed, 1 stopped" in text
    assert "failed s2: train: xxx" in text
    assert "log: dvc queue logs s2" in text
    assert max(map(len, text.splitlines())) < 500
    assert "goes on" in text
    assert "again" not in closing("grid", Result(["s1"]))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_interrupts(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with Interruption() as interruption:
        assert not interruption
        os.kill(os.getpid(), number)
        assert interruption
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before
