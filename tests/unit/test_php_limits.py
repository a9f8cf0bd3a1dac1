"""Limits of PHP: what a stack file may say, and that pool, Apache and nginx follow one number."""

from __future__ import annotations

import dataclasses
import re

import pytest

from aegir_components import settings
from aegir_components.deploy import site
from aegir_components.inputs import limits
from aegir_components.services.apache import APACHE
from aegir_components.services.nginx import NGINX
from tests.unit import stacks
from tests.unit.test_templates import plan, with_inputs

WHERE = 'aegir:sites["www.example.com"].php'


def declared(php: object) -> settings.Php:
    return stacks.declared(sites__site__php=php).sites[stacks.SITE].php


def test_what_is_declared_is_read_in_megabytes_and_as_text() -> None:
    given = {
        "memory": "1G",
        "uploads": "200M",
        "time": 600,
        "children": 20,
        "values": {"max_input_vars": 5000, "short_open_tag": False},
    }
    assert settings.Php(
        memory=1024, uploads=200, time=600, children=20, values={"max_input_vars": "5000", "short_open_tag": "0"}
    ) == declared(given)


def test_a_site_says_more_than_its_server() -> None:
    site_, server = (
        settings.Php(uploads=200, values={"a": "1"}),
        settings.Php(uploads=100, memory=512, values={"a": "2", "b": "3"}),
    )
    assert settings.Php(uploads=200, memory=512, values={"a": "1", "b": "3"}) == site_.over(server)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"memory": "lots"}, '.memory: must be a size such as 100M or 1G, up to 64G, not "lots"'),
        ({"memory": "1M"}, ".memory: must be at least 2M: PHP begins with as much"),
        ({"uploads": "65G"}, '.uploads: must be a size such as 100M or 1G, up to 64G, not "65G"'),
        ({"time": 0}, ".time: must be between 1 and 86400, not the number 0"),
        ({"children": 1001}, ".children: must be between 1 and 1000, not the number 1001"),
        ({"values": {"error_log": "/x"}}, ".values[error_log]: keeps sites apart, and cannot be changed; remove it"),
        (
            {"values": {"memory_limit": "1G"}},
            ".values[memory_limit]: write php.memory instead, which the web server follows as well",
        ),
        ({"values": {"a b": "1"}}, '.values["a b"]: is no name of a value of php.ini'),
        (
            {"values": {"user_agent": 'a"\n[other]'}},
            '.values[user_agent]: must be one line without control characters, not "a\\"\\n[other]"',
        ),
        (
            {"values": {"user_agent": "my $pools"}},
            ".values[user_agent]: must not contain $pool, in place of which PHP-FPM",
        ),
        ({"values": {"user_agent": "a" * 1001}}, ".values[user_agent]: must have at most 1000 characters"),
        (
            {"values": {"sendmail_path": "sendmail -t"}},
            '.values[sendmail_path]: must begin with /, not be "sendmail -t": PHP-FPM writes /usr/ before it otherwise',
        ),
        ({"values": {"session.cookie_path": ""}}, '.values["session.cookie_path"]: must begin with /, not be ""'),
        (
            {"values": {"opcache.memory_consumption": 256}},
            '.values["opcache.memory_consumption"]: is read when PHP-FPM starts, before it reads',
        ),
    ],
)
def test_a_limit_that_cannot_be_is_named(given: object, says: str) -> None:
    with pytest.raises(settings.SettingsError) as raised:
        declared(given)
    (fault,) = raised.value.faults
    # How a key is quoted in a path is the reader's.
    assert (
        fault.replace('["error_log"]', "[error_log]")
        .replace('["memory_limit"]', "[memory_limit]")
        .replace('["user_agent"]', "[user_agent]")
        .replace('["sendmail_path"]', "[sendmail_path]")
        .startswith(WHERE + says.split(", not", maxsplit=1)[0])
    )


def test_pool_and_both_web_servers_follow_one_number() -> None:
    php = limits.PhpInputs.from_props(
        {"uploads": 200.0, "memory": 512.0, "time": 900.0, "children": 3.0, "values": {"max_input_vars": "5000"}}
    ).limits
    made = dataclasses.replace(plan("full", "wordpress"), php=php)
    pool = site.pool_text(made)
    for line in (
        'php_admin_value[upload_max_filesize] = "200M"',
        'php_admin_value[post_max_size] = "201M"',
        'php_admin_value[memory_limit] = "512M"',
        'php_admin_value[max_execution_time] = "900"',
        'php_admin_value[max_input_vars] = "5000"',
        "pm.max_children = 3",
        "request_terminate_timeout = 900s",
    ):
        assert line in pool.splitlines(), pool
    nginx = site.vhost_text(made, NGINX, 80)
    assert "client_max_body_size 201m;" in nginx
    assert "fastcgi_read_timeout 900s;" in nginx
    apache = site.vhost_text(made, APACHE, 80)
    found = re.search(r"LimitRequestBody (\d+)", apache)
    assert found is not None
    assert 201 * 1024 * 1024 == int(found[1])
    assert "ProxySet timeout=900" in apache


LISTED = {"type": "nginx", "php": ["8.3", "8.1"]}


def chosen(declared: settings.Settings) -> tuple[str, ...]:
    web = declared.servers["web1"].web
    assert web is not None
    return web.php_versions


