"""What our PHP programs say when they cannot do their work: each message, by the real PHP, from its standard input.

The applications are stand-ins of a few lines. `tests/integration/test_applications_visitors.py` has some of it with real ones.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from aegir_components.applications.base import program

DRUPAL = """
class Account { function __construct(private $a) {} function isActive() { return $this->a; } }
class Drupal {
  static function __callStatic($n, $a) { return new Drupal; }
  function __call($n, $a) { return $n === 'run' ? FALSE : (%s); }
}
"""
NOBODY = DRUPAL % "$n === 'load' ? NULL : ($n === 'loadByProperties' ? [] : $this)"
BLOCKED = DRUPAL % "$n === 'load' ? new Account(FALSE) : ($n === 'loadByProperties' ? [new Account(FALSE)] : $this)"
SEVEN = "ob_start(); function user_load($n) { return %s; } function user_load_by_name($n) { return user_load(0); }"
SEVEN += " function user_save($a, $e) { return FALSE; }"
WORD = """
ob_start();
class Found { public $ID = 7; }
function get_user_by($k, $n) { return %s; }
function update_user_meta(...$a) { return FALSE; }
"""
BACKDROP = "ob_start(); function user_load($n) { return %s; } function user_load_by_name($n) { return user_load(0); }"
FAILED = (
    "class WP_Error { function get_error_message() { return 'no room left'; } } function is_wp_error($r) { return %s; }"
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A program that fails, and its promised sentence."""

    names: tuple[str, ...]
    begin: str = ""
    """The application's stand-in, as PHP."""
    files: dict[str, str] = field(default_factory=dict)
    """What the code base has."""
    values: dict[str, Any] = field(default_factory=dict)
    says: str
    status: int


