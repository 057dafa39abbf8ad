"""What a notice looks like on its way."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scimbridge.notices.mail import Mailbox, compose, is_address
from scimbridge.notices.rendering import Rendered, Templates
from tests.notices.conftest import NOW
from tests.notices.notices import a_leaver, a_notice

SENDER = Mailbox("Bridge", "bridge@corp.example.com")
RENDERED = Rendered(subject="Hello", text="text\n", html="<p>html</p>")


def test_a_message_has_a_text_and_a_page_and_asks_for_no_automatic_answer() -> None:
    rendered = Templates().render(a_notice(a_leaver(person="Jürgen Groß")))

    message = compose(
        a_notice(), rendered, sender=SENDER, reply_to=Mailbox("", "it@example.com"), to="boss@example.com", now=NOW
    )

    read = message_from_bytes(message.as_bytes(), policy=policy.default)
    assert read["From"] == "Bridge <bridge@corp.example.com>"
    assert read["To"] == "boss@example.com"
    assert read["Reply-To"] == "it@example.com"
    assert read["Subject"].startswith("Jürgen Groß loses access")
    assert read["Date"].datetime == NOW
    assert read["Auto-Submitted"] == "auto-generated"
    assert [part.get_content_type() for part in read.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    for kind in ("plain", "html"):
        body = read.get_body((kind,))
        assert body is not None
        assert "Jürgen Groß" in body.get_content()
    assert message.as_bytes().isascii()
    assert all(len(line) <= 998 for line in message.as_bytes().split(b"\r\n"))


def test_a_repeat_is_the_same_message_and_another_notice_is_not() -> None:
    def message_id(notice_id: str, *, later: timedelta = timedelta()) -> str:
        notice = a_notice(id=notice_id)
        message = compose(notice, RENDERED, sender=SENDER, reply_to=None, to="a@example.com", now=NOW + later)
        return str(message["Message-ID"])

    assert message_id("task-1.1") == "<task-1.1@corp.example.com>"
    assert message_id("task-1.1", later=timedelta(hours=1)) == message_id("task-1.1")
    assert message_id("task-1.2") != message_id("task-1.1")
    assert message_id("crm > x\r\ny") == "<crm---x--y@corp.example.com>"


@given(st.text(max_size=60))
@settings(max_examples=50)
def test_no_subject_adds_a_header(subject: str) -> None:
    rendered = Templates().render(a_notice(a_leaver(person=subject)))

    message = compose(a_notice(), rendered, sender=SENDER, reply_to=None, to="a@example.com", now=NOW)

    read = message_from_bytes(message.as_bytes(), policy=policy.default)
    assert set(read.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress", "MIME-Version",
        "Content-Type",
    }  # fmt: skip


@pytest.mark.parametrize(
    "address",
    [
        "",
        "boss",
        "boss@",
        "@example.com",
        "a@example.com, b@example.com",
        "a@example.com\r\nBcc: b@example.com",
        "a@example.com\n",
        "Boss <boss@example.com>",
        '"a b"@example.com',
        "a@-example.com",
        "jürgen@example.com",
        "a@" + "x" * 64 + ".com",
        "a@" + "example." * 40 + "com",
    ],
)
def test_what_is_no_address_is_refused_and_not_repeated(address: str) -> None:
    assert not is_address(address)
    with pytest.raises(ValueError, match="not an e-mail address") as caught:
        compose(a_notice(), RENDERED, sender=SENDER, reply_to=None, to=address, now=NOW)
    assert not address or address not in str(caught.value)


@pytest.mark.parametrize("address", ["a@example.com", "first.last+tag@sub.example.co.uk", "o'neil@localhost", "x@1.2"])
def test_addresses_as_people_have_them_are_taken(address: str) -> None:
    assert is_address(address)


def test_a_mailbox_may_have_a_name() -> None:
    assert Mailbox.parse('"IT, Offboarding" <it@example.com>') == Mailbox("IT, Offboarding", "it@example.com")
    assert str(Mailbox("IT, Offboarding", "it@example.com")) == '"IT, Offboarding" <it@example.com>'
    assert str(Mailbox("", "it@example.com")) == "it@example.com"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "it",
        "IT, Offboarding <it@example.com>",
        "IT <it@example.com>\nBcc: x@example.com",
        "IT\x00 <it@example.com>",
    ],
)
def test_what_is_no_mailbox_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write an address like"):
        Mailbox.parse(text)
