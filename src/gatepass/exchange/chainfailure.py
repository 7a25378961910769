"""What botocore raises, in our words: what to type, and nothing that could be a secret.

Its exceptions are told apart by name, since later versions have more of them than earlier ones.
"""

from __future__ import annotations

import re

from gatepass.errors import IdentityError, plain

_LOGIN = {"LoginError", "LoginRefreshRequired", "LoginTokenLoadError"}
_SSO = {"SSOError", "SSOTokenLoadError", "UnauthorizedSSOTokenError", "TokenRetrievalError"}
_CONFIG = {"ConfigParseError", "ConfigNotFound", "InvalidConfigError", "UnknownCredentialError"}
_NETWORK = {"ConnectionError", "HTTPClientError", "MetadataRetrievalError"}

# Long runs with digits, capitals and small letters: keys and tokens have all three, words seldom.
# The end of an ARN isn't hidden: it says whose keys they are.
_RUN = re.compile(r"[A-Za-z0-9+/=_.-]{20,}")
_OF_AN_ARN = ("role/", "assumed-role/", "user/", "federated-user/")
_KINDS = tuple(re.compile(kind) for kind in ("[0-9]", "[A-Z]", "[a-z]"))
_KEY_ID = re.compile(r"\bA[A-Z]{3}[A-Z0-9]{12,}")


def failure(error: BaseException, profile: str) -> IdentityError:
    """The error for what the chain ended in; ``profile``: the one it used."""
    names = {kind.__name__ for kind in type(error).__mro__}
    shown, words = plain(profile, 60), plain(error)
    if "ProfileNotFound" in names:
        return IdentityError(
            "aws-profile-missing",
            f"AWS has no profile {shown!r} on this machine",
            why=words,
            do="`aws configure list-profiles` shows those that there are; correct AWS_PROFILE (an\n"
            "empty one is one too: unset it), or profile in config.toml",
        )
    if "PartialCredentialsError" in names:
        return IdentityError(
            "aws-keys-incomplete",
            f"the AWS profile {shown!r} has only a part of what it needs",
            why=words,
            do="add what is missing to ~/.aws/config or ~/.aws/credentials",
        )
    if names & (_SSO | _LOGIN):
        command = "aws login" if names & _LOGIN else "aws sso login"
        return IdentityError(
            "aws-login-needed",
            f"the AWS login of the profile {shown!r} has ended, or never was",
            why=words,
            do=f"{command} --profile {shown}",
        )
    if names & _CONFIG:
        return IdentityError(
            "aws-config",
            f"the AWS configuration of the profile {shown!r} can't be used",
            why=words,
            do="correct ~/.aws/config, or the file in AWS_CONFIG_FILE",
        )
    if "ClientError" in names:
        return IdentityError(
            "aws-chain-refused",
            f"AWS gives the profile {shown!r} no credentials",
            why=harmless(str(error)),
            do=f"try `aws sts get-caller-identity --profile {shown}`; the role's trust policy, or\n"
            "the permission set of the single sign-on, has to let you in",
        )
    if "still expired" in words:
        return IdentityError(
            "aws-keys-expired",
            f"the AWS keys of the profile {shown!r} have expired",
            why=words,
            do="renew them where they come from",
        )
    return IdentityError(
        "aws-chain-failed",
        f"the AWS credentials of the profile {shown!r} can't be had",
        why=harmless(str(error))
        if _is_botocores(error)
        else f"botocore failed: {type(error).__name__}",
        do="check the network and its proxy variables"
        if names & _NETWORK
        else f"try `aws sts get-caller-identity --profile {shown}`",
    )


def harmless(text: str) -> str:
    """A foreign text on one line, with ``****`` for whatever looks like a key or a token."""

    def hide(run: re.Match[str]) -> str:
        named = run[0].startswith(_OF_AN_ARN)
        return "****" if not named and all(kind.search(run[0]) for kind in _KINDS) else run[0]

    return plain(_RUN.sub(hide, _KEY_ID.sub("****", text[:4000])))


def _is_botocores(error: BaseException) -> bool:
    """Whether the text is one that botocore wrote: others' may quote what they failed on."""
    return type(error).__module__.partition(".")[0] == "botocore"
