# The gateway for production: locked dependencies, no embedded database, not root.

FROM python:3.13-slim AS build
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
# The build tool is pinned too; it is in the lock of the sandbox and stays behind in this stage.
COPY requirements.lock requirements-embedded.lock ./
RUN pip install --only-binary :all: --require-hashes --no-deps -r requirements-embedded.lock \
 && python -m venv /opt/gateway \
 && /opt/gateway/bin/pip install --only-binary :all: --require-hashes --no-deps -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY gateway gateway
COPY migrations migrations
RUN pip wheel --no-build-isolation --no-deps --wheel-dir /wheels . \
 && /opt/gateway/bin/pip install --no-index --no-deps /wheels/gateway-*.whl

FROM python:3.13-slim
RUN useradd --system --no-create-home --shell /usr/sbin/nologin gateway
COPY --from=build /opt/gateway /opt/gateway
ENV PATH=/opt/gateway/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    GATEWAY_HOST=0.0.0.0 \
    GATEWAY_ADMIN_HOST=0.0.0.0
USER gateway
WORKDIR /
# 8080: apps and Meta's webhooks. 8081: administration; keep it off the internet.
EXPOSE 8080 8081
# Drains within GATEWAY_DRAIN_S, 25 seconds: `docker stop` waits for 10 unless told (`--time 30`).
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["python", "-c", \
    "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('GATEWAY_ADMIN_PORT', '8081') + '/healthz', timeout=2)"]
CMD ["gateway", "serve"]
