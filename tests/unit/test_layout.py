"""Paths and derived names: limits hold, and two sites never share anything."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aegir_components import layout

# Few letters, so that names are alike; repeated, so that they are also long.
LABEL = st.tuples(st.text("ab0-", max_size=6), st.integers(1, 8)).map(lambda part: f"a{part[0] * part[1]}z")
SITE = st.lists(LABEL, min_size=2, max_size=5).map(".".join)
few = settings(max_examples=40, deadline=None)
DERIVED: list[Callable[[str], str]] = [
    layout.database_name,
    layout.account_name,
    layout.system_user,
    layout.pool_socket,
    layout.file_name,
]


@few
@given(one=SITE, other=SITE)
def test_two_sites_never_get_the_same_name(one: str, other: str) -> None:
    assert [one == other] * len(DERIVED) == [derive(one) == derive(other) for derive in DERIVED]


@few
@given(start=st.integers(60, 63), one=LABEL, other=LABEL)
def test_sites_that_differ_only_at_the_end_of_a_long_name_get_different_names(start: int, one: str, other: str) -> None:
    long = ".".join(["a" * start] * 3)
    pairs = [(derive(f"{long}.{one}"), derive(f"{long}.{other}")) for derive in DERIVED]

    assert [one == other] * len(DERIVED) == [first == second for first, second in pairs]


@pytest.mark.parametrize("derive", DERIVED[:4], ids=lambda derive: derive.__name__)
def test_sites_that_differ_only_in_punctuation_get_different_names(derive: Callable[[str], str]) -> None:
    """Aegir drops dots and hyphens and cuts at 16 characters, and then numbers what collides."""
    sites = ["a-b.example.com", "a.b.example.com", "ab.example.com", "a--b.example.com", "ab-example.com"]

    assert len(sites) == len({derive(site) for site in sites})


@few
@given(site=SITE)
def test_a_database_name_is_within_the_limit_and_needs_no_escape(site: str) -> None:
    name = layout.database_name(site)
    assert re.fullmatch(r"[a-z0-9_]+", name)
    # In a GRANT each underscore is escaped, and the escape counts.
    assert len(name.replace("_", "\\_")) <= 64


@few
@given(site=SITE)
def test_an_account_name_is_within_the_limit_and_needs_no_escape(site: str) -> None:
    assert re.fullmatch(r"[a-z0-9_]{1,32}", layout.account_name(site))


@few
@given(site=SITE)
def test_a_system_user_is_one_that_debian_accepts(site: str) -> None:
    name = layout.system_user(site)

    assert re.fullmatch(r"site-[a-z0-9]+(-[a-z0-9]+)*", name)
    assert len(name) <= 32


@few
@given(site=SITE)
def test_a_socket_path_is_short_enough_for_the_kernel(site: str) -> None:
    assert len(layout.pool_socket(site)) <= 100


@few
@given(site=SITE)
def test_a_file_named_after_a_site_leaves_room_for_a_suffix(site: str) -> None:
    assert len(layout.file_name(site)) <= 200


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ("www_example_com_qd6a7ojgnw", layout.database_name("www.example.com")),
        ("www_example_com_qd6a7ojgnw", layout.account_name("www.example.com")),
        ("site-www-example-com-qd6a7ojgnw", layout.system_user("www.example.com")),
        ("/run/php/site-www-example-com-qd6a7ojgnw.sock", layout.pool_socket("www.example.com")),
    ],
)
def test_derived_names_stay_as_they_are_for_ever(expected: str, actual: str) -> None:
    """A change here would part every site from its database."""
    assert expected == actual


def test_a_short_site_name_is_a_file_name_as_it_is() -> None:
    assert "www.example.com" == layout.file_name("www.example.com")


def test_releases_lie_beside_the_publish_path() -> None:
    path = layout.release_path("/var/aegir/platforms/drupal-10", "0123456789abcdef" * 4)

    assert "/var/aegir/platforms/.releases/drupal-10/0123456789abcdef" == path


@pytest.mark.parametrize("digest", ["", "abc", "../../etc/passwd0", "ABCDEF0123456789", "0" * 15, "0" * 16 + "/.."])
def test_a_release_has_a_digest_for_a_name_and_nothing_else(digest: str) -> None:
    with pytest.raises(ValueError, match="at least 16 hexadecimal digits"):
        layout.release_path("/srv/p", digest)


def test_site_data_lie_outside_of_the_releases() -> None:
    root = layout.publish_root("/var/aegir/platforms/drupal-10")
    base = "/var/aegir/platforms/.sites/www.example.com"

    assert base == layout.site_directory(root, "www.example.com")
    assert f"{base}/site" == layout.site_linked(root, "www.example.com")
    assert f"{base}/site/files" == layout.site_files(root, "www.example.com")
    assert f"{base}/private" == layout.site_private(root, "www.example.com")
    assert f"{base}/tmp" == layout.site_temporary(root, "www.example.com")


@pytest.mark.parametrize(
    ("web", "program"),
    [("apache", "apache"), ("apache_ssl", "apache"), ("nginx", "nginx"), ("nginx_ssl", "nginx")],
)
def test_web_configuration_is_where_the_handbook_has_it(web: str, program: str) -> None:
    assert f"/var/aegir/config/{program}.conf" == layout.web_main(web)
    assert f"/var/aegir/config/{program}/vhost.d/a.example.com.conf" == layout.vhost_path(web, "a.example.com")
    assert f"/var/aegir/config/{program}/platform.d/drupal-10.conf" == layout.platform_path(web, "drupal-10")
