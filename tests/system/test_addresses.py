import pytest

from seqlab.core.errors import SeqlabError
from seqlab.system.addresses import check_address, stripped

SECRETS = ("user", "p@ss", "w0rd", "ss/", "hunter2")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://user:hunter2@host:5000/a", "http://host:5000/a"),
        ("postgresql://user:p@ss/w0rd@host/db", "postgresql://host/db"),
        ("at 'https://user:p@ss/w0rd?#@host' and \"ftp://user@h\".", "at 'https://host' and \"ftp://h\"."),
        ("mysql+pymysql://host/db?user=a&password=hunter2&ssl=1", "mysql+pymysql://host/db?user=a&password=…&ssl=1"),
        ("https://bucket/key?X-Amz-Security-Token=hunter2", "https://bucket/key?X-Amz-Security-Token=…"),
        ("git@github.com:seqlab/seqlab.git models:/a@champion", "git@github.com:seqlab/seqlab.git models:/a@champion"),
        ("sqlite:////home/me@work/mlflow.db", "sqlite:////home/me@work/mlflow.db"),
        ("file:///home/me@work/mlartifacts", "file:///home/me@work/mlartifacts"),
        ("http://host:5000/#/experiments/1", "http://host:5000/#/experiments/1"),
        ("http://host/#/1?viewStateShareKey=seqlab&a=1", "http://host/#/1?viewStateShareKey=seqlab&a=1"),
        ("https://host/a#access_token=hunter2&b=1", "https://host/a#access_token=…&b=1"),
        ("http:/user:hunter2@host/a", "http:/host/a"),
        ("http:user:hunter2@host/a", "host/a"),
        ("https//user:hunter2@host", "https//host"),
        ("http:\\\\user:hunter2@host", "http:\\\\host"),
        ("at user:hunter2@host: refused", "at host: refused"),
        ("file:/home/me@work sqlite:/me@work HEAD@{1}", "file:/home/me@work sqlite:/me@work HEAD@{1}"),
        ("https://a/x?sv=1&sig=hunter2%3D&se=2", "https://a/x?sv=1&sig=…&se=2"),
        (
            "https://b/x?X-Amz-Credential=hunter2&X-Amz-Signature=hunter2",
            "https://b/x?X-Amz-Credential=…&X-Amz-Signature=…",
        ),
        ("https://h/?pass=hunter2&auth=hunter2&credential=hunter2", "https://h/?pass=…&auth=…&credential=…"),
        ("https://h/?passphrase=hunter2&jwt=hunter2&Signature=hunter2", "https://h/?passphrase=…&jwt=…&Signature=…"),
        ("https://host/a?api_key=hunter2&sshKey=hunter2", "https://host/a?api_key=…&sshKey=…"),
    ],
)
def test_what_is_shown_of_an_address(text: str, shown: str) -> None:
    assert stripped(text) == shown
    assert not [secret for secret in SECRETS[1:] if secret in shown]


@pytest.mark.parametrize("beginning", ["://", "a:", "a:/", "&", "x@"])
def test_a_text_of_beginnings_does_not_take_for_ever(beginning: str) -> None:
    text = beginning * ((1 << 20) // len(beginning))
    assert stripped(text).startswith(beginning[:1])


@pytest.mark.parametrize("password", ["p@ss/w0rd", "a/b", "a?b", "a#b", "a b", "1/2@"])
@pytest.mark.parametrize("scheme", ["http", "postgresql", "mysql+pymysql"])
def test_an_address_that_everybody_misreads_is_refused_unseen(scheme: str, password: str) -> None:
    with pytest.raises(SeqlabError, match=r"MLFLOW_TRACKING_URI: .* must be percent-encoded: @ is %40") as caught:
        check_address(f"{scheme}://user:{password}@host/db", "MLFLOW_TRACKING_URI")
    assert password not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    ["http:/user:hunter2@host", "http:user:hunter2@host", "https//user:hunter2@host", "user:hunter2@host",
     "hunter2@host", "user:hunter2@http://host", "://user:hunter2@host", "http:\\\\user:hunter2@host", "host:5000"],
)  # fmt: skip
def test_what_is_neither_an_address_nor_a_path_is_refused_unseen(address: str) -> None:
    with pytest.raises(SeqlabError, match="MLFLOW_TRACKING_URI: this is neither an address, such as") as caught:
        check_address(address, "MLFLOW_TRACKING_URI")
    assert address.removeprefix("http:") not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "http://user:p%40ss%2Fw0rd@host/",
        "https://user:p@ss@host",
        "postgresql://u:p@h/db",
        "sqlite:////a@b/c d.db",
        "x",
        "../mlruns",
        "/srv/mlruns",
        "file:/srv/me@work",
        "databricks",
    ],
)
def test_an_address_that_is_read_as_it_is_meant_is_let_through(address: str) -> None:
    check_address(address, "MLFLOW_TRACKING_URI")
