"""Configuration files: as they are recorded in ``tests/snapshots``, and as the programs that read them see them.

A wanted change of a template is recorded with ``AEGIR_RECORD=1 tools/env pytest tests/unit/test_templates.py``.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aegir_components import layout, templates
from aegir_components.applications import APPLICATIONS, addresses
from aegir_components.backups import source
from aegir_components.deploy import holding, release, site
from aegir_components.inputs.members import SiteMember
from aegir_components.inputs.site import DatabaseAddress, SiteConfigurationInputs, SitePlace
from aegir_components.remote.connection import Connection
from aegir_components.services import nginx as nginx_service
from aegir_components.services import php
from aegir_components.services.apache import APACHE
from aegir_components.services.nginx import NGINX
from aegir_components.services.web import WebServer
from tests import codebases

SNAPSHOTS = Path(__file__).parents[1] / "snapshots"
ROOT = "/var/aegir/platforms"
PROXIES = ("10.0.0.0/23", "10.9.0.1", "2001:db8::/33")
HOSTILE = "it's \\ \"$HOME\" ${x} {{ y }} <?php ?> # ; \n\t\u00fc\u2028\U0001f40d \\' \\"


def plan(case: str, application: str) -> site.SitePlan:
    aliases: tuple[str, ...] = ()
    if case == "minimal":
        name, password, authority, docroot = "a.example", "password", "", "."
    elif case == "full":
        name, aliases = "www.example.com", ("example.com", "example.org", "xn--bcher-kva.example")
        password, authority, docroot = "Pa55word", "PEM", "web"
    else:
        # The longest name that DNS allows, and a password that a person typed.
        name, aliases = ".".join(["x" * 63] * 3 + ["y" * 61]), ("0.example",)
        password, authority, docroot = HOSTILE, "", "web"
    database = DatabaseAddress(
        name=layout.database_name(name),
        user=layout.account_name(name),
        host="10.0.0.3",
        port=3307 if case == "full" else 3306,
    )
    inputs = SiteConfigurationInputs(
        site=name, aliases=aliases, platform="drupal-10", publish_path=f"{ROOT}/drupal-10", publish_root=ROOT,
        docroot=docroot, application=application, database=database, password=password,
        salt=HOSTILE if case == "hostile" else "salt", authority=authority, proxies=PROXIES if case == "full" else (),
        members={}, holder="aegir/test",
    )  # fmt: skip
    return site.SitePlan(inputs=inputs)


def with_inputs(made: site.SitePlan, **changes: Any) -> site.SitePlan:
    """Give a plan with other inputs."""
    return dataclasses.replace(made, inputs=dataclasses.replace(made.inputs, **changes))


CASES = ["minimal", "full", "hostile"]
VARIANTS: dict[str, dict[str, Any]] = {
    "secure": {"https": "required", "redirect_aliases": True, "proxies": ()},
    "both": {"https": "enabled"},
    "redirects": {"redirect_aliases": True},
    "closed": {"enabled": False, "https": "enabled"},
    "fallback": {"fallback": "https://source.example/sites/source.example/files", "https": "enabled"},
    "proxied": {"https": "required", "proxies": PROXIES},
}
"""What there is of a site's virtual hosts, on a site with aliases."""


def vhost(case: str, application: str, server: WebServer) -> str:
    made = with_inputs(plan("full", application), **VARIANTS[case]) if case in VARIANTS else plan(case, application)
    return site.vhost_text(made, server, 8080 if case in ("full", "redirects") and application == "drupal" else 80)


