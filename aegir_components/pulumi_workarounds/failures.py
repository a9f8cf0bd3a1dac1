"""A resource that failed is unknown to what depends on it, as in Pulumi's other languages.

With ``--continue-on-error`` the engine answers that a resource failed or was skipped, and skips all that depends on it. The SDK
for Python (3.259, ``runtime/resource.py``) raises an exception in whatever waits for such a resource instead. The first
dependent then ends the program with a traceback. A dependent that exists already is never registered, which means to the
engine that it is to be removed. Here each dependent is registered, and the engine skips it.

Upstream: pulumi/pulumi#15740 brought the flag; the SDK for Python raises ``ResourceRegistrationFailed`` since.
Versions: pulumi 3.259.
Switch: it acts with ``--continue-on-error`` alone.
Test: tests/provider/test_failures.py
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast

import pulumi
from google.protobuf import empty_pb2, struct_pb2  # type: ignore[import-untyped]
from pulumi.runtime import rpc, settings
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.stack import wait_for_rpcs

from aegir_components.messages import numbered, shown
from aegir_components.recorded import Recorded

Ending = Literal["made", "failed", "skipped"]

_KNOWN: Final = "_aegir_registered"
"""The attribute of the SDK's monitor that has what is known of its program."""
SITES_OWN: Final = frozenset(
    {"aegir:index:Site", "aegir:Credentials", "aegir:Certificate", "aegir:SiteDatabase", "aegir:SiteConfiguration",
     "aegir:Installation", "aegir:Rollout"}
)  # fmt: skip
"""Types of resources that a site has for itself, and one that nothing depends on."""
ON_SITES: Final = frozenset({"aegir:Activation", "aegir:Placement"})
"""Types of resources that depend on those of several sites."""


@dataclass(slots=True)
class Registered:
    """What a program has declared, and how that ended: known by the monitor through which it declares."""

    endings: dict[str, Ending] = field(default_factory=dict)
    """By URN, of those that were not made."""
    declared: set[tuple[str, str]] = field(default_factory=set)
    """Type and name of all that the program declared."""

    def note(self, answer: Any) -> Any:
        """Take the engine's answer to a declaration; give the one that the SDK goes on with."""
        self.declared.add((_kind(answer.urn), answer.urn.rpartition("::")[2]))
        if answer.result == resource_pb2.Result.SUCCESS:
            return answer
        self.endings[answer.urn] = "failed" if answer.result == resource_pb2.Result.FAIL else "skipped"
        # What it would have said is not known, which is true.
        return resource_pb2.RegisterResourceResponse(urn=answer.urn, unknown=True)


def carry_on() -> None:
    """Let this program go on past resources that fail, if the engine does."""
    monitor: Any = settings.get_monitor()
    if monitor is None or hasattr(monitor, _KNOWN):
        return
    known = Registered()
    register, finish = monitor.RegisterResource, monitor.RegisterResourceOutputs

    def register_resource(request: Any, *given: Any, **options: Any) -> Any:
        return known.note(register(request, *given, **options))

    def register_outputs(request: Any, *given: Any, **options: Any) -> Any:
        if request.urn in known.endings:
            # The engine never began it, so there is nothing to complete.
            return empty_pb2.Empty()
        _leave_out_unknown(request.outputs)
        return finish(request, *given, **options)

    monitor.RegisterResource, monitor.RegisterResourceOutputs = register_resource, register_outputs
    setattr(monitor, _KNOWN, known)


def leave(monitor: Any) -> None:
    """Let a monitor that lives longer than a program, as in tests, be as it was before ``carry_on``."""
    for name in ("RegisterResource", "RegisterResourceOutputs", _KNOWN):
        vars(monitor).pop(name, None)


def registered() -> Registered:
    """Give what is known of this program; nothing where it does not go on past failures."""
    return getattr(settings.get_monitor(), _KNOWN, None) or Registered()


async def ending(resource: pulumi.Resource) -> Ending:
    """Wait until a resource is done, and say how that ended."""
    try:
        urn = await cast("Any", resource.urn).future()
    except Exception:  # noqa: BLE001 - whatever ended its registration is told by the engine
        return "failed"
    return registered().endings.get(str(urn), "made")


def not_made() -> list[tuple[str, str]]:
    """List type and name of each resource that failed, or was skipped because another one did."""
    return [(_kind(urn), urn.rpartition("::")[2]) for urn in registered().endings]


async def made(*resources: pulumi.Resource) -> list[pulumi.Resource]:
    """Wait for resources, and give those that were made."""
    return [resource for resource in resources if await ending(resource) == "made"]


def detached(value: pulumi.Output[Any]) -> pulumi.Output[Any]:
    """Give an output without the resources that it came from: the state then says of no other one that it depends on these.

    For one that is declared after they are done, and has nothing of theirs to remove.
    """
    return pulumi.Output(set(), value.future(), value.is_known(), value.is_secret())


async def hold_removals(before: Recorded) -> None:
    """Wait for everything, and end the program where a removal would break Pulumi's state.

    The engine keeps a skipped resource as it was, with all that it depended on, and removes what is not declared any more. If
    the former depends on the latter, the state cannot be read any more ("snapshot integrity failure", engine 3.259).

    Raises:
        pulumi.RunError: something waits for its removal, and a skipped resource may depend on it.
    """
    await wait_for_rpcs(await_all_outstanding_tasks=False)
    # The SDK ends a program that has nothing outstanding before it has begun to send the stack's outputs (`wait_for_rpcs`
    # breaks off without a turn of the event loop), and the stack would lose them.
    settings._get_rpc_manager().rpcs.append(asyncio.ensure_future(asyncio.sleep(0)))  # noqa: SLF001
    known = registered()
    skipped = {_kind(urn) for urn, ended in known.endings.items() if ended == "skipped"}
    gone = {(kind, name) for kind, found in before.resources.items() for name in found if kind.startswith("aegir:")}
    gone -= known.declared
    if not skipped or not gone or ({kind for kind, _ in gone} <= SITES_OWN and not skipped & ON_SITES):
        return
    listed = ", ".join(sorted({name for _, name in gone}))
    raise pulumi.RunError(
        shown(
            numbered(
                2750,
                "nothing was removed in this run, since some of what stays was skipped and may depend on it: "
                f"{listed}. Repair what failed, then run pulumi up",
            )
        )
    )


def _kind(urn: str) -> str:
    return urn.split("::")[-2].rpartition("$")[2].removeprefix("pulumi-python:dynamic/")


def _leave_out_unknown(outputs: struct_pb2.Struct) -> None:
    """Take values that are not known out of a stack's or component's outputs; in a preview they say that there will be one."""
    if settings.is_dry_run():
        return
    for key in list(outputs.fields):
        value = outputs.fields[key]
        if _is_unknown(value):
            del outputs.fields[key]
        elif value.HasField("struct_value"):
            _leave_out_unknown(value.struct_value)


def _is_unknown(value: struct_pb2.Value) -> bool:
    if value.HasField("struct_value") and rpc._special_sig_key in value.struct_value.fields:  # noqa: SLF001
        return "value" not in value.struct_value.fields or _is_unknown(value.struct_value.fields["value"])
    return bool(value.string_value == rpc.UNKNOWN)
