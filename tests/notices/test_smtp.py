"""Handing messages to a real mail server, and what its answers mean."""

from __future__ import annotations

import contextlib
import socket
import ssl
from email.message import EmailMessage
from ipaddress import ip_network

import pytest

from scimbridge.demo.directory import ServerTls
from scimbridge.notices.mail import Mailbox, compose
from scimbridge.notices.rendering import Templates
from scimbridge.notices.smtp import Security, SmtpAddress, SmtpServer
from scimbridge.sdk import addresses
from scimbridge.sdk.errors import ConnectorError, RejectedError, RetryableError, TargetUnusableError
from tests.lab.certificates import make_authority
from tests.notices.conftest import NOW
from tests.notices.notices import a_leaver, a_notice
from tests.notices.post_office import PASSWORD, USER, post_office
from tests.sdk.servers import serving
from tests.servers import quiet_port

SENDER, TO = "bridge@example.com", "boss@example.com"


def a_message() -> EmailMessage:
    notice = a_notice(a_leaver(person="Jürgen\nGroß"))
    rendered = Templates().render(notice)
    return compose(notice, rendered, sender=Mailbox("", SENDER), reply_to=None, to=TO, now=NOW)


def server_at(port: int, security: Security = Security.NONE, host: str = "127.0.0.1", **settings: object) -> SmtpServer:
    return SmtpServer(address=SmtpAddress(security, host, port), **settings)  # type: ignore[arg-type]


def test_a_message_arrives_as_it_was_composed() -> None:
    with post_office() as office:
        server_at(office.port).send(a_message(), sender=SENDER, to=TO)

    assert [(envelope.mail_from, envelope.rcpt_tos) for envelope in office.envelopes] == [(SENDER, [TO])]
    message = office.messages[0]
    assert message["Message-ID"] == "<task-1.1@example.com>"
    assert message["Subject"].startswith("Jürgen Groß loses access")
    body = message.get_body(("plain",))
    assert body is not None
    assert "Jürgen Groß (alex@example.com) loses access" in body.get_content()


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
def test_a_message_is_handed_over_privately_and_with_a_login(
    security: Security, tls: ssl.SSLContext, certificates: ServerTls
) -> None:
    is_tls = security is Security.TLS
    with post_office(tls=tls if is_tls else None, starttls=None if is_tls else tls, login=True) as office:
        server = server_at(office.port, security, user=USER, password=PASSWORD, ca_file=certificates.ca_file)
        server.send(a_message(), sender=SENDER, to=TO)

        assert server.check() == f"{security}://127.0.0.1:{office.port} answers, logged in"

    assert len(office.envelopes) == 1
    assert office.logins == [USER, USER]


def test_a_check_sends_nothing() -> None:
    with post_office() as office:
        said = server_at(office.port).check()

    assert said == f"smtp://127.0.0.1:{office.port} answers, without a login"
    assert office.envelopes == []


@pytest.mark.parametrize(
    ("office_says", "kind", "message"),
    [
        ({"recipient_answers": {TO: f"550 5.1.1 <{TO}> unknown"}}, RejectedError, "the recipient (550 5.1.1)"),
        ({"recipient_answers": {TO: "553 no"}}, RejectedError, "the recipient (553)"),
        ({"recipient_answers": {TO: f"450 4.2.0 {TO} greylisted"}}, RetryableError, "the recipient later (450 4.2.0)"),
        ({"recipient_answers": {TO: "421 4.3.2 going down"}}, RetryableError, "(421 4.3.2)"),
        ({"sender_answer": f"550 5.7.1 {SENDER} not allowed"}, TargetUnusableError, "our sender address (550 5.7.1)"),
        ({"sender_answer": "451 4.3.0 busy"}, RetryableError, "our sender address later (451 4.3.0)"),
        ({"data_answer": "554 5.6.0 spam"}, RejectedError, "the message (554 5.6.0)"),
        ({"data_answer": "452 4.3.1 full"}, RetryableError, "the message later (452 4.3.1)"),
    ],
)
def test_an_answer_is_for_now_or_for_good(
    office_says: dict[str, object], kind: type[ConnectorError], message: str
) -> None:
    with post_office() as office:
        for name, value in office_says.items():
            setattr(office, name, value)

        with pytest.raises(ConnectorError) as caught:
            server_at(office.port).send(a_message(), sender=SENDER, to=TO)

    assert type(caught.value) is kind
    assert message in str(caught.value)
    assert "@" not in str(caught.value)
    assert office.envelopes == []


def test_a_wrong_login_is_for_a_person_to_mend(tls: ssl.SSLContext, certificates: ServerTls) -> None:
    with post_office(tls=tls, login=True) as office:
        server = server_at(office.port, Security.TLS, user=USER, password="wrong", ca_file=certificates.ca_file)

        with pytest.raises(TargetUnusableError, match=r"refuses the login \(535 5.7.8\)"):
            server.check()


def test_a_login_that_nobody_wants_is_for_a_person_to_mend() -> None:
    with post_office() as office, pytest.raises(TargetUnusableError, match="AUTH"):
        server_at(office.port, user=USER, password=PASSWORD).check()


