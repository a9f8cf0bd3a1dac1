"""Visitors who log in as a site's administrator, by each application's own form."""

from __future__ import annotations

import http.cookiejar
import re
import urllib.error
import urllib.parse
import urllib.request

from lab import Host


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: a site redirects to its own name, which leads to no host of the lab."""

    def redirect_request(self, *args: object, **kwargs: object) -> None:
        """Give no request that follows."""


class Browser:
    """A visitor with cookies, who takes a name for the address of a host."""

    def __init__(self, host: Host, name: str) -> None:
        self.base, self.name = f"http://{host.address}", name
        # urllib files cookies under the Host header's name, and sends them back to it.
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()), _Stay)

    def get(self, path: str, form: dict[str, str] | None = None) -> tuple[int, str]:
        """Ask for a page, or send a form to it: the status and the text of the answer.

        Raises:
            HTTPError: the answer is an error, and not a redirect.
        """
        data = urllib.parse.urlencode(form).encode() if form else None
        request = urllib.request.Request(self.base + path, data=data, headers={"Host": self.name})
        try:
            with self.opener.open(request, timeout=60) as answer:
                return answer.status, answer.read().decode(errors="replace")
        except urllib.error.HTTPError as answer:
            if answer.code in (302, 303):
                return answer.code, ""
            raise


def wordpress(host: Host, name: str, password: str) -> bool:
    """Return whether WordPress lets the administrator in with a password."""
    browser = Browser(host, name)
    browser.get("/wp-login.php")
    form = {"log": "admin", "pwd": password, "wp-submit": "x", "testcookie": "1"}
    status, said = browser.get("/wp-login.php", form)
    assert (status == 302) is ("login_error" not in said), said[:400]
    return status == 302


def drupal(host: Host, name: str, password: str) -> bool:
    """Return whether Drupal 8 or later lets the administrator in with a password."""
    return _drupal(host, name, password, path="/user/login", form_id="user_login_form")


def drupal7(host: Host, name: str, password: str) -> bool:
    """Return whether Drupal 7 lets the administrator in with a password."""
    return _drupal(host, name, password, path="/user", form_id="user_login")


def _drupal(host: Host, name: str, password: str, *, path: str, form_id: str) -> bool:
    browser = Browser(host, name)
    build = re.search(r'name="form_build_id" value="([^"]+)"', browser.get(path)[1])
    assert build is not None
    form = {"name": "admin", "pass": password, "form_build_id": build[1], "form_id": form_id, "op": "Log in"}
    status, said = browser.get(path, form)
    rejected = re.search("unrecognized username or password", said, re.IGNORECASE) is not None
    assert (status in (302, 303)) is not rejected, said[:400]
    return not rejected
