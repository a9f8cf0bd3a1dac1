"""Free text of the stack file: refused, or harmless; Apache's, nginx's, PHP's, PHP-FPM's and MySQL's own parsers judge."""

from __future__ import annotations

import copy
import html
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from aegir_components import layout, settings
from aegir_components.applications import APPLICATIONS
from aegir_components.deploy import site as sites
from aegir_components.inputs.site import DatabaseAddress, SiteConfigurationInputs
from aegir_components.mysql import client, databases
from aegir_components.services import nginx
from aegir_components.services.web_types import program
from lab import Host, HostSpec, Lab
from tests.integration.farm import Config, Farm, fetch, hub_settings

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
NAME = "www.example.com"
VALUES = [
    "it's", 'a "quote"', "new\nline", "{{ 7 * 7 }}", "{% raw %}", "$HOME ${x} $(id) `id`", "<?php phpinfo(); ?>", "a; b",
    "back\\slash\\", "# comment", "</VirtualHost>", "} server {", "%{ENV:x} %s %", "' OR 1=1 -- ", "tab\there", "*", "../x",
    "\u2028line", "\U0001f40d snake", "<script>", "-rf", "&& reboot", "|cat", "a" * 300,
]  # fmt: skip
SETTINGS: dict[str, Callable[[str], Config]] = {
    "name": lambda value: {"__name": value},
    "name in a label": lambda value: {"__name": f"{value}.example.com"},
    "title": lambda value: {"title": value},
    "alias": lambda value: {"aliases": [value]},
    "alias in a label": lambda value: {"aliases": [f"{value}.example.com"], "redirect_aliases": True},
    "formerly": lambda value: {"formerly": value},
    "profile": lambda value: {"profile": value},
    "language": lambda value: {"language": value},
    "client": lambda value: {"client": value},
    "admin's name": lambda value: {"admin": {"name": value}},
    "admin's mail": lambda value: {"admin": {"mail": value}},
    "mail before the @": lambda value: {"admin": {"mail": f"{value}@example.com"}},
    "chain": lambda value: {"https": "enabled", "certificate": {"chain": value, "key": "/srv/key"}},
    "reverse proxy": lambda value: {"__proxy": value},
    "platform": lambda value: {"__platform": value},
}
"""How a value is put into each setting of a site, or beside it."""
ODD = [
    "xn--bcher-kva.example",
    "0-9.example",
    ".".join(["x" * 63] * 3 + ["y" * 61]),
    "a--b.example",
    "in.addr.arpa.example",
]
"""Names that are allowed, and look like something else."""


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    return lab_factory("hostile", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])


@pytest.fixture(scope="module")
def base(lab: Lab, wordpress: Path) -> Config:
    web, database = lab.host("web1"), lab.host("db1")
    return {
        "hub": hub_settings(lab),
        "servers": {
            web.spec.fqdn: {"address": web.address, "services": {"web": "apache_ssl"}},
            database.spec.fqdn: {"address": database.address, "services": {"database": "mysql"}},
        },
        "platforms": {"code": {"server": web.spec.fqdn, "source": str(wordpress)}},
        "sites": {NAME: {"platform": "code"}},
    }


@pytest.fixture(scope="module")
def farm(base: Config, tmp_path_factory: pytest.TempPathFactory) -> Farm:
    made = Farm(tmp_path_factory.mktemp("hostile"), base)
    made.up()
    return made


def declared(base: Config, made: Config) -> settings.Settings:
    """Load the stack file with a site of these settings."""
    whole = copy.deepcopy(base)
    site = {"platform": "code", **{key: value for key, value in made.items() if not key.startswith("__")}}
    if "__proxy" in made:
        whole["reverse_proxies"] = [made["__proxy"]]
    if "__platform" in made:
        whole["platforms"] = {made["__platform"]: whole["platforms"]["code"]}
        site["platform"] = made["__platform"]
    whole["sites"] = {made.get("__name", NAME): site}
    return settings.load(whole, lambda _path: False)


def accepted(base: Config) -> Iterator[tuple[str, settings.Settings]]:
    """Give what is not refused."""
    for value in VALUES:
        for setting, put in SETTINGS.items():
            try:
                yield f"{setting} = {value!r}", declared(base, put(value))
            except settings.SettingsError:
                continue
    for name in ODD:
        aliases = [f"alias.{name}"] if len(name) < 200 else []
        yield name, declared(base, {"__name": name, "aliases": aliases, "admin": {"mail": "a@example.com"}})


