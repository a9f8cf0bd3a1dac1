"""The demo from end to end, in a copy of the checkout: what a newcomer runs, and that nothing of it stays."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import yaml

from aegir_components.health import probe
from lab import HostSpec, Lab
from tests.integration.checkout import Checkout
from tools.paths import ROOT

pytestmark = [pytest.mark.lab, pytest.mark.slow]

# drupal.org is out of reach here, wherever the test runs; all else is as in `make demo`.
RUN = """
import sys
from demo import codebase, command
codebase.DRUPAL_URL = "https://drupal.invalid/drupal.tar.gz"
sys.exit(command.main(sys.argv[1:]))
"""


class Demo(Checkout):
    """A copy of this work tree, in which the demo is run."""

    def __init__(self, place: Path, lab: str) -> None:
        super().__init__(place)
        self.lab = lab

    @property
    def stack_file(self) -> Path:
        return self.root / "stacks" / "Pulumi.lab.yaml"

    def demo(self, *options: str) -> subprocess.CompletedProcess[str]:
        program = (str(self.root / "tools" / "env"), "python", "-c", RUN, "--name", self.lab)
        done = self.run(*program, *options, timeout=900)
        sys.stdout.write(done.stdout + done.stderr)
        return done

    def files(self, part: str) -> list[Path]:
        return [path for path in self.state.rglob("*") if path.is_file() and part in path.name]


@pytest.mark.timeout(1800)
def test_the_demo_brings_a_site_up_runs_again_and_leaves_nothing(
    lab_factory: Callable[[str, Iterable[HostSpec]], Lab],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    lab = lab_factory("demo", ())
    checkout = Demo(tmp_path, lab.name)
    try:
        first = checkout.demo()
        assert 0 == first.returncode
        took = re.search(r"^demo: done in (\d+) s$", first.stdout, re.MULTILINE)
        assert took is not None
        record_property("make demo, with engine and images there, s", took[1])
        assert "taking Debian's WordPress in place of Drupal" in first.stdout
        # Created by the first run of Pulumi, and left alone by the second.
        assert re.search(r"\d+ created", first.stdout)
        assert re.search(r"\d+ unchanged", first.stdout)
        config = yaml.safe_load(checkout.stack_file.read_text())["config"]
        address = config["aegir:servers"]["web1.lab.test"]["address"]
        page = probe.get(address, 80, "www.demo.test")
        assert 200 == page.status
        assert "<title>www.demo.test</title>" in page.body
        password = first.stdout.split("Administrator:")[1].split()[2]
        assert len(password) >= 24
        assert checkout.files("lab.json")
        assert not [path for path in checkout.files("") if password.encode() in path.read_bytes()]

        again = checkout.demo()
        assert 0 == again.returncode
        assert "kept as it is" in again.stdout
        assert not re.search(r"\d+ (created|updated|deleted|replaced)", again.stdout)
        assert password == again.stdout.split("Administrator:")[1].split()[2]

        other = checkout.demo("--platform", str(ROOT))
        assert 1 == other.returncode
        assert "is no code base that is known here" in other.stderr
    finally:
        down = checkout.demo("--down")
    assert 0 == down.returncode
    assert {} == lab.engine.containers(lab.name)
    assert not checkout.stack_file.exists()
    assert not (checkout.state / "aegir-lab" / lab.name).exists()
    assert [] == checkout.files("lab.json")
    assert [] == checkout.files("checkpoint")
    assert 0 == checkout.demo("--down").returncode
