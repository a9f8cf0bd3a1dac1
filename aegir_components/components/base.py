"""What all components have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pulumi

from aegir_components import unknowns
from aegir_components.messages import numbered, shown
from aegir_components.pulumi_workarounds import declaring

if TYPE_CHECKING:
    from aegir_components.arguments import ComponentArgs
    from aegir_components.farm import Farm


class Parts:
    """What the program knows of a component beside its own arguments: the inputs of its children."""

    __slots__ = ()


class AegirComponent(pulumi.ComponentResource):
    """A component of a farm.

    Made with arguments of a program, it waits for the farm, because what a server gets depends on the sites that are on
    it. The farm declares everything when the program has named it all. Made with its parts, a component declares its
    children at once.
    """

    farm: Farm | None = None
    """The farm of a component that waits."""
    declared_as: str
    """The name by which a program and a stack file know the component."""
    above: pulumi.Resource | None
    """Its parent, where a program gives it one."""
    has_aliases: bool
    """Whether a program says where it was before."""

    def __init__(
        self,
        token: str,
        name: str,
        args: ComponentArgs | Parts,
        opts: pulumi.ResourceOptions | None = None,
        *,
        declared_as: str = "",
    ) -> None:
        """Register the component, or hand it to the farm that registers it later.

        Args:
            token: its type in Pulumi, which users' states have.
            name: its name in the stack.
            args: what a program says of it, or its parts.
            opts: Pulumi's options.
            declared_as: the name in a stack file, if that is another one.
        """
        self._waiting: _Waiting | None = None
        self.declared_as = declared_as or name
        self.above = opts.parent if opts else None
        self.has_aliases = bool(opts and opts.aliases)
        if not isinstance(args, Parts):
            # First of all, for what is registered waits until its farm is declared.
            self.farm = args.owner()
            self.farm.add(self, args)
            self._waiting = _Waiting()
            # The engine hears of the component when its children are known.
            opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=self._waiting.dependencies()))
        with declaring.position():
            super().__init__(token, name, None, opts)
        if isinstance(args, Parts):
            self.declare(args)
        else:
            self._childResources = _Children(token, name)

    def complete(self, parts: Parts, depends_on: list[pulumi.Resource]) -> None:
        """Declare the children of a component that waits.

        Args:
            parts: the inputs of its children.
            depends_on: what it comes after.
        """
        assert self._waiting is not None
        self._waiting.needed.set_result(depends_on)
        if isinstance(self._childResources, _Children):
            self._childResources.complete = True
        self.declare(parts)

    def declare(self, parts: Any) -> None:
        """Declare the children."""
        raise NotImplementedError

    def abandon(self, why: BaseException) -> None:
        """Let everything that waits for the component end, because the farm is not declared."""
        if self._waiting is not None:
            for future in (self._waiting.needed, self._waiting.outputs):
                if not future.done():
                    future.set_exception(why)

    def child(
        self, *, depends_on: list[pulumi.Resource] | None = None, also: pulumi.ResourceOptions | None = None
    ) -> pulumi.ResourceOptions:
        """Give the options of a child, with further ones where there are some."""
        return pulumi.ResourceOptions.merge(pulumi.ResourceOptions(parent=self, depends_on=depends_on), also)

    def finish(self, outputs: Mapping[str, Any], **shown: Any) -> None:
        """Register the outputs, after the last child.

        Args:
            outputs: by name, as the state has them.
            shown: those that a program sees differently, or that the state does not have.
        """
        found = unknowns.revealed(dict(outputs))
        self.register_outputs(found)
        if self._waiting is not None:
            self._waiting.outputs.set_result({**found, **shown})

    def output(self, name: str) -> pulumi.Output[Any]:
        """Give an output of a component that waits; what uses it comes after all of the component's children."""
        assert self._waiting is not None, "only a program's own components have outputs before they are declared"
        known = pulumi.Output({self}, self._waiting.outputs, _true())
        return known.apply(lambda outputs: outputs[name])

    @property
    def waits(self) -> bool:
        """Whether something waits for the component that has not come yet."""
        return self._waiting is not None and not self._waiting.outputs.done()

    @property
    def done(self) -> pulumi.Output[list[pulumi.Resource]]:
        """The component when it is declared, for ``depends_on`` of a program's other resources."""
        assert self._waiting is not None, "only a program's own components are waited for"
        known = pulumi.Output(set(), self._waiting.outputs, _true())
        return known.apply(lambda _outputs: [self])


class _Waiting:
    """What a component does not know before the farm is declared."""

    def __init__(self) -> None:
        loop = asyncio.get_event_loop()
        self.needed: asyncio.Future[list[pulumi.Resource]] = loop.create_future()
        self.outputs: asyncio.Future[dict[str, Any]] = loop.create_future()

    def dependencies(self) -> pulumi.Output[list[pulumi.Resource]]:
        """Give what the component comes after."""
        return pulumi.Output(set(), self.needed, _true())


class _Children(set[pulumi.Resource]):
    """The children of a component, of which the SDK takes a copy for ``depends_on`` (``pulumi.runtime.rpc``)."""

    def __init__(self, token: str, name: str) -> None:
        super().__init__()
        self.complete = False
        self._what = f'{token.rpartition(":")[2]}("{name}")'

    def copy(self) -> set[pulumi.Resource]:
        """Give the children; before there are any, an answer would lose the dependency.

        Raises:
            pulumi.RunError: the farm has not been declared.
        """
        if not self.complete:
            raise pulumi.RunError(
                shown(
                    numbered(
                        2706,
                        f"depends_on: {self._what} gets its resources when the program has declared the whole farm. "
                        "Write depends_on=NAME.done instead of depends_on=[NAME]",
                    )
                )
            )
        return set(self)


def _true() -> asyncio.Future[bool]:
    # No coroutine, which would have to be awaited even if it is not read.
    answer: asyncio.Future[bool] = asyncio.get_event_loop().create_future()
    answer.set_result(True)
    return answer