KINDS = {
    "drupal-apache.conf": lambda case: vhost(case, "drupal", APACHE),
    "drupal-nginx.conf": lambda case: vhost(case, "drupal", NGINX),
    "wordpress-apache.conf": lambda case: vhost(case, "wordpress", APACHE),
    "wordpress-nginx.conf": lambda case: vhost(case, "wordpress", NGINX),
    "drupal7-apache.conf": lambda case: vhost(case, "drupal7", APACHE),
    "drupal7-nginx.conf": lambda case: vhost(case, "drupal7", NGINX),
    "backdrop-apache.conf": lambda case: vhost(case, "backdrop", APACHE),
    "backdrop-nginx.conf": lambda case: vhost(case, "backdrop", NGINX),
    "backdrop-settings.php": lambda case: site.settings_text(plan(case, "backdrop"), 8080 if case == "full" else 80),
    "pool.conf": lambda case: site.pool_text(plan(case, "drupal")),
    "settings.php": lambda case: site.settings_text(plan(case, "drupal"), 8080 if case == "full" else 80),
    "drupal7-settings.php": lambda case: site.settings_text(plan(case, "drupal7"), 8080 if case == "full" else 80),
    "wp-config.php": lambda case: site.settings_text(plan(case, "wordpress"), 8080 if case == "full" else 80),
}
ALL = [
    *((case, kind) for kind in KINDS for case in CASES),
    *((case, f"drupal-{server}.conf") for server in ("apache", "nginx") for case in VARIANTS),
]


def rendered(case: str, kind: str) -> str:
    return KINDS[kind](case)


@pytest.mark.parametrize(("case", "kind"), ALL)
def test_it_is_as_recorded(case: str, kind: str) -> None:
    path, text = SNAPSHOTS / f"{case}-{kind}", rendered(case, kind)
    if os.environ.get("AEGIR_RECORD"):
        path.write_text(text)
    assert path.exists(), f"record it: AEGIR_RECORD=1 tools/env pytest {__file__}"
    assert path.read_text() == text, f"a wanted change is recorded with AEGIR_RECORD=1 tools/env pytest {__file__}"


def test_no_snapshot_is_left_over() -> None:
    assert {f"{case}-{kind}" for case, kind in ALL} == {path.name for path in SNAPSHOTS.iterdir()}


@pytest.mark.parametrize(("case", "kind"), ALL)
def test_it_ends_with_one_newline_and_has_no_space_at_a_lines_end(case: str, kind: str) -> None:
    text = rendered(case, kind)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    if case != "hostile":
        assert not [line for line in text.splitlines() if line != line.rstrip() or "\t" in line]


@pytest.mark.parametrize(("case", "kind"), ALL)
def test_nothing_of_the_template_is_left(case: str, kind: str) -> None:
    text = rendered(case, kind).replace("{{ y }}", "")
    assert not re.search(r"\{\{|\{%|%\}|Undefined", text)


@pytest.mark.parametrize(("case", "kind"), ALL)
def test_the_same_values_give_the_same_text(case: str, kind: str) -> None:
    assert rendered(case, kind) == rendered(case, kind)


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        templates.render("php-pool.conf.j2", site="x")


@pytest.mark.parametrize(
    "value", ["a b", "a;b", "a\nb", "", "a'b", 'a"b', "a#b", "a\\b", "a%b", "ä", "a(b", "a|b", "a<b"]
)
def test_nothing_that_needs_quoting_gets_into_a_configuration_file(value: str) -> None:
    with pytest.raises(ValueError, match="configuration file"):
        templates.word(value)


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("plain", "'plain'"),
        ("it's", r"'it\'s'"),
        ("back\\", r"'back\\'"),
        ("\\'", r"'\\\''"),
        ("$x {$y}", "'$x {$y}'"),
        ("?>", "'?>'"),
        ("", "''"),
        (3306, "3306"),
        (True, "TRUE"),
        (False, "FALSE"),
    ],
)
def test_a_php_literal(value: object, literal: str) -> None:
    assert literal == templates.php(value)


def test_php_has_no_literal_for_a_nul() -> None:
    with pytest.raises(ValueError, match="NUL"):
        templates.php("a\0b")


