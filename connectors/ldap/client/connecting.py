"""Which server is spoken to, and as whom."""

from __future__ import annotations

from typing import Any

import ldap3

from connectors.ldap.client.link import LdapLink
from connectors.ldap.client.trust import VerifyingTls
from connectors.ldap.config import LdapConfig
from scimbridge.sdk import ConnectorError, Permit, RetryableError, TargetUnusableError
from scimbridge.sdk.addresses import ForbiddenAddressError, refuse_found


class Connecting:
    """Makes connections to the first of several servers that can be reached.

    The one that answered is kept to, so that what was written is read back from the same server.

    Args:
        config: Their addresses, and who the bridge is there.
        permit: Asked before each connection is tried.
    """

    def __init__(self, config: LdapConfig, permit: Permit) -> None:
        self._config = config
        self._permit = permit
        self._current = 0
        is_encrypted = config.start_tls or any(url.startswith("ldaps:") for url in config.urls)
        self._tls = VerifyingTls(config.ca_file, config.client_certificate, config.client_key) if is_encrypted else None

    def connect(self) -> LdapLink:
        """Connect to the server that served last; where it cannot be reached, to the next one that can.

        Raises:
            RetryableError: None can be reached.
            TargetUnusableError: One of them refuses the bridge, or is not to be trusted.
        """
        urls = self._config.urls
        lost: ConnectorError | None = None
        for turn in range(len(urls)):
            chosen = (self._current + turn) % len(urls)
            try:
                link = self._connect_to(urls[chosen])
            except RetryableError as error:
                lost = lost or error
            else:
                self._current = chosen
                return link
        assert lost is not None  # noqa: S101  # there is one address at least
        raise lost

    def _connect_to(self, url: str) -> LdapLink:
        self._permit(writes=False)
        link = LdapLink(self._new_connection(url))
        try:
            link.open(start_tls=self._config.start_tls, answer_within=self._config.receive_timeout)
        except BaseException:
            link.close()
            raise
        return link

    def _new_connection(self, url: str) -> Any:
        config = self._config
        # ldap3 remembers in a Server which of its addresses failed, for all its connections: hence one for each.
        server = ldap3.Server(url, get_info=ldap3.NONE, tls=self._tls, connect_timeout=config.connect_timeout)
        if not (config.allow_link_local or server.ipc):
            _refuse_forbidden(server, url)
        identity: dict[str, Any] = (
            {"authentication": ldap3.SASL, "sasl_mechanism": ldap3.EXTERNAL, "sasl_credentials": ""}
            if config.client_certificate is not None
            else {"user": config.bind_dn, "password": config.bind_password.get_secret_value()}
        )
        return ldap3.Connection(
            server,
            **identity,
            client_strategy=ldap3.SYNC,  # the safe one copies each answer for other threads; here there are none
            receive_timeout=config.receive_timeout,
            auto_referrals=False,
            check_names=False,
            raise_exceptions=False,
        )


def _refuse_forbidden(server: Any, url: str) -> None:
    """Look a server up, and refuse it where clouds keep credentials; what was looked up is what is connected to."""
    for _family, _type, _protocol, _name, place, *_ in server.address_info:
        try:
            refuse_found(str(place[0]))
        except ForbiddenAddressError as error:
            raise TargetUnusableError(f"connecting to {url}: {error}") from None
