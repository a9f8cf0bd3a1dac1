"""Limits of what a site takes: what a stack file may say, what units say by default, and what is told of an account."""

from __future__ import annotations

from typing import Any

import pytest

from aegir_components import settings, testing
from aegir_components.deploy import cron, isolation
from aegir_components.inputs import limits, quotas
from aegir_components.services import php
from tests.unit import stacks

WHERE = 'aegir:sites["www.example.com"].limits'


def test_a_site_says_more_than_its_server() -> None:
    own, server = settings.ResourceLimits(cpu=50), settings.ResourceLimits(cpu=150, tasks=64)
    assert settings.ResourceLimits(cpu=50, tasks=64) == own.over(server)


def test_what_is_declared_is_read() -> None:
    given = {"cpu": "150%", "memory": "1G", "tasks": 64, "connections": 16}
    found = stacks.declared(sites__site__isolation="process", sites__site__limits=given).sites[stacks.SITE].limits
    assert settings.ResourceLimits(cpu=150, memory=1024, tasks=64, connections=16) == found


@pytest.mark.parametrize("key", ["cpu", "memory", "tasks"])
def test_what_a_pool_cannot_hold_is_rejected(key: str) -> None:
    value: Any = {"cpu": "50%", "memory": "1G", "tasks": 64}[key]
    with pytest.raises(settings.SettingsError) as told:
        stacks.declared(sites__site__limits={key: value})
    assert f"{WHERE}.{key}: is for sites with isolation: process" in str(told.value)
    assert "Write isolation: process at this site, or remove this key" in str(told.value)
    assert stacks.declared(sites__site__limits={"connections": 16}).warnings == ()


def test_fewer_connections_than_requests_are_warned_of() -> None:
    found = stacks.declared(sites__site__limits={"connections": 16}, sites__site__php={"children": 20}).warnings
    assert any("is less than php.children (20): each request needs a connection of its own" in text for text in found)


def test_defaults_leave_room_for_all_requests_that_php_may_have() -> None:
    for children, memory in ((8, 0), (100, 512), (1000, 64)):
        lines = quotas.master_lines(quotas.USUAL, limits.Limits(children=children, memory=memory)).splitlines()
        known = dict(line.split("=") for line in lines)
        assert int(known["TasksMax"]) > children * 2
        assert int(known["MemoryMax"].removesuffix("M")) > children * (memory or 256)
        assert quotas.default_connections(children) > children
        assert "CPUQuota" not in known, "a machine that has nothing else to do is all a site's"


def test_the_units_have_what_is_declared() -> None:
    declared = quotas.Quotas.from_props({"cpu": 50.0, "memory": 300.0})
    own = "\n".join(isolation.process_items("a.example.com", "", limits.USUAL, declared))
    assert all(text in own for text in ("CPUQuota=50%", "MemoryMax=300M", "TasksMax=288", "Slice=aegir.slice"))
    assert "CPUQuota=50%\nMemoryMax=300M\nTasksMax=256" in quotas.cron_lines(declared)
    assert quotas.cron_lines() in cron.UNIT
    assert "LimitNPROC=64" in quotas.pools_text(64)
    assert any("want_fpm_limits" in line for line in php.items("", (), 64))


def test_an_account_has_no_more_connections_than_declared() -> None:
    from aegir_components.mysql import statements

    server = testing.FakeMySQL()
    for line in statements.ensure_account("a", "10.0.0.1", "secret", tls=False, connections=32):
        server.execute(line)
    assert 32 == server.account("a", "10.0.0.1").connections
