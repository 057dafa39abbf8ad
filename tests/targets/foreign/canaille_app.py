"""Canaille as it comes, in memory, with one client: ``python canaille_app.py PORT TOKEN PASSWORD``.

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
from werkzeug.serving import make_server  # noqa: E402


def main(port: int, token: str, password: str) -> None:
    """Serve until the process is ended."""
    origin = f"127.0.0.1:{port}"
    settings = {
        "SECRET_KEY": password,
        "SERVER_NAME": origin,
        "PREFERRED_URL_SCHEME": "http",
        "CANAILLE": {"DATABASE": "memory"},
        "CANAILLE_OIDC": {},
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
    make_server("127.0.0.1", port, app, threaded=True).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
