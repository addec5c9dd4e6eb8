"""django-oauth-toolkit with opaque tokens, for the test of its introspection."""

from __future__ import annotations

import sys
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command
from django.http import HttpResponse


def main(port: str, database: str) -> None:
    """Serve the toolkit on *port*, with one user and two clients."""
    settings.configure(
        DEBUG=True,
        SECRET_KEY="of a test",
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=__name__,
        USE_TZ=True,
        # The usual one takes longer than a busy machine has.
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database}
        },
        INSTALLED_APPS=[
            "django.contrib.auth", "django.contrib.contenttypes",
            "django.contrib.sessions", "oauth2_provider",
        ],
        OAUTH2_PROVIDER={
            "SCOPES": {"notes:read": "read", "introspection": "introspect"},
            "DEFAULT_SCOPES": ["notes:read"],
            "PKCE_REQUIRED": False,
        },
    )  # fmt: skip
    django.setup()
    call_command("migrate", verbosity=0)
    _create()
    globals()["urlpatterns"] = _urls()
    call_command("runserver", f"127.0.0.1:{port}", "--noreload", "--nothreading")


def _create() -> None:
    from django.contrib.auth.models import User
    from oauth2_provider.models import Application

    User.objects.create_user("alice", password="wonderland")
    for client, kind, grant in (
        ("spa", "public", "password"),
        ("notes-api", "confidential", "client-credentials"),
    ):
        made = Application(
            client_id=client, client_type=kind, authorization_grant_type=grant,
            client_secret="of-the-api" if kind == "confidential" else "",
            name=client,
        )  # fmt: skip
        made.save()


def _urls() -> list[Any]:
    from django.urls import include, path

    return [
        path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
        path("", lambda _: HttpResponse("ready")),
    ]


if __name__ == "__main__":
    main(*sys.argv[1:])
