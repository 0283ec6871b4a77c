# The gateway as a small image that is nobody in particular: no compiler, no shell tools needed, no root, nothing written.
#   docker build --target gateway --tag gatestone .
# Beside it, for trying things out only: `kdc` (a Kerberos realm) and `idp` (a SAML identity provider).
ARG PYTHON_IMAGE=python:3.11-slim-bookworm
ARG DEBIAN_IMAGE=debian:bookworm-slim

FROM ${PYTHON_IMAGE} AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev libkrb5-dev \
    && rm -rf /var/lib/apt/lists/*
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
WORKDIR /src
# First what seldom changes: a change of our code does not fetch and compile the libraries again.
COPY requirements/run.txt requirements/run.txt
RUN python -m venv /opt/gatestone \
    && /opt/gatestone/bin/python -m pip install --require-hashes -r requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY identity identity
COPY authplugins authplugins
COPY catalog catalog
COPY haproxy haproxy
COPY apache apache
RUN /opt/gatestone/bin/python -m pip install --no-deps --no-build-isolation . \
    && /opt/gatestone/bin/python -m compileall -q /opt/gatestone/lib
COPY containers/alive.py /opt/gatestone/alive.py

FROM ${PYTHON_IMAGE} AS gateway
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgssapi-krb5-2 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 gatestone \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin gatestone \
    && install --directory --owner=10001 --group=10001 --mode=0750 /etc/gatestone /etc/gatestone/tls /etc/gatestone/kerberos
COPY --from=build /opt/gatestone /opt/gatestone
ENV PATH=/opt/gatestone/bin:$PATH HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
EXPOSE 5000 8443 8444
ENTRYPOINT ["gatestone"]
CMD ["serve", "--config", "/etc/gatestone/gatestone.toml"]

FROM ${DEBIAN_IMAGE} AS kdc
RUN apt-get update \
    && apt-get install --yes --no-install-recommends krb5-kdc krb5-admin-server krb5-user \
    && rm -rf /var/lib/apt/lists/* \
    && install --directory --owner=10001 --group=10001 --mode=0750 /var/lib/kdc /etc/gatestone/kerberos
COPY containers/kdc/start.sh /opt/kdc/start.sh
USER 10001:10001
EXPOSE 8888
ENTRYPOINT ["bash", "/opt/kdc/start.sh"]

FROM ${DEBIAN_IMAGE} AS idp
RUN apt-get update \
    && apt-get install --yes --no-install-recommends simplesamlphp php-cli php-xml php-mbstring php-curl php-sqlite3 \
    && rm -rf /var/lib/apt/lists/* \
    && install --directory --owner=10001 --group=10001 --mode=0750 /etc/idp
COPY containers/idp /opt/idp
ENV SIMPLESAMLPHP_CONFIG_DIR=/opt/idp
USER 10001:10001
EXPOSE 8880
ENTRYPOINT ["php", "-S", "0.0.0.0:8880", "-t", "/usr/share/simplesamlphp/www"]
