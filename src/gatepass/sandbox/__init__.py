"""The outside world on loopback: an OIDC issuer, GitHub's token endpoint and a Package Manager.

Protocol code here is written from the specifications a second time and imports nothing of the
rest of gatepass, so that a misreading of a protocol cannot agree with itself.
"""

from __future__ import annotations

from .environment import JOBS, PLATFORMS, clean
from .journal import Request
from .world import Sandbox

__all__ = ["JOBS", "PLATFORMS", "Request", "Sandbox", "clean"]
