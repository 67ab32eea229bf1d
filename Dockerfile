# One image for every Hotwash process; docker-compose.yml says which command each runs.
FROM python:3.11-slim
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