def test_a_site_takes_one_of_the_versions_that_its_web_servers_declare() -> None:
    changed = {"servers__web1__services__web": LISTED, "sites__site__https": None}
    found = stacks.declared(**changed, sites__site__php={"version": "8.1"})
    assert ("8.3", "8.1") == chosen(found)
    assert "8.1" == found.sites[stacks.SITE].php.over(settings.Php(memory=5)).version
    assert () == chosen(stacks.declared())
    # Also where no site takes one: one that took it until now leaves only after its server has changed.
    alone = {"servers__web1__services__web": {"type": "nginx", "php": "8.1"}, "sites__site__https": None}
    assert ("8.1",) == chosen(stacks.declared(**alone))
    assert ("8.1",) == chosen(stacks.declared(**alone, sites__site__php={"version": "8.1"}))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"sites__site__php": {"version": "8.1"}},
            f'{WHERE}.version: server "web1" declares no versions; write aegir:servers["web1"].services.web.php: ["8.1"]',
        ),
        (
            {"sites__site__php": {"version": "8.2"}, "servers__web1__services__web": {**LISTED, "type": "nginx_ssl"}},
            f'{WHERE}.version: server "web1" declares 8.1, 8.3; write aegir:servers["web1"].services.web.php: '
            '["8.3", "8.1", "8.2"]',
        ),
        (
            {"servers__web1__services__web": {"type": "nginx_ssl", "php": ["8.3", "8.3"]}},
            "aegir:servers.web1.services.web.php: names a version twice",
        ),
        (
            {"servers__web1__php": {"version": "8.3"}},
            "aegir:servers.web1.php.version: is for sites; at a server, services.web.php has its versions",
        ),
    ],
)
def test_a_version_that_a_web_server_lacks_is_named_with_what_to_write(changes: dict[str, object], says: str) -> None:
    with pytest.raises(settings.SettingsError) as raised:
        stacks.declared(**changes)
    (fault,) = raised.value.faults
    assert (
        fault.replace('aegir:servers["web1"].s', "aegir:servers.web1.s")
        .replace('aegir:servers["web1"].p', "aegir:servers.web1.p")
        .startswith(says.replace('aegir:servers["web1"].s', "aegir:servers.web1.s"))
    ), fault


def test_pool_socket_cron_and_master_follow_the_version() -> None:
    hourly = with_inputs(plan("full", "wordpress"), cron="hourly")
    made = dataclasses.replace(hourly, php=limits.PhpInputs.from_props({"version": "8.1"}).limits)
    lines = "\n".join(site.items(made, NGINX, 80, keeps_cron=True))
    assert f"listen = {made.socket}" in site.pool_text(made)
    assert made.socket.endswith(".8.1.sock")
    assert made.socket in site.vhost_text(made, NGINX, 80)
    assert "/php-fpm/pool-8.1.d/www.example.com.conf" in lines
    assert "fpm_later_of 8.1" in lines
    assert re.search(r"want_cron_environment .*\n.*(?:.*\n)*?' 8\.1$", lines, re.MULTILINE)
    process = "\n".join(site.items(with_inputs(made, isolation="process"), NGINX, 80))
    assert re.search(r"want_fpm_process .*\n(?:.*\n)*?.*' 8\.1$", process, re.MULTILINE)


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("", '""'),
        (" a; b # c 100% ", '" a; b # c 100% "'),
        ('say "it\'s"', '"say \\"it\'s\\""'),
        ("back\\slash\\", '"back\\\\slash\\\\"'),
        ("$HOME ${HOME} \\${x", '"$HOME $""{HOME} \\\\$""{x"'),
    ],
)
def test_a_value_is_quoted_so_that_fpm_reads_it_as_it_was_written(value: str, line: str) -> None:
    """tests/integration/test_configuration.py asks PHP itself."""
    text = site.pool_text(
        dataclasses.replace(
            plan("full", "drupal"), php=limits.PhpInputs.from_props({"values": {"user_agent": value}}).limits
        )
    )
    assert f"php_admin_value[user_agent] = {line}" in text.splitlines()


def test_a_pool_has_each_value_once_and_the_sites_own_is_it() -> None:
    php = limits.PhpInputs.from_props({"values": {"session.gc_divisor": "50", "display_errors": "stderr"}}).limits
    lines = [
        line
        for line in site.pool_text(dataclasses.replace(plan("full", "drupal"), php=php)).splitlines()
        if "php_admin" in line
    ]
    keys = [line.partition(" = ")[0] for line in lines]
    assert len(keys) == len(set(keys))
    assert 'php_admin_value[session.gc_divisor] = "50"' in lines
    assert 'php_admin_value[display_errors] = "stderr"' in lines


def test_sessions_of_a_site_that_is_shown_over_tls_alone_are_kept_out_of_plain_http() -> None:
    secure = "php_admin_value[session.cookie_secure] = "
    assert secure not in site.pool_text(plan("full", "drupal"))
    assert secure not in site.pool_text(with_inputs(plan("full", "drupal"), https="enabled"))
    required = with_inputs(plan("full", "drupal"), https="required")
    assert re.search(rf'{re.escape(secure)}"?1', site.pool_text(required))
    told = dataclasses.replace(required, php=limits.Limits(values={"session.cookie_secure": "0"}))
    assert re.search(rf'{re.escape(secure)}"?0', site.pool_text(told)), "what the stack file says comes first"
