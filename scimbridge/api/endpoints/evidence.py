"""``/evidence``: proof of what was done, for people who do not have the database."""

from __future__ import annotations

import random
import re
from datetime import timedelta

from scimbridge.api.endpoint import Call, Nothing, Routes
from scimbridge.api.models import evidence as models
from scimbridge.api.paging import link, no_cursor, position
from scimbridge.domain.operator import Permission
from scimbridge.services.proving import Proving, document_of, problems_of
from scimbridge.services.seal_key import PublicKeys
from scimbridge.services.story import tell
from scimbridge.services.verifying import Verifying

AT_ONCE = 20_000
"""Entries that are verified in one request, about: some seconds of work."""

_SEAL = re.compile(r"([1-9][0-9]{0,17}):([0-9a-f]{64})")

routes = Routes("evidence")


@routes.get("/evidence/key", Permission.LOOK)
def show_key(call: Call[Nothing, Nothing]) -> models.EvidenceKey:
    """Say which public key checks the seals."""
    return models.EvidenceKey(key_id=call.bridge.sealing.key_id, public_key=call.bridge.sealing.public_key)


@routes.get("/cases/{case}/evidence", Permission.AUDIT)
def show_evidence(call: Call[Nothing, Nothing]) -> models.Bundle:
    """Prove what was done for a leaver.

    It holds personal data. What wrote the history in the last minute may wait for its seal: ask again then.
    """
    story = call.bridge.stories.of(call.path["case"], call.now)
    proof = document_of(Proving(call.bridge.database).of_case(story.case.id))
    sealed = {entry_id for seal in proof["seals"] for entry_id, _ in seal["digests"]}
    return models.Bundle(
        proof=models.Proof.model_validate(proof),
        told=list(tell(story)),
        waiting=sum(entry["id"] not in sealed for entry in proof["entries"]),
        public_key=call.bridge.sealing.public_key,
    )


@routes.get("/evidence/sample", Permission.AUDIT)
def choose_sample(call: Call[models.SampleChoice, Nothing]) -> models.Sample:
    """Choose ended cases by chance, for an auditor."""
    asked = call.query
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(1_000_000)
    since = asked.since or call.now - timedelta(days=90)
    return models.Sample(seed=seed, cases=Proving(call.bridge.database).sample(asked.size, since, call.now, seed))


@routes.post("/evidence/verify", Permission.AUDIT, reads=True)
def verify_proof(call: Call[Nothing, models.VerifyRequest]) -> models.Verified:
    """Say what of a proof is not as it was sealed.

    One that is larger than a request may be is checked by `scimbridge evidence verify`.
    """
    keys = PublicKeys.of_pems(call.body.public_keys or [call.bridge.sealing.public_key])
    found = list(problems_of(call.body.proof, keys))
    return models.Verified(intact=not found, findings=found)


@routes.get("/evidence/verification", Permission.AUDIT)
def verify_history(call: Call[models.VerificationChoice, Nothing]) -> models.Verification:
    """Say what of the history was changed, removed or added since it was sealed.

    Some ten thousand entries in one request: go on until `next` is null. The history is intact where every part is.
    """
    sealing = call.bridge.sealing
    found = Verifying(call.bridge.database).verify(
        PublicKeys.of_pems([sealing.public_key]),
        call.now,
        expected=_seal(call.query.expect),
        after=_seal(position(call)),
        most=AT_ONCE,
    )
    return models.Verification(
        intact=not found.findings,
        seals=found.seals,
        entries=found.entries,
        waiting=found.waiting,
        head=models.Head(number=found.head[0], digest=found.head[1]) if found.head is not None else None,
        findings=list(found.findings),
        next=link(call, f"{found.head[0]}:{found.head[1]}" if found.has_more and found.head is not None else None),
    )


def _seal(said: str | None) -> tuple[int, str] | None:
    if said is None:
        return None
    found = _SEAL.fullmatch(said)
    if found is None:
        raise no_cursor()
    return int(found[1]), found[2]
