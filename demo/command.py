"""The demo: two Debian hosts, a stack, `pulumi up`, and a site that answers. `python -m demo`, or `make demo`."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from aegir_components.applications import APPLICATIONS
from aegir_components.health import probe
from aegir_components.hub import files
from lab.__main__ import DEFAULT_LAB
from lab.errors import LabError
from lab.laboratory import Lab
from lab.specs import HostSpec
from tools.paths import ROOT

from . import codebase, removals
from . import stack as demo_stack
from .down import RECORD, down, read_record

WEB, DATABASE = HostSpec("web1", image="web"), HostSpec("db1", image="db")
# NFS needs kernels of its own.
PACK = tuple(HostSpec(f"web{number}", image="web", kind="vm", memory="512m") for number in (1, 2, 3))
WITH_PACK = demo_stack.STACK == "pack"
HOSTS = (*PACK, DATABASE) if WITH_PACK else (WEB, DATABASE)
LAB = "demo-pack" if WITH_PACK else DEFAULT_LAB


def say(text: str) -> None:
    """Tell the person at the terminal what is done, at once, also where output goes to a file."""
    print(f"demo: {text}", flush=True)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Demo:
    """One run of the demo."""

    lab: Lab
    given: str
    """The code base that the person asked for; empty for the demo's own choice."""

    def run(self) -> None:
        """Bring everything up, and show it.

        Raises:
            LabError: something did not work; the text says what, and what to do.
        """
        begun = time.monotonic()
        if demo_stack.unlock():
            say("a run of Pulumi was killed here: its lock is taken away, and this run goes on from what it finds")
        demo_stack.check_syntax()
        choice = self._code()
        say(f"code base: {choice.title} in {choice.path} ({choice.why})")
        self._hosts()
        facts = self._facts(choice)
        there = bool(demo_stack.read())
        if demo_stack.write(facts):
            former = f"; the former one is {_shown(demo_stack.FORMER)}" if there else ""
            say(f"stack file: {_shown(demo_stack.FILE)} written, what there is to be, with comments{former}")
        else:
            say(f"stack file: {_shown(demo_stack.FILE)} is there and kept as it is")
            _check_hosts(facts)
        removals.check()
        say("pulumi up: what follows is Pulumi's own output (about a minute; some seconds when it was up before)")
        say("(a warning that this machine does not resolve the hosts' names is right here: they are in no DNS)")
        self._up()
        site = demo_stack.shown_site(demo_stack.read())
        facts = dataclasses.replace(facts, site=site)
        page = self._fetch(facts, facts.web_address) if site else ""
        for name, address in facts.slaves if site else ():
            say(f"the same site from the slave {name}, with code and data over NFS: {self._fetch(facts, address)}")
        say("pulumi up again: there must be nothing to do (a few seconds)")
        self._up("--skip-preview", "--expect-no-changes")
        if site:
            self._report(facts, page)
        else:
            say(f"{demo_stack.SITE} is not declared; `tools/aegir status --live` shows the sites that are")
        say(f"done in {time.monotonic() - begun:.0f} s")

    def _code(self) -> codebase.Choice:
        """Choose the code; what is up already goes on with what it has."""
        config = demo_stack.read()
        first = demo_stack.site_source(config)
        now = [*([first] if first else []), *demo_stack.sources(config)]
        if now and not self.given and Path(now[0]).is_dir():
            return codebase.look(Path(now[0]), f"as {_shown(demo_stack.FILE)} says")
        choice = codebase.choose(self.given, say)
        if now and str(choice.path) not in now and (demo_stack.exists() or demo_stack.is_changed()):
            raise LabError(
                f"the demo has {now[0]}, and {choice.path} is another code base. `make clean` takes the demo down, with "
                f"its stack file; or write a platform more into {_shown(demo_stack.FILE)}"
            )
        return choice

    def _hosts(self) -> None:
        """Bring the hosts up, and see to it that hosts and state speak of each other."""
        record = read_record(self.lab)
        other = record.get("checkout", str(ROOT))
        if other != str(ROOT) and Path(other).is_dir():
            raise LabError(f"the demo's hosts belong to {other}: run `make clean` there first")
        stack = demo_stack.exists()
        if record and (other != str(ROOT) or not stack):
            say("hosts are there that this checkout's state knows nothing of: they are made anew")
            self.lab.down()
            record = {}
        machines = self._lab_up()
        if stack and machines != record.get("machines"):
            say("the state speaks of hosts that are gone: state and hosts are made anew")
            self.lab.down()
            demo_stack.quiet("stack", "rm", "--force", "--yes", "--preserve-config", "--remove-backups")
            machines, stack = self._lab_up(), False
        if not stack:
            demo_stack.quiet("stack", "select", "--create")
        text = json.dumps({"checkout": str(ROOT), "machines": machines}, indent=2)
        files.replace(self.lab.directory / RECORD, text + "\n", mode=0o600)

    def _lab_up(self) -> dict[str, str]:
        """Bring the hosts up and name the installations: a host that is made anew is another one."""
        begun = time.monotonic()
        what = "three web servers, Debian in virtual machines (about a minute)" if WITH_PACK else "a web server"
        also = "" if WITH_PACK else ", Debian in containers (about 5 s)"
        say(f"lab {self.lab.name}: {what} and a database server{also}")
        self.lab.up(HOSTS)
        say(f"lab {self.lab.name} is up after {time.monotonic() - begun:.1f} s")
        return {name: host.installation() for name, host in self.lab.hosts().items()}

    def _facts(self, choice: codebase.Choice) -> demo_stack.Facts:
        web, database = self.lab.host(WEB.name), self.lab.host(DATABASE.name)
        slaves: dict[str, str] = {}
        if WITH_PACK:
            for order, spec in zip(("first", "second"), PACK[1:], strict=True):
                host = self.lab.host(spec.name)
                slaves |= {f"{order}_slave_name": host.spec.fqdn, f"{order}_slave_address": host.address}
        return demo_stack.Facts(
            hub_address=self.lab.hub_address,
            hub_root=str(self.lab.directory / "hub"),
            identity=str(self.lab.identity),
            known_hosts=str(self.lab.known_hosts),
            web_name=web.spec.fqdn,
            web_address=web.address,
            database_name=database.spec.fqdn,
            database_address=database.address,
            platform=choice.platform,
            source=str(choice.path),
            profile=choice.profile,
            **slaves,
        )

    def _up(self, *options: str) -> None:
        begun = time.monotonic()
        status = demo_stack.pulumi("up", "--yes", "--suppress-outputs", *options)
        if status and options:
            raise LabError("the second `pulumi up` failed, or found something to do; above is what")
        if status < 0:
            raise LabError("`pulumi up` was killed: `make demo` goes on from there")
        if status:
            raise LabError("`pulumi up` failed; above is why. Repair the cause, and `make demo` goes on from there")
        say(f"pulumi up took {time.monotonic() - begun:.1f} s")

    def _fetch(self, facts: demo_stack.Facts, address: str) -> str:
        """Ask a web server for the site by its own name, and say what came."""
        code = codebase.look(Path(facts.source), "").code
        begun = time.monotonic()
        try:
            page = probe.get(address, 80, facts.site)
        except probe.NoAnswer as fault:
            raise LabError(f"the site does not answer: {fault}") from None
        wrong = APPLICATIONS[code.application].judge(page)
        if wrong is not None:
            raise LabError(f"{facts.site} on {address} {wrong}")
        title = re.search(r"<title>\s*(.*?)\s*</title>", page.body, re.DOTALL)
        shown = f'"{title[1]}"' if title else "no title"
        return f"{page.status}, {shown}, {len(page.body.encode())} bytes in {time.monotonic() - begun:.2f} s"

    def _report(self, facts: demo_stack.Facts, page: str) -> None:
        site = demo_stack.answer("stack", "output", "--show-secrets", "--stack", demo_stack.STACK)["sites"][facts.site]
        login = "wp-login.php" if facts.profile is None else "user/login"
        example = "/var/aegir/config/apache/vhost.d/" + facts.site + ".conf"
        ssh = f"tools/env python -m lab ssh --name {self.lab.name} {WEB.name}"
        print(
            f"""
  {site["url"]} answers: {page}

  In a browser on this machine, with this line in /etc/hosts:
      {facts.web_address} {" ".join((facts.site, *demo_stack.aliases(demo_stack.read(), facts.site)))}
  or without it:
      curl --resolve {facts.site}:80:{facts.web_address} {site["url"]}/
  Administrator:
      {site["url"]}/{login}
      {site["admin_name"]}
      {site["admin_password"]}

  What to try next:
      See how everything is, and what an operator can do:
          tools/aegir status --live
          tools/aegir --help
      Change a file on the web server by hand, see it, and have it repaired:
          {ssh} 'echo "# mine" >> {example}'
          tools/env pulumi preview --refresh --diff --stack {demo_stack.STACK}
          tools/env pulumi up --refresh --stack {demo_stack.STACK}
      Write a second site into {_shown(demo_stack.FILE)}, and see what would change:
          tools/env pulumi preview --stack {demo_stack.STACK}
      Look around on a host: {ssh}
      Take all of it down: make clean{" STACK=pack" if WITH_PACK else ""}
""",
            flush=True,
        )


