"""The one place that knows how Pulumi talks to a dynamic provider.

A provider writes ``identity``, ``problems``, ``observe``, ``converge`` and ``remove``; this class turns them into
Pulumi's calls. The reasons were measured, and are in Pulumi's source (``sdk/python/lib/pulumi/dynamic/__main__.py``):

- ``olds`` are the previous outputs.
- A failed create leaves nothing in the state.
- A derived value that is secret is stored in clear unless it is declared.
- An exception's text is printed as it is.

Drift by name: every provider has the input ``drift``, always empty. ``observe`` returns the deviations it saw under the
same name, so that a preview after a refresh reads ``~ drift: ["file /etc/sudoers.d/aegir: content differs"] => []``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, ClassVar, Generic, TypeVar, get_args

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)
from pulumi.output import contains_unknowns

from aegir_components import process, unknowns
from aegir_components.hub import at_work, hub_disk
from aegir_components.hub.records import Records, hub_root
from aegir_components.inputs.props import Known, Props, names
from aegir_components.messages import around, marked, number_of, shown
from aegir_components.mysql import client
from aegir_components.process import Process
from aegir_components.pulumi_workarounds import declaring
from aegir_components.pulumi_workarounds.calls import serve_more
from aegir_components.remote.errors import HostError

from . import declared, warned
from .raw import State, changed_keys, machine_of, machines_of, normal, plain, redacted, stack_of, without

Result = TypeVar("Result")
PropsT = TypeVar("PropsT", bound=Props)
InputsT = TypeVar("InputsT", bound=Props)
RecordedT = TypeVar("RecordedT", bound=Props)

DRIFT = "drift"
UNFINISHED = "unfinished"
"""The hub's records of resources on which work began and has not ended well."""
WORKED = "worked"
"""The hub's records of resources that were worked on in this run, until its end."""
REVISION = "revision"


def configure(process: Process, config: Mapping[str, Any]) -> None:
    """Read which servers are abandoned or are empty replacements: lists, or their JSON, as Pulumi hands them over."""

    def listed(key: str) -> frozenset[str]:
        names = config.get(key)
        return frozenset(json.loads(names) if isinstance(names, str) else names or ())

    process.abandoned, process.replaced = listed("forget"), listed("replaced")


def remaining(recorded: PropsT | None, abandoned: Collection[str]) -> PropsT | None:
    """Leave abandoned servers out of a resource's recorded inputs; ``None`` when it was on no other machine."""
    props = None if recorded is None else without(recorded.to_props(), abandoned)
    return None if recorded is None or props is None else type(recorded).from_props(props)


