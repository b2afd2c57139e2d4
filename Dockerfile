# The image of the daemon itself. It takes a binary that was built before (`cargo build --release`), on the same
# Debian release or an older one, so that the image can be made where no compiler image can be fetched.
#
#   cargo build --release --package sluice && docker build --tag sluice .
#
# The daemon needs an engine for its checks. Through the host's Docker: mount its socket, add its group, and give the
# data directory the same path outside and inside, because the engine mounts workspaces by their path on the host.
# Whoever holds that socket is root on the host; the sandboxes never see it.
#
#   sudo install --directory --owner=1000 --group=1000 /srv/sluice
#   docker run --rm --publish 127.0.0.1:7700:7700 --volume /srv/sluice:/srv/sluice \
#     --volume /var/run/docker.sock:/var/run/docker.sock --group-add "$(stat -c %g /var/run/docker.sock)" \
#     sluice serve --data /srv/sluice --listen 0.0.0.0:7700
#
# Without an engine the daemon ends with exit code 3 and says so. tests/it/dockerfile.rs builds and runs all this.
ARG BASE=debian:bookworm-slim
FROM ${BASE}

# Certificates for GitHub and the model services. A base that `sluice image bootstrap` made has them.
RUN test -s /etc/ssl/certs/ca-certificates.crt \
    || { apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*; }

RUN groupadd --gid 1000 sluice \
    && useradd --uid 1000 --gid 1000 --home-dir /data --no-create-home --shell /usr/sbin/nologin sluice \
    && install --directory --owner=sluice --group=sluice --mode=0750 /data

ARG BINARY=target/release/sluice
COPY ${BINARY} /usr/local/bin/sluice

USER 1000:1000
WORKDIR /data
VOLUME /data
EXPOSE 7700
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/7700 && printf 'GET /healthz HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]
ENTRYPOINT ["sluice"]
CMD ["serve", "--data", "/data", "--listen", "0.0.0.0:7700"]
