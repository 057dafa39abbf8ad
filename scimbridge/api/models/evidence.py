"""Proof of what was done."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints

from scimbridge.api.endpoint import Answer, Model
from scimbridge.api.values import Moment, Name, whole

MOST_CASES = 1000
SealName = Annotated[
    str,
    StringConstraints(pattern=r"^[1-9][0-9]{0,17}:[0-9a-f]{64}$"),
    Field(examples=[f"7:{'0' * 64}"]),
]
"""A seal that was noted, as ``NUMBER:DIGEST``."""


class EvidenceKey(Answer):
    """What checks the seals. Keep it where nobody can change it who can change the database."""

    key_id: str
    public_key: str
    """PEM (Ed25519)."""


class Proof(Answer):
    """What proves a case to somebody who does not have the database. It holds personal data."""

    case_id: str
    entries: list[dict[str, Any]]
    """The history of the case, as it is stored."""

    evidence: dict[str, Any]
    """What was true before and after, by task."""

    seals: list[dict[str, Any]]
    """Each with the ids and digests of all entries under it."""


class Bundle(Answer):
    """A proof, and the story of its case."""

    proof: Proof
    """What is checked: give it to `/evidence/verify`, or keep it."""

    told: list[str]
    waiting: int
    """How many of its entries wait for their seal; the sweeper makes one each minute."""

    public_key: str


class SampleChoice(Model):
    """Cases chosen by chance."""

    size: Annotated[int, Field(ge=1, le=MOST_CASES), BeforeValidator(whole)]
    since: Moment | None = None
    """Cases that ended since; else 90 days ago."""

    seed: Annotated[int, Field(ge=0, lt=1_000_000_000), BeforeValidator(whole)] | None = None
    """Choose the same again."""


class Sample(Answer):
    """Cases chosen by chance; whoever knows the seed can choose them again."""

    seed: int
    cases: list[str]


class VerifyRequest(Model):
    """A proof to check. It needs no database."""

    proof: dict[str, Any]
    public_keys: list[Annotated[str, StringConstraints(min_length=1, max_length=5000)]] | None = Field(
        default=None, min_length=1, max_length=20
    )
    """Whose signatures are believed (PEM); this installation's own where absent."""


class Verified(Answer):
    """What is not as it was sealed."""

    intact: bool
    findings: list[str]


class VerificationChoice(Model):
    """How far verifying has come."""

    cursor: Name | None = None
    """Where to go on; from `next` of the part before."""

    expect: SealName | None = None
    """A seal that was noted earlier."""


class Head(Answer):
    """A seal. Note the last one, and expect it next time."""

    number: int
    digest: str


class Verification(Answer):
    """What was found in one part of the history."""

    intact: bool
    seals: int
    entries: int
    waiting: int | None
    """How many entries wait for their seal; only on the last part."""

    head: Head | None
    """The last seal that was looked at."""

    findings: list[str]
    next: str | None
    """The address of the next part; null on the last one."""
