# A device: `dml device …` alone, without any package of the server. From the root of a checkout:
#   docker build -f deploy/docker/agent.Dockerfile --build-arg RELEASE=0.1.0 -t dml-agent:0.1.0 .

ARG BASE=docker.io/library/python:3.11.15-slim-bookworm@sha256:d29f48a31a8b408ed19272ca1e7b10ebae13b240a27e862d3d4217c528e2e0c3

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
RUN apt-get update && apt-get install --yes --no-install-recommends binutils
RUN python -m venv /opt/dml && python -m venv /opt/building
COPY requirements/device.txt requirements/build.txt requirements/
RUN /opt/dml/bin/pip install --require-hashes --only-binary=:all: -r requirements/device.txt \
 && /opt/building/bin/pip install --require-hashes --only-binary=:all: -r requirements/build.txt
COPY pyproject.toml LICENSE ./
COPY migrations migrations
COPY contracts/build contracts/build
COPY src src
RUN /opt/building/bin/python -m hatchling build -t wheel -d /wheels \
 && /opt/dml/bin/pip install --no-deps --no-index /wheels/*.whl \
 && /opt/dml/bin/pip uninstall --yes pip setuptools
COPY deploy/docker/trim.sh ./
RUN ./trim.sh /opt/dml/lib/python3.11/site-packages

FROM ${BASE}
ARG RELEASE
LABEL org.opencontainers.image.title="DML Marketplace: agent" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${RELEASE}"
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libseccomp2 \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 dml \
 && useradd --uid 10001 --gid dml --home-dir /var/lib/dml --create-home --shell /usr/sbin/nologin dml
COPY --from=build /opt/dml /opt/dml
ENV PATH=/opt/dml/bin:$PATH PYTHONDONTWRITEBYTECODE=1
RUN test "$(dml --version)" = "dml ${RELEASE}"
USER 10001:10001
WORKDIR /var/lib/dml
# Here is the key of the device. Its data is mounted elsewhere, read-only.
VOLUME /var/lib/dml
STOPSIGNAL SIGTERM
ENTRYPOINT ["dml", "device"]
CMD ["run", "--data", "/data"]
