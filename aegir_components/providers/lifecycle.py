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
from typing import Any, ClassVar, TypeVar

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

from aegir_components import at_work, declaring, unknowns
from aegir_components.host import hub_disk
from aegir_components.host.connection import Connection
from aegir_components.host.errors import HostError
from aegir_components.hub_records import Records, hub_root
from aegir_components.messages import around, marked, number_of, shown
from aegir_components.mysql import client

from . import declared, warned
from .calls import serve_more

State = dict[str, Any]
Result = TypeVar("Result")

DRIFT = "drift"
UNFINISHED = "unfinished"
"""The hub's records of resources on which work began and has not ended well."""
WORKED = "worked"
"""The hub's records of resources that were worked on in this run, until its end."""
REVISION = "revision"
_forgotten: set[str] = set()
"""Machines that are given up: of this process, since a provider's instance has no data."""
_replaced: set[str] = set()
"""Machines that are declared to be empty replacements of what the state knows (``aegir:replaced``)."""
SHORTEST_SECRET = 4
"""Characters; shorter values are not looked for in texts, where they would match at random."""


def plain(props: Mapping[str, Any]) -> State:
    """Leave out Pulumi's own keys, which begin with two underscores."""
    return {key: value for key, value in props.items() if not key.startswith("__")}


def changed_keys(olds: Mapping[str, Any], news: Mapping[str, Any], computed: Collection[str] = ()) -> list[str]:
    """List the inputs that differ, those that are no longer given among them; an unknown input counts as different.

    Args:
        olds: the recorded outputs.
        news: the inputs.
        computed: outputs that are no inputs.
    """
    before, now = plain(olds), plain(news)
    return sorted(
        key
        for key in before.keys() | now.keys()
        if key not in computed and (contains_unknowns(now.get(key)) or normal(before.get(key)) != normal(now.get(key)))
    )


