import pytest

from seqlab.core.errors import SeqlabError
from seqlab.tracking.journal.launch import check_switch


@pytest.mark.parametrize("value", ["", "on", "off", "OFF"])
def test_a_switch_that_says_what_is_wanted(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQLAB_PUBLISHER", value)
    check_switch()


def test_a_switch_that_says_neither_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQLAB_PUBLISHER", "no")
    with pytest.raises(SeqlabError, match="SEQLAB_PUBLISHER=no: write on"):
        check_switch()
