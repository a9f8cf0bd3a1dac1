"""aegir:Environment: which environment a stack is, recorded in its state, so that another one's stack file is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import pulumi
from pulumi.dynamic import CheckFailure, CheckResult
from pulumi.output import contains_unknowns

from aegir_components.inputs.props import Props, left_out
from aegir_components.messages import numbered, shown, telling

from .lifecycle import AegirResource, Lifecycle
from .raw import plain

FORMERLY = "formerly"


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvironmentInputs(Props):
    """Which environment a stack is."""

    environment: str
    """What the stack file says."""
    formerly: str = left_out("")
    """The environment that the stack was until now, where it is to become another one; no state has it."""


class EnvironmentProvider(Lifecycle[EnvironmentInputs, EnvironmentInputs]):
    """Refuses at ``check``, which is before anything that depends on it; it is on no machine and changes none."""

    def identity(self, want: EnvironmentInputs) -> str:
        """A stack has one."""
        del want
        return "environment"

    def check(self, olds: Any, news: Any) -> CheckResult:
        """Compare with what the state has; the leave to change is for this run, and is not recorded."""
        inputs = {key: value for key, value in dict(news).items() if key != FORMERLY}
        result = super().check(olds, inputs)
        if not olds or any(contains_unknowns(value) for value in plain(news).values()):
            return result
        had, want = EnvironmentInputs.from_props(olds), EnvironmentInputs.from_props(news)
        before, now = had.environment, want.environment
        if before not in {now, want.formerly}:
            return CheckResult(result.inputs, [*result.failures, CheckFailure("", shown(refusal(before, now)))])
        if want.formerly and before == now:
            telling.warn(
                numbered(
                    8507,
                    f"aegir:environment_formerly: this stack is {now} already; take the key out of the stack file, "
                    f"or that file is accepted for a stack that is {want.formerly}",
                )
            )
        return result

    def observe(self, have: EnvironmentInputs) -> dict[str, Any]:
        """The state is the only place that has it."""
        del have
        return {}

    def converge(self, want: EnvironmentInputs, was: EnvironmentInputs | None) -> dict[str, Any]:
        """Recording the inputs is all there is to do."""
        del want, was
        return {}

    def remove(self, have: EnvironmentInputs) -> None:
        """Nothing is on any machine."""


class Environment(AegirResource, module="aegir", name="Environment"):
    """The environment that a stack is. All that is put on machines comes after it."""

    def __init__(self, inputs: EnvironmentInputs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it; a stack has one."""
        super().__init__(EnvironmentProvider(), "environment", inputs, opts)

    @classmethod
    def of(cls, environment: str, formerly: str | None) -> Self:
        """Declare it as the stack file says.

        Args:
            environment: which one the stack is.
            formerly: which one it was until now, where it is to become another one.
        """
        return cls(EnvironmentInputs(environment=environment, formerly=formerly or ""))


def refusal(before: str, now: str) -> str:
    """Say which environment the stack is, and what to do. Pure."""
    return numbered(
        8508,
        f"aegir:environment: this stack is {before}, and the stack file says {now}; nothing was touched. If it is another "
        f"stack's file, run with the right one (--stack, --config-file). If the stack is to become {now}, write "
        f"aegir:environment_formerly: {before} beside aegir:environment for one `pulumi up`",
    )


Provider = EnvironmentProvider
"""Its name in states."""
