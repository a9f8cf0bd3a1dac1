"""What goes into the lab's images, and when they are made anew."""

from __future__ import annotations

import json

import pytest

from lab import ReleaseMissing, SpecError, aptconf, recipes
from lab.engine import read_containers, read_networks

FILES = {"etc/apt/sources.list.d/lab.sources": b"Types: deb\n", "etc/apt/apt.conf.d/90lab": b""}


def test_a_recipe_keeps_its_tag_as_long_as_nothing_changes() -> None:
    assert recipes.recipe("web", "bookworm", FILES) == recipes.recipe("web", "bookworm", dict(FILES))


@pytest.mark.parametrize("kind", ["bare", "web", "db", "hub"])
def test_another_way_to_the_archive_makes_other_images(kind: str) -> None:
    changed = {**FILES, "etc/apt/apt.conf.d/90lab": b'Acquire::http::Proxy "http://proxy.example:3128";\n'}

    assert recipes.recipe(kind, "bookworm", FILES).tag != recipes.recipe(kind, "bookworm", changed).tag


def test_another_release_makes_other_images() -> None:
    assert recipes.recipe("bare", "bookworm", FILES).tag != recipes.recipe("bare", "trixie", FILES).tag


def test_an_image_stands_on_bare_which_stands_on_base() -> None:
    chain = recipes.chain(recipes.recipe("db", "bookworm", FILES))

    assert ["base", "bare", "db"] == [step.kind for step in chain]
    assert chain[2].containerfile.startswith(f"FROM {chain[1].tag}\n")


def test_a_machine_that_is_no_debian_starts_from_the_official_image() -> None:
    base = recipes.chain(recipes.recipe("bare", None, {}))[0]

    assert "FROM docker.io/library/debian:12\n" == base.containerfile


def test_the_official_image_keeps_its_own_sources() -> None:
    assert "-delete" not in recipes.recipe("bare", None, {}).containerfile
    assert "-delete" in recipes.recipe("bare", "bookworm", FILES).containerfile


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(SpecError, match="'mail'"):
        recipes.recipe("mail", "bookworm", FILES)


def test_no_host_key_of_an_image_gets_into_a_host() -> None:
    assert "rm -f /etc/ssh/ssh_host_*" in recipes.recipe("bare", "bookworm", FILES).containerfile


OWN_SOURCES = "Types: deb\nURIs: http://archive.example/debian\nSuites: bookworm bookworm-updates\nComponents: main\n"


def test_another_release_of_debians_comes_from_the_same_archive() -> None:
    text = aptconf.other_sources(OWN_SOURCES, "bookworm", "trixie", "")

    assert OWN_SOURCES.replace("bookworm", "trixie") == text
    assert "bookworm" not in text


def test_a_release_without_updates_comes_from_its_main_archive_alone() -> None:
    own = "Types: deb\nURIs: http://archive.example/debian\nSuites: bookworm bookworm-updates\nComponents: main\n"
    security = own.replace("debian", "security").replace("bookworm bookworm-updates", "bookworm-security")

    text = aptconf.other_sources(f"{own}\n{security}", "bookworm", "bullseye", "")

    assert own.replace("bookworm bookworm-updates", "bullseye") == text
    assert text.replace("bullseye", "forky") == aptconf.main_sources(f"{own}\n{security}", "bookworm", "forky")
    with pytest.raises(ReleaseMissing, match="/etc/apt names no archive of bookworm"):
        aptconf.main_sources(security, "bookworm", "forky")


def test_a_release_of_ubuntus_comes_from_the_archive_that_is_given() -> None:
    text = aptconf.other_sources(OWN_SOURCES, "bookworm", "noble", "http://archive.example/ubuntu")

    assert "URIs: http://archive.example/ubuntu\nSuites: noble noble-updates noble-security\n" in text
    assert "debian" not in text


def test_without_an_archive_of_ubuntus_it_is_said_how_to_give_one() -> None:
    with pytest.raises(ReleaseMissing, match="hosts of noble need an archive of Ubuntu's: set AEGIR_LAB_UBUNTU"):
        aptconf.other_sources(OWN_SOURCES, "bookworm", "noble", "")


def test_only_the_distribution_s_own_sources_are_taken() -> None:
    own = "Types: deb\nURIs: http://archive.example\nSuites: bookworm bookworm-updates\nComponents: main"
    other = "Types: deb\nURIs: http://other.example\nSuites: bookworm-pgdg\nComponents: main"
    off = own.replace("archive", "off") + "\nEnabled: no"

    text = aptconf.distribution_sources([("a.sources", f"# a comment\n{own}\n\n{other}\n\n{off}\n")], "bookworm")

    assert f"{own}\n" == text


def test_one_line_sources_become_stanzas() -> None:
    line = "deb [signed-by=/k.gpg arch=amd64] http://a.example bookworm main contrib # why\ndeb-src x bookworm y\n"

    text = aptconf.distribution_sources([("sources.list", line)], "bookworm")

    expected = "Types: deb\nURIs: http://a.example\nSuites: bookworm\nComponents: main contrib\nSigned-By: /k.gpg\n"
    assert expected == text


def test_settings_that_concern_the_way_are_taken_and_hooks_are_not() -> None:
    dump = (
        'Acquire::http::Proxy "http://proxy.example:3128";\n'
        'Acquire::http::Proxy-Auto-Detect "/usr/bin/detect";\n'
        'Acquire::Check-Date "false";\n'
        'Acquire::Languages "none";\n'
        'DPkg::Post-Invoke:: "rm -rf /";\n'
    )

    taken = aptconf.acquire_settings(dump, {"http_proxy": "http://second.example", "HTTPS_PROXY": "http://s.example"})

    expected = (
        'Acquire::http::Proxy "http://proxy.example:3128";\n'
        'Acquire::Check-Date "false";\n'
        'Acquire::https::Proxy "http://s.example";\n'
    )
    assert expected == taken


def test_podman_and_docker_list_containers_each_in_their_own_way() -> None:
    labels = {"org.aegir.lab": "demo"}
    podman = json.dumps([{"Names": ["aegir-lab.demo.web1"], "State": "running", "Labels": labels}])
    docker = json.dumps({"Names": "aegir-lab.demo.web1", "State": "running", "Labels": "org.aegir.lab=demo"}) + "\n"

    assert read_containers(podman) == read_containers(docker)
    assert labels == read_containers(docker)[0].labels
    assert [] == read_containers("") == read_containers("[]")


def test_podman_and_docker_describe_networks_each_in_their_own_way() -> None:
    podman = {
        "name": "n",
        "subnets": [{"subnet": "10.89.64.0/24", "gateway": "10.89.64.1"}],
        "labels": {"a": "b"},
    }
    docker = {"Name": "n", "IPAM": {"Config": [{"Subnet": "10.89.64.0/24"}]}, "Labels": {"a": "b"}}
    host = {"Name": "host", "IPAM": {"Config": None}, "Labels": None}

    assert read_networks([podman]) == read_networks([docker]) == [("n", ["10.89.64.0/24"], {"a": "b"})]
    assert [("host", [], {})] == read_networks([host])


def test_a_virtual_machine_s_image_is_its_host_s_with_nfs_on_top() -> None:
    chain = recipes.chain(recipes.recipe("web-vm", "bookworm", FILES))

    assert ["base", "bare", "web", "web-vm"] == [step.kind for step in chain]
    assert " nfs-kernel-server; " in chain[-1].containerfile
