"""Modules that are executed when one of their names is first used, not when they are imported.

``import pulumi`` executes the Automation API and protobuf's implementation in Python, and our own modules import libraries for
certificates and databases. A command with nothing to do uses none of them. It uses a quarter of our own modules.

``from package import module`` executes nothing. ``from package.module import name`` executes the module at once. Edges to large
parts that a command may not need are imports of modules for this reason.

Threads: no name of a module is given to another thread before the module is executed whole. A function that is defined by
then may use one that is not. Python's own ``importlib.util.LazyLoader`` shows other threads a half-executed module in Python
3.11 (https://github.com/python/cpython/issues/114763); our providers have many threads.

Locks: a thread that executes a module holds the module's lock, and waits for the locks of those that the module uses.
Imports of our modules have no cycle (``tests/unit/test_structure.py``). Packages of others have some, also through
Python's own locks of imports. The locks here are of that kind, which knows who waits for whom. A thread that would wait
for itself begins again.

Upstream: pulumi/pulumi#6827 defers the SDK's submodules, and is open; PEP 810 (Python 3.15) has lazy imports.
Versions: pulumi 3.259; Python 3.11 to 3.14.
Switch: AEGIR_PULUMI_PLAIN_START=1
Test: tests/unit/test_pulumi_workarounds.py
"""

from __future__ import annotations

import importlib
import sys
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any, Final, cast

MODULES: Final = frozenset({
    "asyncio.sslproto",
    "asyncio.staggered",
    "cryptography.hazmat.primitives.asymmetric.ec",
    "cryptography.hazmat.primitives.hashes",
    "cryptography.hazmat.primitives.serialization",
    "cryptography.x509",
    "difflib",
    "google.protobuf.internal.python_message",
    "grpc.aio",
    "idna",
    "jinja2",
    "pulumi.automation",
    "pymysql",
    "ssl",
    "yaml",
    "zoneinfo",
})  # fmt: skip
"""Modules of others."""

OURS: Final = "aegir_components"
"""All modules of this package are deferred. Importing any of them has no effect but names."""
_DEFERRED: Final = "__deferred__"
"""The name by which a module has what defers it, until it is executed."""
_IMPORTED: Final = frozenset({
    "__cached__", "__class__", "__dict__", "__file__", "__loader__", "__name__", "__package__", "__path__", "__spec__"
})  # fmt: skip
"""What a module has before it is executed, and what the import system inspects."""
_TRIES: Final = 100
"""How often a thread executes a module that another one hinders."""
_nested: Final = threading.local()
_bootstrap: Final = cast("Any", importlib)._bootstrap  # noqa: SLF001
_ModuleLock: Final[Any] = _bootstrap._ModuleLock  # noqa: SLF001
_DeadlockError: Final[type[RuntimeError]] = _bootstrap._DeadlockError  # noqa: SLF001


