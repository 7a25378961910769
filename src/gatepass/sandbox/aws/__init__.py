"""AWS as a package client meets it: STS, CodeArtifact's API, and CodeArtifact's repositories.

Sources: botocore's service models for `sts` (2011-06-15) and `codeartifact` (2018-09-22), and AWS'
"Signature Version 4" reference.
"""

from __future__ import annotations

from .account import Provider
from .cloud import AWS, NAMES, start

__all__ = ["AWS", "NAMES", "Provider", "start"]
