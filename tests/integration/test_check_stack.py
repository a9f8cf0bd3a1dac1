"""``check-stack`` on hosts: what is left over is found, and the advice for it loses nothing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from aegir_components import layout
from lab import HostSpec, Lab
from tests.integration.farm import PASSPHRASE, ROOT, STACK, Farm, fetch, web_and_database

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
SITE, OLD = "www.example.com", "old.example.com"


def check(farm: Farm) -> tuple[int, str]:
    environment = {
        **os.environ,
        "PULUMI_BACKEND_URL": f"file://{farm.directory / 'state'}?metadata=skip",
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
    }
    environment.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
    done = subprocess.run(
        [ROOT / "tools" / "aegir", "-C", str(ROOT), "check-stack", STACK],
        env=environment, text=True, capture_output=True, timeout=240, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_what_nobody_declares_is_found_and_comes_back_as_advised(
    lab_factory: LabFactory, wordpress: Path, tmp_path: Path
) -> None:
    lab = lab_factory("leftovers", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])
    web, database = lab.host("web1"), lab.host("db1")
    farm = Farm(tmp_path, web_and_database(lab, source=wordpress, sites={SITE: {}}))
    farm.up()
    status, said = check(farm)
    assert (0, True) == (status, "no differences: the machines carry what the stack's state has" in said), said

    # An older state, from before a site was made: the machines have it, and the stack knows nothing of it.
    before = farm.export()
    farm.settings["sites"][OLD] = {"platform": "code"}
    farm.up()
    base = layout.database_name(OLD)
    database.run(f"mysql -e \"CREATE TABLE content (word TEXT); INSERT INTO content VALUES ('kept')\" {base}")
    farm.restore(before)
    status, said = check(farm)
    assert status == 3, said
    assert f"{web.spec.fqdn}: {OLD} is in the registry of the platform code, and the stack has no such site" in said
    assert f"of {OLD} has " in said
    assert "tables, and the stack has no such site" in said

    # As the advice says: it is adopted with its content.
    farm.up()
    assert check(farm)[0] == 0
    assert "kept" == database.run(f"mysql -Ne 'SELECT word FROM content' {base}").stdout.strip()
    assert fetch(web, OLD).status == 200
