"""A farm of a Pulumi program: its components are declared together, when the program has named them all.

A server's resources depend on the sites that are on it. A removal is judged by what else there is, and nothing is
touched while there is an error. So components wait until the program's last line, and a farm is then declared as a
whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import pulumi
from pulumi.runtime.settings import SETTINGS, get_root_resource

from aegir_components.messages import numbered, shown

from . import arguments, given, recorded, settings, unknowns
from .components.base import AegirComponent
from .components.making import Waiting
from .estate import wiring
from .messages import telling
from .preview import on_the_hub
from .pulumi_workarounds import failures, program
from .settings import pulumi_config
from .settings.paths import KINDS
from .sources.naming import conventional_name

if TYPE_CHECKING:
    from .arguments import Arguments, FarmArgs
    from .settings.added import Added


class Farm:
    """All servers, platforms and sites of a stack; a program has one.

    What the stack's configuration declares under ``aegir:`` belongs to the farm as well.
    """

    def __init__(self, args: FarmArgs | None = None) -> None:
        """Begin a farm.

        It is declared at the end of the program; in one that calls :func:`pulumi.run` itself, by ``await farm.declare()``.

        Args:
            args: what holds for all components; ``None`` where the stack file says it.
        """
        failures.carry_on()
        self._args = args
        self._components: dict[str, dict[str, tuple[AegirComponent, Arguments]]] = {}
        self._declared = False
        self._left = False
        root: Any = get_root_resource()
        if root is not None and getattr(root, "_outputs_registered", False):
            # Pulumi's mocks: the stack's program has ended before it begins.
            SETTINGS.outputs.add(asyncio.ensure_future(self._run()))
            return
        with contextlib.suppress(pulumi.RunError):
            # Rejected where the program has called it itself, and declares its farm.
            pulumi.run(self._run)
        self._watch(root)

    def add(self, component: AegirComponent, args: Arguments) -> None:
        """Take a component into the farm; its constructor calls this.

        Raises:
            pulumi.RunError: the farm has been declared, or has such a component.
        """
        what = f'{type(component).__name__}("{component.declared_as}")'
        if self._declared:
            raise pulumi.RunError(
                shown(
                    numbered(2702, f"{what} comes too late: the farm has been declared. Make it before farm.declare()")
                )
            )
        named = self._components.setdefault(_key(component), {})
        if component.declared_as in named:
            raise pulumi.RunError(
                shown(numbered(2703, f"{what}: the farm has a component of this name already; choose another one"))
            )
        named[component.declared_as] = component, args

    async def declare(self) -> wiring.Estate:
        """Declare everything in the farm; only programs that call :func:`pulumi.run` do this themselves.

        Raises:
            pulumi.RunError: something is wrong; all of it is listed, and nothing was touched.
        """
        if self._declared:
            raise pulumi.RunError(
                shown(numbered(2704, "the farm has been declared already; a program declares it once"))
            )
        self._declared = True
        try:
            return await self._declare()
        except settings.SettingsError as fault:
            # A RunError ends the program with its text and without a traceback.
            error = pulumi.RunError(self._text(fault))
            self._abandon(error)
            raise error from None
        except BaseException:
            self._leave_waiting()
            raise

    async def _run(self) -> None:
        if not self._declared:
            await self.declare()

    async def _declare(self) -> wiring.Estate:
        # Programs of a stack file alone do without the modules of arguments.
        own = arguments.settings_of(self._args) if self._args else {}
        named = {
            key: {name: arguments.settings_of(args) for name, (_, args) in entries.items()}
            for key, entries in self._components.items()
        }
        found = await given.gather(own, named)
        added = found.added() if any(found.config.values()) else None
        with unknowns.standing_in(found.unknowns):
            try:
                declared = pulumi_config.load_from_pulumi(conventional_name, added)
            except settings.SettingsError as fault:
                raise on_the_hub.with_others(fault) from None
            telling.warn(*declared.warnings)
            return await wiring.build(declared, await self._waiting(found), lambda after: _keep(added, after))

    async def _waiting(self, found: given.Given) -> dict[str, dict[str, Waiting]]:
        """Give the components by kind and by the name of their resources, each with what its values come from."""
        return {
            key: {
                component.pulumi_resource_name: Waiting(
                    component, tuple(found.behind(key, name)), await _below(component.above)
                )
                for name, (component, _) in entries.items()
            }
            for key, entries in self._components.items()
        }

    def _text(self, fault: settings.SettingsError) -> str:
        text = str(fault)
        return text.replace("The stack file has", "The farm has", 1) if self._args or self._components else text

    def _abandon(self, why: BaseException) -> None:
        for entries in self._components.values():
            for component, _ in entries.values():
                component.abandon(why)

    def _watch(self, root: Any) -> None:
        """End a program that does not come to declare its farm: its components would wait for ever.

        Nothing is removed then, as in any program that ends with an error.
        """
        if root is None:
            return

        def checked(finish: Callable[[], None]) -> None:
            if self._left:
                return
            if self._declared or not self._components:
                finish()
            elif sys.exception() is not None:
                # The program's own error is told, and not that of what waits for the farm.
                self._leave_waiting()
            else:
                error = numbered(
                    2705,
                    "the farm was not declared; write `await farm.declare()` at the end of the function for pulumi.run",
                )
                self._abandon(pulumi.RunError(shown(error)))
                finish()

        program.at_end(root, checked)

    def _leave_waiting(self) -> None:
        """Let the SDK end without what waits for the farm."""
        components = (component for entries in self._components.values() for component, _ in entries.values())
        if any(component.waits for component in components):
            self._left = True
            program.leave_waiting()


def _keep(added: Added | None, after: pulumi.Resource) -> None:
    """Keep in the state what the program declares beside its stack file."""
    if added is not None:
        # Programs of a stack file alone do without the module.
        from .providers import declaration  # noqa: PLC0415

        declaration.declare(added.hidden().text(), added.text(), after)


async def _below(parent: pulumi.Resource | None) -> str | None:
    """Give the types of a parent and of what that is below, as a URN has them; ``None`` where that is not known in time.

    The stack is not among them. A parent may itself wait for what the farm declares.
    """
    if isinstance(parent, AegirComponent):
        above = await _below(parent.above)
        return None if above is None else f"{above}$".lstrip("$") + parent.pulumi_resource_type
    if parent is None:
        return ""
    known = asyncio.ensure_future(cast("Any", parent.urn).future())
    done, _ = await asyncio.wait({known}, timeout=given.PATIENCE)
    urn = str(known.result() or "") if done else ""
    return recorded.types_of(urn) if urn else None


def _key(component: AegirComponent) -> str:
    classes = {kind.__name__ for kind in type(component).__mro__}
    return next(key for key, kind in KINDS.items() if kind in classes)
