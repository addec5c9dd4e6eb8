"""The path settings of a policy, ready to be asked."""

from __future__ import annotations

from .extract.paths import PathRules
from .model.policy import Policy
from .model.resources import resources_of
from .session.answers import endpoints_of


def path_rules(policy: Policy) -> PathRules:
    """Return the path settings of *policy*, ready to be asked."""
    return PathRules(
        token=policy.token_paths,
        revocation=policy.revocation_paths,
        logout=policy.logout_paths,
        optional=policy.optional_paths,
        public=policy.public_paths,
        login=policy.login_url,
        session=endpoints_of(policy.session_path),
        scopes=policy.scopes,
        metadata=bool(resources_of(policy)),
        rules=policy.rules,
        live={path for issuer in policy.issuers for path in issuer.introspect_paths},
    )
