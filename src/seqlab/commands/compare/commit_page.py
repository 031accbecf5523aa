"""The web page of a run's commit."""

import re

_SCP = re.compile(r"(?:[\w.-]+@)?([\w.-]+):(?!//)([\w./~-]+)")
_URL = re.compile(r"(?:https?|ssh|git)://(?:[^@/\s]+@)?([\w.-]+(?::\d+)?)/([\w./~-]+)")
_COMMIT = re.compile(r"[0-9a-f]{7,64}")


def commit_page(remote: str, commit: str) -> str:
    """Web page of a commit, as GitHub, GitLab and Gitea have it; "" where the remote is none on the web.

    Names and passwords in the remote's address are left out.
    """
    match = _URL.fullmatch(remote) or _SCP.fullmatch(remote)
    if not match or not _COMMIT.fullmatch(commit):
        return ""
    host, path = match.groups()
    scheme = "http" if remote.startswith("http://") else "https"
    if not remote.startswith("http"):
        # A port of SSH's is none of the web's.
        host = host.split(":")[0]
    return f"{scheme}://{host}/{path.removesuffix('/').removesuffix('.git')}/commit/{commit}"
