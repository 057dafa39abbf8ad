from __future__ import annotations

from typing import Any

import pytest
from ldap3.operation.delete import delete_operation
from ldap3.operation.modify import modify_operation
from ldap3.operation.modifyDn import modify_dn_operation
from ldap3.operation.search import compile_filter, parse_filter
from ldap3.protocol.convert import build_controls_list
from ldap3.protocol.rfc4511 import LDAPMessage, MessageID, ProtocolOp
from ldap3.utils.asn1 import encode

from connectors.ldap.client.assertion import encoded
from connectors.ldap.client.requests import delete, message, modify, rename, result_in
from connectors.ldap.entry import Change, Edit, equals, escaped
from connectors.ldap.flavors.flavor import ASSERTION_CONTROL


@pytest.mark.parametrize(
    "filter_",
    [
        "(objectClass=*)",
        "(entryUUID=56ddb0a0-804a-1041-9627-153aff50f3bd)",
        equals("uid", ["odd*name(x), Smith + Co \\ #1", "Jörg"]),
        f"(objectGUID={escaped(bytes(range(16)))})",
        "(&(|(a=1)(b=2))(!(description=*))(!(|(c=3)(d=4))))",
        f"(description={'x' * 300})",
    ],
)
def test_a_condition_is_encoded_as_the_client_library_would(filter_: str) -> None:
    node = parse_filter(filter_, None, True, None, None, False).elements[0]

    assert encoded(filter_) == encode(compile_filter(node))


@pytest.mark.parametrize(
    "filter_", ["a=1", "(a=1", "(a)", "(=1)", "(a>=1)", "(a=b*c)", "(a=1)(b=2)", "(!(a=1)(b=2))", "(&(a=1)"]
)
def test_what_is_no_condition_is_refused(filter_: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        encoded(filter_)


# -- whole requests


def by_library(operation: str, request: Any, only_if: str) -> bytes:
    """Return what ldap3 would send."""
    whole = LDAPMessage()
    whole["messageID"] = MessageID(300)
    whole["protocolOp"] = ProtocolOp().setComponentByName(operation, request)
    condition = [(ASSERTION_CONTROL, True, encoded(only_if))] if only_if else None
    if (controls := build_controls_list(condition)) is not None:
        whole["controls"] = controls
    return bytes(encode(whole))


@pytest.mark.parametrize("only_if", ["", "(uid=ann)"])
@pytest.mark.parametrize("text", ["Jörg", "x" * 70_000, b"\x00\xff"])
def test_changes_are_encoded_as_the_client_library_would(text: str | bytes, only_if: str) -> None:
    name = "uid=Jörg,dc=example,dc=com"
    edit = Edit((Change("info", add=(text, "b"), remove=("old",)), Change("userPassword", is_whole=True)))
    changes = {
        "info": [("MODIFY_DELETE", ["old"]), ("MODIFY_ADD", [text, "b"])],
        "userPassword": [("MODIFY_REPLACE", [])],
    }

    sent = message(300, modify(name, edit), only_if=only_if)

    assert sent == by_library("modifyRequest", modify_operation(name, changes, True), only_if)


@pytest.mark.parametrize("keeps", [False, True])
def test_a_move_and_a_deletion_are_encoded_as_the_client_library_would(keeps: bool) -> None:
    name, container = "uid=Jörg,dc=example,dc=com", "ou=Disabled,dc=example,dc=com"

    moved = message(300, rename(name, "uid=jo", container, keeps=keeps))
    deleted = message(300, delete(name))

    assert moved == by_library("modDNRequest", modify_dn_operation(name, "uid=jo", not keeps, container), "")
    assert deleted == by_library("delRequest", delete_operation(name), "")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        bytes.fromhex("300c02010267070a010004000400"),
        bytes.fromhex("300c02010165070a010004000400"),
        bytes.fromhex("300c0201"),
        bytes.fromhex("3024020100781f0a0134040004008a16312e332e362e312e342e312e313436362e3230303336"),
    ],
    ids=["nothing", "to another request", "of another kind", "cut short", "notice of disconnection"],
)
def test_what_is_no_answer_to_the_request_is_not_taken_for_one(answer: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        result_in(answer, 1)


def test_the_code_is_read_from_an_answer() -> None:
    assert result_in(bytes.fromhex("300c02010167070a017a04000400"), 1) == 122
