"""``/people``, ``/history`` and ``/received``: who there is, what happened, and what sources sent."""

from __future__ import annotations

from dataclasses import asdict

from scimbridge.api.endpoint import Call, Nothing, Routes
from scimbridge.api.models import records as models
from scimbridge.api.models.steps import Because
from scimbridge.api.paging import cut, link, number, position
from scimbridge.domain.operator import Permission
from scimbridge.services.browsing import PeopleQuery
from scimbridge.services.records import HistoryQuery, RequestQuery

routes = Routes("people and history")


@routes.get("/people", Permission.AUDIT)
def list_people(call: Call[models.PeopleList, Nothing]) -> models.PeoplePage:
    """Find people, of all sources."""
    asked = call.query
    query = PeopleQuery(search=asked.search, source=asked.source, active=asked.active, with_deleted=asked.deleted)
    shown, is_more = cut(call.bridge.browsing.people(query, after=position(call), limit=asked.limit + 1), asked.limit)
    items = [models.PersonLine.from_row(row) for row in shown]
    return models.PeoplePage(items=items, next=link(call, shown[-1]["id"] if is_more else None))


@routes.post("/people/{person}/erase", Permission.ADMINISTER)
def erase_person(call: Call[Nothing, Because]) -> models.Erased:
    """Erase the personal values of somebody whom their source has deleted.

    The proof of what was done stays. Refused while a case is open, or something about them is held or under way.
    """
    known = call.bridge.erasing.erase(call.path["person"], reason=call.body.reason, by=call.by, now=call.now)
    return models.Erased.model_validate({name: getattr(known, name) for name in models.Erased.model_fields})


@routes.get("/search", Permission.LOOK)
def search(call: Call[models.SearchChoice, Nothing]) -> models.Found:
    """Find people, targets and errors by what one has in hand.

    The beginning of a userName or an address, an id of whatever is known, the name of a target, words of an error.
    """
    found = call.bridge.searching.find(call.query.text, limit=call.query.limit)
    return models.Found(
        people=[models.FoundPerson.model_validate(asdict(each)) for each in found.people],
        targets=list(found.targets),
        tasks=[models.FoundTask.from_row(row) for row in found.troubled],
    )


@routes.get("/history", Permission.AUDIT)
def list_history(call: Call[models.HistoryList, Nothing]) -> models.HistoryPage:
    """List the history, the newest entry first.

    A page may have fewer entries than were asked for: go on until `next` is null.
    """
    asked = call.query
    query = HistoryQuery(
        since=asked.since,
        until=asked.until,
        event=asked.event,
        actor=asked.actor,
        case_id=asked.case,
        target=asked.target,
    )
    rows, older = call.bridge.records.history(query, limit=asked.limit, before=number(call))
    items = [models.HistoryLine.from_row(row) for row in rows]
    return models.HistoryPage(items=items, next=link(call, older or None))


@routes.get("/received", Permission.AUDIT)
def list_received(call: Call[models.ReceivedList, Nothing]) -> models.ReceivedPage:
    """List what sources sent: as received, as understood, as applied.

    A page may have fewer requests than were asked for: go on until `next` is null.
    """
    asked = call.query
    query = RequestQuery(
        source=asked.source,
        since=asked.since,
        until=asked.until,
        resource_id=asked.resource,
        is_refused=asked.refused,
    )
    rows, older = call.bridge.records.requests(query, limit=asked.limit, before=number(call))
    items = [models.ReceivedLine.from_row(row) for row in rows]
    return models.ReceivedPage(items=items, next=link(call, older or None))