def normal(value: Any) -> Any:
    """Bring a value to the one form in which Pulumi hands it back: no ``None`` in mappings, numbers as floats."""
    if isinstance(value, Mapping):
        return {key: normal(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [normal(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def redacted(text: str, secrets: list[str]) -> str:
    """Replace each secret in ``text``, the longest first so that none is left in part."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, "[secret]")
    return text


def forgotten() -> frozenset[str]:
    """Name the machines that are given up."""
    return frozenset(_forgotten)


def replaced() -> frozenset[str]:
    """Name the machines that are empty replacements, so that content may be missing there."""
    return frozenset(_replaced)


def configure(config: Mapping[str, Any]) -> None:
    """Read which machines are given up or are empty replacements: lists, or their JSON, as Pulumi hands them over."""
    for key, machines in (("forget", _forgotten), ("replaced", _replaced)):
        names = config.get(key)
        machines.clear()
        machines.update(json.loads(names) if isinstance(names, str) else names or ())


def without(props: State, gone: Collection[str]) -> State | None:
    """Leave machines out of a resource's inputs; ``None`` when it was on no other machine."""
    if props.get("host") in gone or props.get("server") in gone:
        return None
    left = dict(props)
    for key in ("members", "clients"):
        # A database's clients are addresses where no machine of theirs is asked.
        if isinstance(props.get(key), Mapping):
            left[key] = {name: entry for name, entry in props[key].items() if name not in gone}
    return None if props.get("members") and not left["members"] else left


def _machines(props: State) -> set[str]:
    """Name the machines that a resource is on."""
    listed = [props.get("host"), props.get("server"), *(props.get("members") or {}), *(props.get("clients") or {})]
    return {name for name in listed if isinstance(name, str)}


def machine_of(props: Mapping[str, Any]) -> list[Any]:
    """Say which machine a resource is on, whatever it is called; nothing where it is on none or on several."""
    found = props.get("connection")
    if not isinstance(found, Mapping) or not {"host", "address"} <= found.keys():
        return []
    return list(Connection.from_props(found).place)


class Lifecycle(ResourceProvider):
    """A resource that is one thing on one or more machines.

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
    """Outputs that are no inputs: what ``converge`` and ``observe`` add."""
    once_keys: ClassVar[tuple[str, ...]] = ()
    """Inputs that count only where the thing is not there yet: another value, or none, is no change, and no state keeps them."""
    waits: ClassVar[bool] = False
    """Whether a command that has the site, or the machine, for itself is waited for before anything is done."""
    delete_first: ClassVar[bool] = True
    """Whether a replacement removes the old thing before it makes the new one: right where the place holds only one."""

    def identity(self, want: State) -> str:
        """Name the thing: a natural identity, the same for the same inputs."""
        raise NotImplementedError

    def problems(self, want: State) -> dict[str, str]:
        """Say what is wrong with inputs that are known already: input name to sentence. Pure."""
        del want
        return {}

    def rejected(self, have: State, want: State) -> dict[str, str]:
        """Return which changes of recorded inputs would lose content: input name to sentence. Pure.

        Args:
            have: the recorded inputs.
            want: the new ones, as far as they are known.
        """
        del have, want
        return {}

    def notice(self, want: State) -> None:
        """Hear what is declared now, before anything is done.

        Args:
            want: the inputs, as far as they are known.
        """

    def observe(self, want: State) -> State | None:
        """Look, and give what was seen under the inputs' names; ``None`` only if it looked and nothing was there.

        Raises:
            Exception: it could not look. An unreachable machine is never "gone".
        """
        raise NotImplementedError

    def converge(self, want: State) -> State:
        """Make it so, from whatever is there, and give the computed outputs. Idempotent; adopts what is ours."""
        raise NotImplementedError

    def remove(self, have: State) -> None:
        """Take away what ``converge`` made; absent is success."""
        raise NotImplementedError

    # Pulumi's calls.

    def configure(self, req: ConfigureRequest) -> None:
        """Read which machines are given up (``aegir:forget``); Pulumi calls this once a process and class, first of all."""
        serve_more()
        # Without "aegir:" the SDK would take the project's name for it, which is another one in a program of one's own.
        configure({key: req.config.get(f"aegir:{key}") for key in ("forget", "replaced")})

    def check(self, olds: Any, news: Any) -> CheckResult:
        """Reject inputs that cannot be right and changes that would lose content; add the inputs that every resource has."""
        inputs = dict(news) | {REVISION: self.revision, DRIFT: []}
        known = {key: value for key, value in plain(inputs).items() if not contains_unknowns(value)}
        faults = []
        before = plain(olds or {})
        problems = self.problems(known) | (self.rejected(before, known) if before else {})
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
            # What a run that did not end has touched is made as declared again, also where the edit was taken back.
            changes=bool(keys) or self._is_unfinished(plain(olds)),
            replaces=[key for key in keys if key in self.identity_keys],
            delete_before_replace=self.delete_first,
        )

    def create(self, props: Any) -> CreateResult:
        """Make it so for the first time, or again after a run that was killed."""
        with self._gathering(props), self._working(plain(props)):
            outs = self._guarded(props, lambda: {**self._kept(props), **self.converge(plain(props))})
        return CreateResult(self.identity(plain(props)), outs)

    def update(self, _id: str, olds: Any, news: Any) -> UpdateResult:
        """Bring it to the new inputs; computed outputs of before are handed on under ``was``."""
        want = {**plain(news), "was": plain(olds)}
        with self._gathering(news), self._working(plain(olds)) as done:
            outs = self._guarded(news, lambda: {**self._kept(news), **self.converge(want)})
            if self.mark(outs) != self.mark(olds):
                done["was"] = self.mark(olds)
            return UpdateResult(outs)

    def read(self, id_: str, props: Any) -> ReadResult:
        """Look at it for a refresh."""
        have = plain(props)
        there = without(have, _forgotten)
        # What is on a machine that is given up stays as it is recorded, for the update that drops it.
        with self._gathering(props):
            seen = {} if there is None else self._guarded(props, lambda: self._seen(there))
        if seen is None:
            # An empty result, not ReadResult(): the SDK cannot serialise the latter.
            return ReadResult("", {})
        if seen.get(DRIFT) == [] and there == have and (root := hub_root(have)) is not None:
            # Whatever was not ended: everything was looked at, and all is as recorded.
            Records(root, UNFINISHED).drop(*self._known_as(have))
        # A deviation may quote what a server said, and goes into the state and the preview in clear.
        drift = [redacted(str(text), self._secrets(props)) for text in seen.get(DRIFT, [])]
        outs = {**have, **seen, DRIFT: drift}
        # With the inputs as well, or the preview that follows shows an update without saying of what (pulumi#13839).
        inputs = {key: value for key, value in outs.items() if key not in self.computed_keys}
        return ReadResult(id_, outs, inputs)

    def _kept(self, props: Any) -> State:
        """Give the inputs that the state keeps."""
        return {key: value for key, value in plain(props).items() if key not in self.once_keys}

    def _seen(self, want: State) -> State | None:
        """Look; where that is not possible, keep what is recorded and name the reason among the deviations.

        An error would end the whole run before it began, for all machines. This way the next step tries to repair this one
        resource, and fails with the same reason if that lasts.
        """
        try:
            return self.observe(want)
        except (HostError, client.DatabaseError) as fault:
            return {DRIFT: [shown(fault)]}

    def delete(self, _id: str, props: Any) -> None:
        """Take it away; what was on a machine that is given up is dropped from the state without asking the machine."""
        have = without(plain(props), _forgotten)
        if have is None:
            # Once a machine and not once a resource: the engine names what it drops.
            machine = ", ".join(sorted(_forgotten & _machines(plain(props)))) or self.identity(plain(props))
            said = "the machine is given up (aegir:forget); nothing was done there"
            warned.warn(machine, f"{machine}: {said}", said)
            return
        with self._gathering(props), self._working(plain(props)) as done:
            self._guarded(props, lambda: self.remove(declared.reached(have)))
            done["was"] = self.mark(props)

    def mark(self, props: Any) -> str:
        """Give a digest by which what is recorded is told from what was recorded before; no secret goes into it."""
        known = {key: normal(value) for key, value in plain(props).items() if key not in self.secret_keys}
        return hashlib.sha256(json.dumps(known, sort_keys=True, default=str).encode()).hexdigest()

    def _gathering(self, props: Any) -> AbstractContextManager[None]:
        """Gather what is warned of meanwhile, with what other resources warn of."""
        known = plain(props)
        return warned.gathering(hub_root(known), self._known_as(known)[0])

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
            _wait_for_commands(root, key[0], str(props.get("site", "")), self.identity(props))
        records.put({"machine": machine_of(props)}, *key)
        yield done
        # For the summary at the end of the run; and first, for the engine may be gone by now, and nobody records the work.
        Records(root, WORKED).put(done, *key)
        records.drop(*key)

    def _known_as(self, props: State) -> tuple[str, ...]:
        """Give the resource's key among the hub's records: its stack, its kind, and what it is."""
        stack = str(props.get("holder") or "/".join(str(props.get("owner") or "").split("/")[:2]))
        return stack, type(self).__module__.rpartition(".")[2], self.identity(props)

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
        raise RuntimeError(f"{what} was not changed: {why}")


class AegirResource(Resource):
    """A resource on a ``Lifecycle`` provider.

    Args:
        provider: the provider's instance.
        name: the resource's name in the stack.
        props: its inputs.
        opts: Pulumi's options.
    """

    def __init__(
        self,
        provider: Lifecycle,
        name: str,
        props: Mapping[str, Any],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        secret = pulumi.ResourceOptions(additional_secret_outputs=list(type(provider).secret_keys))
        values = {key: unknowns.revealed(value) for key, value in props.items() if value is not None}
        with declaring.position():
            super().__init__(
                provider,
                name,
                {**values, **dict.fromkeys(type(provider).computed_keys)},
                pulumi.ResourceOptions.merge(secret, opts),
            )
