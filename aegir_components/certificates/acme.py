"""A certificate of an authority that speaks ACME (RFC 8555), with certbot's library; http-01 only."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import josepy
import requests
from acme import challenges, client, crypto_util, errors, messages
from cryptography.hazmat.primitives.asymmetric import rsa
from josepy.jwk import JWKRSA
from josepy.util import ComparableRSAKey

from aegir_components.messages import numbered

from .faults import AuthorityError
from .pem import Pair, new_key

TIMEOUT = 120
"""Seconds for an authority to check all names and to sign."""
ANSWER_TIMEOUT = 30
"""Seconds for one answer of its."""

Publish = Callable[[Mapping[str, str]], None]
"""Let the web servers answer these: token to text. An empty mapping takes them all away."""


def obtain(
    names: Sequence[str], publish: Publish, *, directory: str, mail: str, authority: str, accounts: Path
) -> Pair:
    """Ask an authority for a certificate.

    Args:
        names: the host names.
        publish: called with what the web servers have to answer below ``/.well-known/acme-challenge/``.
        directory: the address of the authority's directory.
        mail: whom it writes to; may be empty.
        authority: a file with the certificate that its own address is trusted by; empty for the system's.
        accounts: the hub's directory of account keys.

    Raises:
        AuthorityError: it cannot be reached, or refuses.
    """
    key = new_key()
    try:
        session = _session(_account_key(accounts, directory), directory, mail, authority)
        order = session.new_order(crypto_util.make_csr(key.encode(), list(names)))
        signer = session.net.key
        assert signer is not None
        answers, asked = {}, []
        for authorization in order.authorizations:
            if authorization.body.status == messages.STATUS_VALID:
                continue
            challenge = _http(authorization)
            response, text = challenge.response_and_validation(signer)
            answers[challenge.chall.encode("token")] = text
            asked.append((challenge, response))
        try:
            publish(answers)
            for challenge, response in asked:
                session.answer_challenge(challenge, response)
            deadline = dt.datetime.now() + dt.timedelta(seconds=TIMEOUT)  # noqa: DTZ005 - the library compares it so
            done = session.poll_and_finalize(order, deadline)
        finally:
            publish({})
    except errors.ValidationError as fault:
        raise AuthorityError(_refusals(fault)) from None
    except errors.TimeoutError:
        raise AuthorityError(
            numbered(2520, f"{directory} had no answer for {', '.join(names)} within {TIMEOUT} s")
        ) from None
    except messages.Error as fault:
        raise AuthorityError(numbered(2521, f"{directory} refuses: {_words(fault)}")) from None
    except (errors.Error, requests.RequestException, josepy.errors.Error, ValueError, OSError) as fault:
        raise AuthorityError(
            numbered(2522, f"{directory} gave no certificate: {type(fault).__name__}: {fault}")
        ) from None
    return Pair(chain=str(done.fullchain_pem), key=key)


def _session(key: JWKRSA, directory: str, mail: str, authority: str) -> client.ClientV2:
    # A path is what requests takes beside a truth value.
    trusted: Any = authority or True
    net = client.ClientNetwork(key, verify_ssl=trusted, user_agent="aegir", timeout=ANSWER_TIMEOUT)
    session = client.ClientV2(client.ClientV2.get_directory(directory, net), net)
    wanted = messages.NewRegistration.from_data(email=mail or None, terms_of_service_agreed=True)
    try:
        session.new_account(wanted)
    except errors.ConflictError as known:
        there = messages.RegistrationResource(body=messages.Registration(), uri=known.location)
        session.query_registration(there)
    return session


def _http(authorization: messages.AuthorizationResource) -> messages.ChallengeBody:
    for challenge in authorization.body.challenges:
        if isinstance(challenge.chall, challenges.HTTP01):
            return challenge
    name = authorization.body.identifier.value
    raise AuthorityError(
        numbered(2523, f"the authority does not offer http-01 for {name}, the only way that there is here")
    )


def _account_key(accounts: Path, directory: str) -> JWKRSA:
    """Read the account's key for an authority, or make it; two at once get the same one."""
    accounts.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = accounts / f"{hashlib.sha256(directory.encode()).hexdigest()[:16]}.json"
    if not path.exists():
        made = JWKRSA(key=ComparableRSAKey(rsa.generate_private_key(65537, 2048)))
        descriptor, fresh = tempfile.mkstemp(dir=accounts, prefix=".new-")
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(made.json_dumps())
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass  # another site was first, and its key is as good
        finally:
            Path(fresh).unlink()
    read: JWKRSA = JWKRSA.fields_from_json(json.loads(path.read_text(encoding="ascii")))
    return read


def _refusals(fault: errors.ValidationError) -> str:
    found = []
    for authorization in fault.failed_authzrs:
        name = authorization.body.identifier.value
        said = [_words(each.error) for each in authorization.body.challenges if each.error is not None]
        found.append(f"{name}: {'; '.join(said) or 'no reason given'}")
    return numbered(
        2524,
        f"the authority could not prove {', '.join(found)}. Each name has to lead to one of the site's web servers, on port 80",
    )


def _words(error: messages.Error) -> str:
    told = [str(error.detail or error.typ)]
    told += [f"{part.identifier.value}: {part.detail}" for part in error.subproblems or () if part.identifier]
    return "; ".join(told)
