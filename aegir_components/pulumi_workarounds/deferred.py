"""Modules that are executed when one of their names is first used, not when they are imported.

``import pulumi`` executes the Automation API and protobuf's implementation in Python, and our own modules import libraries for
certificates and databases. A command with nothing to do uses none of them. It uses a quarter of our own modules.

``from package import module`` executes nothing. ``from package.module import name`` executes the module at once. Edges to large
parts that a command may not need are imports of modules for this reason.

Locks: a thread that executes a module holds the module's lock, and waits for the locks of those that the module uses. That ends
because imports of our modules have no cycle (``tests/unit/test_structure.py``).

Python's own ``importlib.util.LazyLoader`` shows other threads a half-executed module in Python 3.11
(https://github.com/python/cpython/issues/114763); our providers have many threads.

Superfluous when Pulumi's package defers its submodules, and when Python has lazy imports (PEP 810, Python 3.15).
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Collection, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from threading import RLock
from types import ModuleType
from typing import Any, Final

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
        parent = fullname.rpartition(".")[0]
        if parent in self.names and parent in sys.modules:
            # A package is executed before its modules are. It may import the one that is looked for.
            dir(sys.modules[parent])
            if fullname in sys.modules:
                return _Present(sys.modules[fullname]).replace_spec()
        if not ours and fullname not in self.names:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = (_OurDeferred if ours else _Deferred)(spec.loader)  # type: ignore[assignment]
        return spec


class _Deferred:
    """Executes a module when a name is missing in it."""

    def __init__(self, loader: SourceFileLoader) -> None:
        self.loader = loader
        self._lock = RLock()
        self._begun = self._done = False
        self._failed: Exception | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Make the empty module."""
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Let the first use of a name execute the module."""

        def missing(name: str) -> Any:
            return self._find(module, name)

        def names() -> list[str]:
            self._execute(module)
            return sorted(vars(module))

        # Who asks the module for its files (``importlib.resources``) asks the loader that knows them.
        module.__loader__ = self.loader
        if module.__spec__ is not None:
            module.__spec__.loader = self.loader
        self._own = {"__getattr__": missing, "__dir__": names}
        vars(module).update(self._own)

    def _find(self, module: ModuleType, name: str) -> Any:
        """Give what is missing in the module, once it is executed."""
        if not self._execute(module):
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}", name=name, obj=module)
        return getattr(module, name)

    def _execute(self, module: ModuleType) -> bool:
        """Execute the module, unless this thread is about to; return whether it is executed.

        Raises:
            Exception: what the module raised. It raises the same at each further use.
        """
        with self._lock:
            if self._failed is not None:
                raise self._failed
            if not self._begun:
                self._begun = True
                try:
                    self.loader.exec_module(module)
                except Exception as error:
                    self._failed = error
                    raise
                except BaseException:
                    # Ctrl-C is nothing of the module's: whoever uses it next, in cleaning up, executes it.
                    self._begun = False
                    raise
                for name, value in self._own.items():
                    # The module may have a function of this name itself.
                    if vars(module).get(name) is value:
                        del vars(module)[name]
                self._done = True
            return self._done


class _OurDeferred(_Deferred):
    """Gives the modules of a package without executing the package.

    A package and its modules use each other, in that order or in the other one. Two threads that executed both, each in another
    order, would wait for each other.
    """

    def _find(self, module: ModuleType, name: str) -> Any:
        if not self._done and self.loader.is_package(module.__name__):
            inner = f"{module.__name__}.{name}"
            if PathFinder.find_spec(inner, module.__path__) is not None:
                return importlib.import_module(inner)
        return super()._find(module, name)


class _Present:
    """Gives a module that was imported while it was looked for."""

    def __init__(self, module: ModuleType) -> None:
        self.module, self.spec = module, module.__spec__

    def replace_spec(self) -> ModuleSpec:
        """Give the module a specification that loads it no second time: the import system takes that of the module."""
        self.module.__spec__ = ModuleSpec(self.module.__name__, self)  # type: ignore[arg-type]
        return self.module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Give the module."""
        del spec
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        """Leave the module as it is."""
        module.__spec__ = self.spec
