"""Visitors who log in as a site's administrator, by each application's own form."""

from __future__ import annotations

import http.client
import http.cookiejar
import mimetypes
import re
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
import uuid
from functools import partial
from typing import Any, Final

from lab import Host


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: a site redirects to its own name, which leads to no host of the lab."""

    def redirect_request(self, *args: object, **kwargs: object) -> None:
        """Give no request that follows."""


class _All(http.cookiejar.DefaultCookiePolicy):
    """Keeps every cookie: Drupal's are for the site's name, and the address that is asked is the host's."""

    def set_ok(self, *args: object) -> bool:
        return True

    def return_ok(self, *args: object) -> bool:
        return True

    def domain_return_ok(self, *args: object) -> bool:
        return True

    def path_return_ok(self, *args: object) -> bool:
        return True


class Browser:
    """A visitor with cookies, who takes a name for the address of a host."""

    def __init__(self, host: Host, name: str, *, tls: bool = False) -> None:
        self.base, self.name = f"http{'s' if tls else ''}://{host.address}", name
        self.set: list[str] = []
        """The cookies that it was given, as they came."""
        jar = http.cookiejar.CookieJar(_All())
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar), _Stay, _Unverified(name))

    def send(self, path: str, form: dict[str, str], field: str, name: str, content: bytes) -> tuple[int, str]:
        """Send a form with a file, as a browser does: the status and the text of the answer."""
        mark = uuid.uuid4().hex
        parts = [
            f'--{mark}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
            for key, value in form.items()
        ]
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        head = f'--{mark}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\nContent-Type: {kind}\r\n\r\n'
        data = b"".join([*parts, head.encode(), content, f"\r\n--{mark}--\r\n".encode()])
        headers = {"Host": self.name, "Content-Type": f"multipart/form-data; boundary={mark}"}
        return self._answer(urllib.request.Request(self.base + path, data=data, headers=headers))

    def get(self, path: str, form: dict[str, str] | None = None) -> tuple[int, str]:
        """Ask for a page, or send a form to it: the status and the text of the answer.

        Raises:
            HTTPError: the answer is an error, and not a redirect.
        """
        data = urllib.parse.urlencode(form).encode() if form else None
        return self._answer(urllib.request.Request(self.base + path, data=data, headers={"Host": self.name}))

    def _answer(self, request: urllib.request.Request) -> tuple[int, str]:
        try:
            with self.opener.open(request, timeout=60) as answer:
                self.set += answer.headers.get_all("Set-Cookie") or []
                return answer.status, answer.read().decode(errors="replace")
        except urllib.error.HTTPError as answer:
            self.set += answer.headers.get_all("Set-Cookie") or []
            if answer.code in (302, 303):
                return answer.code, ""
            raise


class _Unverified(urllib.request.HTTPSHandler):
    """Asks a host for a name that is in no DNS, and takes the self-signed certificates of the lab's sites."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_Named, self.name), request)


class _Named(http.client.HTTPSConnection):
    """A connection whose TLS says another name than the address that it goes to."""

    def __init__(self, name: str, address: str, **given: Any) -> None:
        super().__init__(address, **given)
        self._name = name

    def connect(self) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        plain = socket.create_connection((self.host, 443), timeout=60)
        self.sock = context.wrap_socket(plain, server_hostname=self._name)


def wordpress(host: Host, name: str, password: str) -> bool:
    """Return whether WordPress lets the administrator in with a password."""
    return enter_wordpress(Browser(host, name), password)


def enter_wordpress(browser: Browser, password: str) -> bool:
    """Log the administrator of a WordPress site in; return whether it was done."""
    browser.get("/wp-login.php")
    form = {"log": "admin", "pwd": password, "wp-submit": "x", "testcookie": "1"}
    status, said = browser.get("/wp-login.php", form)
    assert (status == 302) is ("login_error" not in said), said[:400]
    return status == 302


def drupal(host: Host, name: str, password: str) -> bool:
    """Return whether Drupal 8 or later lets the administrator in with a password."""
    return enter_drupal(Browser(host, name), password, path="/user/login", form_id="user_login_form")


def drupal7(host: Host, name: str, password: str) -> bool:
    """Return whether Drupal 7 lets the administrator in with a password."""
    return enter_drupal(Browser(host, name), password, path="/user", form_id="user_login")


def backdrop(host: Host, name: str, password: str) -> bool:
    """Return whether Backdrop lets the administrator in with a password."""
    return enter_drupal(Browser(host, name), password, path="/user/login", form_id="user_login")


REJECTED: Final = "unrecognized username|incorrect password"
"""What Drupal says of both, and Backdrop of each."""


def enter_drupal(browser: Browser, password: str, *, path: str, form_id: str) -> bool:
    """Log the administrator of a Drupal site in by its form; return whether it was done."""
    build = re.search(r'name="form_build_id" value="([^"]+)"', browser.get(path)[1])
    assert build is not None
    form = {"name": "admin", "pass": password, "form_build_id": build[1], "form_id": form_id, "op": "Log in"}
    status, said = browser.get(path, form)
    rejected = re.search(REJECTED, said, re.IGNORECASE) is not None
    assert (status in (302, 303)) is not rejected, said[:400]
    return not rejected
