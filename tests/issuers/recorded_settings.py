"""Tokens of issuers that are reached by settings alone, from the pages that show them.

``settings`` are those of the issuer's guide: the TOML block of that number on its page.
Times are filled in when a shape is signed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CLERK = "https://clerk.com/docs/guides/sessions/session-tokens"
SUPABASE = "https://supabase.com/docs/guides/auth/jwt-fields"
KUBERNETES = (
    "https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/"
)
GITHUB = "https://docs.github.com/en/actions/reference/security/oidc"
CLOUDFLARE = (
    "https://developers.cloudflare.com/cloudflare-one/identity/authorization-cookie/"
    "application-token"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One kind of token, the page that shows it, and what it should come to."""

    server: str
    kind: str
    page: str
    guide: str
    """The name of the page in ``docs/issuers``."""
    settings: int = 0
    claims: Mapping[str, Any]
    typ: str | None = "JWT"
    alg: str = "ES256"
    subject: str = ""
    client: str | None = None
    roles: frozenset[str] = frozenset()
    refused: Mapping[str, tuple[Mapping[str, Any], str]] = field(default_factory=dict)
    """What is refused: changed claims (None: left out), and the reason."""


_CLERK = {
    "azp": "https://example.com",
    "aud": "https://api.example.com",
    "fva": [7, -1],
    "iss": "https://clerk.example.com",
    "o": {
        "id": "org_123", "slg": "org-slug", "rol": "admin", "per": "read,manage",
        "fpm": "3,2",
    },
    "sid": "sess_123",
    "sts": "active",
    "sub": "user_123",
    "v": 2,
}  # fmt: skip
_CLERK_REFUSED: dict[str, tuple[Mapping[str, Any], str]] = {
    "pending session": ({"sts": "pending"}, "not_access_token"),
    "token of another kind": ({"sts": None, "scope": "a"}, "not_access_token"),
    "token without an audience": ({"aud": None}, "missing_claim"),
}
_SUPABASE = {
    "aal": "aal1",
    "amr": [{"method": "password", "timestamp": 1_640_991_600}],
    "app_metadata": {
        "provider": "email", "providers": ["email"], "roles": ["editor"],
    },
    "aud": "authenticated",
    "email": "user@example.com",
    "is_anonymous": False,
    "iss": "https://abcdefghijklm.supabase.co/auth/v1",
    "phone": "",
    "role": "authenticated",
    "session_id": "123e4567-e89b-12d3-a456-426614174000",
    "sub": "123e4567-e89b-12d3-a456-426614174000",
    "user_metadata": {"roles": ["admin"]},
}  # fmt: skip
_GITHUB = {
    "jti": "example-id",
    "sub": "repo:octo-org/octo-repo:environment:prod",
    "environment": "prod",
    "aud": "https://deploy.example.com",
    "ref": "refs/heads/main",
    "sha": "example-sha",
    "repository": "octo-org/octo-repo",
    "repository_owner": "octo-org",
    "actor_id": "12",
    "repository_visibility": "private",
    "repository_id": "74",
    "repository_owner_id": "65",
    "run_id": "example-run-id",
    "run_number": "10",
    "run_attempt": "2",
    "runner_environment": "github-hosted",
    "actor": "octocat",
    "workflow": "example-workflow",
    "head_ref": "",
    "base_ref": "",
    "event_name": "workflow_dispatch",
    "ref_type": "branch",
    "job_workflow_ref": (
        "octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main"
    ),
    "iss": "https://token.actions.githubusercontent.com",
}

