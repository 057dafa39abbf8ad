"""What is done to the bridge and its targets, with real signals to real processes, while people leave."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from random import Random

from scimbridge.demo.cast import Person
from scimbridge.demo.installation import Installation
from scimbridge.drill.following import Following, process_ids
from scimbridge.drill.people import shut_out
from scimbridge.queue.redis import connect

RETRY_AFTER = 1
DEAD_SECONDS = (3.0, 5.0)
CUT_OFF = 2
"""At most so many attempts at a target die with the worker: fewer than may be at work, so that others have room."""


@dataclass(slots=True, kw_only=True)
class Blow:
    """One thing that was broken.

    Attributes:
        broken: What, as a heading.
        people: Who was disabled meanwhile.
        figures: What was measured or counted of it, by name; spans in seconds.
        said: The same in words, once all is over.
        asked_at: When the identity provider had its answer for each of them (monotonic seconds).
    """

    broken: str
    people: list[Person]
    figures: dict[str, float] = field(default_factory=dict)
    said: str = ""
    asked_at: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Field:
    """Where blows fall.

    Attributes:
        redis_url: Of the bridge's own Redis.
        tell: Prints what is done.
        disable: Has the identity provider disable some people of a blow.
        until: Waits until something holds.
        until_shut_out: Waits until the leavers of a blow are, as the bridge says.
        pause: Lets so many seconds pass.
    """

    installation: Installation
    following: Following
    rng: Random
    redis_url: str
    tell: Callable[[str], None]
    disable: Callable[[Blow, Sequence[Person]], None]
    until: Callable[[Callable[[], bool], str], None]
    until_shut_out: Callable[[Blow], None]
    pause: Callable[[float], None]


Strike = Callable[[Field, Blow], Callable[[], None]]
"""Does it, and returns what is to be called at the end, to say what came of it."""


def throttle(ground: Field, blow: Blow) -> Callable[[], None]:
    """Have the application answer 429 again and again."""
    application = ground.installation.application
    planned = len(blow.people) * ground.rng.randint(2, 3)
    application.misbehave(throttled=planned, retry_after=str(RETRY_AFTER))
    ground.tell(f"the application answers the next {planned} requests with 429, Retry-After: {RETRY_AFTER}")
    ground.disable(blow, blow.people)
    ground.until_shut_out(blow)

    def close() -> None:
        met = sum(entry["status"] == HTTPStatus.TOO_MANY_REQUESTS for entry in application.requests())
        blow.figures["answered_429"] = met
        blow.said = f"{met} requests answered 429"

    return close


def flush_redis(ground: Field, blow: Blow) -> Callable[[], None]:
    """Empty Redis while its queues are full: the worker is stopped meanwhile, and takes nothing out of them."""
    following, worker = ground.following, _workers(ground)[-1]
    os.kill(worker, signal.SIGSTOP)
    try:
        ground.disable(blow, blow.people)
        ground.until(lambda: following.messages() > 0, "messages in Redis")
        lost = following.messages()
        client = connect(ground.redis_url, timeout=5)
        client.flushall()
        client.close()
        ground.tell(f"FLUSHALL; messages in the queues: {lost}")
    finally:
        os.kill(worker, signal.SIGCONT)
    ground.until_shut_out(blow)

    def close() -> None:
        blow.figures["messages_lost"] = lost
        blow.said = f"messages lost and sent again: {lost}"

    return close


def kill_worker(ground: Field, blow: Blow) -> Callable[[], None]:
    """Kill the worker while changes are on their way to the application; the others leave while there is none."""
    application, following = ground.installation.application, ground.following
    first = shut_out(blow.people)[:CUT_OFF]
    application.misbehave(holding=True)
    ground.disable(blow, first)
    ground.until(lambda: following.attempts("application") > 0, "the worker to be at work at the application")
    before, at = _workers(ground), time.monotonic()
    # Stopped first: what is counted is what dies, and nothing of it ends in between.
    os.kill(before[-1], signal.SIGSTOP)
    try:
        cut_off = following.attempts()
    finally:
        os.kill(before[-1], signal.SIGKILL)
    ground.tell(f"kill -9 of the worker (process {before[-1]}) with {cut_off} attempts at work")
    ground.disable(blow, [person for person in blow.people if person not in first])
    application.misbehave(holding=False)
    ground.until(lambda: len(_workers(ground)) > len(before), "another worker")
    ground.tell(f"the supervisor has started another one (process {_workers(ground)[-1]})")

    def close() -> None:
        taken_up = [lapsed - at for lapsed in following.lapsed if lapsed > at]
        blow.figures["attempts_cut_off"] = cut_off
        blow.figures["attempts_taken_up"] = len(taken_up)
        blow.figures["last_taken_up_after"] = round(max(taken_up, default=0.0), 1)
        blow.said = f"{len(taken_up)} attempts cut off, taken up after {blow.figures['last_taken_up_after']} s"

    return close


def stop_directory(ground: Field, blow: Blow) -> Callable[[], None]:
    """Have the directory die, and come back."""
    directory, following = ground.installation.directory, ground.following
    put_off, span = following.put_off["directory"], ground.rng.uniform(*DEAD_SECONDS)
    directory.stop()
    ground.tell("the directory is dead")
    try:
        ground.disable(blow, blow.people)
        ground.pause(span)
    finally:
        directory.start()
    ground.tell(f"the directory is back after {span:.1f} s")

    def close() -> None:
        blow.figures["dead_for"] = round(span, 1)
        blow.figures["put_off"] = following.put_off["directory"] - put_off
        blow.said = f"{span:.1f} s dead, {blow.figures['put_off']} attempts made again"

    return close


STRIKES: dict[str, Strike] = {
    "429 storm": throttle,
    "Redis flushed": flush_redis,
    "worker killed": kill_worker,
    "directory dead": stop_directory,
}
"""In this order: the directory dies while what the killed worker had begun waits for its leases to run out."""


def _workers(ground: Field) -> list[int]:
    return process_ids(ground.installation.log, "worker")
