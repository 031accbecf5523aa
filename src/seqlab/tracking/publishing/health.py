"""Whether an MLflow server answers."""

import os

from seqlab.core.errors import SeqlabError
from seqlab.system.addresses import stripped

# A server that lives answers at once.
SECONDS = 5


def check_health(uri: str) -> None:
    """Ask the server at `uri` whether it is well.

    Raises:
        SeqlabError: it does not answer, or with an error.
    """
    import requests

    address = stripped(uri)
    name, password = (os.environ.get(f"MLFLOW_TRACKING_{part}") for part in ("USERNAME", "PASSWORD"))
    try:
        answer = requests.get(
            f"{uri.rstrip('/')}/health", auth=(name, password or "") if name else None, timeout=SECONDS
        )
    except requests.RequestException as error:
        raise SeqlabError(
            f"MLflow at {address} does not answer ({type(error).__name__}): start it, or correct MLFLOW_TRACKING_URI; "
            "training goes on without it, and `seqlab sync` publishes later"
        ) from None
    if not answer.ok:
        raise SeqlabError(f"MLflow at {address} answers with status {answer.status_code}: see MLFLOW_TRACKING_URI")
