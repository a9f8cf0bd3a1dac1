"""Descriptions of the lab's hosts, and their addresses."""

from __future__ import annotations

import pytest

from lab import HostSpec, SpecError, addresses
from lab.errors import LabError
from lab.specs import check_lab_name, check_unique, parse_host


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("web1", HostSpec("web1")),
        ("web1:web", HostSpec("web1", image="web")),
        ("db1:db:admin=debian", HostSpec("db1", image="db", admin="debian")),
        ("pm:admin=ops", HostSpec("pm", admin="ops")),
    ],
)
def test_a_word_of_the_command_line_describes_a_host(text: str, expected: HostSpec) -> None:
    assert expected == parse_host(text)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("Web1", "host name"),
        ("web1:apache", "none of bare, web, db"),
        ("web1:web:memory=1g", "'memory' is not known"),
        ("web1:admin=root", "extra account"),
        ("web1:admin=a b", "extra account"),
        ("", "host name"),
    ],
)
def test_a_wrong_word_is_refused_with_what_is_wrong(text: str, complaint: str) -> None:
    with pytest.raises(SpecError, match=complaint):
        parse_host(text)


def test_all_faults_of_a_host_are_in_one_message() -> None:
    with pytest.raises(SpecError) as refused:
        HostSpec("a_b", image="x", memory="lots", release="sarge")

    assert 4 == str(refused.value).count(";") + 1


def test_a_full_name_longer_than_a_kernel_keeps_is_refused() -> None:
    with pytest.raises(SpecError, match="too long"):
        HostSpec("a" * 40, domain="b" * 30)


def test_a_host_of_another_release_has_an_image_of_its_own() -> None:
    assert ("web", "web@trixie") == (HostSpec("a", image="web").made_from, HostSpec("a", "web", "trixie").made_from)


def test_a_description_survives_the_books() -> None:
    spec = HostSpec("web1", image="web", users=("deploy",), admin="debian", domain="example.test")

    assert spec == HostSpec.from_json(spec.to_json())


def test_a_field_of_a_later_version_is_passed_over() -> None:
    assert HostSpec("a") == HostSpec.from_json({**HostSpec("a").to_json(), "kernel": "uml"})


def test_an_admin_is_the_login_and_comes_first() -> None:
    spec = HostSpec("a", admin="debian", users=("deploy", "debian"))

    assert ("debian", "deploy") == spec.logins
    assert "debian" == spec.login
    assert "root" == HostSpec("a", users=("deploy",)).login


@pytest.mark.parametrize("name", ["", "Demo", "a.b", "-a", "a-", "a" * 41, "../x"])
def test_a_lab_name_that_is_unfit_for_a_path_or_a_label_is_refused(name: str) -> None:
    with pytest.raises(SpecError, match="lab name"):
        check_lab_name(name)


def test_two_hosts_of_one_name_are_refused() -> None:
    with pytest.raises(SpecError, match="more than once: a"):
        check_unique([HostSpec("a"), HostSpec("b"), HostSpec("a", image="db")])


def test_the_first_free_subnet_is_chosen() -> None:
    assert "10.89.64.0/24" == addresses.choose_subnet([])
    assert "10.89.66.0/24" == addresses.choose_subnet(["10.89.64.0/24", "10.89.65.0/25", "fd00::/64"])


def test_a_wider_route_of_the_machine_blocks_what_is_in_it() -> None:
    assert "10.89.80.0/24" == addresses.choose_subnet(["10.89.64.0/20"])


def test_a_machine_that_routes_all_of_the_range_is_told_so() -> None:
    with pytest.raises(LabError, match=r"no free 10\.89"):
        addresses.choose_subnet(["10.0.0.0/8"])


def test_the_bridge_has_the_first_address_and_hosts_those_from_eleven_on() -> None:
    assert "10.89.64.1" == addresses.hub_address("10.89.64.0/24")
    assert "10.89.64.11" == addresses.choose_address("10.89.64.0/24", [])
    assert "10.89.64.12" == addresses.choose_address("10.89.64.0/24", ["10.89.64.11", "10.89.64.13"])


def test_a_full_subnet_is_an_error() -> None:
    with pytest.raises(LabError, match="no free address"):
        addresses.choose_address("10.89.64.0/24", [f"10.89.64.{last}" for last in range(256)])


def test_routes_are_read_without_the_default() -> None:
    text = "default via 192.0.2.1 dev eth0\n10.89.64.0/24 dev podman1 proto kernel\nunreachable 10.0.0.0/8\n"

    assert ["10.89.64.0/24"] == addresses.routed(text)


def test_an_address_of_another_subnet_is_told_apart() -> None:
    assert addresses.inside("10.89.64.0/24", "10.89.64.11")
    assert not addresses.inside("10.89.65.0/24", "10.89.64.11")


def test_a_host_keeps_its_ethernet_address_with_its_address() -> None:
    assert "02:42:0a:59:40:0b" == addresses.hardware_address("10.89.64.11")


def test_a_host_whose_address_is_lost_moves_above_all_others() -> None:
    moved = addresses.choose_address("10.89.64.0/24", ["10.89.64.11", "10.89.64.13"], after="10.89.64.12")

    assert "10.89.64.14" == moved
    assert "10.89.64.11" == addresses.choose_address("10.89.64.0/24", [], after="10.89.64.254")


def test_a_virtual_machine_is_made_from_an_image_of_its_own() -> None:
    assert "web-vm" == HostSpec("web1", image="web", kind="vm").made_from
    assert HostSpec("web1", image="web", kind="vm") == parse_host("web1:web:kind=vm")


def test_a_virtual_machine_has_neither_other_logins_nor_shared_directories() -> None:
    for wrong in ({"admin": "debian"}, {"users": ("deploy",)}, {"shared": "/srv/shared"}):
        with pytest.raises(SpecError, match="a vm has root's login only"):
            HostSpec("web1", kind="vm", **wrong)
