"""Which database updates another release brings: told at preview, as the applications themselves say it afterwards."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from aegir_components import layout
from aegir_components.applications import base
from lab import Host, HostSpec, Lab
from tests import codebases
from tests.integration.farm import Farm, web_and_database

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
CODES = ("drupal10", "drupal7", "wordpress", "backdrop")
LISTS = {
    "drupal10": (
        "drupal/boot.php",
        """
require_once $in['docroot'] . '/core/includes/install.inc';
require_once $in['docroot'] . '/core/includes/update.inc';
drupal_load_updates();
$names = [];
foreach (update_get_update_list() as $module => $found) {
  foreach (array_keys($found['pending'] ?? []) as $number) {
    $names[] = $module . '_update_' . $number;
  }
}
foreach (\\Drupal::service('update.post_update_registry')->getPendingUpdateFunctions() as $name) {
  $names[] = $name;
}
""",
    ),
    "drupal7": (
        "drupal7/boot.php",
        """
ob_end_clean();
require_once DRUPAL_ROOT . '/includes/install.inc';
require_once DRUPAL_ROOT . '/includes/update.inc';
drupal_load_updates();
$names = [];
foreach (update_get_update_list() as $module => $found) {
  foreach (array_keys($found['pending'] ?? []) as $number) {
    $names[] = $module . '_update_' . $number;
  }
}
""",
    ),
    "backdrop": (
        "backdrop/boot.php",
        """
ob_end_clean();
require_once BACKDROP_ROOT . '/core/includes/install.inc';
require_once BACKDROP_ROOT . '/core/includes/update.inc';
backdrop_load_updates();
$names = [];
foreach (update_get_update_list() as $module => $found) {
  foreach (array_keys($found['pending'] ?? []) as $number) {
    $names[] = $module . '_update_' . $number;
  }
}
""",
    ),
    "wordpress": (
        "wordpress/boot.php",
        """
ob_end_clean();
global $wp_db_version;
$has = (int) get_option('db_version');
$names = $has < $wp_db_version ? ["from database version $has to $wp_db_version"] : [];
""",
    ),
}
"""How each application is asked: what starts it, and what lists its pending updates as ``$names``."""


@dataclass
class Estate:
    farm: Farm
    web: Host
    database: Host
    sources: dict[str, Path]

    def pending(self, code: str) -> list[str]:
        """Ask the application itself, with the code that is live."""
        start, listing = LISTS[code]
        site = f"{code}.example.com"
        facts = self.farm.outputs()["platforms"][code]
        docroot = f"{facts['release_path']}/{facts['docroot']}"
        text = base.program({"host": site, "url": f"http://{site}"}, start) + listing
        command = f"AEGIR_SITE={site} AEGIR_DOCROOT={docroot} runuser -u {layout.system_user(site)} -- php"
        said = self.web.run(command, input=f'{text}\nprint("\\n::" . json_encode(array_values($names)));\n').stdout
        names: list[str] = json.loads(said.rpartition("::")[2])
        return names

    def sql(self, code: str, statement: str) -> None:
        """Change a site's database by hand."""
        name = layout.database_name(f"{code}.example.com")
        self.database.run(f"mariadb {name}", input=statement)


@pytest.fixture(scope="module")
def estate(lab_factory: LabFactory, tmp_path_factory: pytest.TempPathFactory) -> Estate:
    found = {code: codebases.locate(code) for code in CODES}
    lab = lab_factory("updates", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])
    work = tmp_path_factory.mktemp("updates")
    sources: dict[str, Path] = {}
    for code, source in found.items():
        if source is not None:
            sources[code] = work / code
            shutil.copytree(source, sources[code], symlinks=True)
    if not sources:
        codebases.ask(CODES[0])
    farm = Farm(work / "farm", web_and_database(lab, source=next(iter(sources.values())), sites={}))
    web = lab.host("web1")
    farm.settings["platforms"] = {
        # The application is asked what it lacks, so nobody gives it that.
        code: {"server": web.spec.fqdn, "source": str(path), "update": []}
        for code, path in sources.items()
    }
    farm.settings["sites"] = {
        f"{code}.example.com": {"platform": code, **({} if code == "wordpress" else {"profile": "minimal"})}
        for code in sources
    }
    farm.up(timeout=400)
    return Estate(farm, web, lab.host("db1"), sources)


OLDER = {
    "drupal7": "UPDATE `system` SET schema_version = 7080 WHERE name = 'system';"
    "UPDATE `system` SET schema_version = 7000 WHERE name IN ('user', 'node') AND type = 'module';",
    "backdrop": "UPDATE `system` SET schema_version = 1090 WHERE name = 'system' AND type = 'module';"
    "UPDATE `system` SET schema_version = 7000 WHERE name IN ('file', 'node') AND type = 'module';",
    "wordpress": "UPDATE wp_options SET option_value = '53496' WHERE option_name = 'db_version';",
}
"""What makes a database one that has not had the last updates."""


def told(output: str, code: str) -> tuple[int, list[str]]:
    """Read how many updates a preview tells of, and the first names."""
    found = re.search(rf"Pending updates of {code}\.example\.com: (\d+) \(([^)]*)\)", output)
    assert found, output
    return int(found[1]), [name for name in re.sub(r" and \d+ more$", "", found[2]).split(", ") if name]


def test_preview_tells_the_updates_that_the_application_itself_finds(estate: Estate) -> None:
    later = codebases.locate("drupal10-next")
    codes = [code for code in estate.sources if code != "drupal10" or later]
    for code in codes:
        if code == "drupal10":
            estate.farm.settings["platforms"][code]["source"] = str(later)
        else:
            estate.sql(code, OLDER[code])
            (estate.sources[code] / "RELEASE.txt").write_text("two\n")
    preview = estate.farm.preview().output
    numbers = {code: told(preview, code) for code in codes}
    assert all(number for number, _ in numbers.values())
    # The front page of a site may not work before its updates were run.
    for code in codes:
        estate.farm.settings["platforms"][code]["health"] = False
    estate.farm.up()
    for code in codes:
        itself = estate.pending(code)
        number, first = numbers[code]
        assert number == len(itself), (code, itself)
        assert first == itself[: len(first)]


def test_code_that_is_older_than_a_database_is_rejected_unless_the_operator_vouches_for_it(estate: Estate) -> None:
    newer = {
        "drupal7": "UPDATE `system` SET schema_version = 7999 WHERE name = 'system';",
        "wordpress": "UPDATE wp_options SET option_value = '99999' WHERE option_name = 'db_version';",
    }
    for code in (code for code in newer if code in estate.sources):
        platform = estate.farm.settings["platforms"][code]
        estate.sql(code, newer[code])
        (estate.sources[code] / "RELEASE.txt").write_text("three\n")
        said = estate.farm.preview(ok=False)
        assert f"and {code}.example.com has a database of newer code" in said.sentence
        assert "Write database: restore at the platform" in said.sentence
        platform["database"] = "keep"
        assert "has a database of newer code" not in estate.farm.preview().output
        estate.farm.up()
        estate.farm.unchanged()