def _check_hosts(facts: demo_stack.Facts) -> None:
    """Check that a stack file that is kept speaks of the demo's hosts.

    Raises:
        LabError: it does not; the text says what each is.
    """
    if wrong := demo_stack.other_hosts(demo_stack.read(), facts):
        file = _shown(demo_stack.FILE)
        raise LabError(
            f"{file} was changed by hand and is kept, but it is for other hosts: {'; '.join(wrong)}. Correct it, or move it "
            "away for a new one, and run `make demo`"
        )


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo, or take it down; give the process's exit status."""
    parser = argparse.ArgumentParser(prog="python -m demo", description="A site on real hosts, in containers.")
    parser.add_argument("--platform", default=os.environ.get("AEGIR_DEMO_PLATFORM", ""), metavar="CODE",
                        help="a code base: directory, archive or URL of an archive (AEGIR_DEMO_PLATFORM)")  # fmt: skip
    parser.add_argument("--name", default=os.environ.get("AEGIR_DEMO_LAB", LAB),
                        help=f"the lab that it runs in (AEGIR_DEMO_LAB, {LAB})")  # fmt: skip
    parser.add_argument("--down", action="store_true", help="remove all that the demo has made")
    options = parser.parse_args(arguments)
    if "PULUMI_BACKEND_URL" not in os.environ:
        print("demo: it needs the repository's environment: run `make demo`", file=sys.stderr)
        return 2
    try:
        lab = Lab(options.name)
        if options.down:
            down(lab, say)
        else:
            Demo(lab=lab, given=options.platform).run()
    except LabError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted; `make demo` goes on from there, `make clean` removes all", file=sys.stderr)
        return 130
    return 0
