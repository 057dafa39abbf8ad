"""The calls of the configuration, sent with its credentials and its signature."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.webhook.config import ActionCall, Call, VerifyCall, WebhookConfig
from connectors.webhook.pointers import at
from connectors.webhook.templates import TemplateFaultError, Values, fill_body, fill_path
from scimbridge.sdk import AccountNotFoundError, Confirm, Context, RejectedError, TargetUnusableError
from scimbridge.sdk.documents import document_in
from scimbridge.sdk.http import Answer, HttpClient, Limits
from scimbridge.sdk.signing import parse_key, signed_headers


class WebhookClient:
    """Makes calls at one target. Safe to use from several threads.

    Args:
        config: Address, credentials, and the calls.
        context: Whose permit is asked before each call.
        clock: The time (UTC) that calls are signed with.
        replaced: Settings of the HTTP client, for tests.
    """

    def __init__(
        self,
        config: WebhookConfig,
        context: Context,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        **replaced: Any,
    ) -> None:
        self._config = config
        self._clock = clock
        secret = config.signing_secret
        self._key = parse_key(secret.get_secret_value()) if secret is not None else None
        total = timedelta(seconds=config.timeout)
        settings: dict[str, Any] = {
            "headers": _credentials(config),
            "limits": Limits(total=total, read=total),
            "ca_file": config.ca_file,
        }
        self._http = HttpClient.for_target(config.base_url, config, context, **{**settings, **replaced})

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def check(self) -> int:
        """Make the call that works whenever address and credentials are right, and return its status."""
        return self._ask(self._config.check, {}, "checking the target").status

    def find(self, attribute: str, value: str) -> list[Any]:
        """Return the documents that the target has for a value."""
        call = self._config.find
        answer = self._ask(call, {"attribute": attribute, "value": value}, "searching for an account", call.none)
        if answer.status in call.none:
            self.check()  # a proxy answers 404 to everything
            return []
        found = at(_json(answer), call.at)
        if not isinstance(found, dict | list):
            raise TargetUnusableError(f"{answer.call}: the answer has neither a list nor an account at {call.at!r}")
        return [found] if isinstance(found, dict) else found

    def read(self, call: Call, place: str, values: Values) -> Any:
        """Return an account's document.

        Raises:
            AccountNotFoundError: The target says that there is none.
        """
        answer = self._ask(call, values, "reading an account", self._gone)
        self._refuse_gone(answer)
        return at(_json(answer), place)

    def act(self, call: ActionCall, values: Values, confirm: Confirm | None) -> int:
        """Make a call that changes something, and return its status.

        Raises:
            AccountNotFoundError: The target says that there is no such account.
            RejectedError: It answers something else than what the configuration expects.
        """
        answer = self._send(call, values, "changing an account", {*self._gone, *call.expect}, confirm=confirm)
        if answer.status not in call.expect:
            self._refuse_gone(answer)
            if call.expect:
                raise RejectedError(f"{answer.call}: the target answered {answer.status}, which `expect` does not have")
        if call.told is not None and not call.told.is_so_in(_json(answer)):
            raise RejectedError(f"{answer.call}: the answer does not say at {call.told.at!r} that it was done")
        return answer.status

    def is_done(self, call: VerifyCall, values: Values) -> bool:
        """Whether the target says that an action was done; what it does not tell is not so."""
        answer = self._ask(call, values, "looking whether it was done", self._gone)
        self._refuse_gone(answer)
        return bool(call.told.is_so_in(_json(answer)))

    @property
    def _gone(self) -> list[int]:
        return self._config.gone.status if self._config.gone is not None else []

    def _refuse_gone(self, answer: Answer) -> None:
        """Raise where an answer says that there is no such account, once it is sure that the target says so."""
        gone = self._config.gone
        if gone is None or answer.status not in gone.status:
            return
        if gone.told is not None and not gone.told.is_so_in(_json(answer)):
            raise RejectedError(
                f"{answer.call}: the target answered {answer.status}, and not at {gone.told.at!r} that there is no "
                "such account; is the path right?"
            )
        self.check()
        raise AccountNotFoundError(f"{answer.call}: the target has no such account")

    def _ask(self, call: Call, values: Values, words: str, expect: Collection[int] = ()) -> Answer:
        return self._send(call, values, words, expect, only_asks=True)

    def _send(
        self,
        call: Call,
        values: Values,
        words: str,
        expect: Collection[int],
        *,
        confirm: Confirm | None = None,
        only_asks: bool = False,
    ) -> Answer:
        try:
            path = fill_path(call.path, values)
            body = None if call.body is None else fill_body(call.body, values)
        except TemplateFaultError as error:
            raise RejectedError(f"{words}: {error}") from None
        headers = {"Accept": "application/json", **call.headers, **self._signature(body or b"")}
        return self._http.send(
            call.method,
            path,
            call=words,
            body=body,
            headers=headers,
            expect=expect,
            confirm=confirm,
            only_asks=only_asks,
        )

    def _signature(self, body: bytes) -> dict[str, str]:
        if self._key is None:
            return {}
        return dict(signed_headers(self._key, id=f"msg_{uuid.uuid4().hex}", at=self._clock(), body=body))


def _credentials(config: WebhookConfig) -> dict[str, str]:
    headers = {name: value.get_secret_value() for name, value in config.secret_headers.items()}
    if config.token is not None:
        headers["Authorization"] = f"Bearer {config.token.get_secret_value()}"
    if config.basic_user is not None and config.basic_password is not None:
        pair = f"{config.basic_user}:{config.basic_password.get_secret_value()}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    return headers


def _json(answer: Answer) -> Any:
    try:
        return document_in(answer.body)
    except ValueError:
        raise TargetUnusableError(
            f"{answer.call}: the answer {answer.status} is not JSON; does the address lead to the API?"
        ) from None
