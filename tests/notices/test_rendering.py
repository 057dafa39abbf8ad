"""How notices read, and what may replace our templates."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from scimbridge.notices.notice import Content, Kind
from scimbridge.notices.rendering import PARTS, Templates
from scimbridge.notices.samples import SAMPLES
from tests.notices.notices import a_leaver, a_notice

EVERY = [pytest.param(content, id=f"{kind}-{n}") for kind, some in SAMPLES.items() for n, content in enumerate(some)]


def test_there_are_samples_and_templates_of_each_kind() -> None:
    folder = Path(str(__import__("scimbridge.notices").__path__[0])) / "notices" / "templates"

    assert set(SAMPLES) == set(Kind)
    assert {path.name for path in folder.iterdir()} == {f"{kind}.{part}" for kind in Kind for part in PARTS} | {
        "layout.html"
    }


@pytest.mark.parametrize("content", EVERY)
def test_every_notice_says_where_to_look_and_leaves_nothing_open(content: Content) -> None:
    rendered = Templates().render(a_notice(content))

    assert rendered.subject
    assert "\n" not in rendered.subject
    assert content.link in rendered.text
    assert f'href="{content.link}"' in rendered.html
    for part in (rendered.text, rendered.html):
        assert "{{" not in part
        assert "None" not in part
    assert "\n\n\n" not in rendered.text


def test_a_leaver_notice_says_what_happens_when_and_how_to_stop_it() -> None:
    rendered = Templates().render(a_notice(a_leaver()))

    assert rendered.subject == "Alex Example loses access; cannot be undone from 2027-02-28 21:00 UTC"
    assert "- 2026-11-30 08:00 UTC: suspend at crm, directory\n" in rendered.text
    assert "- 2027-02-28 21:00 UTC: delete at directory (cannot be undone)\n" in rendered.text
    assert "- 2027-05-30 08:00 UTC, if it is approved by then: archive at crm (cannot be undone)\n" in rendered.text
    assert "Until 2027-02-28 21:00 UTC all of this can be undone." in rendered.text
    for command in (a_leaver().hold_command, a_leaver().cancel_command):
        assert f"    {command}\n" in rendered.text


def test_what_can_be_undone_has_no_point_of_no_return() -> None:
    leaver = a_leaver(steps=a_leaver().steps[:1], point_of_no_return=None)

    rendered = Templates().render(a_notice(leaver))

    assert rendered.subject == "Alex Example loses access"
    assert "All of this can be undone." in rendered.text


def test_times_are_in_the_zone_of_the_notice() -> None:
    at = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)

    rendered = Templates().render(a_notice(a_leaver(), at=at, zone=ZoneInfo("Europe/Berlin")))

    assert "2026-07-02 00:30 CEST" in rendered.text


def test_a_name_cannot_break_out_of_its_place() -> None:
    name = 'Eve</title><script>alert("x")</script>\r\nBcc: all@example.com\n\nDear reader,'

    rendered = Templates().render(a_notice(a_leaver(person=name)))

    assert "<script>" not in rendered.html
    assert rendered.subject.startswith('Eve</title><script>alert("x")</script> Bcc: all@example.com Dear reader,')
    assert "\nBcc" not in rendered.text
    assert "\nDear" not in rendered.text


def test_a_subject_has_a_length_that_mail_programs_show() -> None:
    assert len(Templates().render(a_notice(a_leaver(person="x" * 5000))).subject) == 200


def test_an_operators_template_replaces_ours(tmp_path: Path) -> None:
    (tmp_path / "leaver.subject.txt").write_text("Offboarding: {{ person }}")

    templates = Templates(tmp_path)

    assert list(templates.problems()) == []
    rendered = templates.render(a_notice(a_leaver()))
    assert rendered.subject == "Offboarding: Alex Example"
    assert "What happens next" in rendered.text


def test_an_operators_layout_is_tried_with_every_page(tmp_path: Path) -> None:
    (tmp_path / "layout.html").write_text("<h1>{{ company }}</h1>{% block body %}{% endblock %}")

    assert list(Templates(tmp_path).problems()) == ["layout.html: 'company' is undefined"]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("leaver.txt", "{{ persn }}", "leaver.txt: there is no variable persn; there are: at, cancel_command, case_id"),
        ("leaver.txt", "{% if false %}{{ nope }}{% endif %}", "leaver.txt: there is no variable nope"),
        ("leaver.txt", "{% for step in steps %}{{ step.when }}{% endfor %}", "leaver.txt: "),
        ("leaver.txt", "a\n{% if %}", "leaver.txt: line 2: "),
        ("leaver.html", "{{ moment(point_of_no_return) }}", "leaver.html: AttributeError"),  # there is not always one
        ("leaver.html", "{{ 1 / 0 }}", "leaver.html: ZeroDivisionError"),
        ("leaver.html", '{% extends "other.html" %}', "leaver.html: other.html"),
        ("leavers.txt", "x", "leavers.txt replaces no template; there are: leaver.subject.txt"),
        ("guard_tripped.subject.html", "x", "guard_tripped.subject.html replaces no template"),
    ],
)
def test_a_template_that_would_fail_is_named_before_it_is_needed(
    tmp_path: Path, name: str, content: str, problem: str
) -> None:
    (tmp_path / name).write_text(content)

    problems = list(Templates(tmp_path).problems())

    assert len(problems) == 1
    assert problems[0].startswith(problem)


def test_a_template_that_fails_after_all_gives_way_to_ours(tmp_path: Path) -> None:
    (tmp_path / "leaver.txt").write_text("{{ 1 // (person|length - 3) }}")

    templates = Templates(tmp_path)

    assert list(templates.problems()) == []
    assert "Ann loses access" in templates.render(a_notice(a_leaver(person="Ann"))).text.replace(
        " (alex@example.com)", ""
    )


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert list(Templates(tmp_path / "none").problems()) == [
        f"cannot read {tmp_path / 'none'}: No such file or directory"
    ]