SHAPES = (
    Shape(
        server="Clerk",
        kind="session token, version 2",
        page=CLERK,
        guide="clerk",
        claims=_CLERK,
        subject="user_123",
        client="https://example.com",
        roles=frozenset({"admin"}),
        refused=_CLERK_REFUSED,
    ),
    Shape(
        server="Clerk",
        kind="session token, for pages",
        page=CLERK,
        guide="clerk",
        settings=1,
        claims=_CLERK,
        subject="user_123",
        client="https://example.com",
        refused=_CLERK_REFUSED,
    ),
    Shape(
        server="Supabase",
        kind="access token",
        page=SUPABASE,
        guide="supabase",
        claims=_SUPABASE,
        subject="123e4567-e89b-12d3-a456-426614174000",
        roles=frozenset({"authenticated", "editor"}),
        refused={
            "service key": ({"role": "service_role"}, "not_access_token"),
            "anonymous key": ({"role": "anon", "aud": "anon"}, "not_access_token"),
        },
    ),
    Shape(
        server="Supabase",
        kind="access token, nobody anonymous",
        page=SUPABASE,
        guide="supabase",
        settings=1,
        claims=_SUPABASE,
        subject="123e4567-e89b-12d3-a456-426614174000",
        refused={"anonymous user": ({"is_anonymous": True}, "not_access_token")},
    ),
    Shape(
        server="Kubernetes",
        kind="projected service account token",
        page=KUBERNETES,
        guide="kubernetes",
        typ=None,
        claims={
            "aud": ["https://notes.example.com"],
            "iss": "https://kubernetes.default.svc.cluster.local",
            "jti": "aed34954-b33a-4142-b1ec-389d6bbb4936",
            "kubernetes.io": {
                "namespace": "shop",
                "node": {
                    "name": "my-node",
                    "uid": "646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1",
                },
                "pod": {
                    "name": "my-pod",
                    "uid": "5e0bd49b-f040-43b0-99b7-22765a53f7f3",
                },
                "serviceaccount": {
                    "name": "my-serviceaccount",
                    "uid": "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798",
                },
                "warnafter": 1_700_081_380,
            },
            "sub": "system:serviceaccount:shop:my-serviceaccount",
        },
        subject="system:serviceaccount:shop:my-serviceaccount",
        roles=frozenset({"my-serviceaccount"}),
        refused={
            "token of another namespace": (
                {"kubernetes.io": {"namespace": "other"}},
                "not_access_token",
            ),
            "token for the API server": (
                {"aud": ["https://kubernetes.default.svc.cluster.local"]},
                "wrong_audience",
            ),
        },
    ),
    Shape(
        server="GitHub Actions",
        kind="token of a workflow",
        page=GITHUB,
        guide="github-actions",
        claims=_GITHUB,
        subject="repo:octo-org/octo-repo:environment:prod",
        roles=frozenset({"prod"}),
        refused={
            "workflow of another owner": (
                {"repository_owner_id": "66"},
                "not_access_token",
            ),
            "workflow of another repository": (
                {"repository": "octo-org/another"},
                "not_access_token",
            ),
            "token for another service": (
                {"aud": "https://github.com/octo-org"},
                "wrong_audience",
            ),
        },
    ),
    Shape(
        server="Cloudflare Access",
        kind="application token",
        page=CLOUDFLARE,
        guide="cloudflare-access",
        alg="RS256",
        claims={
            "aud": ["32eafc7626e974616deaf0dc3ce63d7bcbed58a2731e84d06bc3cdf1b53c4228"],
            "email": "user@example.com",
            "iss": "https://yourteam.cloudflareaccess.com",
            "type": "app",
            "identity_nonce": "6ei69kawdKzMIAPF",
            "sub": "7335d417-61da-459d-899c-0a01c76a2f94",
            "country": "US",
        },
        subject="7335d417-61da-459d-899c-0a01c76a2f94",
        refused={
            "token of the whole team": ({"type": "org"}, "not_access_token"),
            "token of another application": ({"aud": ["another"]}, "wrong_audience"),
            "service token": (
                {"sub": "", "common_name": "e367826f93b8d71185e03fe518aff3b4.access"},
                "malformed_claim",
            ),
        },
    ),
)
