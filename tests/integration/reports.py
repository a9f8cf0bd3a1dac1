"""What people report of Drupal and WordPress on hosts like ours, each tried on a site: the report, and what has to hold."""

from __future__ import annotations

import base64
import http.client
import json
import re
import shlex
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from aegir_components import applications, layout
from aegir_components.applications.base import program
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions
from lab import Host
from tests import codebases

WORDPRESS, DRUPAL7, DRUPAL = (f"{name}.example.com" for name in ("wordpress", "drupal7", "drupal10"))
BOOTS = {WORDPRESS: "wordpress/boot.php", DRUPAL7: "drupal7/boot.php", DRUPAL: "drupal/boot.php"}


class Said(NamedTuple):
    """An answer."""

    status: int
    headers: Mapping[str, str]
    """By names in lower case."""
    body: bytes


PRELUDE = """\
fact() { printf '%s\\n' "$2"; }
fail() { echo "$1" >&2; exit 1; }
php_version() { ls /etc/php; }
scratch_file() { mktemp; }
"""
"""What our functions for sites need of the prelude, for a program that is run alone: its last word is what it prints."""


def ask(
    host: Host,
    name: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    method: str = "GET",
    body: bytes | None = None,
) -> Said:
    """Ask a host for an address of a name, word for word, and follow no redirect."""
    connection = http.client.HTTPConnection(host.address, 80, timeout=60)
    try:
        connection.request(method, path, body, {"Host": name, **(headers or {})})
        answer = connection.getresponse()
        return Said(answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def php_in(host: Host, name: str, code: str) -> Any:
    """Run PHP in a site as its own user; read the JSON of its last word."""
    platform = name.partition(".")[0]
    found = applications.detect(codebases.ask(platform))
    assert found is not None
    below = "" if found.docroot == "." else f"/{found.docroot}"
    text = program({"host": name}, BOOTS[name]) + ("" if name == DRUPAL else "\nob_end_clean();\n") + code
    user, tmp = layout.system_user(name), layout.site_temporary(layout.PLATFORMS_ROOT, name)
    docroot = f"{layout.PLATFORMS_ROOT}/{platform}{below}"
    lines = [functions("site"), f"site_php {user} {name} {docroot} {tmp} {script.encoded(text)}"]
    return json.loads(host.run(PRELUDE + "\n".join(lines)).stdout.strip().removeprefix("::"))


def upload(host: Host, name: str, file: str, text: str) -> str:
    """Put a file among a site's uploads, as its PHP does; give its address."""
    files = layout.site_files(layout.PLATFORMS_ROOT, name)
    where = shlex.quote(f"{files}/{file}")
    write = f"printf %s {shlex.quote(text)} >{where}"
    host.run(f"runuser -u {layout.system_user(name)} -- sh -c {shlex.quote(write)}; chgrp www-data {where}")
    return f"/sites/{name}/files/{urllib.parse.quote(file)}"


def scripts_and_images_have_their_types(host: Host) -> None:
    """Nextcloud behind nginx, nginx/nginx#1259: a module script as application/octet-stream is not run."""
    for ending, kinds in (
        ("mjs", {"text/javascript", "application/javascript"}), ("avif", {"image/avif"}), ("webp", {"image/webp"}),
        ("webmanifest", {"application/manifest+json"}), ("woff2", {"font/woff2"}), ("wasm", {"application/wasm"}),
    ):  # fmt: skip
        said = ask(host, WORDPRESS, upload(host, WORDPRESS, f"a.{ending}", "x"))
        assert 200 == said.status, ending
        assert said.headers["content-type"].partition(";")[0] in kinds, ending


def names_with_spaces_and_umlauts_are_served(host: Host) -> None:
    """php/php-src#15246: names of files with other letters."""
    for name in (WORDPRESS, DRUPAL7, DRUPAL):
        for file in ("über Maß + 100%.txt", "a&b=c.txt", "#1;.txt"):
            said = ask(host, name, upload(host, name, file, "found"))
            assert (200, b"found") == (said.status, said.body), (name, file)


def parts_of_films_are_served(host: Host) -> None:
    """Films in Safari: players ask for parts."""
    said = ask(host, DRUPAL, upload(host, DRUPAL, "a.mp4", "0123456789"), {"Range": "bytes=2-4"})
    assert (206, b"234") == (said.status, said.body)


def long_addresses_and_cookies_reach_the_application(host: Host) -> None:
    """mviewer/mviewer#1149, incubator-pagespeed-ngx#1069: filters of Views in the address, cookies of analytics."""
    long = {"Cookie": "; ".join(f"c{number}={'x' * 90}" for number in range(70))}
    for name in (WORDPRESS, DRUPAL7, DRUPAL):
        assert 200 == ask(host, name, f"/?{'a' * 6000}=1").status, name
        assert 200 == ask(host, name, "/", long).status, name


def slashes_that_are_encoded_reach_the_application(host: Host) -> None:
    """SyliusSearchPlugin#212, phusion/passenger#214: Apache's own 404 for %2F."""
    for name, word in ((WORDPRESS, b"wp-content"), (DRUPAL7, b"Drupal"), (DRUPAL, b"Drupal")):
        said = ask(host, name, "/tag/one%2Ftwo")
        assert 404 == said.status
        assert word in said.body + said.headers.get("x-generator", "").encode(), name


def completions_by_index_php_are_answered(host: Host) -> None:
    """perusio/drupal-with-nginx#235: Drupal 7 asks for completions by index.php?q=."""
    made = php_in(host, DRUPAL7, """
        taxonomy_term_save($term = (object) ['vid' => 1, 'name' => 'Zebra']);
        user_role_grant_permissions(1, ['access content']); echo '::', json_encode($term->tid);
    """)  # fmt: skip
    assert int(made)
    said = ask(host, DRUPAL7, "/index.php?q=taxonomy/autocomplete/field_tags/Zeb")
    assert (200, {"Zebra": "Zebra"}) == (said.status, json.loads(said.body))


def aggregates_are_made_on_demand_and_kept(host: Host) -> None:
    """wodby/nginx#84, lando/drupal#71: styles of Drupal 10.1 are 404, or redirect for ever."""
    links = re.findall(r'(?:href|src)="(/sites/[^"]+/files/(?:css|js)/[^"]+)"', ask(host, DRUPAL, "/").body.decode())
    assert links
    for link in links:
        path = link.replace("&amp;", "&")
        for _ in ("by PHP", "from the disk"):
            said = ask(host, DRUPAL, path, {"Accept-Encoding": "gzip"})
            assert 200 == said.status, path
            assert said.headers["content-type"].partition(";")[0] in (
                "text/css",
                "text/javascript",
                "application/javascript",
            )
    packed = said.headers.get("content-encoding")
    assert "gzip" == packed
    again(host, DRUPAL, path)


def again(host: Host, name: str, path: str) -> None:
    """Ask a second time as a browser does: perusio/drupal-with-nginx#256, 200 where 304 belongs."""
    said = ask(host, name, path, {"Accept-Encoding": "gzip"})
    validators = {"If-None-Match": "etag", "If-Modified-Since": "last-modified"}
    known = {key: said.headers[value] for key, value in validators.items() if value in said.headers}
    assert known
    assert 304 == ask(host, name, path, {"Accept-Encoding": "gzip", **known}).status, known


DRUPAL_EDITOR = """
use Drupal\\language\\Entity\\ConfigurableLanguage;
Drupal::service('module_installer')->install(['language', 'basic_auth', 'jsonapi', 'search']);
if (!ConfigurableLanguage::load('de')) ConfigurableLanguage::createFromLangcode('de')->save();
Drupal::configFactory()->getEditable('jsonapi.settings')->set('read_only', FALSE)->save();
$account = Drupal\\user\\Entity\\User::load(1); $account->setPassword('a password'); $account->save();
$storage = Drupal::entityTypeManager()->getStorage('node');
$found = $storage->loadByProperties(['title' => 'Zebra lessons']);
if (!$found) {
  $uri = 'private://secret.png';
  file_put_contents($uri, base64_decode('%(image)s'));
  $file = Drupal\\file\\Entity\\File::create(['uri' => $uri, 'status' => 1, 'uid' => 1]); $file->save();
  $storage->create(['type' => 'article', 'title' => 'Zebra lessons', 'uid' => 1, 'status' => 1, 'promote' => 1,
    'field_image' => ['target_id' => $file->id(), 'alt' => 'x'], 'path' => ['alias' => '/private-lessons']])->save();
  $file = Drupal\\file\\Entity\\File::create(['uri' => 'private://none.png', 'status' => 1, 'uid' => 1]);
  file_put_contents('private://none.png', base64_decode('%(image)s')); $file->save();
}
echo '::', json_encode(Drupal\\image\\Entity\\ImageStyle::load('thumbnail')->buildUrl('private://secret.png'));
"""


def private_images_and_pages_named_like_them_are_answered(host: Host, image: bytes) -> None:
    """wodby/drupal-nginx#25, geerlingguy/drupal-vm#1368, perusio/drupal-with-nginx#5: styles, prefixes, aliases."""
    address = php_in(host, DRUPAL, DRUPAL_EDITOR % {"image": base64.b64encode(image).decode()})
    style = str(address).partition(DRUPAL)[2]
    for path in (style, "/system/files/secret.png", "/de/system/files/secret.png", f"/de{style}"):
        said = ask(host, DRUPAL, path)
        assert (200, "image/png") == (said.status, said.headers["content-type"]), path
    assert ask(host, DRUPAL, "/system/files/none.png").status in (403, 404)
    page = ask(host, DRUPAL, "/private-lessons")
    assert 200 == page.status
    assert b"Zebra lessons" in page.body


def writing_with_a_password_in_a_header_works(host: Host) -> None:
    """The Authorization header gets lost for POST and DELETE; methods that a web server denies."""
    made = php_in(host, WORDPRESS, """
        list($made) = WP_Application_Passwords::create_new_application_password(1, ['name' => uniqid()]);
        echo '::', json_encode($made);
    """)  # fmt: skip
    head = {"Authorization": "Basic " + base64.b64encode(f"admin:{made}".encode()).decode()}
    head |= {"Content-Type": "application/json"}
    text = b'{"title": "Zebra", "status": "publish"}'
    post = ask(host, WORDPRESS, "/wp-json/wp/v2/posts", head, "POST", text)
    assert 201 == post.status, post.body[:300]
    path = f"/wp-json/wp/v2/posts/{json.loads(post.body)['id']}"
    for method in ("PUT", "PATCH"):
        assert 200 == ask(host, WORDPRESS, path, head, method, b'{"title": "Zebra again"}').status, method
    assert b"Zebra again" in ask(host, WORDPRESS, "/?s=zebra").body
    assert 200 == ask(host, WORDPRESS, path, head, "DELETE").status
    for file, status in (("evil.php", 500), ("evil.php.png", 201), ("../../evil.png", 201), ("ev<i>l'.png", 201)):
        disposition = {"Content-Disposition": f'attachment; filename="{file}"', "Content-Type": "image/png"}
        said = ask(host, WORDPRESS, "/wp-json/wp/v2/media", {**head, **disposition}, "POST", PIXEL)
        assert status == said.status, (file, said.body[:300])
        if status == 201:
            kept = str(json.loads(said.body)["source_url"]).partition(WORDPRESS)[2]
            assert re.fullmatch(rf"/sites/{WORDPRESS}/files/[^.][A-Za-z0-9_./-]*\.png", kept), kept
            assert (200, PIXEL) == ask(host, WORDPRESS, kept)[::2]


def writing_to_drupal_with_a_password_in_a_header_works(host: Host) -> None:
    """The same by JSON:API, after `DRUPAL_EDITOR`; an upload with a hostile name."""
    head = {
        "Authorization": "Basic " + base64.b64encode(b"admin:a password").decode(),
        "Content-Type": "application/octet-stream", "Content-Disposition": 'file; filename="../evil.php.png"',
        "Accept": "application/vnd.api+json",
    }  # fmt: skip
    said = ask(host, DRUPAL, "/jsonapi/node/article/field_image", head, "POST", PIXEL)
    assert 201 == said.status, said.body[:400]
    kept = json.loads(said.body)["data"]["attributes"]["uri"]["url"]
    assert re.fullmatch(rf"/sites/{DRUPAL}/files/[0-9-]+/evil\.php[A-Za-z0-9_.-]*\.png", kept), kept
    assert 200 == ask(host, DRUPAL, kept).status
    body = {"data": {"type": "node--article", "attributes": {"title": "Zebra by JSON"}}}
    head |= {"Content-Type": "application/vnd.api+json"}
    post = ask(host, DRUPAL, "/jsonapi/node/article", head, "POST", json.dumps(body).encode())
    assert 201 == post.status, post.body[:400]
    path = f"/jsonapi/node/article/{json.loads(post.body)['data']['id']}"
    assert 204 == ask(host, DRUPAL, path, head, "DELETE").status


PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
"""The smallest image there is."""

REPORTS: dict[str, Callable[[Host], None]] = {
    each.__name__: each
    for each in (
        scripts_and_images_have_their_types, names_with_spaces_and_umlauts_are_served, parts_of_films_are_served,
        long_addresses_and_cookies_reach_the_application, slashes_that_are_encoded_reach_the_application,
        completions_by_index_php_are_answered, aggregates_are_made_on_demand_and_kept, writing_with_a_password_in_a_header_works,
    )
}  # fmt: skip
