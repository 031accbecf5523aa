"""The README is a first page: short, with the two commands, and figures that agree with one another."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
# Bytes.
LONGEST = 10_000


def test_it_is_short() -> None:
    assert len(README.encode()) <= LONGEST


def test_it_begins_with_a_picture_and_two_commands() -> None:
    beginning = README.split("\n## The pipeline\n")[0]
    assert re.findall(r"^\$ (make [a-z]+)\b", beginning, re.MULTILINE) == ["make run", "make test"]
    assert re.findall(r"^!\[.+\]\(docs/[a-z-]+\.png\)$", beginning, re.MULTILINE)
    # Where the check before an installation sends people.
    assert "PIP_EXTRA_INDEX_URL" in beginning


def test_the_figures_of_the_default_run_are_the_same_wherever_they_stand() -> None:
    shown = re.search(r"^BLEU +(\d+\.\d+)  95 % confidence (\[.+?\])  (\S+)$", README, re.MULTILINE)
    assert shown
    table = re.findall(r"^\| BLEU with attention \|.* (\S+) (\[.+?\]) \|$", README, re.MULTILINE)
    assert table == [(f"{float(shown[1]):.1f}", shown[2])]
    assert re.findall(r"Signature:\s+`(.+?)`", README) == [shown[3]]
    counts = re.findall(r"^\| sentences \|(.*)\| ([\d,]+) \|$", README, re.MULTILINE)
    assert [sum(map(int, each.split("|"))) for each, _ in counts] == [int(all_.replace(",", "")) for _, all_ in counts]