class Finder:
    """Finds the chosen modules where Python finds them, and defers each."""

    def __init__(self, names: Collection[str] = (), ours: str = "") -> None:
        self.names = names
        self.ours = f"{ours}." if ours else ""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module that is to be deferred; leave all others to the finders that follow."""
        # What ``python -m`` runs is no module that is imported.
        ours = bool(self.ours) and fullname.startswith(self.ours) and not fullname.endswith(".__main__")
        above = fullname.rpartition(".")[0]
        package = sys.modules[above] if above in self.names and not executed(sys.modules[above]) else None
        if not ours and package is None and fullname not in self.names:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader) and (ours or fullname in self.names):
            spec.loader = (_OurDeferred if ours else _Deferred)(spec.loader)  # type: ignore[assignment]
        if spec is not None and package is not None:
            spec.loader = _AfterPackage(spec.loader, package)  # type: ignore[assignment]
        return spec


def executed(module: ModuleType) -> bool:
    """Say whether a module is executed, or was never deferred."""
    return _DEFERRED not in vars(module)


class _Unexecuted(ModuleType):
    """A module that is executed before a name of it is given."""

    def __getattribute__(self, name: str) -> Any:
        # Not `super()`: another thread may have executed the module since this call began, and it is of this class no more.
        found = partial(ModuleType.__getattribute__, self)
        deferred: _Deferred | None = None if name in _IMPORTED else found("__dict__").get(_DEFERRED)
        if deferred is not None:
            inner = deferred.inner(self, name)
            if inner is not None:
                return inner
            deferred.execute(self)
        return found(name)

    def __dir__(self) -> Collection[str]:
        deferred: _Deferred | None = vars(self).get(_DEFERRED)
        if deferred is not None:
            deferred.execute(self)
        return sorted(vars(self))


class _Deferred:
    """Executes a module once, in the first thread that uses it."""

    def __init__(self, loader: SourceFileLoader) -> None:
        self.loader = loader
        self._lock = _ModuleLock(loader.name)
        self._begun = False
        self._failed: Exception | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Make the empty module."""
        return _Unexecuted(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Let the first use of a name execute the module."""
        # Who asks the module for its files (``importlib.resources``) asks the loader that knows them.
        module.__loader__ = self.loader
        if module.__spec__ is not None:
            module.__spec__.loader = self.loader
        vars(module)[_DEFERRED] = self

    def inner(self, module: ModuleType, name: str) -> ModuleType | None:
        """Give what can be given without executing the module; nothing."""
        del module, name
        return None

    def execute(self, module: ModuleType) -> None:
        """Execute the module, unless it is executed or this thread is about to.

        Raises:
            Exception: what the module raised. It raises the same at each further use.
        """
        if getattr(_nested, "inside", False):
            self._execute(module)
            return
        with _outermost():
            for left in reversed(range(_TRIES)):
                try:
                    self._execute(module)
                    break
                except _DeadlockError:
                    if not left:
                        raise
                    # This thread has let go of all that another one waits for.
                    time.sleep(0.001)

    def _execute(self, module: ModuleType) -> None:
        try:
            self._lock.acquire()
        except _DeadlockError:
            # Who executes it waits for an import in this thread. It is given as it is by now, as imports in a cycle are.
            return
        try:
            if self._failed is not None:
                raise self._failed
            if self._begun:
                return
            self._begun = True
            try:
                self.loader.exec_module(module)
            except _DeadlockError:
                self._begun = False
                raise
            except Exception as error:
                self._failed = error
                raise
            except BaseException:
                # Ctrl-C is nothing of the module's: whoever uses it next, in cleaning up, executes it.
                self._begun = False
                raise
            del vars(module)[_DEFERRED]
            module.__class__ = ModuleType
        finally:
            self._lock.release()


@contextmanager
def _outermost() -> Iterator[None]:
    _nested.inside = True
    try:
        yield
    finally:
        _nested.inside = False


class _OurDeferred(_Deferred):
    """Gives the modules of a package without executing the package.

    A package and its modules use each other, in that order or in the other one. Two threads that executed both, each in another
    order, would wait for each other.
    """

    def inner(self, module: ModuleType, name: str) -> ModuleType | None:
        """Give the module of this name in the package; nothing where there is none."""
        if not self.loader.is_package(module.__name__):
            return None
        inner = f"{module.__name__}.{name}"
        if inner in sys.modules or PathFinder.find_spec(inner, module.__path__) is not None:
            return importlib.import_module(inner)
        return None


class _AfterPackage:
    """Executes a package before a module of it is made.

    While a module is looked for, Python holds the lock of all imports. This comes after that.
    """

    def __init__(self, loader: Any, package: ModuleType) -> None:
        self.loader, self.package = loader, package
        self._known: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Execute the package. Give the module, where the package has imported it."""
        dir(self.package)
        found = sys.modules.get(spec.name)
        if found is not None:
            self._known = found.__spec__
            return found
        spec.loader = self.loader
        made: ModuleType | None = self.loader.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        """Leave a module as it is that the package has imported."""
        module.__spec__ = self._known
