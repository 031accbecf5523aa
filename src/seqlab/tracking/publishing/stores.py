"""Where a server may say that artifacts lie: never on this machine, nor where a password for the server would go to.

MLflow's client reads from and writes to whatever address the server names for a run or a model. A server that lies
could have our files written into any folder here, have any folder taken for a run's, or have the name and the password
that are meant for it sent to somebody else.
"""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from seqlab.system.addresses import stripped
from seqlab.tracking.publishing.uri import is_server

if TYPE_CHECKING:
    from mlflow.store.artifact.artifact_repo import ArtifactRepository

LOCAL = ("", "file")
# MLflow sends them what MLFLOW_TRACKING_USERNAME, _PASSWORD and _TOKEN say.
WITH_PASSWORD = ("http", "https", "mlflow-artifacts")


def check_stores() -> None:
    """From now on, refuse such addresses when a client of a server over HTTP asks for them."""
    from mlflow.store.artifact.artifact_repository_registry import get_registered_artifact_repositories

    # What MLflow calls repositories are their makers.
    makers: dict[str, Any] = get_registered_artifact_repositories()
    for scheme in (*LOCAL, *WITH_PASSWORD):
        if not hasattr(makers[scheme], "__wrapped__"):
            makers[scheme] = _checked(makers[scheme])


def _checked(make: "Callable[..., ArtifactRepository]") -> "Callable[..., ArtifactRepository]":
    """Make what MLflow reads artifacts with, unless their address is refused."""
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

    @wraps(make)
    def checked(
        artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None
    ) -> "ArtifactRepository":
        # Where MLflow names no server, the address is our own.
        if tracking_uri is not None and not may_name(tracking_uri, artifact_uri):
            raise MlflowException(
                f"artifacts at {stripped(artifact_uri)[:200]!r} are not touched: that is a folder of this machine or "
                "another server, and a server may name neither; `mlflow server --artifacts-destination` serves them",
                error_code=INVALID_PARAMETER_VALUE,
            )
        return make(artifact_uri, tracking_uri=tracking_uri, registry_uri=registry_uri)

    return checked


def may_name(server: str, address: str) -> bool:
    """Whether what `server` says may lead to `address`; a database on the other hand says what its user chose."""
    if not is_server(server):
        return True
    parts = urlsplit(address)
    if parts.scheme in LOCAL:
        return False
    return parts.scheme not in WITH_PASSWORD or parts.netloc in ("", urlsplit(server).netloc.rpartition("@")[2])
