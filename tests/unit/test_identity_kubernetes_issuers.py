"""Who may have issued a pod's token: its own cluster, or a managed one by its exact form."""

from __future__ import annotations

from pathlib import Path

import pytest

import forge
from gatepass.errors import TrustError
from gatepass.identity.kubernetes import Pod
from gatepass.trust.issuers import IssuerRule

OWN = "https://kubernetes.default.svc.cluster.local"
GUID = "0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f"
OTHER_GUID = "9a8b7c6d-0a1b-2c3d-4e5f-0a1b2c3d4e5f"
EKS = "https://oidc.eks.eu-west-1.amazonaws.com/id/0A1B2C3D4E5F60718293A4B5C6D7E8F9"
GKE = "https://container.googleapis.com/v1/projects/acme-prod/locations/europe-west1/clusters/build"
AKS = f"https://westeurope.oic.prod-aks.azure.com/{GUID}/{OTHER_GUID}"
AKS_OLD = f"https://oidc.prod-aks.azure.com/{GUID}"

MANAGED = [
    EKS,
    EKS.replace("eu-west-1", "us-gov-east-1"),
    GKE,
    GKE.replace("acme-prod", "example.com:acme-prod"),
    GKE.replace("europe-west1", "europe-west1-b"),
    AKS,
    AKS + "/",
    AKS_OLD,
    AKS_OLD + "/",
]


def allowed(folder: Path, issuer: object, own: str | None = OWN) -> str:
    """``ok``, or the code with which a token by this issuer is refused."""
    path = folder / "token"
    path.write_text(forge.token(forge.claims(iss=issuer), sign=lambda data: b"x"))
    who = Pod("test", str(path), "any", own)
    try:
        assert IssuerRule(who.issuers, (), who.label).check(str(issuer)) is False
    except TrustError as error:
        return error.code
    return "ok"


@pytest.mark.parametrize("own", [OWN, None])
@pytest.mark.parametrize("issuer", MANAGED)
def test_a_managed_clusters_token_is_taken(tmp_path: Path, issuer: str, own: str | None) -> None:
    """EKS, GKE and AKS, each with and without the pod's own token mounted."""
    assert allowed(tmp_path, issuer, own) == "ok"


@pytest.mark.parametrize(
    "issuer",
    [
        # EKS
        EKS.replace("https", "http"),
        EKS + "/",
        EKS + "/x",
        EKS + "?x",
        EKS + "\n",
        EKS.lower(),
        EKS.replace("oidc.eks", "oidcxeks"),
        EKS.replace("eu-west-1", "eu.west.1"),
        EKS.replace("eu-west-1", ""),
        EKS.replace(".com", ".com.evil.test"),
        EKS.replace("oidc.eks", "evil.test/oidc.eks"),
        EKS.replace("amazonaws.com", "amazonaws.com@evil.test"),
        EKS.replace("amazonaws.com", "amazonaws-com.test"),
        EKS.replace("amazonaws.com", "amazonaws.com:8443"),
        EKS.replace("/id/", "/ID/"),
        EKS.partition("/id/")[0] + "/id/",
        "https://evil.test/" + EKS,
        " " + EKS,
        # GKE
        GKE + "/",
        GKE + "/x",
        GKE.replace("build", ""),
        GKE.replace("build", "../build"),
        GKE.replace("acme-prod", "a/b"),
        GKE.replace("acme-prod", "%2e%2e"),
        GKE.replace("googleapis.com", "googleapis.com.evil.test"),
        GKE.replace("container.google", "containerxgoogle"),
        GKE.replace("googleapis.com", "googleapisxcom"),
        GKE.replace("/v1/", "/v2/"),
        "https://container.googleapis.com",
        # AKS
        AKS + "//",
        AKS + "/x",
        AKS.replace(GUID, GUID.upper()),
        AKS.replace(GUID, GUID[:-1]),
        AKS.partition(f"/{OTHER_GUID}")[0],
        AKS.replace("westeurope.oic", "a.b.oic"),
        AKS.replace("westeurope.oic", "westeuropexoic"),
        AKS.replace("westeurope.", ""),
        AKS.replace("azure.com", "azure.com.evil.test"),
        AKS.replace("azure.com", "azurexcom"),
        AKS_OLD + "/" + OTHER_GUID,
        AKS_OLD.replace("oidc.", "x.oidc."),
        # anybody else
        "https://evil.test",
        OWN + "/",
        OWN.upper(),
        OWN.replace("https", "http"),
        "https://kubernetes.default.svc",
        "",
    ],
)
@pytest.mark.parametrize("own", [OWN, None])
def test_what_only_looks_like_one_is_refused(tmp_path: Path, issuer: str, own: str | None) -> None:
    """The forms are matched whole: one character more, less or other is somebody else."""
    assert allowed(tmp_path, issuer, own) == "issuer-not-allowed"


def test_the_forms_pass_no_path_that_reads_in_two_ways(tmp_path: Path) -> None:
    """A project called `..` has the form, and is no address."""
    assert allowed(tmp_path, GKE.replace("acme-prod", "..")) == "issuer-insecure"


def test_the_own_clusters_token_is_taken(tmp_path: Path) -> None:
    """The issuer of the mounted token, byte for byte, whatever it looks like."""
    assert allowed(tmp_path, OWN) == "ok"
    assert allowed(tmp_path, "https://k8s.corp.example/x", "https://k8s.corp.example/x") == "ok"


@pytest.mark.parametrize("issuer", [OWN, "https://kubernetes.default.svc", "https://evil.test"])
def test_without_an_own_token_only_a_managed_issuer_is_known(tmp_path: Path, issuer: str) -> None:
    """A pod's token never names its own issuer: nothing says whose cluster this is."""
    assert allowed(tmp_path, issuer, None) == "issuer-not-allowed"
    path = tmp_path / "token"
    said = Pod("test", str(path), "any", None).issuers[0]
    assert "not mounted" in said
    assert allowed(tmp_path, said, None) == "issuer-insecure"


@pytest.mark.parametrize("issuer", [5, ["https://evil.test"], {"a": 1}, True])
def test_an_issuer_of_another_type_is_none(tmp_path: Path, issuer: object) -> None:
    """What a token says isn't trusted to be a text."""
    path = tmp_path / "token"
    path.write_text(forge.token(forge.claims(iss=issuer), sign=lambda data: b"x"))
    assert Pod("test", str(path), "any", OWN).issuers == (OWN,)