NAMELESS = "the site has no account named eve\n"
ROWS = [
    Row(
        names=("open-database.php",),
        begin="if (!class_exists('PDO')) { class PDOException extends Exception {} class PDO { const ATTR_ERRMODE = 3,"
        " ERRMODE_EXCEPTION = 2, ATTR_TIMEOUT = 2; function __construct(...$a) { throw new PDOException('refused'); } } }",
        values={"database": {"host": "127.0.0.1", "port": 1, "name": "d", "user": "u", "password": "p", "ca": ""}},
        says="the database does not let the site in from this machine: ",
        status=3,
    ),
    Row(names=("drupal/login.php",), begin=NOBODY, values={"account": "eve"}, says=NAMELESS, status=4),
    Row(names=("drupal/login.php",), begin=NOBODY, values={"account": ""}, says="the site has no account number 1\n", status=4),
    Row(
        names=("drupal/login.php",), begin=BLOCKED, values={"account": "eve"},
        says="the site has no account named eve that is not blocked\n", status=4,
    ),
    Row(names=("drupal/password.php",), begin=NOBODY, values={"admin": "eve"}, says=NAMELESS, status=4),
    Row(
        names=("drupal7/login.php",), begin=SEVEN % "FALSE", values={"account": "eve", "url": "http://x"},
        says=NAMELESS, status=4,
    ),
    Row(
        names=("drupal7/login.php",), begin=SEVEN % "(object) ['status' => 0]", values={"account": "", "url": "http://x"},
        says="the site has no account number 1 that is not blocked\n", status=4,
    ),
    Row(
        names=("drupal7/password.php",), begin=SEVEN % "FALSE", values={"admin": "eve", "password": "p"},
        says=NAMELESS, status=4,
    ),
    Row(
        names=("drupal7/password.php",), begin=SEVEN % "(object) []", values={"admin": "eve", "password": "p"},
        says="user_save: the account eve could not be saved\n", status=4,
    ),
    Row(
        names=("drupal7/install.php",),
        begin="$tables = []; $pdo = new class { function query($q) { throw new Exception('no table'); } };",
        files={"includes/install.core.inc": "<?php function install_drupal($s) { exit(0); }"},
        values=dict.fromkeys(("host", "profile", "language", "title", "mail", "admin", "password"), "x"),
        says="the installer ended before its end\n",
        status=4,
    ),
    Row(
        names=("drupal7/install.php",),
        begin="$tables = []; $pdo = new class { function query($q) { return $this; }"
        " function fetchColumn() { return serialize('install_profile_modules'); } };",
        files={"includes/install.core.inc": "<?php function install_drupal($s) { exit(0); }"},
        values=dict.fromkeys(("host", "profile", "language", "title", "mail", "admin", "password"), "x"),
        says="the installer ended before its end, after the task install_profile_modules\n",
        status=4,
    ),
    Row(
        names=("wordpress/install.php",),
        begin="$tables = [];",
        files={
            "wp-load.php": "<?php define('ABSPATH', __DIR__ . '/'); function wp_slash($v) { return $v; } "
            + FAILED % "TRUE" + " function wp_install(...$a) { return new WP_Error; }",
            "wp-admin/includes/upgrade.php": "<?php",
        },
        values={"language": "en", **dict.fromkeys(("host", "url", "title", "mail", "admin", "password"), "x")},
        says="wp_install: no room left\n",
        status=4,
    ),
    Row(
        names=("wordpress/install.php",),
        begin="$tables = [];",
        files={
            "wp-load.php": "<?php define('ABSPATH', __DIR__ . '/'); function wp_slash($v) { return $v; } "
            + FAILED % "FALSE" + " function wp_install(...$a) { return []; }",
            "wp-admin/includes/upgrade.php": "<?php",
        },
        values={"language": "en", **dict.fromkeys(("host", "url", "title", "mail", "admin", "password"), "x")},
        says="wp_install: no account was made\n",
        status=4,
    ),
    Row(
        names=("wordpress/login.php",), begin=WORD % "FALSE", values={"account": "eve", "admin": "admin"},
        says=NAMELESS, status=4,
    ),
    Row(
        names=("wordpress/login.php",), begin=WORD % "new Found", values={"account": "", "admin": "admin"},
        says="the login of the account admin could not be noted in the database\n", status=4,
    ),
    Row(
        names=("wordpress/password.php",), begin=WORD % "FALSE", values={"admin": "eve", "password": "p"},
        says=NAMELESS, status=4,
    ),
    Row(
        names=("drupal/config.php",), begin=DRUPAL % "[]",
        says="the configuration directory is empty, and importing nothing would remove everything\n", status=4,
    ),
    Row(
        names=("wordpress/caches.php",),
        begin="function do_action($a) {} function wp_cache_flush() { return FALSE; } ob_start();",
        says="wp_cache_flush: the object cache could not be emptied\n",
        status=4,
    ),
    Row(
        names=("drupal7/cron.php",),
        files={
            "includes/bootstrap.inc": "<?php const DRUPAL_BOOTSTRAP_FULL = 7; function drupal_bootstrap($x) {}"
            " function drupal_cron_run() { return FALSE; }"
        },
        says="cron of www.example.com did not run: another run is at work, or was and did not end\n",
        status=5,
    ),
    Row(names=("backdrop/login.php",), begin=BACKDROP % "FALSE", values={"account": "eve"}, says=NAMELESS, status=4),
    Row(
        names=("backdrop/password.php",), begin=BACKDROP % "FALSE", values={"admin": "eve", "password": "p"},
        says=NAMELESS, status=4,
    ),
    Row(
        names=("backdrop/login.php",), begin=BACKDROP % "(object) ['status' => 0]", values={"account": ""},
        says="the site has no account number 1 that is not blocked\n", status=4,
    ),
    Row(
        names=("backdrop/install.php",),
        begin="$tables = []; $pdo = new class { function query($q) { return $this; }"
        " function fetchColumn() { return serialize('install_system_module'); } };",
        files={"core/includes/install.core.inc": "<?php function install_backdrop($s) { exit(0); }"},
        values={"language": "en", **dict.fromkeys(("host", "profile", "title", "mail", "admin", "password"), "x")},
        says="the installer ended before its end, after the task install_system_module\n", status=4,
    ),
    Row(
        names=("backdrop/cron.php",),
        files={
            "core/includes/bootstrap.inc": "<?php const BACKDROP_BOOTSTRAP_FULL = 7; function backdrop_bootstrap($x) {}"
            " function backdrop_cron_run() { return FALSE; }"
        },
        says="cron of www.example.com did not run: another run is at work, or was and did not end\n",
        status=5,
    ),
    Row(
        names=("drupal/cron.php",),
        files={
            "autoload.php": "<?php namespace Drupal\\Core { class DrupalKernel { static function createFromRequest(...$a)"
            " { return new self; } function boot() {} function preHandle($r) {} } }"
            " namespace Symfony\\Component\\HttpFoundation { class Request { static function create(...$a) {} } }"
            " namespace { class Drupal { static function service($n) { return new self; } function run() { return FALSE; } } }"
        },
        says="cron of www.example.com did not run: another run is at work, or was and did not end\n",
        status=5,
    ),
    Row(
        names=("wordpress/cron.php",),
        files={
            "wp-cron.php": "<?php if (getenv('AEGIR_SUBSITE')) { exit(1); } function is_multisite() { return TRUE; }"
            " function get_current_blog_id() { return 1; } function get_sites($w) {"
            " return [(object) ['domain' => 'two.example.com', 'path' => '/']]; } die();"
        },
        says="cron failed on these sites of the network: two.example.com/\n",
        status=5,
    ),
]  # fmt: skip