def plan(made: settings.Settings, application: str, https: str) -> sites.SitePlan:
    (site,) = made.sites.values()
    platform = made.platforms[site.platform]
    key = site.identity
    database = DatabaseAddress(name=layout.database_name(key), user=layout.account_name(key), host="h", port=1)
    inputs = SiteConfigurationInputs(
        site=key, name=site.name if site.formerly else "", aliases=site.aliases, platform=platform.name,
        publish_path=platform.publish_path, publish_root=layout.publish_root(platform.publish_path), docroot=".",
        application=application, database=database, password="'\\\"$x", salt="'\\\"$x", proxies=made.reverse_proxies,
        https=https, redirect_aliases=site.redirect_aliases, members={}, holder="aegir/test",
    )  # fmt: skip
    return sites.SitePlan(inputs=inputs)


def test_what_is_refused_is_refused_for_that_setting(base: Config) -> None:
    refused, elsewhere = 0, []
    for value in VALUES:
        for put in SETTINGS.values():
            try:
                declared(base, put(value))
            except settings.SettingsError as fault:
                refused += 1
                elsewhere += [text for text in fault.faults if not text.startswith("aegir:")]
    assert [] == elsewhere
    assert refused > len(VALUES) * len(SETTINGS) // 2


def test_the_servers_own_parsers_see_nothing_but_values(farm: Farm, base: Config, lab: Lab) -> None:
    web = lab.host("web1")
    files: dict[str, str] = {}
    count = 0
    for number, (_what, made) in enumerate(accepted(base)):
        count += 1
        for application in APPLICATIONS:
            for https in ("none", "required"):
                planned = plan(made, application, https)
                where = f"{number}-{application}-{https}"
                files[f"apache/{where}.conf"] = sites.vhost_text(planned, program("apache"), 80)
                # A site has one file on a machine, and with it one format of its log.
                text = sites.vhost_text(planned, program("nginx"), 80)
                files[f"nginx/{where}.conf"] = re.sub(
                    r"\b(site_\w+_log)\b", rf"\1_{number}_{application}_{https}", text
                )
            files[f"php/{where}.php"] = sites.settings_text(planned, 80)
            files[f"pool/{number}.conf"] = sites.pool_text(planned)
    assert count > 40
    files["asked-port"] = nginx.ASKED_PORT
    _put(web, files)
    tools = {
        "PHP": 'for f in /tmp/hostile/php/*; do echo "$f"; done | xargs -n 200 php -r \'foreach (array_slice($argv, 1) as $f) '
        '{ token_get_all(file_get_contents($f), TOKEN_PARSE); } echo "parsed\\n";\'',
        "PHP-FPM": 'cd /tmp/hostile/pool && for f in *; do sed -i "s|^\\[.*\\]|[p$f]|; s|^user *=.*|user = www-data|; '
        's|^group *=.*|group = www-data|; s|^listen *=.*|listen = /run/php/t-$f.sock|" $f; done; '
        "printf '[global]\\nerror_log=/tmp/hostile/fpm.log\\ninclude=/tmp/hostile/pool/*.conf\\n' >/tmp/hostile/fpm.conf; "
        "php-fpm8.2 -t -y /tmp/hostile/fpm.conf",
        "Apache": "mkdir -p /tmp/hostile/crt && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=x -keyout "
        "/tmp/hostile/crt/k -out /tmp/hostile/crt/c 2>/dev/null; cd /tmp/hostile/apache && "
        "sed -i 's|SSLCertificateFile .*|SSLCertificateFile /tmp/hostile/crt/c|; "
        "s|SSLCertificateKeyFile .*|SSLCertificateKeyFile /tmp/hostile/crt/k|' *; "
        "{ grep -ho '{AEGIR_[A-Za-z0-9_]*' * | sort -u | sed 's|^{|Define |; s|$| /srv|'; "
        "echo 'IncludeOptional /tmp/hostile/apache/*.conf'; } >/etc/apache2/conf-enabled/zz-hostile.conf; "
        "apache2ctl -t; s=$?; rm /etc/apache2/conf-enabled/zz-hostile.conf; exit $s",
        "nginx": "cd /tmp/hostile/nginx && sed -i 's|^ *include /var/aegir/config/nginx/listen-tls.conf;|listen 443 ssl;|; "
        "s|^ *include /var/aegir/config/nginx/listen.conf;|listen 80;|; s|^ *include /var/aegir/config/nginx/tls.conf;||; "
        "s|ssl_certificate .*|ssl_certificate /tmp/hostile/crt/c;|; "
        "s|ssl_certificate_key .*|ssl_certificate_key /tmp/hostile/crt/k;|' *; "
        "cp /etc/nginx/fastcgi_params /tmp/hostile; "
        "{ echo 'events {} http { server_names_hash_bucket_size 512; server_names_hash_max_size 8192;'; "
        "echo 'variables_hash_max_size 8192;'; cat /tmp/hostile/asked-port; "
        "grep -ho 'AEGIR_[A-Za-z0-9_]*' * | sort -u | sed 's|.*|map \"\" $& { default /srv; }|'; "
        "echo 'include /tmp/hostile/nginx/*.conf; }'; } >/tmp/hostile/nginx.conf; nginx -t -c /tmp/hostile/nginx.conf",
    }
    for tool, command in tools.items():
        done = web.run(command, check=False, timeout=240)
        said = done.stdout + done.stderr
        # nginx warns of names that stand in several files of this test.
        assert 0 == done.returncode, f"{tool}: {said[-1500:]}"
    assert 200 == fetch(web, NAME).status


