# One image for every Hotwash process; docker-compose.yml says which command each runs.
FROM python:3.11-slim
# What faults of game days are made with on the worker's machine, some 60 MB: nft (network.drop, network.reject), tc
# (network.delay), stress-ng (host.cpu, host.memory), openssl (certificate.expire) and ssh (PostgreSQL's servers). Without
# them those faults are refused with a sentence and all else works: `--build-arg FAULT_PACKAGES=` leaves them out.
# clock.shift needs libfaketime in the process that it is done to, and not here.
ARG FAULT_PACKAGES="nftables iproute2 stress-ng openssl openssh-client"
RUN test -z "$FAULT_PACKAGES" || { apt-get update && apt-get install --yes --no-install-recommends $FAULT_PACKAGES \
 && rm -rf /var/lib/apt/lists/*; }
WORKDIR /hotwash
COPY requirements.txt pyproject.toml README.md LICENSE ./
COPY domain domain
COPY runbooks runbooks
COPY activities activities
COPY store store
COPY runtime runtime
COPY workflows workflows
COPY api api
COPY workers workers
COPY cli cli
RUN pip install --no-cache-dir --require-hashes -r requirements.txt \
 && pip install --no-cache-dir --no-deps --no-build-isolation . \
 && useradd --create-home hotwash && install -d -o hotwash /data
USER hotwash
ENV HOTWASH_HOME=/data HOTWASH_LOG_FORMAT=json
ENTRYPOINT ["hotwash"]
