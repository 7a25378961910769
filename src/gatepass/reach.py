"""How this machine reaches others: proxies and certificate authorities.

Both come from where pip, requests and curl take them, so that gatepass works where pip works.
"""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter

from gatepass.errors import TransportError, plain
from gatepass.realm import is_loopback

if TYPE_CHECKING:
    import logging

_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "PIP_CERT")

_SYSTEMS = (
    "correct it; without one of REQUESTS_CA_BUNDLE, SSL_CERT_FILE and PIP_CERT the\n"
    "system's certificates are used"
)
_CLUSTERS = "the cluster's API is trusted by"
_MOUNT = "mount ca.crt beside the pod's own token, as Kubernetes does by itself"


def proxies(url: str, host: str) -> dict[str, str]:
    """requests' ``proxies`` for a URL: from the proxy variables; never for this machine."""
    if is_loopback(host):
        return {}
    return dict(requests.utils.get_environ_proxies(url))


def session(ca_file: str = "", first: str = "") -> requests.Session:
    """A session that reads nothing from the environment by itself (no netrc, no proxies).

    ``ca_file``: the only authorities to trust; empty: those of :func:`context`, where ``first`` is
    the variable that is looked at before the others.
    """
    made = requests.Session()
    made.trust_env = False
    variables = (first, *_CA_VARIABLES) if first else _CA_VARIABLES
    trusted = _authorities(ca_file, _CLUSTERS, _MOUNT) if ca_file else context(variables)
    made.mount("https://", _Trusting(trusted))
    return made


def hide_queries() -> None:
    """Keep queries out of urllib3's debug lines, which a host (pip -vvv, poetry -vvv) may print."""
    import logging

    logging.getLogger("urllib3.connectionpool").addFilter(_without_query)  # at most once


def _without_query(record: logging.LogRecord) -> bool:
    if isinstance(record.args, tuple):
        record.args = tuple(
            arg.partition("?")[0] if isinstance(arg, str) else arg for arg in record.args
        )
    return True


def context(variables: tuple[str, ...]) -> ssl.SSLContext:
    """TLS with the certificate authorities of the first variable that is set, else the system's.

    A variable names a PEM file or a folder of hashed ones. Raises TransportError (ca-missing)
    where it names neither.
    """
    for variable in variables:
        if os.environ.get(variable):
            return _authorities(os.environ[variable], f"{variable} names", _SYSTEMS)
    import truststore

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _authorities(path: str, named: str, do: str) -> ssl.SSLContext:
    try:
        if os.path.isdir(path):
            return ssl.create_default_context(capath=path)
        return ssl.create_default_context(cafile=path)
    except OSError as error:  # ssl.SSLError, for a file that isn't PEM, is one
        raise TransportError(
            "ca-missing",
            f"{named} {plain(path)}, which is no file of certificates",
            why=plain(error.strerror or error),
            do=do,
        ) from None


class _Trusting(HTTPAdapter):
    """An adapter whose only certificate authorities are those of its context.

    requests would load certifi's into it beside the chosen ones.
    """

    def __init__(self, trusted: ssl.SSLContext) -> None:
        self._trusted = trusted
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._trusted, **kwargs)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        return super().proxy_manager_for(
            proxy, ssl_context=self._trusted, proxy_ssl_context=self._trusted, **kwargs
        )

    def build_connection_pool_key_attributes(
        self, request: Any, verify: Any, cert: Any = None
    ) -> Any:
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        kept: dict[str, Any] = {**pool}
        for name in ("ca_certs", "ca_cert_dir"):
            kept.pop(name, None)
        return host, kept

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        conn.cert_reqs, conn.ca_certs, conn.ca_cert_dir = "CERT_REQUIRED", None, None
