"""Addresses that may hold a name and a password: what may be shown of them, and which are misread by everybody.

Every text that may have an address in it (a message, a log, another program's words) goes through `stripped` before
people see it.
"""

import re

from seqlab.core.errors import SeqlabError

# Up to the last @ of a word: what a password was not encoded for would end it early. Files have no password;
# models:/NAME@ALIAS is MLflow's for a model. Of a mistyped address one slash may be all there is, or name:password@host
# without a scheme.
_WORD = re.compile(r"[^\s'\"<>]+")
_SCHEME_END = re.compile(r"(?<!sqlite)(?<!file)(?:://|(?<!models):[/\\]+)")
_NAME = re.compile(r"(?<![\w.+%-])[\w.+%-]+:(?![/\\])")
# MLflow's viewStateShareKey names a view, and opens nothing.
_QUERY = re.compile(
    r"(?i)([?&;#](?!viewStateShareKey=)[\w-]*"
    r"(?:password|passwd|passphrase|pwd|pass|token|secret|key|sig|signature|credentials?|auth|authorization|jwt)=)"
    r"[^&;\s'\"<>]+"
)
_FILES = ("sqlite", "file")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")


def stripped(text: str) -> str:
    """`text` in which no address has a name or a password any more."""
    return _QUERY.sub(r"\1…", _WORD.sub(_without_user, text))


def _without_user(word: re.Match[str]) -> str:
    before, at, after = word[0].rpartition("@")
    if not at:
        return word[0]
    if scheme := _SCHEME_END.search(before):
        return before[: scheme.end()] + after
    if name := _NAME.search(before):
        return before[: name.start()] + after
    return word[0]


def check_address(address: str, name: str) -> None:
    """Refuse what is neither an address nor a path, and an address whose password has characters that end it early, so
    that pieces of it are taken for the host.

    Args:
        address: Of a server or a database.
        name: What it is called in messages, such as MLFLOW_TRACKING_URI.

    Raises:
        SeqlabError: it is neither, or such characters stand in it unencoded; the message has nothing of the address.
    """
    scheme, separator, rest = address.partition("://")
    if scheme.startswith(tuple(f"{each}:" for each in _FILES)) or (separator and scheme.startswith(_FILES)):
        return
    if not (_SCHEME.fullmatch(scheme) if separator else {*address}.isdisjoint(":@")):
        raise SeqlabError(
            f"{name}: this is neither an address, such as https://mlflow.example.com, nor the path of a folder"
        )
    if not separator:
        return
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    # Requests looks for the last @ of the host's part, SQLAlchemy for the first.
    ends_early = "@" in rest[len(authority) :] or (not scheme.startswith("http") and authority.count("@") > 1)
    if ends_early or re.search(r"[\s'\"<>]", rest):
        raise SeqlabError(
            f"{name}: the name or the password in this {scheme}:// address holds one of @ / ? # or a space, which must "
            "be percent-encoded: @ is %40, / is %2F, ? is %3F, # is %23"
        )
