"""The address of the MLflow server, or of the SQLite database that stands in for one."""

import os
from pathlib import Path
from urllib.parse import urlsplit

SQLITE = "sqlite:///"


def tracking_uri(root: Path) -> str:
    """MLFLOW_TRACKING_URI, or the database of working copy `root`; a relative SQLite path counts from `root`."""
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}mlflow.db"
    if uri.startswith(SQLITE):
        return SQLITE + str(root.resolve() / uri.removeprefix(SQLITE))
    return uri


def is_absent(uri: str) -> bool:
    """Whether it is a database that nobody has made yet; to ask a question, none is made."""
    return uri.startswith(SQLITE) and not Path(uri.removeprefix(SQLITE)).exists()


def is_server(uri: str) -> bool:
    """Whether a server over HTTP is asked, and not a database."""
    return urlsplit(uri).scheme in ("http", "https")


def database(uri: str) -> Path | None:
    """The database's file; None of a server."""
    return Path(uri.removeprefix(SQLITE)) if uri.startswith(SQLITE) else None
