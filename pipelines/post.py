"""A comment on a merge request, written once and from then on changed in its place.

    python -m pipelines.post github|gitlab STACK comment.md

Where the job has no merge request, nothing is posted and a line says so.
"""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from .comment import mark_of

TIMEOUT: Final = 30.0
PAGES: Final = 20
"""Pages of a hundred comments that are looked through."""


class NotPosted(Exception):
    """The comment could not be written; says what was asked and what came."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Thread:
    """Where the comments of one merge request are, in the words of the service's interface."""

    comments: str
    """The address that lists them and takes new ones."""
    one: str
    """The address of one of them, without its number."""
    headers: Mapping[str, str] = field(repr=False)
    method: str = "PATCH"
    """How one is changed."""


def github(environment: Mapping[str, str]) -> Thread | None:
    """Find the pull request of a job of GitHub's."""
    number = re.fullmatch(r"refs/pull/(\d+)/merge", environment.get("GITHUB_REF", ""))
    if number is None:
        return None
    base = (
        f"{environment.get('GITHUB_API_URL', 'https://api.github.com')}/repos/{environment['GITHUB_REPOSITORY']}/issues"
    )
    headers = {"Authorization": f"Bearer {environment['GITHUB_TOKEN']}", "Accept": "application/vnd.github+json"}
    return Thread(comments=f"{base}/{number[1]}/comments", one=f"{base}/comments", headers=headers)


def gitlab(environment: Mapping[str, str]) -> Thread | None:
    """Find the merge request of a job of GitLab's; the job's own token may not write notes, so it is a project's."""
    number = environment.get("CI_MERGE_REQUEST_IID")
    if not number:
        return None
    base = (
        f"{environment['CI_API_V4_URL']}/projects/{environment['CI_MERGE_REQUEST_PROJECT_ID']}"
        f"/merge_requests/{number}/notes"
    )
    headers = {"PRIVATE-TOKEN": environment["AEGIR_GITLAB_TOKEN"]}
    return Thread(comments=base, one=base, headers=headers, method="PUT")


SERVICES: Final = {"github": github, "gitlab": gitlab}


def post(thread: Thread, mark: str, text: str) -> str:
    """Write the comment, or change the one that has the mark; tell which.

    Raises:
        NotPosted: the service refused.
    """
    for page in range(1, PAGES + 1):
        listed = _ask(thread, "GET", f"{thread.comments}?per_page=100&page={page}")
        for comment in listed:
            if str(comment.get("body", "")).startswith(mark):
                _ask(thread, thread.method, f"{thread.one}/{comment['id']}", {"body": text})
                return "changed"
        if len(listed) < 100:
            break
    _ask(thread, "POST", thread.comments, {"body": text})
    return "written"


def _ask(thread: Thread, method: str, url: str, body: Mapping[str, str] | None = None) -> Any:
    data = json.dumps(body).encode() if body is not None else None
    headers = {**thread.headers, "Content-Type": "application/json", "User-Agent": "aegir-pipelines"}
    request = urllib.request.Request(url, data=data, method=method, headers=headers)  # noqa: S310 -- the CI's own address
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as fault:
        raise NotPosted(
            f"{method} {url} was answered with {fault.code} {fault.reason}: may the token write comments?"
        ) from None
    except (OSError, ValueError) as fault:
        raise NotPosted(f"{method} {url} failed: {fault}") from None


def main(arguments: Sequence[str]) -> int:
    """Post a file as the comment of a stack."""
    service, stack, path = arguments
    try:
        thread = SERVICES[service](os.environ)
    except KeyError as missing:
        print(
            f"comment: {missing.args[0]} is not set: docs/howto/run-from-ci.md says what the job needs", file=sys.stderr
        )
        return 1
    if thread is None:
        print("comment: this job belongs to no merge request; nothing was posted")
        return 0
    if not Path(path).exists():
        print(f"comment: there is no {path}: the preview ended before it wrote one", file=sys.stderr)
        return 1
    try:
        done = post(thread, mark_of(stack), Path(path).read_text())
    except NotPosted as fault:
        print(f"comment: {fault}", file=sys.stderr)
        return 1
    print(f"comment: {done}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
