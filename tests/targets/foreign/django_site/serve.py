"""A Django project with django-scim2: ``python serve.py PORT TOKEN PASSWORD FOLDER``.

It runs in an environment of its own, and imports nothing of ours. ``/login`` asks Django whether somebody may sign in.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings

PORT, TOKEN, PASSWORD, FOLDER = int(sys.argv[1]), *sys.argv[2:5]

settings.configure(
    SECRET_KEY=PASSWORD,
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django_scim", "people"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{FOLDER}/django.sqlite3"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    AUTH_USER_MODEL="people.User",
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    MIDDLEWARE=[f"{__name__}.signed_in", "django_scim.middleware.SCIMAuthCheckMiddleware"],
    SCIM_SERVICE_PROVIDER={"NETLOC": f"127.0.0.1:{PORT}", "SCHEME": "http", "GROUP_MODEL": "people.models.Group"},
)
django.setup()

from django.contrib.auth import authenticate  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.urls import include, path  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402
from django.views.decorators.http import require_POST  # noqa: E402


def signed_in(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Whoever has the token is the identity provider."""

    def middleware(request: HttpRequest) -> HttpResponse:
        known = request.headers.get("Authorization") == f"Bearer {TOKEN}"
        request.user = SimpleNamespace(is_authenticated=known)
        return get_response(request)

    return middleware


@csrf_exempt
@require_POST
def login(request: HttpRequest) -> HttpResponse:
    """Answer 200 to whoever may sign in."""
    found = authenticate(request, username=request.POST["username"], password=request.POST["password"])
    return HttpResponse(status=401 if found is None else 200)


urlpatterns = [path("scim/v2/", include("django_scim.urls")), path("login", login)]


class Quiet(WSGIRequestHandler):
    """Logs nothing."""

    def log_message(self, *_: Any) -> None:
        """Be quiet."""


if __name__ == "__main__":
    call_command("migrate", run_syncdb=True, verbosity=0)
    make_server("127.0.0.1", PORT, get_wsgi_application(), handler_class=Quiet).serve_forever()
