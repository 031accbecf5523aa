"""The team's servers, started for real: PostgreSQL, an S3-compatible store, and MLflow on both."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import requests

from benchmarks.ports import free_port
from tests.team.compose import Service, load_service
from tests.tracking.mlflow_server import wait_for

PYTHON_PACKAGES = ("boto3", "dvc_s3", "moto", "psycopg")
# PostgreSQL refuses to run as root; Debian's package makes this user.
UNPRIVILEGED = "postgres"
SECRETS = {
    "DATABASE_PASSWORD": "database-secret",
    "STORE_ADMIN_SECRET": "admin-secret",
    "STORE_MLFLOW_SECRET": "mlflow-secret",
    "STORE_DVC_SECRET": "dvc-secret",
}


def missing() -> str:
    """What the servers need and this machine lacks; empty if nothing."""
    lacking = [name for name in PYTHON_PACKAGES if importlib.util.find_spec(name) is None]
    if _postgres_programs() is None:
        lacking.append("PostgreSQL")
    return ", ".join(lacking)


@dataclass(frozen=True)
class Team:
    """Addresses of the running servers."""

    tracking_uri: str
    store_url: str
    database: str
    store: subprocess.Popen[bytes]

    @contextmanager
    def frozen_store(self) -> Iterator[None]:
        """Meanwhile the store takes connections and answers nothing."""
        os.killpg(self.store.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.store.pid, signal.SIGCONT)

    def objects(self, bucket: str) -> list[str]:
        """The names of all objects in a bucket."""
        boto3, unsigned = import_module("boto3"), import_module("botocore").UNSIGNED
        config = import_module("botocore.config").Config(signature_version=unsigned)
        client = boto3.client("s3", endpoint_url=self.store_url, region_name="us-east-1", config=config)
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [each["Key"] for page in pages for each in page.get("Contents", [])]

    def query(self, statement: str) -> tuple[object, ...]:
        """The first row of what the database answers."""
        address = f"postgresql://mlflow@{self.database}/mlflow"
        with import_module("psycopg").connect(address, password=SECRETS["DATABASE_PASSWORD"]) as connection:
            return tuple(connection.execute(statement).fetchone())


@contextmanager
def team(folder: Path) -> Iterator[Team]:
    """All three, with their logs in `folder`; none of them outlives the block."""
    with postgres(folder) as database, s3_store(folder) as (store_url, store):
        port = free_port()
        places = {
            "database:5432": database,
            "http://store:8333": store_url,
            "=0.0.0.0": "=127.0.0.1",
            "=5000": f"={port}",
        }
        buckets = load_service("buckets", SECRETS, places)
        # A second start finds them there.
        for _ in range(2):
            subprocess.run(buckets.command, env=_environment(buckets), check=True)
        uri = f"http://127.0.0.1:{port}"
        with running(load_service("mlflow", SECRETS, places), folder / "mlflow.log", lambda: _answers(f"{uri}/health")):
            yield Team(uri, store_url, database, store)


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A new database `mlflow`, owned by a user of that name; its host and port."""
    programs = _postgres_programs()
    assert programs is not None
    port = free_port()
    user = UNPRIVILEGED if os.geteuid() == 0 else None
    # Nobody else may look into pytest's folders.
    with tempfile.TemporaryDirectory(prefix="seqlab-postgres-", ignore_cleanup_errors=True) as place:
        password = Path(place, "password")
        password.write_text(SECRETS["DATABASE_PASSWORD"], "utf-8")
        if user:
            shutil.chown(place, user)
            shutil.chown(password, user)
        initdb = [programs / "initdb", "--username=mlflow", "--auth=scram-sha-256", f"--pwfile={password}", "--no-sync"]
        _run_as(user, [*map(str, initdb), "--encoding=UTF8", f"--pgdata={place}/data"])
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": place,
            "fsync": "off",
        }
        command = [
            f"{programs}/postgres",
            "-D",
            f"{place}/data",
            *(f"--{key}={value}" for key, value in settings.items()),
        ]
        service = Service(command, {})
        address = ["--host=127.0.0.1", f"--port={port}", "--username=mlflow"]
        ready = [f"{programs}/pg_isready", "--quiet", *address]
        # Its children are in no group of ours; told to end, it takes them with it.
        with running(service, folder / "postgres.log", lambda: _succeeds(ready), end=signal.SIGINT, user=user):
            secret = {"PGPASSWORD": SECRETS["DATABASE_PASSWORD"]}
            subprocess.run([f"{programs}/createdb", *address, "mlflow"], env=os.environ | secret, check=True)
            yield f"127.0.0.1:{port}"


@contextmanager
def s3_store(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """An S3-compatible store in memory, which takes any key; its address and process."""
    port = free_port()
    service = Service([sys.executable, "-m", "moto.server", "--host=127.0.0.1", f"--port={port}"], {})
    url = f"http://127.0.0.1:{port}"
    with running(service, folder / "store.log", lambda: _answers(f"{url}/moto-api/")) as process:
        yield url, process


@contextmanager
def running(
    service: Service,
    log: Path,
    answers: Callable[[], bool],
    *,
    end: signal.Signals = signal.SIGKILL,
    user: str | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A server in a process group of its own, from when it answers to the end of the block."""
    with open(log, "ab") as output:
        process = subprocess.Popen(
            service.command,
            env=_environment(service),
            cwd="/",
            user=user,
            extra_groups=[] if user else None,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

    def is_up() -> bool:
        assert process.poll() is None, log.read_text("utf-8")
        return answers()

    try:
        wait_for(is_up, seconds=300)
        yield process
    finally:
        os.killpg(process.pid, end)
        process.wait()


def _environment(service: Service) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "AWS_", "PG"))}
    return inherited | service.environment


def _run_as(user: str | None, command: list[str]) -> None:
    subprocess.run(command, user=user, extra_groups=[] if user else None, cwd="/", check=True, capture_output=True)


def _postgres_programs() -> Path | None:
    """The folder of the newest PostgreSQL server that we may start; Debian keeps it off the path."""
    if os.geteuid() == 0 and UNPRIVILEGED not in {each.pw_name for each in pwd.getpwall()}:
        return None
    folders = [*Path("/usr/lib/postgresql").glob("*/bin"), *map(Path, os.get_exec_path())]
    complete = [each for each in folders if all((each / name).exists() for name in ("postgres", "initdb", "createdb"))]
    return max(complete, key=lambda each: int(each.parent.name) if each.parent.name.isdigit() else 0, default=None)


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, check=False).returncode == 0


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False