def test_without_starttls_nothing_is_sent() -> None:
    with post_office() as office, pytest.raises(TargetUnusableError, match="STARTTLS"):
        server_at(office.port, Security.STARTTLS).send(a_message(), sender=SENDER, to=TO)

    assert office.envelopes == []


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
def test_a_certificate_has_to_be_trusted(
    security: Security, tls: ssl.SSLContext, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = make_authority(tmp_path_factory.mktemp("other"), "other")
    is_tls = security is Security.TLS
    with (
        post_office(tls=tls if is_tls else None, starttls=None if is_tls else tls) as office,
        pytest.raises(TargetUnusableError, match="certificate is not trusted"),
    ):
        server_at(office.port, security, ca_file=other).send(a_message(), sender=SENDER, to=TO)

    assert office.envelopes == []


def test_a_certificate_has_to_be_for_the_name(certificates: ServerTls, tls: ssl.SSLContext) -> None:
    with (
        post_office(tls=tls, host="127.0.0.2") as office,
        pytest.raises(TargetUnusableError, match="certificate is not trusted"),
    ):
        server_at(office.port, Security.TLS, host="127.0.0.2", ca_file=certificates.ca_file).check()


def test_tls_where_there_is_none_is_a_wrong_address() -> None:
    with post_office() as office, pytest.raises(TargetUnusableError, match="does this port speak TLS"):
        server_at(office.port, Security.TLS).check()


def test_nobody_there_is_for_later() -> None:
    with pytest.raises(RetryableError, match="cannot be reached"):
        server_at(quiet_port()).check()


def test_a_server_that_hangs_up_is_for_later() -> None:
    with serving(lambda stream: None) as url, pytest.raises(RetryableError, match="hung up, or"):
        server_at(int(url.rpartition(":")[2])).check()


def test_a_server_that_says_nothing_is_for_later() -> None:
    def silent(stream: socket.socket) -> None:
        stream.recv(1)

    with serving(silent) as url, pytest.raises(RetryableError, match="in time"):
        server_at(int(url.rpartition(":")[2]), timeout=0.2).check()


def test_a_server_that_dribbles_is_hung_up_on() -> None:
    def slow(stream: socket.socket) -> None:
        stream.settimeout(0.05)
        stream.sendall(b"220 hello\r\n")
        while True:
            with contextlib.suppress(TimeoutError):
                stream.recv(100)
            stream.sendall(b"250-x\r\n")

    with serving(slow) as url, pytest.raises(RetryableError, match="hung up, or"):
        server_at(int(url.rpartition(":")[2]), total=0.5).check()


def test_a_server_that_wants_none_of_us_is_for_a_person_to_mend() -> None:
    def blocked(stream: socket.socket) -> None:
        stream.sendall(b"554 5.7.1 you are blocked\r\n")
        stream.recv(100)

    with serving(blocked) as url, pytest.raises(TargetUnusableError, match=r"refuses us \(554 5.7.1\)"):
        server_at(int(url.rpartition(":")[2])).check()


@pytest.mark.parametrize("security", [Security.NONE, Security.TLS])
@pytest.mark.parametrize("host", ["127.66.0.1", "mail.example.com"])
def test_no_mail_server_is_where_clouds_keep_credentials(
    monkeypatch: pytest.MonkeyPatch, security: Security, host: str
) -> None:
    real = socket.getaddrinfo
    monkeypatch.setattr(addresses, "FORBIDDEN", (ip_network("127.66.0.0/16"),))
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *arguments, **named: real("127.66.0.1", *arguments, **named))
    with socket.create_server(("127.66.0.1", 0)) as listening:
        listening.setblocking(False)
        with pytest.raises(TargetUnusableError, match=r"127\.66\.0\.1 is link-local or a cloud's own"):
            server_at(listening.getsockname()[1], security, host).check()

        with pytest.raises(BlockingIOError):
            listening.accept()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("smtp://localhost", SmtpAddress(Security.NONE, "localhost", 25)),
        ("smtp://localhost:2525/", SmtpAddress(Security.NONE, "localhost", 2525)),
        ("smtps://mail.example.com", SmtpAddress(Security.TLS, "mail.example.com", 465)),
        ("smtp+starttls://mail.example.com", SmtpAddress(Security.STARTTLS, "mail.example.com", 587)),
        ("smtp://[::1]:25", SmtpAddress(Security.NONE, "::1", 25)),
    ],
)
def test_addresses_have_ports_by_their_scheme(text: str, expected: SmtpAddress) -> None:
    assert SmtpAddress.parse(text) == expected
    assert SmtpAddress.parse(str(expected)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mail.example.com", "write "),
        ("http://mail.example.com", "write "),
        ("smtp://", "write "),
        ("smtp://mail:99999", "write "),
        ("smtp://mail/path", "write "),
        ("smtp://me:secret@mail", "has a login in it"),
    ],
)
def test_what_is_no_mail_server_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        SmtpAddress.parse(text)
    assert "secret" not in str(caught.value)
