import pytest

from seqlab.commands.compare.commit_page import commit_page

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("remote", "page"),
    [
        ("https://example.org/who/what.git", "https://example.org/who/what/commit/"),
        ("https://name:token@example.org/who/what", "https://example.org/who/what/commit/"),
        ("git@example.org:who/what.git", "https://example.org/who/what/commit/"),
        ("ssh://git@example.org:2222/who/what.git", "https://example.org/who/what/commit/"),
        ("http://127.0.0.1:3000/who/what.git/", "http://127.0.0.1:3000/who/what/commit/"),
    ],
)
def test_a_commit_has_a_page(remote: str, page: str) -> None:
    assert commit_page(remote, COMMIT) == page + COMMIT


@pytest.mark.parametrize(
    "remote", ["", "/srv/git/what.git", "../what", "file:///srv/what", "javascript://x/%0aalert(1)"]
)
def test_a_remote_that_is_not_on_the_web_has_none(remote: str) -> None:
    assert commit_page(remote, COMMIT) == ""


def test_a_commit_that_is_none_has_no_page() -> None:
    assert commit_page("https://example.org/who/what", 'x"><script>') == ""
