"""The file of a bundle: a ZIP archive of proofs, the stories of their cases, and the key that checks them."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from scimbridge.services.proving import Proof
    from scimbridge.services.story import Story

_KEY = "public-key.pem"
_README = """\
Each case has two files: CASE.txt tells it, CASE.json proves it. The proof holds the entries of the history as they are
stored, and for each the seal that it is under: an Ed25519 signature over the hashes of all entries of that seal.

    scimbridge evidence verify THIS-FILE.zip --public-key KEY.pem

recomputes everything; it needs no database. Take the key from whoever runs the bridge, not from this archive.
"""
MOST = 256 << 20
"""Bytes of one proof that are read. What is larger is no bundle of ours."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a bundle holds.

    Attributes:
        proofs: As ``proving.document_of`` has made them, by case.
        public_key: The key that the bundle itself names (PEM).
    """

    proofs: Mapping[str, Mapping[str, Any]]
    public_key: str


@contextmanager
def writing(path: Path, public_key: str) -> Iterator[Callable[[Proof, Story], None]]:
    """Yield what adds a case. The file is there once it is whole, and readable by its owner alone."""
    from scimbridge.services.proving import document_of
    from scimbridge.services.story import tell

    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with (
            os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            archive.writestr("README.txt", _README)
            archive.writestr(_KEY, public_key)

            def add(proof: Proof, story: Story) -> None:
                archive.writestr(f"{proof.case_id}.txt", "\n".join(tell(story)) + "\n")
                archive.writestr(f"{proof.case_id}.json", json.dumps(document_of(proof), indent=1))

            yield add
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def read(path: Path) -> Content:
    """Return what a bundle holds, or what the API has answered for a case.

    Raises:
        typer.BadParameter: It is neither.
    """
    try:
        if not zipfile.is_zipfile(path):
            return _answered(path)
        with zipfile.ZipFile(path) as archive:
            proofs = {}
            for member in archive.infolist():
                if member.filename.endswith(".json"):
                    proofs[member.filename.removesuffix(".json")] = _proof(archive, member)
            return Content(proofs, archive.read(_KEY).decode())
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise typer.BadParameter(f"{path} is not a bundle of evidence: {error}") from error


def _answered(path: Path) -> Content:
    if path.stat().st_size > MOST:
        raise ValueError("it is too large")
    match json.loads(path.read_bytes()):
        case {"proof": dict(proof), **found}:
            return Content({str(proof.get("case_id")): proof}, str(found.get("public_key")))
        case _:
            raise ValueError("it is neither an archive nor an answer of the API")


def _proof(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Mapping[str, Any]:
    if member.file_size > MOST:
        raise ValueError(f"{member.filename} is too large")
    found = json.loads(archive.read(member))
    if not isinstance(found, dict):
        raise ValueError(f"{member.filename} is no proof")  # noqa: TRY004 - of a file, not of a type
    return found
