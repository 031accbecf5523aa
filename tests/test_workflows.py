"""The workflows of continuous integration: valid, without known weaknesses, and the comment's script as it runs."""

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from ruamel.yaml import YAML

from seqlab.commands.ci.changes import Change
from seqlab.commands.ci.markdown import render_summary
from tests.commands.ci.samples import integration
from tests.reporting.test_markdown import CALLS

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".github/workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))
PIN = re.compile(r"uses: [\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
MARKER = "<!-- seqlab: experiment -->"


def load(name: str) -> dict[str, Any]:
    return dict(YAML(typ="safe", pure=True).load(FOLDER / f"{name}.yml"))


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def needs(package: str) -> pytest.MarkDecorator:
    found = importlib.util.find_spec(package.replace("-", "_"))
    return pytest.mark.skipif(found is None, reason=f"{package} is not installed")


@needs("check-jsonschema")
@pytest.mark.parametrize(
    ("schema", "files"), [("github-workflows", WORKFLOWS), ("dependabot", [ROOT / ".github/dependabot.yml"])]
)
def test_they_are_what_github_reads(schema: str, files: list[Path]) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", *map(str, files)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_zizmor_finds_nothing() -> None:
    zizmor = Path(sys.executable).with_name("zizmor")
    if not zizmor.is_file():
        pytest.skip("zizmor is not installed")
    command = [str(zizmor), "--offline", "--no-progress", str(ROOT / ".github")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_each_is_hardened(path: Path) -> None:
    text = path.read_text("utf-8")
    workflow = load(path.stem)
    assert len(PIN.findall(text)) == text.count("uses: ")
    assert workflow["permissions"] in ({}, {"contents": "read"})
    assert "concurrency" in workflow
    assert "pull_request_target" not in text
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 180
    for step in steps(workflow):
        # What an event says is never pasted into a program.
        assert "${{" not in step.get("run", "") + step.get("with", {}).get("script", "")
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_the_oldest_and_the_newest_python_are_tested_and_one_on_macos() -> None:
    bounds = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["requires-python"]
    oldest, above = re.findall(r"3\.(\d+)", bounds)
    places = load("tests")["jobs"]["tests"]["strategy"]["matrix"]["include"]
    on_linux = {each["python"] for each in places if each["system"].startswith("ubuntu")}
    assert on_linux == {f"3.{oldest}", f"3.{int(above) - 1}"}
    assert [each["system"].partition("-")[0] for each in places if each["python"] not in on_linux] == ["macos"]


def test_all_pins_are_asked_for_known_weaknesses() -> None:
    commands = "\n".join(step.get("run", "") for step in load("tests")["jobs"]["audit"]["steps"])
    for path in ROOT.glob("requirements*.txt"):
        assert f" {path.name}" in commands
    assert commands.count('pip-audit" --disable-pip') == 2


def test_what_may_write_runs_nothing_of_a_pull_request() -> None:
    workflow = load("comment")
    assert list(workflow["on"]) == ["workflow_run"]
    assert [step["uses"].split("@")[0] for step in steps(workflow)] == [
        "actions/download-artifact",
        "actions/github-script",
    ]
    for name in ("tests", "experiment"):
        assert all("permissions" not in job for job in load(name)["jobs"].values())


def test_secrets_reach_only_the_steps_that_need_them() -> None:
    for path in WORKFLOWS:
        workflow = load(path.stem)
        holders = [step.get("name") for step in steps(workflow) if "secrets." in json.dumps(step)]
        assert holders == (
            ["Configure DVC's remote", "Run what the change asks for"] if path.stem == "experiment" else []
        )
        for step in steps(workflow):
            step.pop("env", None)
        assert "secrets." not in json.dumps(workflow)


def test_it_starts_on_whatever_a_stage_depends_on() -> None:
    pipeline = YAML(typ="safe", pure=True).load(ROOT / "dvc.yaml")["stages"].values()
    outs = [out for stage in pipeline for out in [*stage["outs"], *stage.get("metrics", [])]]
    sources = {
        dep
        for stage in pipeline
        for dep in stage["deps"]
        if not any(dep == out or dep.startswith(f"{out}/") for out in outs)
    }
    events = load("experiment")["on"]
    for event in ("push", "pull_request"):
        folders = tuple(path.removesuffix("**") for path in events[event]["paths"] if path.endswith("/**"))
        assert all(f"{source}/".startswith(folders) for source in sources)
        assert {"params.yaml", "dvc.yaml", "dvc.lock", "versions.toml"} < set(events[event]["paths"])


NODE = """
const [script, payload, pulls, comments, path] = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
process.env.RUNNER_TEMP = path;
const calls = [];
const record = (name) => async (argument) => { calls.push([name, argument]); return { data: pulls }; };
const github = {
  paginate: async () => comments,
  rest: {
    pulls: { list: record('list') },
    issues: { listComments: null, updateComment: record('update'), createComment: record('create') },
  },
};
const context = { payload, repo: { owner: 'o', repo: 'r' } };
const core = { notice: (text) => calls.push(['notice', text]) };
const AsyncFunction = (async () => {}).constructor;
new AsyncFunction('github', 'context', 'core', 'require', script)(github, context, core, require)
  .then(() => console.log(JSON.stringify(calls)));
"""
RUN = {
    "id": 7,
    "html_url": "https://github.com/o/r/actions/runs/7",
    "head_sha": "a" * 40,
    "head_branch": "patch-1",
    "head_repository": {"owner": {"login": "stranger"}},
}
PULL = {"number": 12, "head": {"sha": "a" * 40}}


@cache
def _why_not(node: Path) -> str:
    """Why a program does not start, such as a library that a small system lacks; empty if it does."""
    return subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stderr.strip()


def comment(
    folder: Path, text: str | None, *, pulls: list[Any] | None = None, comments: list[Any] | None = None
) -> list[list[Any]]:
    """Run the comment's script; return its calls of GitHub's interface."""
    driver = importlib.util.find_spec("playwright")
    node = Path(driver.origin or "").parent / "driver/node" if driver else Path()
    if not node.is_file():
        pytest.skip("playwright, whose Node.js runs the script, is not installed")
    if why_not := _why_not(node):
        pytest.skip(f"playwright's Node.js does not start here: {why_not}")
    if text is not None:
        (folder / "comparison").mkdir()
        (folder / "comparison/comparison.md").write_text(text, "utf-8")
    script = steps(load("comment"))[-1]["with"]["script"]
    given = [script, {"workflow_run": RUN}, [PULL] if pulls is None else pulls, comments or [], str(folder)]
    result = subprocess.run(
        [str(node), "-e", NODE], input=json.dumps(given), capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 0, result.stderr
    return list(json.loads(result.stdout))


def test_the_first_comparison_is_a_new_comment(tmp_path: Path) -> None:
    stranger = {"id": 1, "user": {"login": "stranger"}, "body": f"{MARKER} mine"}
    other = {"id": 2, "user": {"login": "github-actions[bot]"}, "body": "of another workflow"}
    asked, made = comment(tmp_path, "## BLEU 30.0", comments=[stranger, other])
    assert asked == ["list", {"owner": "o", "repo": "r", "state": "open", "head": "stranger:patch-1"}]
    assert made[0] == "create"
    assert made[1]["issue_number"] == 12
    assert made[1]["body"].startswith(MARKER)
    assert made[1]["body"].endswith("## BLEU 30.0")


def test_the_next_one_takes_its_place(tmp_path: Path) -> None:
    earlier = {"id": 3, "user": {"login": "github-actions[bot]"}, "body": f"{MARKER}\nold"}
    _, made = comment(tmp_path, "new", comments=[earlier])
    assert made[0] == "update"
    assert made[1]["comment_id"] == 3


def test_a_pull_request_that_went_on_gets_no_old_comparison(tmp_path: Path) -> None:
    calls = comment(tmp_path, "old", pulls=[{"number": 12, "head": {"sha": "b" * 40}}])
    assert [call[0] for call in calls] == ["list", "notice"]


def test_a_stranger_s_text_stays_text(tmp_path: Path) -> None:
    text = f"@octocat {MARKER} <img src=x> ![x](https://a.b) <details><summary>x</summary><code>1</code></details>"
    _, made = comment(tmp_path, text)
    body = made[1]["body"].removeprefix(MARKER)
    assert "@octocat" not in body
    assert "octocat" in body
    assert "<img" not in body
    assert "![" not in body
    assert "<!--" not in body
    assert "<details><summary>x</summary><code>1</code></details>" in body


RENDERER = MarkdownIt("gfm-like", {"html": True, "linkify": False})
STRANGE = (
    "&#64;octocat", "&#0064;octocat", "&#x40;octocat", "&commat;octocat", "\\@octocat", "@\u200boctocat", "a@b.c",
    "#12", "owner/name#12", "&num;12", "&#35;12", "GH-12", "gh-12", "&#71;H-12", "\\#12",
    "[x](https://a.b)", "[x][y]\n\n[y]: https://a.b", "[x](//a.b)", "[x]: /a", "[x](mailto:a@b.c)", "https://a.b",
    "www.a.b", "http&#58;//a.b", "&lsqb;x&rsqb;(https://a.b)", "<https://a.b>", "WWW.a.b", "a\u202eb\x1b]0;x\x07",
)  # fmt: skip


@pytest.mark.parametrize("text", STRANGE)
def test_a_stranger_s_text_calls_nobody_and_links_nowhere(tmp_path: Path, text: str) -> None:
    _, made = comment(tmp_path, f"## BLEU\n\n{text} and [this run]({RUN['html_url']}).")
    body = made[1]["body"].split("\n", 2)[2]
    html = RENDERER.render(body)
    links = re.findall(r'href="([^"]*)"', html)
    assert links == [RUN["html_url"]]
    shown = unescape(re.sub(r"<[^>]*>", "", html))
    assert not CALLS.search(shown)
    assert not set(shown) & set("\u202e\x1b\x07")
    assert "<h2>BLEU</h2>" in html


def test_our_own_summary_passes_as_it_is(tmp_path: Path) -> None:
    change = Change("params.yaml", "a|b_", "<x> `y` *z* [1] $2$ ~3~ \\", "é & @name #12")
    text = render_summary(integration(parameters=[change], notes=["see https://a.b"]))
    _, made = comment(tmp_path, text)
    body = made[1]["body"].split("\n", 2)[2].strip()
    assert RENDERER.render(body) == RENDERER.render(text)


@pytest.mark.parametrize("text", ["x" * 100_000, "<" * 100_000, "@" * 100_000])
def test_a_long_text_is_cut(tmp_path: Path, text: str) -> None:
    _, made = comment(tmp_path, text)
    assert len(made[1]["body"]) <= 65_536


@pytest.mark.parametrize("text", [None, "x" * (2 << 20)])
def test_none_or_far_too_large(tmp_path: Path, text: str | None) -> None:
    _, made = comment(tmp_path, text)
    assert "It made no comparison" in made[1]["body"]


def test_a_link_to_another_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "comparison").mkdir()
    (tmp_path / "comparison/comparison.md").symlink_to("/etc/passwd")
    _, made = comment(tmp_path, None)
    assert "It made no comparison" in made[1]["body"]
