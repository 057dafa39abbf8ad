"""``scimbridge evidence``: proof of what was done, for people who do not have the database."""

from __future__ import annotations

import random
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scimbridge.cli import proof_file
from scimbridge.cli.case_filters import moment_of
from scimbridge.cli.opening import opened
from scimbridge.cli.options import AsJson, ConfigPath, Log, LogLevel, new_group
from scimbridge.cli.output import note, progress, say, say_json
from scimbridge.cli.reporting import ExitCode
from scimbridge.domain.number import number_of

if TYPE_CHECKING:
    from scimbridge.services.seal_key import PublicKeys
    from scimbridge.services.verifying import Verification

app = new_group("evidence", "Proof of what was done, for auditors too.")

KeyFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--public-key",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="A public key to trust (PEM); may be given several times. Default: this installation's own.",
    ),
]


def _head(value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"[1-9][0-9]*:[0-9a-f]{64}", value):
        raise typer.BadParameter("write it as NUMBER:DIGEST, as `scimbridge evidence verify` and the log say it")
    return value


@app.command()
def verify(
    bundle: Annotated[
        Path | None,
        typer.Argument(
            metavar="[BUNDLE]",
            exists=True,
            dir_okay=False,
            help="Instead of the database, a bundle, or a proof of the API.",
        ),
    ] = None,
    public_key: KeyFiles = None,
    expect: Annotated[
        str | None,
        typer.Option(
            "--expect",
            metavar="NUMBER:DIGEST",
            callback=_head,
            help="A seal that you noted earlier; it must still be there.",
        ),
    ] = None,
    as_json: AsJson = False,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Check that nothing was changed since it was sealed.

    Exit code 1 if anything was changed, removed or added. To check a bundle, you need no database, but a public key
    that you got from elsewhere.
    """
    if bundle is not None:
        _verify_bundle(bundle, public_key, as_json=as_json)
        return
    from scimbridge.services.verifying import Verifying

    with opened(config, log_level) as bridge:
        keys = _keys(public_key, bridge.sealing.public_key)
        number, _, digest = (expect or "").partition(":")
        verifying = Verifying(bridge.database)
        with progress(verifying.seal_count()) as step:
            expected = (int(number), digest) if expect else None
            found = verifying.verify(keys, bridge.clock(), expected=expected, told=step)
    if as_json:
        say_json(_verification_document(found))
    else:
        _say_verification(found)
    if found.findings:
        raise typer.Exit(ExitCode.FAILED)


def _verification_document(found: Verification) -> dict[str, object]:
    return {
        "intact": not found.findings,
        "seals": found.seals,
        "entries": found.entries,
        "waiting": found.waiting,
        "head": None if found.head is None else {"number": found.head[0], "digest": found.head[1]},
        "findings": list(found.findings),
    }


def _say_verification(found: Verification) -> None:
    say(*(f"- {finding}" for finding in found.findings))
    say(
        f"Not as it was sealed: {len(found.findings)} findings."
        if found.findings
        else f"All {found.entries} entries under {found.seals} seals are as they were sealed."
    )
    if found.waiting:
        say(f"{found.waiting} newer entries wait for their seal; the sweeper makes one each minute.")
    if found.head is not None:
        say(f"Note the last seal, and give it next time: --expect {found.head[0]}:{found.head[1]}")


@app.command()
def export(
    to: Annotated[Path, typer.Option("--to", metavar="FILE.zip", dir_okay=False, help="The bundle.")],
    who: Annotated[
        str | None, typer.Argument(metavar="[ID|USERNAME]", help="A case, or a person's newest one.")
    ] = None,
    sample: Annotated[
        int | None, typer.Option("--sample", metavar="N", min=1, help="Instead, this many cases drawn at random.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="TIME", help="With --sample: cases that ended since then; by default 90 days ago."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="With --sample: draw the same cases again.")] = None,
    config: ConfigPath = None,
    log_level: Log = LogLevel.ERROR,
) -> None:
    """Write a bundle that proves what was done for a leaver.

    It holds personal data, and only you can read the file.
    """
    if (who is None) == (sample is None):
        raise typer.BadParameter("name a case or a person, or give --sample")
    from scimbridge.services.proving import Proving

    with opened(config, log_level) as bridge:
        now = bridge.clock()
        bridge.sealing.run(now)
        proving = Proving(bridge.database)
        if who is not None:
            chosen = [bridge.overview.case_named(who)]
        else:
            seed = seed if seed is not None else random.SystemRandom().randrange(1_000_000)
            chosen = proving.sample(sample or 0, _since(since, now), now, seed)
            note(f"Drawn at random: {number_of(len(chosen), 'case')}; --seed {seed} draws the same again.")
        with progress(len(chosen)) as step, proof_file.writing(to, bridge.sealing.public_key) as add:
            for done, case_id in enumerate(chosen, 1):
                add(proving.of_case(case_id), bridge.stories.of(case_id, now))
                step(done)
    say(f"The bundle is in {to}: {number_of(len(chosen), 'case')}.")
    say(f"Whoever gets it checks it with `scimbridge evidence verify {to.name} --public-key KEY.pem`.")


@app.command()
def key(config: ConfigPath = None, log_level: Log = LogLevel.ERROR) -> None:
    """Print the public key that checks the seals. Keep it where people who can change the database cannot change it."""
    with opened(config, log_level) as bridge:
        say(*bridge.sealing.public_key.splitlines())


def _since(said: str | None, now: datetime) -> datetime:
    return moment_of(said, now) if said is not None else now - timedelta(days=90)


def _keys(files: list[Path] | None, own: str) -> PublicKeys:
    from scimbridge.services.seal_key import PublicKeys

    if files:
        return PublicKeys.of_pems(file.read_text() for file in files)
    return PublicKeys.of_pems([own])


def _verify_bundle(bundle: Path, public_key: list[Path] | None, *, as_json: bool) -> None:
    from scimbridge.services.proving import problems_of

    content = proof_file.read(bundle)
    keys = _keys(public_key, content.public_key)
    findings = [
        {"case_id": case_id, "finding": problem}
        for case_id, document in content.proofs.items()
        for problem in problems_of(document, keys)
    ]
    if as_json:
        say_json({"intact": not findings, "cases": list(content.proofs), "findings": findings})
    else:
        say(*(f"- case {each['case_id']}: {each['finding']}" for each in findings))
        say(
            f"Not as it was sealed: {len(findings)} findings."
            if findings
            else f"As it was sealed: {number_of(len(content.proofs), 'case')}."
        )
        if not public_key:
            note(
                "Checked with the key in the bundle itself, which proves nothing about who made it: give --public-key."
            )
    if findings:
        raise typer.Exit(ExitCode.FAILED)
