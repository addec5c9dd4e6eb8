"""Claim rules as settings: what they may say, and what they compare."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jwtguard import ClaimRule, ConfigurationError, load_policy
from jwtguard.core.model.claim_rule import same
from jwtguard.core.verify.claim_login import meets, standing_of
from jwtguard.testing import JWTIssuer
from tests.settings_support import BASE, problems, written


@pytest.mark.parametrize(
    ("found", "wanted", "equal"),
    [
        ("eu", "eu", True),
        ("eu", "EU", False),
        (1, 1, True),
        (1.0, 1, False),
        (1.5, 1.5, True),
        (True, True, True),
        (False, False, True),
        (True, 1, False),
        (1, True, False),
        (False, 0, False),
        (0, False, False),
        ("1", 1, False),
        ("true", True, False),
        (None, "None", False),
        (["eu"], "eu", False),
        ({"eu": 1}, "eu", False),
    ],
)
def test_values_are_compared_as_json_does(found: Any, wanted: Any, equal: bool) -> None:
    """In Python ``True == 1``, and many things are equal to themselves in a list."""
    assert same(found, wanted) is equal


@pytest.mark.parametrize(
    ("claims", "good"),
    [
        ({"a": {"b": "x"}}, True),
        ({"a.b": "x"}, True),
        ({"a.b": "y", "a": {"b": "x"}}, False),
        ({"a": {"b": {"c": "x"}}}, False),
        ({"a": [{"b": "x"}]}, False),
        ({"a": "x"}, False),
        ({}, False),
    ],
)
def test_dots_lead_into_objects_as_in_role_claims(
    claims: dict[str, Any], good: bool
) -> None:
    """A claim whose own name has the dots comes first."""
    rule = ClaimRule(path="/x", claims={"a.b": "x"})
    assert meets(claims, rule) is good


@pytest.mark.parametrize(
    ("claims", "text"),
    [
        ({}, "rules /x claims: must be a table of claims and values"),
        (None, "rules /x claims: must be a table"),
        ("region", "rules /x claims: must be a table"),
        (["region"], "rules /x claims: 'region': expected a claim and its values"),
        ({"": "eu"}, "rules /x claims: '': must be a non-empty string"),
        ({"a": {"b": "c"}}, 'write a name with dots in quotes: "a.b"'),
        ({"a": {}}, 'write a name with dots in quotes: "a...."'),
        ({"a": []}, "rules /x claims a: at least one value is needed"),
        ({"a": ""}, "rules /x claims a: '' is not valid; expected a string, a number"),
        ({"a": ["b", ""]}, "'' is not valid"),
        ({"a": None}, "None is not valid"),
        ({"a": [["b"]]}, "['b'] is not valid"),
        ({"a": float("nan")}, "nan is not valid"),
        ({"a": float("inf")}, "inf is not valid"),
    ],
)
def test_what_claims_may_say(claims: Any, text: str) -> None:
    """A value that no claim can have, or a rule without any, is a mistake."""
    with pytest.raises(ConfigurationError) as caught:
        ClaimRule(path="/x", claims=claims)
    (problem,) = caught.value.problems
    where = " ".join(caught.value.problems[0].where)  # type: ignore[attr-defined]
    assert text in f"{where}: {problem.text}"  # type: ignore[attr-defined]


def test_a_rule_is_settled_once() -> None:
    """One value is a list of one, and copies of a rule stay equal."""
    rule = ClaimRule(path="/x", methods="GET", claims={"a": "b", "c": [1, True]})
    assert rule.methods == ("GET",)
    assert rule.claims == (("a", ("b",)), ("c", (1, True)))
    assert rule.names == ("a", "c")
    assert rule == ClaimRule(path="/x", methods=["GET"], claims=rule.claims)
    assert rule.takes("HEAD")
    assert not rule.takes("POST")


@pytest.mark.parametrize(("one", "other"), [(1, True), (0, False), (1, 1.0)])
def test_rules_of_values_of_another_kind_are_two_rules(one: Any, other: Any) -> None:
    """Otherwise the first would be judged in place of the second."""
    first = ClaimRule(path="/x", claims={"a": one})
    second = ClaimRule(path="/x", claims={"a": other})
    policy = JWTIssuer().policy(rules=(first, second))
    assert (first == second, first == "x", len({first, second})) == (False, False, 2)
    standing: Any = standing_of(policy)
    facts: Any = SimpleNamespace(acr=None)
    assert standing({"a": one}, facts).unmet == {second}


TOML = """
[[rules]]
path = "/eu/*"
methods = ["POST"]
claims = { region = "eu", "realm.tenant" = ["a", "b"], level = 3, staff = true }
"""


def test_rules_in_toml(tmp_path: Path) -> None:
    """Strings, numbers, true and false, and lists of them."""
    policy = load_policy({**BASE, **written(tmp_path, TOML)})
    (rule,) = policy.rules
    assert rule.claims == (
        ("region", ("eu",)),
        ("realm.tenant", ("a", "b")),
        ("level", (3,)),
        ("staff", (True,)),
    )


@pytest.mark.parametrize(
    ("toml", "text"),
    [
        ("rules = ['/x']", "must be [[rules]] tables"),
        ("[[rules]]\npath = '/x'", "claims: a member is missing"),
        ("[[rules]]\nclaims = {a='b'}", "path: a member is missing"),
        ("[[rules]]\npath='/x'\nclaims={a='b'}\nrequire=['x']", "no such member"),
        ("[[rules]]\npath='/x/{id}'\nclaims={a='b'}", "write /x/*"),
        ("[[rules]]\npath=''\nclaims={a='b'}", "must be a non-empty string"),
        (
            "[[rules]]\npath='/x'\nmethods='get'\nclaims={a='b'}",
            "expected one like GET",
        ),
        ("[[rules]]\npath='/x'\nclaims={a.b='c'}", '"a.b"'),
        ("[[rules]]\npath='/x'\nclaims={a=2026-01-01}", "is not valid; expected a str"),
        ("[[rule]]\npath='/x'", "did you mean rules?"),
        ("[[scopes]]\npath='/x'\nacr='a b'", "'a b' is not a valid acr value"),
        ("[[scopes]]\npath='/x'\nacr=1", "must be a list, not 1"),
        ("[[scopes]]\npath='/x'\nmax_age=0", "expected a whole number of at least 1"),
        ("[[scopes]]\npath='/x'\nmax_age=true", "expected a whole number"),
        ("[[scopes]]\npath='/x'\nmax_age=1.5", "expected a whole number"),
        (
            "[[scopes]]\npath='/*'\nacr='a'\n[[scopes]]\npath='/x'\nacr=['b','c']",
            "no acr satisfies this rule and that of '/x' too",
        ),
        (
            "login_url = '/login'\n[[scopes]]\npath='/*'\nmax_age=60",
            "'/login' needs the login of the rule '/*'",
        ),
        (
            "login_url = '/login'\n[[rules]]\npath='/*'\nclaims={a='b'}",
            "'/login' needs the claims of the rule '/*'",
        ),
    ],
)
def test_what_is_wrong_in_toml(tmp_path: Path, toml: str, text: str) -> None:
    """One sentence, which names the place."""
    (problem,) = problems({**BASE, **written(tmp_path, toml)})
    assert text in problem


@pytest.mark.parametrize(
    "toml",
    [
        "[[scopes]]\npath='/a'\nacr='a'\n[[scopes]]\npath='/b'\nacr='b'",
        """
        scopes = [
            { path = '/a', methods = ['GET'], acr = 'a' },
            { path = '/a', methods = ['POST'], acr = 'b' },
        ]
        """,
        "login_url = '/login'\n[[rules]]\npath='/*'\nmethods='POST'\nclaims={a='b'}",
    ],
)
def test_rules_that_never_meet_do_not_contradict(tmp_path: Path, toml: str) -> None:
    """Another path, or another method, may ask for another login."""
    load_policy({**BASE, **written(tmp_path, toml)})
