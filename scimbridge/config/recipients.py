"""Whether those whom the rules name can be told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from scimbridge.config.document import RuleSection
from scimbridge.config.notify import NotifySection, why_untold
from scimbridge.config.problems import spell
from scimbridge.domain.action import Action
from scimbridge.errors import Problem


def check_recipients(rules: Iterable[RuleSection], notify: NotifySection | None) -> Iterator[Problem]:
    """Yield what is wrong with the recipients of stages, by what ``[notify]`` says."""
    for index, rule in enumerate(rules):
        for number, stage in enumerate(rule.stages):
            for position, recipient in enumerate(stage.notify if Action.NOTIFY in stage.do else ()):
                why = why_untold(notify, recipient)
                if why is not None:
                    yield Problem(spell(("rules", index, "stages", number, "notify", position)), why)
