"""Addresses that may hold a name and a password: what may be shown of them, and which are misread by everybody.

Every text that may have an address in it (a message, a log, another program's words) goes through `stripped` before
people see it.
"""

import re

from seqlab.core.errors import SeqlabError

# Up to the last @: what a password was not encoded for would end it early. Files have no password.
_USER = re.compile(r"(?<!sqlite)(?<!file)://[^\s'\"<>]*@")
# MLflow's viewStateShareKey names a view, and opens nothing.
_QUERY = re.compile(
    r"(?i)([?&;#](?!viewStateShareKey=)(?:[\w-]*password|passwd|pwd|[\w-]*token|[\w-]*secret|[\w-]*key)=)[^&;\s'\"<>]+"
)
_FILES = ("sqlite", "file")


def stripped(text: str) -> str:
    """`text` in which no address has a name or a password any more."""
    return _QUERY.sub(r"\1…", _USER.sub("://", text))


def check_address(address: str, name: str) -> None:
    """Refuse an address whose password has characters that end it early, so that pieces of it are taken for the host.

    Args:
        address: Of a server or a database.
        name: What it is called in messages, such as MLFLOW_TRACKING_URI.

    Raises:
        SeqlabError: such characters stand in it unencoded; the message has nothing of the address.
    """
    scheme, separator, rest = address.partition("://")
    if not separator or scheme.startswith(_FILES):
        return
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    # Requests looks for the last @ of the host's part, SQLAlchemy for the first.
    ends_early = "@" in rest[len(authority) :] or (not scheme.startswith("http") and authority.count("@") > 1)
    if ends_early or re.search(r"[\s'\"<>]", rest):
        raise SeqlabError(
            f"{name}: the name or the password in this {scheme}:// address holds one of @ / ? # or a space, which must "
            "be percent-encoded: @ is %40, / is %2F, ? is %3F, # is %23"
        )
