"""The report and its figures: what it says, what it never says, how large it gets, and how a real browser shows it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from click.testing import CliRunner

from aegir_components.advisories.findings import Finding, Part
from aegir_components.cli import finding, lacking, metrics, needs, page, report, survey
from aegir_components.cli.engine import Engine
from aegir_components.cli.made import Release, Site
from aegir_components.cli.main import aegir
from aegir_components.cli.outputs import Outputs
from aegir_components.cli.page import Page
from aegir_components.cli.stack import Stack
from aegir_components.cli.state import State
from aegir_components.cli.survey import PlatformFacts, ServerFacts, SiteFacts, Survey
from aegir_components.facts import machine_facts
from aegir_components.facts.disk import Room
from aegir_components.facts.machine_facts import Facts
from aegir_components.mysql.client import DatabaseError
from aegir_components.remote.connection import Connection
from aegir_components.scripts import script
from tests.unit.made import outputs

AT = 1_795_900_000
"""2026-11-28."""
HOSTILE = "</td><script>alert(1)</script><img src=x onerror=alert(2)>\x1b[31m\"'&"


def site(name: str = "www.example.com", **changes: Any) -> SiteFacts:
    plain = SiteFacts(
        name=name, url=f"https://{name}", client="acme", platform="shop", code="drupal 10.3.1", release="0123456789abcdef",
        release_since="2026-11-01", held="", security=0, security_since="", state="enabled", health=(), probed=True,
        certificate_ends="2027-02-01", certificate_days=65, cron="2026-11-28 02:13", php="8.3", php_ends="2027-12-31", drift=(),
        size=123_456_789, growth=4_000_000, sizes=(1, 2, 4, 3, 8), changed="ann@hub: run drush cr, 2026-11-27",
    )  # fmt: skip
    return replace(plain, **changes)


def machine(name: str = "web1", **changes: Any) -> ServerFacts:
    facts = Facts(
        load=0.5, processors=4, memory_free=4 * 10**9, memory=8 * 10**9, up=86_400 * 30,
        rooms=(Room(mount="/", free=50 * 10**9, size=100 * 10**9),), security_packages=0, packages=3, lists_at=AT - 3600,
        reboot=False, mounts=(),
    )  # fmt: skip
    whole = ServerFacts(name=name, address="192.0.2.1", services=("apache, PHP 8.3",), faults=(), facts=facts)
    return replace(whole, **changes)


FIX = Finding(
    part=Part(kind="drupal", name="token", version="8.x-1.3"), level="security", to="8.x-1.5", since="2026-11-20"
)
PLATFORM = PlatformFacts(
    name="shop", code="drupal 10.3.1", release="0123456789abcdef", release_since="2026-11-01", servers=("web1",), sites=1,
    faults=(), findings=(FIX,), unknown=2, parts=30,
)  # fmt: skip


def farm(*sites: SiteFacts, **changes: Any) -> Survey:
    plain = Survey(
        stack="prod", at=AT, seconds=1.5, state_at="2026-11-28 09:00", mirror_at=AT - 7200.0, sizes_at=AT - 86_400, pending=(),
        sites=sites or (site(),), platforms=(PLATFORM,), servers=(machine(),), groups=(("cluster", "web", ("web1",)),),
    )  # fmt: skip
    return replace(plain, **changes)


def html(found: Survey, **options: Any) -> str:
    given: dict[str, Any] = {"needs": needs.of(found), "changes": [], "before": None, **options}
    return page.render(Page(found=found, **given))


# What needs a person.


@pytest.mark.parametrize(
    ("found", "level", "said"),
    [
        (farm(site(health=("web1: answers 500",))), "down", "answers 500"),
        (farm(site(health=(finding.closed("web1", "ann@hub: the bank moves"),))), "look", "closed by ann"),
        (farm(site(certificate_ends="2026-12-05", certificate_days=7)), "soon", "ends on 2026-12-05"),
        (farm(site(certificate_ends="2026-11-20", certificate_days=-8)), "down", "ends on 2026-11-20"),
        (farm(site(php="7.4", php_ends="2022-11-28")), "soon", "PHP 7.4 has had no fixes"),
        (farm(site(held="failed: its update failed")), "look", "its update failed"),
        (farm(site(drift=("file x: content differs",))), "look", "changed by hand: file x"),
        (farm(site(updates=("node 9001",))), "soon", "its database lacks 1 updates: node 9001"),
        (farm(site(backup_fault="no proven backup for 3 days")), "soon", "no proven backup"),
        (farm(servers=(machine(faults=("no answer within 30 s",), facts=None),)), "down", "no answer within 30 s"),
        (farm(mirror_at=None), "look", "nothing is known of security updates"),
        (farm(pending=("creating Release code",)), "look", "ended in the middle of creating Release code"),
        (farm(), "security", "1 security updates for 1 sites, since 2026-11-20: token 8.x-1.3 to 8.x-1.5"),
    ],
)  # fmt: skip
def test_what_needs_a_person_is_named_with_what_helps(found: Survey, level: str, said: str) -> None:
    listed = [need for need in needs.of(found) if said in need.text]
    assert [level] == [need.level for need in listed]
    assert listed[0].advice
    assert said in html(found).replace("&#x27;", "'")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"rooms": (Room(mount="/var", free=5, size=100),)}, "/var has 5 % free"),
        ({"security_packages": 4}, "4 packages have updates for security"),
        ({"lists_at": AT - 30 * 86_400}, "its lists of packages are of 2026-10-29"),
        ({"reboot": True}, "waits for a restart"),
        ({"load": 20.0}, "the load is 20.0 on 4 processors"),
    ],
)
def test_a_machine_that_needs_a_person(changed: dict[str, Any], said: str) -> None:
    whole = machine()
    assert whole.facts is not None
    found = farm(servers=(replace(whole, facts=replace(whole.facts, **changed)),))
    assert said in " ".join(need.text for need in needs.of(found))


def test_the_worst_comes_first() -> None:
    found = farm(site("a", drift=("x",)), site("b", health=("answers 500",)), site("c", certificate_days=3))
    assert ["down", "security", "soon", "look"] == [need.level for need in needs.of(found)]


def test_what_changed_since_the_last_report_is_said() -> None:
    before = farm(site("a"), site("b"), site("gone"))
    after = farm(
        site("a", code="drupal 10.3.2"), site("b", release="fedcba9876543210", health=("answers 500",)), site("new"),
        servers=(machine("web2"),),
    )  # fmt: skip
    kept = json.loads(json.dumps(needs.remembered(before, needs.of(before))))
    said = needs.changes(kept, needs.remembered(after, needs.of(after)))
    for text in (
        "new: new", "gone: gone", "a: drupal 10.3.1 became drupal 10.3.2",
        "b: another release of drupal 10.3.1, fedcba9876543210",
        "b: does not answer as it should any more", "web2: new server", "web1: server gone", "new: b: answers 500",
    ):  # fmt: skip
        assert text in said
    assert [] == needs.changes(kept, needs.remembered(before, needs.of(before)))
    assert [] == needs.changes(None, kept)
    shown = html(after, changes=said, before=AT - 86_400.0)
    assert "Since the last report" in shown
    assert "a: drupal 10.3.1 became drupal 10.3.2" in shown


# The page.


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += attrs
        if tag not in {"meta", "polyline"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "polyline":
            assert self.open.pop() == tag


def parsed(text: str) -> Tags:
    found = Tags()
    found.feed(text)
    assert [] == found.open
    return found


def test_nothing_that_a_machine_says_becomes_a_tag_or_drives_anything() -> None:
    hostile = site(
        f"x{HOSTILE}", client=HOSTILE, code=HOSTILE, held=HOSTILE, health=(HOSTILE,), drift=(HOSTILE,), changed=HOSTILE,
        cron=HOSTILE, php=HOSTILE, url=f"https://x/{HOSTILE}",
    )  # fmt: skip
    finding = replace(FIX, part=Part(kind="drupal", name=HOSTILE, version=HOSTILE), to=HOSTILE)
    found = farm(
        hostile, site(), servers=(machine(HOSTILE, faults=(HOSTILE,)),), pending=(HOSTILE,),
        groups=(("pack", HOSTILE, (HOSTILE,)),),
        platforms=(replace(PLATFORM, name=HOSTILE, findings=(finding,)),),
    )  # fmt: skip
    text = html(found, changes=[HOSTILE], before=1.0)
    tags = parsed(text)
    assert not {"script", "img", "iframe", "object", "link"} & set(tags.seen)
    assert not [name for name, _ in tags.attributes if name.startswith("on") or name == "style"]
    assert "\x1b" not in text
    assert not [value for name, value in tags.attributes if name in {"src", "srcset"}]


def test_a_page_needs_nothing_from_elsewhere_and_says_the_age_of_what_it_says() -> None:
    text = html(farm())
    assert "default-src 'none'" in text
    assert not re.search(r"@import|url\(|<link", text)
    for said in (
        "Machines were asked in 1.5 s",
        "the state is of 2026-11-28 09:00 UTC",
        "advisories are 2 h old",
        "sizes are 24 h old",
    ):
        assert said in text


def test_what_a_mirror_that_was_never_fetched_does_not_know_is_not_called_fine() -> None:
    nothing = replace(PLATFORM, findings=())
    assert "none known" in html(farm(platforms=(nothing,)))
    never = html(farm(platforms=(nothing,), mirror_at=None))
    assert "none known" not in never
    assert 2 == never.count(">not known</td>")


def test_a_clients_page_has_its_sites_and_nothing_of_others() -> None:
    others = site("secret-launch.example.com", client="rival", health=("answers 500",), changed="bob@hub: close")
    mine = site(drift=("file /var/x: content differs",))
    whole = farm(mine, others)
    found, listed = report.for_client(whole, "acme")
    text = html(found, needs=listed, client="acme")
    assert "www.example.com" in text
    for hidden in (
        "secret-launch",
        "rival",
        "web1",
        "192.0.2.1",
        "ann@hub",
        "bob@hub",
        "/var/x",
        "aegir check",
        "shop",
    ):
        assert hidden not in text
    with pytest.raises(Exception, match="no site of prod has the client nobody; clients are: acme, rival"):
        report.for_client(whole, "nobody")


def test_a_thousand_sites_are_a_small_page_at_once() -> None:
    sites = [
        site(f"site-{number}.example.com", client=f"client {number % 40}", sizes=tuple(range(number, number + 30)),
             health=("web1: answers 500: " + "x" * 300,) if number % 10 == 0 else ())
        for number in range(1000)
    ]  # fmt: skip
    found = farm(*sites, servers=tuple(machine(f"web{number}") for number in range(50)))
    begun = time.process_time()
    text = html(found)
    assert time.process_time() - begun < 5
    assert len(text.encode()) < 3_000_000
    parsed(text)


# What databases lack.


def test_databases_are_asked_by_server_and_release_and_one_that_does_not_answer_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def source(name: str) -> Any:
        return SimpleNamespace(endpoint="db2" if name == "d" else "db1", database=f"base_{name}")

    made = {"application": "drupal", "platform": "code"}
    sites = {
        name: Site(identity=name, installation=outputs({**made, "name": name}), configuration=outputs({}))
        for name in "abcd"
    }
    release = Release(
        platform="code",
        outputs=Outputs({"digest": "f" * 64, "application": "drupal"}, resource="Release code", stack="prod"),
    )
    state = State(stack="prod", sites=sites, releases={"code": release})
    hub = SimpleNamespace(hub=SimpleNamespace(root="/hub"))
    monkeypatch.setattr(
        "aegir_components.cli.unlocked.Unlocked.read",
        lambda _: SimpleNamespace(state=state, declared=hub, source=source),
    )
    asked = []

    def lacking_of(root: str, digest: str, endpoint: str, application: str, names: Any) -> dict[str, Any]:
        asked.append((root, digest, endpoint, application, sorted(names)))
        if endpoint == "db2":
            raise DatabaseError("db2: it takes no connection")
        return {
            name: SimpleNamespace(names=["node 9001"] if name == "base_a" else []) for name in names if name != "base_b"
        }

    monkeypatch.setattr("aegir_components.rollout.database_updates.lacking", lacking_of)
    said: list[str] = []
    found = lacking.of_stack(
        Stack(name="prod", engine=Engine(project=Path("/"))), {"c": "0123456789abcdef"}, say=said.append
    )
    assert {"a": ("node 9001",), "c": ()} == found
    assert [
        ("/hub", "0123456789abcdef", "db1", "drupal", ["base_c"]),
        ("/hub", "f" * 16, "db1", "drupal", ["base_a", "base_b"]),
        ("/hub", "f" * 16, "db2", "drupal", ["base_d"]),
    ] == sorted(asked)
    assert ["pending database updates of 1 sites are not known: db2: it takes no connection"] == said


# Figures.


def test_figures_are_such_that_prometheus_reads_them() -> None:
    found = farm(
        site(client='a "b"\\\n'),
        site(
            "b",
            health=("answers 500",),
            security=2,
            drift=("x", "y"),
            backup="never",
            backup_fault="it has no proven backup",
        ),
        site("c", backup="2026-11-27 02:00 (31 h)"),
    )
    text = metrics.text(found, needs.of(found))
    assert text.endswith("\n")
    for line in text.splitlines():
        assert re.fullmatch(
            r'# (HELP|TYPE) aegir_\w+ .+|aegir_\w+\{(\w+="([^"\\\n]|\\["\\n])*",?)+\} -?[0-9.e+]+', line
        ), line
    assert r'aegir_site_up{stack="prod",site="www.example.com",client="a \"b\"\\\n",platform="shop"} 1' in text
    assert re.search(r'^aegir_site_up\{[^}]*site="b"[^}]*\} 0$', text, re.MULTILINE)
    assert re.search(r'^aegir_site_security_updates\{[^}]*site="b"[^}]*\} 2$', text, re.MULTILINE)
    assert re.search(r'^aegir_site_drift\{[^}]*site="b"[^}]*\} 2$', text, re.MULTILINE)
    assert re.search(r'^aegir_site_backup_ok\{[^}]*site="b"[^}]*\} 0$', text, re.MULTILINE)
    assert re.search(r'^aegir_site_backup_ok\{[^}]*site="c"[^}]*\} 1$', text, re.MULTILINE)
    assert 2 == len(re.findall("^aegir_site_backup_ok", text, re.MULTILINE)), "nothing of a site without a plan"
    assert 1 == text.count("# TYPE aegir_site_up gauge")
    if shutil.which("promtool"):
        checked = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, timeout=20, check=False)
        assert 0 == checked.returncode


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"machine.load": ""},
        {"machine.load": "a b c d", "machine.memory": "x", "machine.disk": "1\n1 2"},
    ],
)
def test_what_a_machine_makes_up_is_nothing_or_zero(facts: dict[str, str]) -> None:
    found = machine_facts.read(facts)
    assert found is None or (0.0, 0, ()) == (found.load, found.memory, found.rooms)


def test_machines_say_what_they_are() -> None:
    found = machine_facts.read(
        {"machine.load": "0.10 0.20 0.30 4", "machine.memory": "1000 2000", "machine.up": "86400", "machine.reboot": "yes",
         "machine.disk": "500 1000 /\n1 2 /var/aegir", "machine.packages": "2 7 1795900000",
         "machine.mounts": "/var/aegir/platforms nfs4 10.0.0.1:/x"}
    )  # fmt: skip
    assert found is not None
    assert (0.2, 4, 1_024_000, True, 2, 7) == (
        found.load, found.processors, found.memory_free, found.reboot, found.security_packages, found.packages
    )  # fmt: skip
    assert ("/var/aegir/platforms",) == found.mounts
    assert survey.day(found.lists_at) == "2026-11-28"


# A real browser.


@pytest.fixture(scope="module")
def modules() -> Path:
    """Give the browser's driver and the accessibility checker, from npm's cache of ours."""
    place = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "aegir-pulumi" / "npm"
    if not (place / "node_modules" / "axe-core").is_dir():
        if not shutil.which("npm"):
            pytest.skip("npm is not installed")
        place.mkdir(parents=True, exist_ok=True)
        wanted = [
            "npm",
            "install",
            "--no-audit",
            "--no-fund",
            "--prefix",
            str(place),
            "axe-core@4.10.3",
            "puppeteer-core@24.1.0",
        ]
        if subprocess.run(wanted, capture_output=True, timeout=180, check=False).returncode:
            pytest.skip("npm cannot get axe-core and puppeteer-core")
    return place / "node_modules"


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_browser_shows_it_to_everybody(modules: Path, tmp_path: Path) -> None:
    chromium, node = shutil.which("chromium"), shutil.which("node")
    if chromium is None or node is None:
        pytest.skip("chromium or node is not installed")
    found = farm(
        site("a.example.com", health=("web1: answers 500: Oops",)), site("b.example.com", client="", security=2),
        site("a-very-long-name-of-a-site-that-is-hard-to-break.example.com", held="failed: its update failed", growth=-5),
        servers=(machine(), machine("db1", faults=("no answer within 30 s",), facts=None)),
    )  # fmt: skip
    path = tmp_path / "report.html"
    path.write_text(html(found, changes=["a.example.com: new"], before=AT - 86_400.0))
    pictures = Path(os.environ.get("AEGIR_SCREENSHOTS") or tmp_path)
    pictures.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [node, str(Path(__file__).with_name("browser.mjs")), chromium, str(path), str(pictures)],
        capture_output=True, text=True, timeout=200, check=False, env={**os.environ, "NODE_MODULES": str(modules)},
    )  # fmt: skip
    assert 0 == done.returncode, done.stderr[-2000:]
    looks = json.loads(done.stdout)
    assert {("light", "desktop"), ("light", "phone"), ("dark", "desktop"), ("dark", "phone")} == {
        (look["scheme"], look["device"]) for look in looks
    }
    for look in looks:
        where = f"{look['device']}, {look['scheme']}"
        assert [f"file://{path}"] == look["asked"], where
        assert [] == look["errors"], where
        assert [] == look["violations"], where
        assert look["passes"] > 15, where
        assert look["wide"] <= 0, f"{where}: it scrolls sideways"
        assert all(each["seen"] for each in look["reached"] if each["tag"] != "BODY"), where
        assert {"A", "DIV"} <= {each["tag"] for each in look["reached"]}, f"{where}: links and tables by keyboard"
    assert (pictures / "print.pdf").read_bytes().startswith(b"%PDF")


# The whole of it, from a state of a thousand sites.


def test_a_link_or_a_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    target, link = tmp_path / "page.html", tmp_path / "link.html"
    link.symlink_to(target)
    report._write(str(link), "a page")
    assert (True, "a page\n") == (link.is_symlink(), target.read_text())
    with mock.patch.object(Path, "replace") as replace:
        report._write("/dev/null", "a page")
    replace.assert_not_called()


def exported(sites: int, servers: int) -> dict[str, Any]:
    """Write the state of a farm, as `pulumi stack export` prints it."""
    ours, listed = "pulumi-python:dynamic/aegir:", []

    def add(kind: str, name: str, outputs: dict[str, Any]) -> None:
        urn = f"urn:pulumi:prod::aegir::{kind}::{name}"
        listed.append({"urn": urn, "type": kind, "outputs": outputs, "modified": "2026-11-01T10:00:00Z"})

    for number in range(servers):
        name = f"web{number}"
        connection = {"host": name, "address": f"10.0.0.{number}", "hub_root": "/nowhere"}
        add("aegir:index:Server", name, {"address": f"10.0.0.{number}"})
        add(f"{ours}Machine", name, {"connection": connection})
        add(f"{ours}WebService", name, {"type": "nginx", "php": "8.3"})
        members = {name: {"connection": connection, "type": "nginx", "port": 80}}
        add(f"{ours}Release", f"code{number}", {
            "platform": f"code{number}", "publish_path": f"/p/code{number}", "digest": f"{number:016x}" * 4, "source": "/s",
            "application": "drupal", "facts": {"version": "10.3.1"}, "members": members, "docroot": "web", "keep": 3,
        })  # fmt: skip
    for number in range(sites):
        name, host = f"site{number}.example.com", number % servers
        connection = {"host": f"web{host}", "address": f"10.0.0.{host}", "hub_root": "/nowhere"}
        made = {"site": name, "holder": "aegir/prod", "platform": f"code{host}",
                "publish_path": f"/p/code{host}", "docroot": "web",
                "application": "drupal",
                "members": {f"web{host}": {"connection": connection, "type": "nginx", "port": 80}}}  # fmt: skip
        add("aegir:index:Site", name, {"url": f"https://{name}"})
        add(f"{ours}SiteConfiguration", name, {**made, "cron": "hourly"})
        add(
            f"{ours}Installation",
            name,
            {**made, "admin": "admin", "enabled": True, "health": True, "content": "present"},
        )
        add(f"{ours}Certificate", name, {"ends": "2027-03-01"})
    return {"deployment": {"manifest": {"time": "2026-11-28T09:00:00Z"}, "resources": listed}}


def test_a_thousand_sites_take_one_round_trip_a_machine_and_some_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: aegir\nruntime: python\nstackConfigDir: stacks\n")
    (tmp_path / "stacks/Pulumi.prod.yaml").write_text("config: {}\n")
    state = json.loads(json.dumps(exported(1000, 20)).replace("/nowhere", str(tmp_path / "hub")))
    monkeypatch.setattr(Engine, "ask", lambda _self, *words: state if words[:2] == ("stack", "export") else [])
    asked: list[str] = []

    def execute(conn: Connection, _mode: str, lines: Any, **_: Any) -> script.Report:
        listed = list(lines)
        asked.append(conn.host)
        if any("code_facts" in line for line in listed):
            return script.Report({"parts": "drupal\ttoken\t8.x-1.3"}, (), ())
        users = re.findall(r"site-[\w-]+", " ".join(line for line in listed if line.startswith("status_cron")))
        facts = {f"timer.{user}": "ActiveState=active\nLastTriggerUSec=Sat 2026-11-28 02:13:07 UTC" for user in users}
        return script.Report(
            {**facts, "machine.load": "0.1 0.2 0.3 4", "unit.nginx": "active", "unit.php8.3-fpm": "active"}, (), ()
        )

    monkeypatch.setattr(script, "execute", execute)
    target = tmp_path / "report.html"
    begun = time.process_time()
    done = CliRunner().invoke(aegir, ["--cwd", str(tmp_path), "report", "--no-probe", "-o", str(target)])
    spent = time.process_time() - begun
    assert 0 == done.exit_code, done.output
    assert spent < 10, f"{spent:.1f} s"
    # The releases' parts are asked for once, and never again.
    assert 2 * 20 == len(asked)
    asked.clear()
    done = CliRunner().invoke(aegir, ["--cwd", str(tmp_path), "report", "--no-probe", "-o", str(target)])
    assert 0 == done.exit_code, done.output
    assert 20 == len(asked) == len(set(asked))
    text = target.read_text()
    assert len(text) < 3_000_000
    assert 1000 == text.count("<th scope=row><a href=")
    assert "2026-11-28 02:13" in text


def test_figures_tell_a_closed_site_by_its_kind_and_not_by_words() -> None:
    closed = farm(
        site("a.test", health=(finding.closed("web1", "ann@hub: the bank moves"),)),
        site("b.test", health=("web1: answers 500: closed by mistake",)),
    )
    text = metrics.text(closed, needs.of(closed))
    said = {name: line.rpartition(" ")[2] for line in text.splitlines() for name in ("a.test", "b.test")
            if line.startswith("aegir_site_closed{") and f'"{name}"' in line}  # fmt: skip
    assert said == {"a.test": "1", "b.test": "0"}
