"""Versions of the rules: the list, one with what it changes, and a draft to be written, replayed and put in force."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from scimbridge.config import rule_keys
from scimbridge.dashboard import flash
from scimbridge.dashboard.deciding import IncompleteFormError, be_sure, who_and_why
from scimbridge.dashboard.page import Page, Shown, go_to
from scimbridge.dashboard.visit import Visit
from scimbridge.domain.operator import Permission
from scimbridge.domain.rules_version import VersionState
from scimbridge.errors import NotFoundError, RulesRefusedError
from scimbridge.services import replay_in_words

if TYPE_CHECKING:
    from scimbridge.services.drafting import Look

SHOWN = 50
FROM_FILE = "file"
MOST_DIGITS = 9


class VersionsPage(Page):
    """All versions, the newest first; and making a draft."""

    path = "/rules/versions"
    template = "rule_versions.html"
    posting = Permission.ADMINISTER

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return a page of them."""
        before = _whole(visit.asked("before"))
        found = self.bridge.drafting.versions(SHOWN + 1, before=before)
        return {
            "versions": found[:SHOWN],
            "more": visit.address(before=str(found[SHOWN - 1].version)) if len(found) > SHOWN else "",
            "is_first": before is None,
            "standing": self.bridge.following.standing(),
            "may_edit": self.bridge.settings.operators.edit_rules,
        }

    def post(self, visit: Visit) -> Response:
        """Make a draft of a version, or of the file."""
        said = visit.form.get("of", "")
        of = _whole(said)
        if said != FROM_FILE and of is None:
            raise IncompleteFormError("say of which version")
        drafting = self.bridge.drafting
        text = self.bridge.file_rules.text if of is None else drafting.version(of).text
        draft = drafting.begin(text, by=visit.operator.name, now=visit.now)
        return go_to(visit, f"/rules/versions/{draft.version}/edit")


class VersionPage(Page):
    """One version: what it changes, what the past would have been by it, and what can be done with it."""

    path = "/rules/versions/{version}"
    template = "rule_version.html"
    posting = Permission.ADMINISTER

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return it, compared with the one in force, or with another."""
        look = _look(self, visit)
        drafting, than = self.bridge.drafting, _whole(visit.asked("than"))
        replay = look.version.replay
        has_ended = replay is not None and replay["ended_at"] is not None
        facts = replay["facts"] if replay is not None and has_ended else []
        return {
            "look": look,
            "than": than if than is not None else look.active.version if look.active is not None else None,
            "changes": drafting.difference(than, look.version.version) if than is not None else look.changes,
            "others": [
                (each.version, f"{each.version} ({each.state})")
                for each in drafting.versions(SHOWN)
                if each.version != look.version.version
            ],
            "replay": replay,
            "has_ended": has_ended,
            "is_running": replay_in_words.is_running(replay, visit.now),
            "said": replay_in_words,
            "facts": facts,
            "names": drafting.names({fact["identity_id"] for fact in facts}, visit.now),
            "may_edit": self.bridge.settings.operators.edit_rules,
            "is_draft": look.version.state is VersionState.DRAFT,
        }

    def post(self, visit: Visit) -> Response:
        """Do with a draft what the form says."""
        number = _number(visit)
        match visit.form.get("do"):
            case "replay":
                self.bridge.replaying.start(number, by=visit.operator.name, now=visit.now)
                return go_to(visit, f"/rules/versions/{number}#replay")
            case "activate":
                return self._activate(visit, number)
            case "discard":
                self.bridge.drafting.discard(number, **who_and_why(visit))
                return go_to(visit, "/rules/versions", [flash.done("Discarded. Its text stays in the list.")])
            case _:
                raise IncompleteFormError("say what is to be done with it")

    def _activate(self, visit: Visit, number: int) -> Response:
        """Put it in force, as it was looked at."""
        be_sure(visit)
        seen = _whole(visit.form.get("revision", "")) or 0
        self.bridge.drafting.activate(number, revision=seen, **who_and_why(visit))
        self.bridge.following.follow()
        said = f"Version {number} is in force, everywhere within about two seconds. Open cases keep their plan."
        return go_to(visit, f"/rules/versions/{number}", [flash.done(said)])


class EditPage(Page):
    """The text of a draft. What was typed is never lost: whatever is wrong with it, it is kept, or shown again."""

    path = "/rules/versions/{version}/edit"
    template = "rule_edit.html"
    permission = Permission.ADMINISTER
    posting = Permission.ADMINISTER

    def context(self, visit: Visit) -> dict[str, Any]:
        """Return the draft, and the reference."""
        look = _look(self, visit)
        return self._context(look, look.version.text, "")

    def post(self, visit: Visit) -> Response | Shown:
        """Save the text, and tell what is wrong with it."""
        number = _number(visit)
        text = visit.form.get("text", "").replace("\r\n", "\n") + "\n"
        revision = _whole(visit.form.get("revision", ""))
        if revision is None:
            raise IncompleteFormError("open the draft again")
        drafting = self.bridge.drafting
        try:
            drafting.change(
                number,
                text,
                revision=revision,
                base=_whole(visit.form.get("base", "")),
                by=visit.operator.name,
                now=visit.now,
            )
        except RulesRefusedError as error:
            return Shown(self.template, self._context(_look(self, visit), text, str(error)))
        look = _look(self, visit)
        if look.read.problems:
            return go_to(visit, f"/rules/versions/{number}/edit", [flash.done("Saved, with what is wrong below.")])
        return go_to(visit, f"/rules/versions/{number}", [flash.done("Saved, and nothing is wrong with it.")])

    def _context(self, look: Look, text: str, refused: str) -> dict[str, Any]:
        read = look.read if text == look.version.text else self.bridge.drafting.check(text)
        lines = text.split("\n")
        return {
            "look": look,
            "text": text,
            "refused": refused,
            "problems": [
                (each, lines[each.line - 1].strip() if each.line and each.line <= len(lines) else "")
                for each in read.problems
            ],
            "keys": _keys(),
            "targets": sorted(self.bridge.settings.targets),
            "may_edit": self.bridge.settings.operators.edit_rules,
        }


def _look(page: Page, visit: Visit) -> Look:
    return page.bridge.drafting.look(_number(visit), visit.now, by=visit.operator.name)


def _number(visit: Visit) -> int:
    said = visit.request.path_params["version"]
    number = _whole(said)
    if number is None:
        raise NotFoundError("version of the rules", said)
    return number


def _whole(said: str) -> int | None:
    """Return a number that somebody has sent; ``None`` where it is none, or higher than any version or revision."""
    return int(said) if said.isascii() and said.isdecimal() and len(said) <= MOST_DIGITS else None


@lru_cache(maxsize=1)
def _keys() -> tuple[tuple[str, list[tuple[str, str]]], ...]:
    return tuple(rule_keys())
