"""Certificate authorities of the sandbox's own, and certificates for its servers from them."""

from __future__ import annotations

import datetime
import ipaddress
import os
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_HOUR = datetime.timedelta(hours=1)
_DAY = datetime.timedelta(days=1)


class Authority:
    """A certificate authority for a day; its key is never written and goes with this object.

    `pem` is its certificate, which is what clients have to trust.
    """

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = _authority(name, self._key)
        self.pem = self._certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, folder: Path, stem: str, names: Sequence[str]) -> tuple[Path, Path]:
        """Write STEM.pem and STEM.key (0600) into `folder`: a server's, good for a day.

        `names` are host names and addresses; FileExistsError if a file is there already.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = _leaf(names, key, self._certificate, self._key)
        chain_file, key_file = folder / f"{stem}.pem", folder / f"{stem}.key"
        write(chain_file, leaf.public_bytes(serialization.Encoding.PEM))
        write(key_file, _pem(key))
        return chain_file, key_file


def context(own: tuple[Path, Path], by_name: Mapping[str, tuple[Path, Path]]) -> ssl.SSLContext:
    """For a server: certificate and key `own`, or those of the name that a client asks for."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*own)
    if by_name:
        others = {name: context(files, {}) for name, files in by_name.items()}

        def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
            connection.context = others.get(name or "", server)

        server.sni_callback = choose
    return server


def write(path: Path, data: bytes) -> None:
    """Born 0600: not even for a moment readable to others. FileExistsError if it is there."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _authority(common_name: str, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = _name(common_name)
    public = key.public_key()
    return (
        _builder(name, name, public)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    names: Sequence[str],
    key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    # Python 3.13 checks certificates strictly: without the key identifiers it refuses ours.
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    alternatives = x509.SubjectAlternativeName([_general(name) for name in names])
    return (
        # The common name has 64 characters at most, and nobody reads it: the alternatives count.
        _builder(_name(names[0][:64]), authority.subject, key.public_key())
        .add_extension(alternatives, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(own, critical=False)
        .add_extension(signer, critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _HOUR)
        .not_valid_after(now + _DAY)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
