"""Canaille as it comes, in memory: ``python canaille_app.py PORT TOKEN PASSWORD [CALLBACK]``.

It has a client for SCIM, and with a callback one that signs people in there; Ada is somebody to sign in.

It runs in an environment of its own, and imports nothing of ours.
"""

from __future__ import annotations

import datetime as dt
import sys
import warnings

warnings.simplefilter("ignore")

from canaille import create_app  # noqa: E402
from canaille.app import models  # noqa: E402
from canaille.backends import Backend  # noqa: E402
from joserfc.jwk import RSAKey  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402


def main(port: int, token: str, password: str, callback: str = "") -> None:
    """Serve until the process is ended."""
    origin = f"127.0.0.1:{port}"
    settings = {
        "SECRET_KEY": password,
        "SERVER_NAME": origin,
        "PREFERRED_URL_SCHEME": "http",
        "CANAILLE": {"DATABASE": "memory"},
        "CANAILLE_OIDC": {"ACTIVE_JWKS": [RSAKey.generate_key(2048, {"kid": "one"}).as_dict(private=True)]}
        if callback
        else {},
        "CANAILLE_SCIM": {"ENABLE_SERVER": True},
    }
    app = create_app(config=settings)
    with app.app_context():
        now = dt.datetime.now(dt.UTC)
        client = models.Client(
            client_id="bridge",
            client_secret=password,
            client_name="bridge",
            grant_types=["password"],
            token_endpoint_auth_method="client_secret_post",
            scope=["openid", "profile"],
            client_id_issued_at=now,
        )
        Backend.instance.save(client)
        access = models.Token(
            token_id="bridge",
            access_token=token,
            client=client,
            type="access_token",
            scope=["openid"],
            issue_date=now,
            lifetime=86400,
        )
        Backend.instance.save(access)
        if callback:
            _add_pages(password, callback, now)
    make_server("127.0.0.1", port, app, threaded=True).serve_forever()


def _add_pages(password: str, callback: str, now: dt.datetime) -> None:
    pages = models.Client(
        client_id="pages",
        client_secret=password,
        client_name="pages",
        client_uri="http://127.0.0.1",  # one that is trusted asks nobody for consent
        redirect_uris=[callback],
        grant_types=["authorization_code"],
        response_types=["code"],
        token_endpoint_auth_method="client_secret_basic",
        scope=["openid", "profile", "email", "groups"],
        client_id_issued_at=now,
    )
    Backend.instance.save(pages)
    pages.audience = [pages]  # it has an id only now
    Backend.instance.save(pages)
    ada = models.User(
        user_name="ada", formatted_name="Ada", family_name="L.", emails=["ada@example.com"], password=password
    )
    Backend.instance.save(ada)
    Backend.instance.save(models.Group(display_name="it-operations", members=[ada]))


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
