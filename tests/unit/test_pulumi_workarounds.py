"""What spares Pulumi's processes time: it is at work, it changes nothing that a program sees, and it steps aside."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from aegir_components.pulumi_workarounds import deferred, packages, startup, tracing

PROGRAM = [sys.executable, "/engine/pulumi-language-python-exec", "--monitor", "127.0.0.1:1"]
PROVIDER = [sys.executable, "-u", "-m", "pulumi.dynamic", "127.0.0.1:1"]
LISTING = ["-m", "pip", "list", "-v", "--format", "json"]
BEGIN = f"import sys; from aegir_components.pulumi_workarounds import deferred, startup; startup.begin({PROGRAM!r}); "
EXECUTED = "[name for name in deferred.MODULES if name in sys.modules and deferred.executed(sys.modules[name])]"


def python(text: str, **variables: str) -> str:
    """Run a program in a process of its own; give what it prints."""
    environment = {**os.environ, startup.PLAIN: "", "TRACEPARENT": "", **variables}
    done = subprocess.run([sys.executable, "-c", text], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("argv", "kind"),
    [
        (PROGRAM, "program"),
        (PROVIDER, "provider"),
        ([sys.executable, *LISTING], "packages"),
        ([sys.executable, "-m", "aegir_components", "status", "prod"], "command"),
        ([sys.executable, "-m", "pip", "list"], ""),
        ([sys.executable, "-m", "pulumi.dynamics"], ""),
        ([sys.executable, "-m", "pytest", "pulumi-language-python-exec"], ""),
        ([sys.executable], ""),
    ],
)
def test_only_the_processes_of_a_command_are_recognized(argv: list[str], kind: str) -> None:
    assert kind == startup.recognize(argv)


def test_a_variable_leaves_every_process_as_pulumi_ships_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = list(sys.meta_path)
    monkeypatch.setenv(startup.PLAIN, "1")

    assert startup.begin(PROGRAM) == ""
    assert before == sys.meta_path


def test_the_program_is_loaded_without_what_a_command_with_nothing_to_do_needs_not() -> None:
    found = python(
        f"{BEGIN} import pulumi, pulumi.dynamic, aegir_components.estate.wiring\n"
        f"print({EXECUTED}, 'opentelemetry' in sys.modules)"
    )
    shipped = python("import sys, pulumi; print('opentelemetry' in sys.modules, 'pulumi.automation' in sys.modules)")

    assert found == "[] False"
    assert shipped == "True True", "Pulumi's package does itself what is done here: the workaround can go"


def test_every_module_that_is_deferred_is_installed_and_works() -> None:
    found = python(f"{BEGIN} print([name for name in deferred.MODULES if not dir(__import__(name, fromlist=['x']))])")

    assert found == "[]"


@pytest.fixture(scope="module")
def listed_by_pip() -> Any:
    """Give what pip itself lists."""
    argv = [sys.executable, "-m", "pip", "--disable-pip-version-check", *LISTING[2:]]
    return json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)


def test_all_public_names_of_pulumi_resolve_to_the_same_things() -> None:
    every = (
        "import pulumi; kind = lambda thing: 'module' if isinstance(thing, type(sys)) else type(thing).__name__; "
        "print(sorted((name, kind(getattr(pulumi, name))) for name in pulumi.__all__), "
        "sorted(pulumi.automation.__all__), [n for n in pulumi.automation.__all__ if not hasattr(pulumi.automation, n)])"
    )

    assert python(f"import sys; {every}") == python(BEGIN + every)


def test_where_a_command_is_traced_pulumis_own_tracing_is_loaded() -> None:
    shown = f"{BEGIN} import pulumi; print(sys.modules['{tracing.NAME}'].__file__, 'opentelemetry' in sys.modules)"

    assert python(shown).endswith("pulumi_workarounds/tracing.py False")
    traced = python(shown, TRACEPARENT="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    assert traced.endswith("_instrumentation.py True")


def test_tracing_of_the_pinned_sdk_is_the_one_that_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Path(importlib.import_module("pulumi").__file__ or "").parent / "runtime" / "_instrumentation.py"
    search = [str(original.parent)]

    assert hashlib.sha256(original.read_bytes()).hexdigest() == tracing.KNOWN
    assert tracing.Finder().find_spec(tracing.NAME, search) is not None
    monkeypatch.setattr(tracing, "KNOWN", "of another version")
    assert tracing.Finder().find_spec(tracing.NAME, search) is None


def test_without_opentelemetry_there_is_no_context_to_hand_on_and_with_it_there_is() -> None:
    text = (
        "import threading; from aegir_components.pulumi_workarounds import tracing; "
        "print(tracing.wrap_with_context(len) is len); "
        "from opentelemetry import context; context.attach(context.set_value('key', 'handed on')); seen = []; "
        "work = tracing.wrap_with_context(lambda: seen.append(context.get_value('key'))); "
        "thread = threading.Thread(target=work); thread.start(); thread.join(); print(seen)"
    )

    assert python(text).split("\n") == ["True", "['handed on']"]


@pytest.mark.parametrize("wrapped", [False, True])
def test_the_list_of_packages_is_pips(wrapped: bool, listed_by_pip: Any) -> None:
    environment = {**os.environ, startup.PLAIN: "" if wrapped else "1"}
    begin = f"startup.begin([sys.executable, *{LISTING}])"
    code = f"import sys, runpy; from aegir_components.pulumi_workarounds import startup; {begin}; "
    run = f"sys.argv = ['pip', *{LISTING[2:]}]; runpy.run_module('pip', run_name='__main__'); "
    done = subprocess.run(
        [sys.executable, "-c", code + run], env=environment, capture_output=True, text=True, check=False
    )

    assert json.loads(done.stdout) == listed_by_pip, done.stderr
    shown = python(
        f"{code} import pip.__main__; print(pip.__main__.__file__)", **{startup.PLAIN: environment[startup.PLAIN]}
    )
    assert shown.endswith("pulumi_workarounds/packages.py") is wrapped


@pytest.mark.parametrize("unusual", ["a.egg-link", "a.egg-info", "a-1.dist-info/direct_url.json"])
def test_packages_that_only_pip_can_list_are_left_to_pip(
    unusual: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    (tmp_path / "b-1.dist-info").mkdir()

    assert packages.Finder().find_spec("pip.__main__") is not None
    (tmp_path / unusual).parent.mkdir(exist_ok=True)
    (tmp_path / unusual).write_text("")
    assert packages.Finder().find_spec("pip.__main__") is None


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory of modules of which those called ``late…`` are deferred."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", [deferred.Finder({"late", "late_failing"}), *sys.meta_path])
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_deferred_module_is_executed_once_by_the_first_of_many_threads(modules: Path) -> None:
    counted = "builtins.late_runs = getattr(builtins, 'late_runs', 0) + 1"
    text = f"import time, builtins\n{counted}\nfirst = 1\ntime.sleep(0.05)\nlast = 2\n"
    (modules / "late.py").write_text(text)
    late = importlib.import_module("late")
    assert "first" not in vars(late)
    seen: list[int] = []
    threads = [threading.Thread(target=lambda: seen.append(late.last)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    import builtins

    assert ([2] * 8, 1) == (seen, builtins.late_runs)  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="module 'late' has no attribute 'none'"):
        _ = late.none
    assert deferred.executed(late)


def test_no_thread_uses_a_module_that_another_one_has_executed_in_part(modules: Path) -> None:
    text = "import time\ndef first():\n    return _last()\ntime.sleep(0.1)\ndef _last():\n    return 2\n"
    (modules / "late.py").write_text(text)
    late = importlib.import_module("late")
    executing = threading.Thread(target=lambda: late.first)
    executing.start()
    while "first" not in vars(late):
        time.sleep(0.001)

    assert 2 == late.first()
    executing.join()


def test_a_thread_that_asks_while_another_one_ends_the_execution_gets_what_it_asks_for(modules: Path) -> None:
    (modules / "late.py").write_text("NAME = 1\n")
    late = importlib.import_module("late")
    ask = type(late).__getattribute__
    assert 1 == late.NAME

    # The question of the first class comes to a module of the second one.
    assert 1 == ask(late, "NAME")
    assert "NAME" in type(late).__dir__(late)


@pytest.mark.parametrize("begins", ["package", "module"])
def test_threads_that_wait_for_each_other_by_pythons_own_locks_go_on(modules: Path, begins: str) -> None:
    """One executes a package, which imports its module; the other imports the module, which uses the package."""
    (modules / "late").mkdir()
    (modules / "late" / "__init__.py").write_text("import time\nNAME = 1\ntime.sleep(0.1)\nfrom . import inner\n")
    (modules / "late" / "inner.py").write_text(
        "import time\ntime.sleep(0.1)\nfrom late import NAME\nOTHER = NAME + 1\n"
    )
    uses = [lambda: importlib.import_module("late").NAME, lambda: importlib.import_module("late.inner").OTHER]
    seen: list[int] = []

    def use(ask: Callable[[], int], wait: float) -> None:
        time.sleep(wait)
        seen.append(ask())

    threads = [
        threading.Thread(target=use, args=(ask, wait), daemon=True)
        for ask, wait in zip(uses, (0, 0.05) if begins == "package" else (0.05, 0), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert [1, 2] == sorted(seen)


def test_a_module_of_a_deferred_package_is_loaded_once_and_after_its_package(modules: Path) -> None:
    (modules / "late").mkdir()
    (modules / "late" / "__init__.py").write_text("order = ['package']\nfrom . import inner\n")
    (modules / "late" / "inner.py").write_text("from late import order\norder.append('inner')\nclass Thing: pass\n")

    inner = importlib.import_module("late.inner")
    late = importlib.import_module("late")

    assert late.order == ["package", "inner"]
    assert late.inner is inner is sys.modules["late.inner"]
    assert inner.__spec__ is not None
    assert inner.__spec__.origin == str(modules / "late" / "inner.py")


@pytest.fixture
def ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package ``mine``, of which all modules are deferred."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", [deferred.Finder(ours="mine"), *sys.meta_path])
    (tmp_path / "mine" / "inner").mkdir(parents=True)
    (tmp_path / "mine" / "__init__.py").write_text("")
    yield tmp_path / "mine"
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_module_of_a_package_of_ours_is_executed_without_its_package(ours: Path) -> None:
    (ours / "inner" / "__init__.py").write_text("from .low import LOW\nHIGH = LOW + 1\n")
    (ours / "inner" / "low.py").write_text("LOW = 1\n")
    (ours / "inner" / "text.txt").write_text("a text")
    inner = importlib.import_module("mine.inner")

    assert inner.low.LOW == 1
    assert "HIGH" not in vars(inner)
    assert inner.HIGH == 2
    assert resources.files(inner).joinpath("text.txt").read_text() == "a text"
    with pytest.raises(AttributeError, match=r"module 'mine\.inner' has no attribute 'none'"):
        _ = inner.none


def test_threads_that_begin_with_a_package_and_with_its_module_do_not_wait_for_each_other(ours: Path) -> None:
    (ours / "inner" / "__init__.py").write_text("import time\ntime.sleep(0.05)\nfrom .high import HIGH\n")
    (ours / "inner" / "high.py").write_text("import time\ntime.sleep(0.05)\nfrom . import low\nHIGH = low.LOW + 1\n")
    (ours / "inner" / "low.py").write_text("LOW = 1\n")
    seen: list[int] = []

    def use(name: str) -> None:
        seen.append(importlib.import_module(name).HIGH)

    threads = [
        threading.Thread(target=use, args=(name,), daemon=True) for name in ("mine.inner", "mine.inner.high") * 4
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert [2] * 8 == seen


def test_a_deferred_module_that_fails_says_so_at_every_use(modules: Path) -> None:
    (modules / "late_failing.py").write_text("raise ValueError('the reason')\n")
    late = importlib.import_module("late_failing")

    for _ in range(2):
        with pytest.raises(ValueError, match="the reason"):
            _ = late.anything


def test_a_deferred_module_that_ctrl_c_stops_is_executed_by_the_next_use(modules: Path) -> None:
    again = "import sys\nif not hasattr(sys, 'late_again'):\n    sys.late_again = 1\n    raise KeyboardInterrupt\nNAME = 1\n"
    (modules / "late_failing.py").write_text(again)
    late = importlib.import_module("late_failing")
    try:
        with pytest.raises(KeyboardInterrupt):
            _ = late.NAME
        assert 1 == late.NAME
    finally:
        del sys.late_again  # type: ignore[attr-defined]


def test_a_missing_module_is_missing_at_its_import(modules: Path) -> None:
    assert not list(modules.iterdir())
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("late")