@settings(max_examples=100, deadline=None)
@given(value=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_a_php_literal_ends_where_it_ends(value: str) -> None:
    literal = templates.php(value)
    inner = re.fullmatch(r"'((?:[^'\\]|\\\\|\\')*)'", literal, re.DOTALL)
    assert inner is not None
    assert value == re.sub(r"\\([\\'])", r"\1", inner[1])


class TestDigest:
    def test_it_changes_with_the_text_only(self) -> None:
        assert templates.digest("php-pool.conf.j2") == templates.digest("php-pool.conf.j2")
        assert templates.digest("php-pool.conf.j2") != templates.digest("apache-vhost.conf.j2")
        assert templates.digest("a" and "php-pool.conf.j2", "apache-vhost.conf.j2") != templates.digest(
            "php-pool.conf.j2"
        )
        assert re.fullmatch(r"[0-9a-f]{16}", templates.digest("php-pool.conf.j2"))


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed here")
    return found


def run(*command: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=20, check=False)


class TestPhp:
    @pytest.mark.parametrize("case", CASES)
    @pytest.mark.parametrize("kind", ["settings.php", "drupal7-settings.php", "backdrop-settings.php", "wp-config.php"])
    def test_it_is_php(self, case: str, kind: str) -> None:
        done = run(tool("php"), "-n", "-l", text=rendered(case, kind))
        assert 0 == done.returncode, done.stdout + done.stderr

    @pytest.mark.parametrize("name", ["drupal/sites.php.j2", "backdrop/sites.php.j2", "wordpress/chooser.php.j2"])
    def test_shared_files_are_php(self, name: str) -> None:
        done = run(tool("php"), "-n", "-l", text=templates.render(name, sites=f"{ROOT}/.sites"))
        assert 0 == done.returncode, done.stdout + done.stderr

    @pytest.mark.parametrize("names", [each for app in APPLICATIONS.values() for each in (app.installer, app.password)])
    def test_programs_are_php(self, names: tuple[str, ...]) -> None:
        from aegir_components.applications.base import program

        done = run(tool("php"), "-n", "-l", text=program({"title": HOSTILE}, *names))
        assert 0 == done.returncode, done.stdout + done.stderr

    def test_every_value_comes_back_as_it_was_given(self) -> None:
        values = [HOSTILE, *"'\\\"$\n\r\t#;?<>{}`", "\\'", "'\\", "\\\\", "\u2028", "x" * 5000, "', phpinfo(), '"]
        listed = ", ".join(templates.php(value) for value in values)
        done = run(tool("php"), "-n", text=f"<?php echo json_encode([{listed}]);")
        assert values == json.loads(done.stdout)

    def test_drupal_reads_the_password_that_was_given(self) -> None:
        text = rendered("hostile", "settings.php").replace("<?php", "<?php\nconst DRUPAL_ROOT = '/x';", 1)
        done = run(tool("php"), "-n", text=f"{text}\necho json_encode([$databases['default']['default'], $settings]);")
        database, found = json.loads(done.stdout)
        assert (HOSTILE, 3306, HOSTILE) == (database["password"], database["port"], found["hash_salt"])
        (first, second) = found["trusted_host_patterns"]
        name = plan("hostile", "drupal").site
        assert re.fullmatch(first.strip("^$"), name)
        assert not re.fullmatch(second.strip("^$"), "0Xexample")

    def test_drupal_7_reads_what_was_given(self) -> None:
        text = rendered("hostile", "drupal7-settings.php")
        code = f"{text}\necho json_encode([$databases['default']['default'], $drupal_hash_salt, $base_url, $conf]);"
        database, salt, address, found = json.loads(run(tool("php"), "-n", text=code).stdout)
        made = plan("hostile", "drupal7")
        assert (HOSTILE, 3306, HOSTILE) == (database["password"], database["port"], salt)
        assert f"http://{made.site}" == address
        assert f"sites/{made.site}/files" == found["file_public_path"]
        assert "reverse_proxy" not in found

    def test_backdrop_reads_what_was_given(self) -> None:
        text = rendered("hostile", "backdrop-settings.php")
        code = f"{text}\necho json_encode([$databases['default']['default'], $settings, $config, $config_directories]);"
        database, given, config, directories = json.loads(run(tool("php"), "-n", text=code).stdout)
        made = plan("hostile", "backdrop")
        assert (HOSTILE, 3306, HOSTILE) == (database["password"], database["port"], given["hash_salt"])
        assert f"sites/{made.site}/files" == config["system.core"]["file_public_path"]
        home = layout.site_configuration(made.root, made.site)
        assert {"active": f"{home}/active", "staging": f"{home}/staging"} == directories
        assert [f"^{re.escape(name)}(:[0-9]+)?$" for name in made.names] == given["trusted_host_patterns"]
        assert "reverse_proxy" not in given

    @pytest.mark.parametrize(
        ("asked", "address"),
        [
            ("www.example.com", None),
            ("EXAMPLE.org:8080", None),
            ("evil.example", "http://www.example.com:8080"),
            ("example.com.evil.example", "http://www.example.com:8080"),
        ],
    )
    def test_drupal_7_makes_links_to_its_own_names_only(self, asked: str, address: str | None) -> None:
        text = behind_proxies("drupal7")
        code = f"<?php\n$_SERVER['HTTP_HOST'] = {templates.php(asked)};\n?>{text}\necho json_encode($base_url ?? NULL);"
        assert address == json.loads(run(tool("php"), "-n", text=code).stdout)

    @pytest.mark.parametrize(
        ("address", "proxy"),
        [
            ("10.0.0.1", True),
            ("10.0.1.255", True),
            ("10.0.2.0", False),
            ("10.9.0.1", True),
            ("10.9.0.2", False),
            ("2001:db8::1", True),
            ("2001:db8:7fff::1", True),
            ("2001:db8:8000::1", False),
            ("::ffff:192.0.2.1", False),
            ("0a00::", False),
            ("", False),
        ],
    )
    def test_only_a_declared_proxy_is_believed(self, address: str, proxy: bool) -> None:
        server = {
            "REMOTE_ADDR": address,
            "HTTP_X_FORWARDED_FOR": "6.6.6.6, 192.0.2.7, 10.0.1.7",
            "HTTP_X_FORWARDED_PROTO": "https",
        }
        begin = f"<?php\n$_SERVER = json_decode({templates.php(json.dumps(server))}, TRUE);\n?>"
        seven = f"{begin}{behind_proxies('drupal7')}\necho json_encode([$_SERVER, $conf]);"
        seen, conf = json.loads(run(tool("php"), "-n", text=seven).stdout)
        assert proxy == conf["reverse_proxy"]
        assert proxy == (seen.get("HTTPS") == "on")
        assert ["10.0.1.7", *([address] if proxy else [])] == conf["reverse_proxy_addresses"]
        backdrop = f"{begin}{behind_proxies('backdrop')}\necho json_encode([$_SERVER, $settings]);"
        seen, given = json.loads(run(tool("php"), "-n", text=backdrop).stdout)
        assert (proxy, proxy) == (given["reverse_proxy"], seen.get("HTTPS") == "on")
        assert conf["reverse_proxy_addresses"] == given["reverse_proxy_addresses"]
        word = behind_proxies("wordpress").partition("define('UPLOADS'")[0]
        word = f"{begin}{word}\necho json_encode($_SERVER);"
        seen = json.loads(run(tool("php"), "-n", text=word).stdout)
        assert ("192.0.2.7" if proxy else address) == seen["REMOTE_ADDR"]
        assert proxy == (seen.get("HTTPS") == "on")

    def test_drupal_gets_the_proxies_and_takes_no_word_for_the_name(self) -> None:
        stub = (
            "class R { const HEADER_X_FORWARDED_FOR = 2, HEADER_X_FORWARDED_HOST = 4, HEADER_X_FORWARDED_PROTO = 8; }"
        )
        begin = f"<?php\nconst DRUPAL_ROOT = '/x';\n{stub}\nclass_alias('R', 'Symfony\\Component\\HttpFoundation\\Request');"
        code = f"{begin}\n?>{behind_proxies('drupal')}\necho json_encode($settings);"
        found = json.loads(run(tool("php"), "-n", text=code).stdout)
        assert (True, list(PROXIES), 10) == (
            found["reverse_proxy"], found["reverse_proxy_addresses"], found["reverse_proxy_trusted_headers"],
        )  # fmt: skip

    @settings(max_examples=15, deadline=None)
    @given(value=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
    @pytest.mark.parametrize("application", list(APPLICATIONS))
    def test_no_free_text_gets_out_of_its_place(self, application: str, value: str) -> None:
        """Settings refuse such names and proxies; the templates hold without that too."""
        database = dataclasses.replace(plan("full", application).inputs.database, user=value, name=value)
        made = with_inputs(
            plan("full", application), salt=value, proxies=(value, "10.0.0.1"), database=database, password=value
        )
        strings, shape = _tokens(site.settings_text(made, 80), 2)
        assert value in strings
        assert _full_shape(application) == shape

    def test_wordpress_gets_eight_different_keys(self, tmp_path: Path) -> None:
        (tmp_path / "wp-settings.php").write_text("<?php echo json_encode(get_defined_constants(true)['user']);")
        (tmp_path / "wp-config.php").write_text(
            rendered("hostile", "wp-config.php").replace("<?php", f"<?php\ndefine('ABSPATH', '{tmp_path}/');", 1)
        )
        found = json.loads(run(tool("php"), "-n", str(tmp_path / "wp-config.php")).stdout)
        keys = [value for name, value in found.items() if name.endswith(("_KEY", "_SALT"))]
        assert 8 == len(keys) == len(set(keys))
        assert HOSTILE == found["DB_PASSWORD"]


def behind_proxies(application: str) -> str:
    """Render settings without TLS to the database, whose constants a PHP without extensions does not have."""
    return site.settings_text(with_inputs(plan("full", application), authority=""), 8080)


_TOKENS = (
    "foreach (token_get_all(stream_get_contents(STDIN)) as $t) {"
    " $shape[] = is_array($t) ? token_name($t[0]) : $t;"
    " if ($t[0] === T_CONSTANT_ENCAPSED_STRING) $strings[] = eval('return ' . $t[1] . ';'); }"
    " echo json_encode([$strings, implode(' ', $shape)]);"
)


def _tokens(text: str, proxies: int) -> tuple[list[str], str]:
    """Give a PHP file's strings, and its tokens without their texts; a list of proxies counts as one, however long it is."""
    done = run(tool("php"), *_only_tokenizer(), "-r", _TOKENS, text=text)
    assert 0 == done.returncode, done.stderr
    strings, tokens = json.loads(done.stdout)
    one = "T_CONSTANT_ENCAPSED_STRING , T_WHITESPACE "
    assert f"[ T_WHITESPACE {one * proxies}]" in tokens
    return strings, tokens.replace(f"[ T_WHITESPACE {one * proxies}]", "[ PROXIES ]")


@functools.cache
def _full_shape(application: str) -> str:
    return _tokens(site.settings_text(plan("full", application), 80), len(PROXIES))[1]


@functools.cache
def _only_tokenizer() -> tuple[str, ...]:
    """Give the options that load the tokenizer and nothing else of php.ini, which takes twice as long."""
    alone = run("php", "-n", "-r", "exit((int) !function_exists('token_get_all'));")
    return ("-n",) if alone.returncode == 0 else ("-n", "-d", "extension=tokenizer")


def relocated(text: str, place: Path) -> str:
    """Put what stands on a machine's own paths below the test's directory."""
    for path in ("/var/aegir", "/var/log/aegir", "/var/lib/aegir", "/run/php"):
        text = text.replace(path, f"{place}{path}")
    return text


def machine(place: Path, server: WebServer) -> None:
    for part in ("var/log/aegir", "var/lib/aegir/acme", "run/php", f"var/aegir/platforms/{layout.RELEASES}/x"):
        (place / part).mkdir(parents=True, exist_ok=True)
    for part in ("pre.d", "platform.d", "vhost.d", "custom.d", "post.d"):
        (place / server.root.lstrip("/") / part).mkdir(parents=True, exist_ok=True)


@pytest.mark.parametrize("application", list(APPLICATIONS))
@pytest.mark.parametrize("case", CASES)
def test_apache_accepts_it(case: str, application: str, tmp_path: Path) -> None:
    apache = tool("apache2")
    modules = Path(apache).resolve().parents[1] / "lib" / "apache2" / "modules"
    if not (modules / "mod_rewrite.so").exists():
        pytest.skip("apache2's modules are not where they are expected")
    machine(tmp_path, APACHE)
    names = [
        "authz_core", "alias", "dir", "headers", "rewrite", "proxy", "proxy_fcgi", "setenvif", "mpm_event", "expires", "mime",
    ]  # fmt: skip
    lines = [f"LoadModule {name}_module {modules}/mod_{name}.so" for name in names]
    lines += [f"PidFile {tmp_path}/pid", f"ErrorLog {tmp_path}/error.log", "ServerName localhost", "Listen 18080"]
    lines += ['LogFormat "%h" combined', f"ServerRoot {tmp_path}", "TypesConfig /dev/null"]
    definition = APACHE.definition(layout.platform_variable("drupal-10"), f"{ROOT}/{layout.RELEASES}/x", {})
    text = "\n".join([*lines, definition, site.vhost_text(plan(case, application), APACHE, 18080)])
    (tmp_path / "apache.conf").write_text(relocated(text, tmp_path))
    done = run(apache, "-t", "-f", str(tmp_path / "apache.conf"))
    assert 0 == done.returncode, done.stderr


@pytest.mark.parametrize("application", list(APPLICATIONS))
@pytest.mark.parametrize("case", CASES)
def test_nginx_accepts_it(case: str, application: str, tmp_path: Path) -> None:
    nginx = tool("nginx")
    machine(tmp_path, NGINX)
    definition = NGINX.definition(layout.platform_variable("drupal-10"), f"{ROOT}/{layout.RELEASES}/x", {})
    text = "\n".join(
        [
            f"pid {tmp_path}/pid;",
            f"error_log {tmp_path}/error.log;",
            "events {}",
            "http {",
            "server_names_hash_bucket_size 512;",
            f"access_log {tmp_path}/access.log;",
            *(f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")),
            definition,
            nginx_service.ASKED_PORT,
            site.vhost_text(plan(case, application), NGINX, 18080),
            "}",
        ]
    )
    (tmp_path / "var/aegir/config/nginx/listen.conf").write_text("listen 18080;\n")
    (tmp_path / "fastcgi_params").write_text("fastcgi_param QUERY_STRING $query_string;\n")
    (tmp_path / "nginx.conf").write_text(relocated(text, tmp_path))
    done = run(nginx, "-t", "-q", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-e", f"{tmp_path}/e.log")
    assert 0 == done.returncode, done.stderr


def levels(text: str) -> list[tuple[tuple[str, ...], list[list[str]]]]:
    """Read nginx's configuration: for each block the heads of those that it is in, and the headers that each level adds."""
    words = re.findall(r'#[^\n]*|"(?:\\.|[^"\\])*"|[{};]|(?:\$\{\w+\}|[^\s{};"])+', text)
    found, heads, added, statement = [], list[str](), [list[str]()], list[str]()
    for word in words:
        if word.startswith("#"):
            continue
        if word == "{":
            heads.append(" ".join(statement))
            added.append([])
            statement = []
        elif word == "}":
            found.append((tuple(heads), [list(each) for each in added]))
            heads.pop()
            added.pop()
        elif word == ";":
            if statement and statement[0] == "add_header":
                added[-1].append(" ".join(statement[1:]))
            statement = []
        else:
            statement.append(word)
    assert [] == heads
    return found


@pytest.mark.parametrize("application", list(APPLICATIONS))
@pytest.mark.parametrize("case", [*CASES, *VARIANTS])
def test_no_place_of_nginx_loses_a_header(case: str, application: str) -> None:
    """A block with a header of its own inherits none: not HSTS, and none of the owner's directives."""
    text = vhost(case, application, NGINX)
    blocks = levels(text)
    assert any(heads[-1].startswith("location") for heads, _ in blocks)
    custom = f"include {NGINX.root}/custom.d/"
    for heads, added in blocks:
        outer = {header for level in added[:-1] for header in level}
        assert not added[-1] or outer <= set(added[-1]), heads
        if custom in text and len(heads) > 1 and VARIANTS.get(case, {}).get("enabled", True):
            assert not added[-1], f"{heads} would lose what the owner adds"


def test_a_lost_header_is_seen() -> None:
    assert [["x"], ["y"]] == levels('server { add_header x; location "{" { add_header y; } }')[0][1][1:]


ENDS = ("inc", "info", "yml", "php", "twig", "test", "po", "sh", "sql", "mysql", "tpl", "tpl.php", "engine", "x")


class TestPatterns:
    """The one source of both web servers' patterns; `tests/integration/test_site_addresses.py` compares their answers."""

    @pytest.mark.parametrize(
        ("name", "left_over"),
        [
            ("dump.sql", True), ("dump.sql.gz", True), ("shop.mysql.tar.bz2", True), ("site.sqlite", True),
            ("error_log", True), ("debug.log", True), ("debug.log.1", True), ("x.log.2.gz", True), ("server.key", True),
            ("id_rsa", True), ("php.ini", True), ("Makefile", True), ("settings.php_old", True), ("index.php.1", True),
            ("index.php~", True), ("a.old", True), ("app.yaml", True), ("composer.phar", True),
            ("notes.txt", False), ("a.sqlx", False), ("changelog", False), ("log.html", False), ("keys.html", False),
            ("jquery.min.js", False), ("a.keynote", False), ("php.html", False), ("index.php", False),
            ("a.json", False), ("LICENSE.txt", False), ("makefile.html", False), ("a.png.webp", False),
        ],
    )  # fmt: skip
    def test_left_over_in_a_code_base(self, name: str, left_over: bool) -> None:
        assert left_over == bool(re.fullmatch(addresses.LEFTOVERS, name, re.IGNORECASE))

    @pytest.mark.parametrize("application", ["drupal", "drupal7", "backdrop"])
    def test_drupals_names_are_those_of_its_own_htaccess(self, application: str) -> None:
        name = {"drupal": "drupal10-next"}.get(application, application)
        htaccess = next(iter(codebases.ask(name).glob("**/.htaccess")), None)
        assert htaccess is not None
        core = re.search(r'<FilesMatch "([^"]+)">', htaccess.read_text())
        assert core is not None
        names = APPLICATIONS[application].addresses.names
        tried = [f"a.{end}{more}" for end in ENDS
                 for more in ("", "~", ".bak", ".orig", ".swp", ".save", ".z")]  # fmt: skip
        tried += [
            "Root",
            "Roots",
            "Entries",
            "Entries.x",
            "composer.json",
            "web.config",
            "#a#",
            "yarn.lock",
            "package.json",
        ]
        hidden = re.compile(r"\.(?!well-known)")
        for each in tried:
            assert bool(re.search(core[1], each)) == bool(re.fullmatch(names, each) or hidden.match(each)), each

    @pytest.mark.parametrize("application", list(APPLICATIONS))
    def test_a_pattern_can_stand_in_quotes_in_both_web_servers(self, application: str) -> None:
        made = APPLICATIONS[application].addresses
        for pattern in (made.names, made.closed, made.runs, addresses.HIDDEN, addresses.PHP, addresses.LEFTOVERS):
            re.compile(pattern)
            assert not set('"\n\0') & set(pattern)
            # A group that captures would change the numbers that the templates use.
            assert not re.search(r"(?<!\\)\((?!\?)", pattern)

    @pytest.mark.parametrize(
        ("application", "path", "runs"),
        [
            ("drupal", "/index.php", True),
            ("drupal", "/index.php/user", True),
            ("drupal", "/update.php", True),
            ("drupal", "/core/modules/statistics/statistics.php", True),
            ("drupal", "/modules/contrib/statistics/statistics.php", True),
            ("drupal", "/core/modules/statistics/statistics.php/x", False),
            ("drupal", "/sites/www.example.com/files/evil.php", False),
            ("drupal", "/core/x.php", False),
            ("drupal", "/files/index.php", False),
            ("drupal", "/xindex.php", False),
            ("drupal7", "/index.php", True),
            ("drupal7", "/cron.php", True),
            ("drupal7", "/modules/statistics/statistics.php", True),
            ("drupal7", "/install.php", False),
            ("drupal7", "/scripts/password-hash.sh", False),
            ("drupal7", "/sites/www.example.com/files/evil.php", False),
            ("backdrop", "/index.php", True),
            ("backdrop", "/core/update.php", True),
            ("backdrop", "/core/cron.php", True),
            ("backdrop", "/core/install.php", False),
            ("backdrop", "/core/authorize.php", False),
            ("backdrop", "/sites/www.example.com/files/evil.php", False),
            ("wordpress", "/wp-login.php", True),
            ("wordpress", "/index.php", True),
            ("wordpress", "/wp-admin/users.php", True),
            ("wordpress", "/wp-content/plugins/a/b.php", True),
            ("wordpress", "/wp-content/uploads/evil.php", False),
            ("wordpress", "/sites/www.example.com/files/evil.php", False),
        ],
    )
    def test_php_runs_where_the_platform_has_it(self, application: str, path: str, runs: bool) -> None:
        assert runs == bool(re.search(APPLICATIONS[application].addresses.runs, path)), path

    def test_a_change_of_the_patterns_is_a_change_of_the_sites(self) -> None:
        made = APPLICATIONS["drupal"].addresses
        assert made.text != dataclasses.replace(made, years=False).text
        assert templates.digest("php-pool.conf.j2") != templates.digest("php-pool.conf.j2", rules=made.text)


class TestSitePlan:
    def test_every_name_links_to_the_sites_data(self) -> None:
        lines = site.registry_text(plan("full", "drupal")).splitlines()
        target = f"{ROOT}/.sites/www.example.com/site"
        assert [f"{name} {target}" for name in ("www.example.com", *plan("full", "drupal").inputs.aliases)] == lines

    def test_no_repr_holds_a_secret(self) -> None:
        assert HOSTILE not in repr(plan("hostile", "drupal"))

    def test_the_secrets_of_a_site_are_in_its_settings_and_nowhere_else(self) -> None:
        made = plan("minimal", "drupal")
        for text in (site.vhost_text(made, APACHE, 80), site.vhost_text(made, NGINX, 80), site.pool_text(made)):
            assert "password" not in text
            assert "salt" not in text

    @pytest.mark.parametrize("server", [APACHE, NGINX], ids=["apache", "nginx"])
    def test_a_release_is_known_by_one_definition(self, server: WebServer) -> None:
        paths = release.Layout("drupal-10", f"{ROOT}/drupal-10", "web", "aegir/test")
        text = release.definition(paths, "a1" * 32, server, {})
        assert f"{ROOT}/.releases/drupal-10/{'a1' * 8}/web" in text
        assert layout.platform_variable("drupal-10") in text

    @pytest.mark.parametrize("server", [APACHE, NGINX], ids=["apache", "nginx"])
    def test_a_site_that_is_held_back_has_a_definition_of_its_own(self, server: WebServer) -> None:
        paths = release.Layout("drupal-10", f"{ROOT}/drupal-10", "web", "aegir/test")
        former = f"{ROOT}/.releases/drupal-10/{'b2' * 8}"
        held = {"a.example.com": holding.Held(site="a.example.com", release=former, docroot="web")}
        text = release.definition(paths, "a1" * 32, server, held)
        assert f"{former}/web" in text
        assert f"{ROOT}/.releases/drupal-10/{'a1' * 8}/web" in text

    def test_running_requests_survive_a_reload_of_php(self) -> None:
        assert "process_control_timeout = 60s" in php.include_text()


@pytest.mark.parametrize("server", [APACHE, NGINX], ids=lambda server: server.name)
def test_files_are_served_under_the_names_that_content_has_of_another_site(server: WebServer) -> None:
    made = plan("full", "drupal7")
    clone = with_inputs(made, former=("src.example.net", made.site, made.inputs.aliases[0]))
    text = site.vhost_text(clone, server, 80)
    assert text == site.vhost_text(made, server, 80).replace(
        r"sites/xn\-\-bcher\-kva\.example/files", r"sites/xn\-\-bcher\-kva\.example/files|sites/src\.example\.net/files"
    )
    assert text != site.vhost_text(made, server, 80)


@pytest.mark.parametrize(("application", "shares"), [("backdrop", True), ("drupal", False)])
def test_configuration_that_belongs_with_the_database_is_shared_where_uploads_are(
    application: str, *, shares: bool
) -> None:
    made = with_inputs(plan("minimal", application), uploads="/srv/shared")
    lines = "\n".join(site.items(made, APACHE, 80))
    config = layout.site_configuration(made.root, made.site)
    assert shares == (f"want_upload_link {config} /srv/shared/{made.site}/config" in lines)
    assert shares != any(line.startswith("want_dir ") and f" {config} " in f"{line} " for line in lines.splitlines())
    conns = {name: Connection(host=name, address="10.0.0.2") for name in ("web1", "web2")}
    where = SitePlace(
        members={name: SiteMember(connection=conn, type="apache", port=80) for name, conn in conns.items()},
        site=made.site, platform=made.inputs.platform, publish_path=made.inputs.publish_path, publish_root=made.root,
        docroot=made.inputs.docroot,
        uploads="/srv/shared", application=application, holder="aegir/test",
    )  # fmt: skip
    places = {place.label: place.parts for place in source._places(where)}
    own = {} if shares else dict.fromkeys(("web1", "web2"), ("config",))
    assert {"shared": ("files", "private", *(["config"] if shares else [])), **own} == places
