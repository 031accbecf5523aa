"""deploy/compose.yaml without containers: its schema, its ports, its secrets and its versions."""

import json
import re
import subprocess
import sys

from tests.team.compose import DEPLOY, VARIABLE, fill_in, load_compose

ROOT = DEPLOY.parent
SECRET = re.compile(r"PASSWORD|SECRET")


def example() -> dict[str, str]:
    lines = (DEPLOY / ".env.example").read_text("utf-8").splitlines()
    return dict(line.removeprefix("#").split("=", 1) for line in lines if re.match(r"#?[A-Z_]+=", line))


def variables() -> set[str]:
    text = (DEPLOY / "compose.yaml").read_text("utf-8")
    return {match["name"] for match in VARIABLE.finditer(text)}


def test_it_is_what_the_compose_specification_says() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, str(DEPLOY / "compose.yaml")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_nobody_else_reaches_a_port_unless_asked_to() -> None:
    ports = [port for service in load_compose()["services"].values() for port in service.get("ports", [])]
    assert len(ports) == 2
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_secrets_come_from_the_environment_alone() -> None:
    """Each is required, the example names it, and nobody starts with the example's value."""
    assert variables() == set(example())
    secrets = {name: value for name, value in example().items() if SECRET.search(name)}
    assert len(secrets) == 4
    assert set(secrets.values()) == {""}
    text = (DEPLOY / "compose.yaml").read_text("utf-8")
    for match in VARIABLE.finditer(text):
        assert match["sign"] == ("?" if match["name"] in secrets else "-")
    assert "/.env" in f"/{(DEPLOY / '.gitignore').read_text('utf-8').strip()}"


def test_every_container_has_a_key_of_its_own() -> None:
    """MLflow's reaches one bucket, DVC's the other, and each key that a service has is one that the store knows."""
    values = {name: f"<{name}>" for name in variables()}
    compose = load_compose()
    identities = json.loads(fill_in(compose["configs"]["store"]["content"], values))["identities"]
    keys = {each["credentials"][0]["accessKey"]: each["credentials"][0]["secretKey"] for each in identities}
    assert len(set(keys.values())) == len(keys) == 3
    for name in ("buckets", "mlflow"):
        environment = compose["services"][name]["environment"]
        assert keys[environment["AWS_ACCESS_KEY_ID"]] == fill_in(environment["AWS_SECRET_ACCESS_KEY"], values)
    actions = {each["name"]: {action.partition(":")[2] for action in each["actions"]} for each in identities}
    assert actions == {"admin": {""}, "mlflow": {"mlflow"}, "dvc": {"dvc"}}


def test_the_image_has_the_versions_that_the_project_is_tested_with() -> None:
    pins = (ROOT / "requirements.txt").read_text("utf-8")
    (version,) = re.findall(r"^mlflow==(\S+)", pins, re.MULTILINE)
    services = load_compose()["services"]
    assert services["mlflow"]["image"] == services["buckets"]["image"] == f"seqlab-mlflow:{version}"
    dockerfile = (DEPLOY / "Dockerfile").read_text("utf-8")
    assert "--no-deps --require-hashes -r requirements.txt -r requirements-team.txt" in dockerfile
    assert all(re.search(r":.*\d", service["image"]) for service in services.values())
