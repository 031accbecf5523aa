"""What MLflow, its database and its connection raise, as one message: whom it concerns, and what to do."""

import errno
import sqlite3
import textwrap
from collections.abc import Iterator

from seqlab.core.errors import SeqlabError
from seqlab.system.addresses import stripped

LONGEST = 300
# What a server says of itself, not of what it was asked for.
OF_THE_SERVER = {"TEMPORARILY_UNAVAILABLE", "RESOURCE_EXHAUSTED", "REQUEST_LIMIT_EXCEEDED", "UNAUTHENTICATED"}
# A file or folder that is gone or closed to us; all else, such as a full disk, is every run's trouble.
OF_ONE_FILE = {errno.ENOENT, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP}
DAMAGED = ("file is not a database", "malformed", "file is encrypted")
# Where the package has another name than the module.
PACKAGES = {"psycopg": "psycopg[binary]", "psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient"}


class ServerError(SeqlabError):
    """The server does not answer, or is in trouble: what was asked of it may succeed another time."""


class RefusedError(SeqlabError):
    """The server answered, and refused what concerns one run or one file: the others may well succeed."""


def described(error: BaseException) -> str:
    """The words of an error in one line, without passwords, and not cut in mid-word."""
    text = stripped(str(error)).partition("[SQL:")[0].partition("(Background on this error")[0]
    lines = textwrap.wrap(text, LONGEST, break_on_hyphens=False)
    if not lines:
        return type(error).__name__
    return lines[0].rstrip(": ") + (" …" if len(lines) > 1 else "")


def failure(error: Exception, address: str) -> SeqlabError:
    """The message for `error`; a RefusedError where it concerns one run alone."""
    words = described(error)
    if isinstance(error, ImportError):
        return _missing(error, address)
    if type(error).__name__.startswith("Unsupported") and "URI" in type(error).__name__:
        known = "http, https, postgresql, mysql, mssql and sqlite"
        return SeqlabError(f"MLFLOW_TRACKING_URI: MLflow knows no {address.partition(':')[0]}: addresses, but {known}")
    if "mlflow db upgrade" in str(error):
        return SeqlabError(
            f"the database of MLflow at {address} was made by another version of MLflow; keep a copy of it, then run "
            "`mlflow db upgrade` with its address, and `seqlab sync`"
        )
    if any(_is_damage(each) for each in _causes(error)):
        return SeqlabError(
            f"the database of MLflow at {address} is damaged: {words}; move it away, and `seqlab sync` makes a new one "
            "from the journal: what seqlab wrote comes back, notes and tags by hand do not"
        )
    if _concerns_one_run(error):
        return RefusedError(f"MLflow at {address} refuses: {words}")
    return ServerError(
        f"MLflow at {address}: {words}; nothing is lost: `seqlab sync` publishes it once the server answers"
    )


def _missing(error: ImportError, address: str) -> SeqlabError:
    module = (error.name or "").split(".")[0]
    if not isinstance(error, ModuleNotFoundError) or not module:
        return SeqlabError(f"MLflow at {address} needs a package that cannot be imported: {described(error)}")
    package = PACKAGES.get(module, module)
    return SeqlabError(
        f"MLflow at {address} needs the Python package {package}, which is not installed: `pip install '{package}'`"
    )


def _concerns_one_run(error: Exception) -> bool:
    import requests
    from mlflow.exceptions import MlflowException, RestException

    if isinstance(error, RestException):
        return error.error_code not in OF_THE_SERVER
    if isinstance(error, MlflowException):
        # Without an answer of the server's own, this is the code of all that went wrong on the way.
        return error.error_code not in {*OF_THE_SERVER, "INTERNAL_ERROR"}
    if isinstance(error, requests.HTTPError):
        return error.response is not None and 400 <= error.response.status_code < 500
    if isinstance(error, requests.RequestException):
        return False
    return isinstance(error, OSError) and error.errno in OF_ONE_FILE


def _is_damage(error: BaseException) -> bool:
    return isinstance(error, sqlite3.DatabaseError) and any(words in str(error) for words in DAMAGED)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        # SQLAlchemy keeps the driver's own error here.
        origin = getattr(error, "orig", None)
        if isinstance(origin, BaseException):
            yield origin
        error = error.__cause__ or error.__context__
