from __future__ import annotations

import pytest
from ldap3.operation.search import compile_filter, parse_filter
from ldap3.utils.asn1 import encode

from connectors.ldap.client.assertion import encoded
from connectors.ldap.entry import equals, escaped


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