def _put(host: Host, files: dict[str, str]) -> None:
    script = ["rm -rf /tmp/hostile; mkdir -p /tmp/hostile/apache /tmp/hostile/nginx /tmp/hostile/php /tmp/hostile/pool"]
    for path, text in files.items():
        assert "AEGIR-END" not in text
        script.append(f"cat >/tmp/hostile/{path} <<'AEGIR-END'\n{text.rstrip()}\nAEGIR-END")
    host.run("sh", input="\n".join(script))


def test_mysql_makes_and_drops_databases_of_odd_names(farm: Farm, lab: Lab, base: Config) -> None:
    database = lab.host("db1")
    before = database.run("mysql -Ne 'SHOW DATABASES; SELECT user, host FROM mysql.user'").stdout
    (hub,) = (r for r in farm.resources() if r["type"].endswith("aegir:DatabaseService"))
    password = farm.export("--show-secrets")
    secret = next(r["outputs"]["password"] for r in password["deployment"]["resources"] if r["urn"] == hub["urn"])[
        "plaintext"
    ].strip('"')
    where = client.Endpoint(server="db1", address=database.address, port=3306, user="aegir_root", password=secret)
    for _what, made in accepted(base):
        (site,) = made.sites.values()
        if site.name == NAME and not site.formerly:
            continue
        first, second = layout.account_names(site.identity)
        wanted = databases.SiteDatabase(
            name=layout.database_name(site.identity), user=first, other=second, password="'\"\\%;`$x-- #\u00fc",
            clients=(database.address,), owner=f"aegir/test/{site.identity}",
        )  # fmt: skip
        databases.ensure(where, wanted)
        assert [] == databases.drift(where, wanted)
        databases.drop(where, wanted)
    assert before == database.run("mysql -Ne 'SHOW DATABASES; SELECT user, host FROM mysql.user'").stdout


def test_a_hostile_title_reaches_the_site_as_it_was_written(farm: Farm, lab: Lab) -> None:
    name, title = "hostile.example.com", "it's \\ \"$HOME\" ${x} {{ y }} # ; ' OR 1=1 -- \u00fc"
    farm.settings["sites"][name] = {
        "platform": "code", "title": title, "admin": {"name": "a b.c-d@e", "mail": "o'brien+x@example.com"},
    }  # fmt: skip
    farm.up()
    base = layout.database_name(name)
    query = f"SELECT option_value FROM {base}.wp_options WHERE option_name = 'blogname'"
    stored = lab.host("db1").run(f'mysql --default-character-set=utf8mb4 -rNe "{query}"').stdout.rstrip("\n")
    assert title == html.unescape(stored)
    users = lab.host("db1").run(f"mysql -Ne 'SELECT user_login, user_email FROM {base}.wp_users'").stdout.split("\t")
    assert ["a b.c-d@e", "o'brien+x@example.com"] == [word.strip() for word in users]
    farm.unchanged("--refresh")
