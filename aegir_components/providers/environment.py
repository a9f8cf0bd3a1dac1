"""aegir:Environment: which environment a stack is, recorded in its state, so that another one's stack file is refused."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi.dynamic import CheckFailure, CheckResult
from pulumi.output import contains_unknowns

from .lifecycle import AegirResource, Lifecycle, State, Untyped
from .raw import plain

FORMERLY = "formerly"


class Provider(Lifecycle[Untyped, Untyped]):
    """Refuses at ``check``, which is before anything that depends on it; it is on no machine and changes none."""

    def identity(self, want: State) -> str:
        """A stack has one."""
        del want
        return "environment"

    def check(self, olds: Any, news: Any) -> CheckResult:
        """Compare with what the state has; the leave to change is for this run, and is not recorded."""
        inputs = {key: value for key, value in dict(news).items() if key != FORMERLY}
        result = super().check(olds, inputs)
        before, now, leave = plain(olds or {}).get("environment"), news.get("environment"), news.get(FORMERLY)
        if any(contains_unknowns(value) for value in (now, leave)):
            return result
        if before and before not in {now, leave}:
            return CheckResult(result.inputs, [*result.failures, CheckFailure("", refusal(before, now))])
        if leave and before == now:
            pulumi.log.warn(
                f"aegir:environment_formerly: this stack is {now} already; take the key out of the stack file, or that file "
                f"is accepted for a stack that is {leave}"
            )
        return result

    def observe(self, want: State) -> State:
        """The state is the only place that has it."""
        del want
        return {}

    def converge(self, want: State, _was: State) -> State:
        """Recording the inputs is all there is to do."""
        del want
        return {}

    def remove(self, have: State) -> None:
        """Nothing is on any machine."""


class Environment(AegirResource, module="aegir", name="Environment"):
    """The environment that a stack is. All that is put on machines comes after it."""

    def __init__(
        self, environment: str, *, formerly: str | None = None, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Declare it.

        Args:
            environment: what the stack file says.
            formerly: the environment that the stack was until now, where it is to become another one.
            opts: Pulumi's options.
        """
        super().__init__(Provider(), "environment", {"environment": environment, FORMERLY: formerly}, opts)


def refusal(before: str, now: str) -> str:
    """Say which environment the stack is, and what to do. Pure."""
    return (
        f"aegir:environment: this stack is {before}, and the stack file says {now}; nothing was touched. If it is another "
        f"stack's file, run with the right one (--stack, --config-file). If the stack is to become {now}, write "
        f"aegir:environment_formerly: {before} beside aegir:environment for one `pulumi up`"
    )
