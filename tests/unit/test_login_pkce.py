"""PKCE, held to the RFC's own example."""

from __future__ import annotations

import re

from gatepass.login import pkce


def test_the_challenge_is_rfc_7636s() -> None:
    """Appendix B: this verifier has this challenge."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert pkce.challenge_for(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert pkce.METHOD == "S256"


def test_each_login_has_a_verifier_of_its_own() -> None:
    """43 characters that RFC 7636 section 4.1 allows, never the same, and no text shows them."""
    first, second = pkce.new(), pkce.new()
    assert first.verifier != second.verifier
    assert re.fullmatch(r"[A-Za-z0-9._~-]{43}", first.verifier.reveal())
    assert first.challenge == pkce.challenge_for(first.verifier.reveal())
    assert first.verifier.reveal() not in repr(first)
