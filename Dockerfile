# gatepass beside its base's Python. docs/container.md: how to use it, how to build it.

# A Linux with python3 (3.11 or later) and pip. A tag moves: a release names its base by digest,
# --build-arg BASE=docker.io/library/python:3.13-slim@sha256:...
ARG BASE=docker.io/library/python:3.13-slim

FROM ${BASE} AS build
WORKDIR /src
COPY actions/setup/requirements.txt ./
# The secret is a pip.conf of yours, for a mirror; there need not be one.
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    python3 -I -m venv --without-pip /opt/gatepass && \
    python3 -I -m pip --python /opt/gatepass/bin/python install --quiet \
        --no-cache-dir --no-compile --only-binary :all: --require-hashes -r requirements.txt

COPY pyproject.toml README.md LICENSE ./
COPY src src
# What built gatepass goes again, and what botocore knows of services that nobody logs in with.
# Both commands run isolated: no file of a workspace is imported with the job's identity.
RUN pip="python3 -I -m pip --python /opt/gatepass/bin/python" && \
    $pip install --quiet --no-compile --no-index --no-deps --no-build-isolation . && \
    $pip uninstall --quiet --yes hatchling packaging pathspec pluggy trove-classifiers && \
    cd /opt/gatepass && \
    find lib/python3*/site-packages/botocore/data -mindepth 1 -maxdepth 1 -type d \
        ! -name signin ! -name sso ! -name sso-oidc ! -name sts -exec rm -r {} + && \
    find bin -mindepth 1 ! -name gatepass ! -name keyring ! -name 'python*' -delete && \
    sed -i '1s|^#!/opt/gatepass/bin/python.*|#!/opt/gatepass/bin/python -I|' \
        bin/gatepass bin/keyring && \
    find . -name __pycache__ -prune -exec rm -r {} + && \
    bin/python -I -m compileall -q --invalidation-mode unchecked-hash lib

FROM ${BASE}
COPY --from=build /opt/gatepass /opt/gatepass
# The home is of group 0 as well: OpenShift gives a pod any user, in that group.
RUN ln -s /opt/gatepass/bin/gatepass /opt/gatepass/bin/keyring /usr/local/bin/ && \
    echo 'gatepass:x:10001:10001:gatepass:/home/gatepass:/usr/sbin/nologin' >>/etc/passwd && \
    echo 'gatepass:x:10001:' >>/etc/group && \
    install -d -o 10001 -g 0 -m 0770 /home/gatepass
ENV HOME=/home/gatepass
WORKDIR /home/gatepass
USER 10001:10001
STOPSIGNAL SIGTERM
ENTRYPOINT ["gatepass", "exec", "--"]
CMD ["gatepass", "--help"]

ARG BASE
ARG SOURCE
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="gatepass" \
      org.opencontainers.image.description="Trade the identity your job already has for a pass to the package registry" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE}"