class Lifecycle(ResourceProvider, Generic[InputsT, RecordedT]):
    """A resource that is one thing on one or more machines.

    The first parameter is the class of its inputs. The second one is what the state has of it: the same, or a subclass with
    what ``converge`` and ``observe`` add.

    Subclasses are at the top level of modules without side effects, and have no data of their own. So they pickle as a
    reference (``__provider`` of under 100 bytes), and the code that runs is the code that is there now.
    """

    serialize_as_secret_always = False
    revision: ClassVar[int] = 1
    """Raised when the class moves or its outputs change shape: it rewrites what the state holds."""
    identity_keys: ClassVar[tuple[str, ...]] = ()
    """Inputs that make it another thing: a change replaces the resource."""
    secret_keys: ClassVar[tuple[str, ...]] = ()
    """Inputs and outputs that hold secrets; their values never stand in a text."""
    computed_keys: ClassVar[tuple[str, ...]] = ()
    """Outputs that are no inputs: the fields that only the second parameter has."""
    once_keys: ClassVar[tuple[str, ...]] = ()
    """Inputs that count only where the thing is not there yet: another value, or none, is no change, and no state keeps them."""
    waits: ClassVar[bool] = False
    """Whether a command that has the site, or the machine, for itself is waited for before anything is done."""
    delete_first: ClassVar[bool] = True
    """Whether a replacement removes the old thing before it makes the new one: right where the place holds only one."""

    inputs: type[InputsT]
    """The class of its inputs: the first parameter."""
    recorded: type[RecordedT]
    """The class of what the state has: the second parameter."""

    def __init_subclass__(cls) -> None:
        """Take the classes of inputs and of what is recorded from the parameters, so that both are written once.

        In states each class is called ``Provider``, and its module has it under that name too: a new name changes no state.
        """
        if cls.__module__.startswith(f"{__package__}."):
            cls.__qualname__ = "Provider"
        for base in getattr(cls, "__orig_bases__", ()):
            match get_args(base):
                case (type() as inputs, type() as recorded):
                    cls.inputs, cls.recorded = inputs, recorded
                    cls.computed_keys = tuple(sorted(names(recorded) - names(inputs)))

    @property
    def process(self) -> Process:
        """What this process remembers. Each call of Pulumi enters here, and a provider hands it on to what it uses."""
        return process.current()

    def identity(self, want: InputsT) -> str:
        """Name the thing: a natural identity, the same for the same inputs."""
        raise NotImplementedError

    def problems(self, want: Known[InputsT]) -> dict[str, str]:
        """Say what is wrong with inputs that are known already: input name to sentence. Pure."""
        del want
        return {}

    def rejected(self, have: RecordedT, want: Known[InputsT]) -> dict[str, str]:
        """Return which changes of recorded inputs would lose content: input name to sentence. Pure.

        Args:
            have: the recorded inputs.
            want: the new ones, as far as they are known.
        """
        del have, want
        return {}

    def notice(self, want: Known[InputsT]) -> None:
        """Hear what is declared now, before anything is done.

        Args:
            want: the inputs, as far as they are known.
        """

    def observe(self, have: RecordedT) -> dict[str, Any] | None:
        """Look, and give what was seen under the inputs' names; ``None`` only if it looked and nothing was there.

        Raises:
            Exception: it could not look. An unreachable machine is never "gone".
        """
        raise NotImplementedError

    def converge(self, want: InputsT, was: RecordedT | None) -> dict[str, Any]:
        """Make it so, from whatever is there, and give the computed outputs. Idempotent; adopts what is ours.

        Args:
            want: the inputs.
            was: what the state has of it; ``None`` where it is made for the first time.
        """
        raise NotImplementedError

    def remove(self, have: RecordedT) -> None:
        """Take away what ``converge`` made; absent is success."""
        raise NotImplementedError

    # Pulumi's calls.

    def configure(self, req: ConfigureRequest) -> None:
        """Read which machines are abandoned (``aegir:forget``); Pulumi calls this once a process and class, first of all."""
        serve_more()
        # Without "aegir:" the SDK would take the project's name for it, which is another one in a program of one's own.
        configure(self.process, {key: req.config.get(f"aegir:{key}") for key in ("forget", "replaced")})

    def check(self, olds: Any, news: Any) -> CheckResult:
        """Reject inputs that cannot be right and changes that would lose content; add the inputs that every resource has."""
        inputs = dict(news) | {REVISION: self.revision, DRIFT: []}
        unknown = {key for key, value in plain(inputs).items() if contains_unknowns(value)}
        known = Known(self.inputs.partly({key: inputs[key] for key in plain(inputs).keys() - unknown}, unknown))
        faults = []
        before = plain(olds or {})
        problems = self.problems(known) | (self.rejected(self.recorded.from_props(before), known) if before else {})
        for key, why in sorted(problems.items()):
            # Pulumi prints the value of the named property in clear, secret or not.
            secret = key in self.secret_keys
            faults.append(CheckFailure("" if secret else key, shown(around(why, f"{key}: {why}") if secret else why)))
        if not faults:
            self.notice(known)
        return CheckResult(inputs, faults)

    def diff(self, _id: str, olds: Any, news: Any) -> DiffResult:
        """Compare what is recorded (or was seen by a refresh) with what is wanted."""
        added = {key: value for key, value in {REVISION: self.revision, DRIFT: []}.items() if key in olds}  # by `check`
        keys = changed_keys(olds, added | plain(news), (*self.computed_keys, *self.once_keys))
        return DiffResult(
            # What a run that did not end has touched is made as declared again, also where the edit was undone.
            changes=bool(keys) or self._is_unfinished(plain(olds)),
            replaces=[key for key in keys if key in self.identity_keys],
            delete_before_replace=self.delete_first,
        )

    def create(self, props: Any) -> CreateResult:
        """Make it so for the first time, or again after a run that was killed."""
        with self._gathering(props), self._working(plain(props)):
            outs = self._guarded(props, lambda: {**self._kept(props), **self._converged(props, None)})
        return CreateResult(self.identity_of(props), outs)

    def update(self, _id: str, olds: Any, news: Any) -> UpdateResult:
        """Bring it to the new inputs."""
        with self._gathering(news), self._working(plain(olds)) as done:
            outs = self._guarded(news, lambda: {**self._kept(news), **self._converged(news, olds)})
            if self.mark(outs) != self.mark(olds):
                done["was"] = self.mark(olds)
            return UpdateResult(outs)

    def read(self, id_: str, props: Any) -> ReadResult:
        """Inspect it for a refresh."""
        have = plain(props)
        there = without(have, self.process.abandoned)
        # What is on a machine that is abandoned stays as it is recorded, for the update that drops it.
        with self._gathering(props):
            seen = {} if there is None else self._guarded(props, lambda: self._seen(there))
        if seen is None:
            # An empty result, not ReadResult(): the SDK cannot serialise the latter.
            return ReadResult("", {})
        if seen.get(DRIFT) == [] and there == have and (root := hub_root(have)) is not None:
            # Whatever was not ended: everything was inspected, and all is as recorded.
            Records(root, UNFINISHED).drop(*self._known_as(have))
        # A deviation may quote what a server said, and goes into the state and the preview in clear.
        drift = [redacted(shown(text), self._secrets(props)) for text in seen.get(DRIFT, [])]
        outs = {**have, **seen, DRIFT: drift}
        # With the inputs as well, or the preview that follows shows an update without saying of what (pulumi#13839).
        inputs = {key: value for key, value in outs.items() if key not in self.computed_keys}
        return ReadResult(id_, outs, inputs)

    def _kept(self, props: Any) -> State:
        """Give the inputs that the state keeps."""
        return {key: value for key, value in plain(props).items() if key not in self.once_keys}

    def identity_of(self, props: Mapping[str, Any]) -> str:
        """Name the thing that a mapping of inputs or outputs describes."""
        return self.identity(self.inputs.from_props(plain(props)))

    def observed(self, props: Mapping[str, Any]) -> dict[str, Any] | None:
        """Inspect what recorded outputs describe."""
        return self.observe(self.recorded.from_props(plain(props)))

    def _converged(self, news: Any, olds: Any) -> dict[str, Any]:
        was = None if olds is None else self.recorded.from_props(plain(olds))
        return self.converge(self.inputs.from_props(plain(news)), was)

    def _seen(self, have: State) -> State | None:
        """Look; where that is not possible, keep what is recorded and name the reason among the deviations.

        An error would end the whole run before it began, for all machines. This way the next step tries to repair this one
        resource, and fails with the same reason if that lasts.
        """
        try:
            return self.observed(have)
        except (HostError, client.DatabaseError) as fault:
            return {DRIFT: [shown(fault)]}

    def delete(self, _id: str, props: Any) -> None:
        """Take it away; what was on a machine that is abandoned is dropped from the state without asking the machine."""
        abandoned = self.process.abandoned
        have = without(plain(props), abandoned)
        if have is None:
            # Once a machine and not once a resource: the engine names what it drops.
            machine = ", ".join(sorted(abandoned & machines_of(plain(props)))) or self.identity_of(props)
            said = "the machine is abandoned (aegir:forget); nothing was done there"
            warned.warn(self.process, machine, f"{machine}: {said}", said)
            return
        with self._gathering(props), self._working(plain(props)) as done:
            self._guarded(
                props, lambda: self.remove(self.recorded.from_props(declared.reached(self.process.declared, have)))
            )
            done["was"] = self.mark(props)

    def mark(self, props: Any) -> str:
        """Give a digest by which what is recorded is told from what was recorded before; no secret goes into it."""
        known = {key: normal(value) for key, value in plain(props).items() if key not in self.secret_keys}
        return hashlib.sha256(json.dumps(known, sort_keys=True, default=str).encode()).hexdigest()

    def _gathering(self, props: Any) -> AbstractContextManager[None]:
        """Gather what is warned of meanwhile, with what other resources warn of."""
        known = plain(props)
        return warned.gathering(self.process, hub_root(known), self._known_as(known)[0])

    def _is_unfinished(self, have: State) -> bool:
        root = hub_root(have)
        return root is not None and Records(root, UNFINISHED).get(*self._known_as(have)) is not None

    @contextmanager
    def _working(self, props: State) -> Iterator[dict[str, str]]:
        """Leave a record on the hub for as long as the work has not ended well; a killed process leaves it too.

        What is given takes ``was``: the mark of what the state has until the engine records the work.
        """
        root, done = hub_root(props), dict[str, str]()
        if root is None:
            yield done
            return
        records, key = Records(root, UNFINISHED), self._known_as(props)
        if self.waits:
            _wait_for_commands(root, key[0], str(props.get("site", "")), self.identity_of(props))
        records.put({"machine": machine_of(props)}, *key)
        yield done
        # For the summary at the end of the run; and first, for the engine may be gone by now, and nobody records the work.
        Records(root, WORKED).put(done, *key)
        records.drop(*key)

    def _known_as(self, props: State) -> tuple[str, ...]:
        """Give the resource's key among the hub's records: its stack, its kind, and what it is."""
        return stack_of(props), type(self).__module__.rpartition(".")[2], self.identity_of(props)

    def _secrets(self, props: Any) -> list[str]:
        return [props[key] for key in self.secret_keys if isinstance(props.get(key), str)]

    def _guarded(self, props: Any, work: Callable[[], Result]) -> Result:
        """Run ``work`` and let no secret out in an exception's text."""
        try:
            return work()
        except Exception as fault:  # noqa: BLE001 - whatever it is, its text is printed, and raised again below
            text = redacted(hub_disk.explain(fault) or str(fault) or type(fault).__name__, self._secrets(props))
            # The cause is cut off on purpose: Pulumi prints the chain's text.
            raise RuntimeError(marked(number_of(fault), text)) from None


def _wait_for_commands(root: str, stack: str, site: str, what: str) -> None:
    """Change nothing that a command has for itself.

    Raises:
        RuntimeError: the command has not ended in time.
    """
    for why in at_work.wait_for(root, stack, [site], pulumi.log.info).values():
        raise RuntimeError(shown(around(why, f"{what} was not changed: {why}")))


class AegirResource(Resource):
    """A resource on a ``Lifecycle`` provider.

    Args:
        provider: the provider's instance.
        name: the resource's name in the stack.
        inputs: its inputs.
        opts: Pulumi's options.
    """

    def __init__(
        self,
        provider: Lifecycle[Any, Any],
        name: str,
        inputs: Props,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        secret = pulumi.ResourceOptions(additional_secret_outputs=list(type(provider).secret_keys))
        values = {key: unknowns.revealed(value) for key, value in inputs.to_props().items() if value is not None}
        with declaring.position():
            super().__init__(
                provider,
                name,
                {**values, **dict.fromkeys(type(provider).computed_keys)},
                pulumi.ResourceOptions.merge(secret, opts),
            )