def run(row: Row, place: Path) -> subprocess.CompletedProcess[str]:
    """Run a program as `site_php` and the timer's unit do."""
    php = shutil.which("php")
    if php is None:
        pytest.skip("php is not installed here")
    for name, text in row.files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    known = {
        "AEGIR_SITE": "www.example.com",
        "AEGIR_HOST": "www.example.com",
        "AEGIR_URL": "https://www.example.com:8443",
    }
    environment = {"PATH": os.environ["PATH"], "AEGIR_DOCROOT": str(place), **known}
    argv, text = [php, "-n", "-d", "display_errors=stderr"], ""
    if row.names[0].endswith("/cron.php"):
        (place / "cron-program.php").write_text(resource(row.names[0]))
        argv.append(str(place / "cron-program.php"))
    else:
        head, marker, rest = program(row.values, *row.names).partition("$in['docroot'] = getenv('AEGIR_DOCROOT');\n")
        text = f"{head}{marker}{row.begin}\n{rest}"
    return subprocess.run(argv, input=text, env=environment, capture_output=True, text=True, timeout=20, check=False)


def resource(name: str) -> str:
    return resources.files("aegir_components.applications").joinpath(name).read_text(encoding="utf-8")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.names[0]}: {row.says[:50].strip()}")
def test_a_program_that_fails_says_the_promised_sentence(row: Row, tmp_path: Path) -> None:
    done = run(row, tmp_path)
    assert row.says in done.stderr, done.stderr + done.stdout
    assert "Undefined constant" not in done.stderr
    assert row.status == done.returncode


def test_every_message_of_every_program_is_in_a_row() -> None:
    place = Path(str(resources.files("aegir_components.applications")))
    found = [
        (str(path.relative_to(place)), words[1])
        for path in place.rglob("*.php")
        # The words up to what is filled in.
        for words in re.finditer(r"fwrite\(STDERR, ['\"]([a-zA-Z_: ]+)", path.read_text(encoding="utf-8"))
    ]
    assert len(found) >= 12
    for name, words in found:
        assert any(name in row.names and row.says.startswith(words.rstrip()) for row in ROWS), (name, words)
