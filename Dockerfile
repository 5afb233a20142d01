# weir in a container: built with what script/bootstrap installs, run with its libraries alone.
FROM debian:12.11-slim AS build
WORKDIR /weir
COPY script/bootstrap script/bootstrap
RUN script/bootstrap build
COPY . .
RUN cmake --preset release -DWEIR_TESTS=OFF && cmake --build --preset release --target weir \
    && strip build/release/weir

FROM debian:12.11-slim
RUN apt-get update && apt-get install -y --no-install-recommends \
    libjansson4 libopenblas0-pthread librdkafka1 libre2-9 libsimdjson14 libstdc++6 libuv1 libxxhash0 tzdata zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --home-dir /weir --create-home weir \
    && install -d -o weir -g weir /weir/build
COPY --from=build /weir/build/release/weir /usr/local/bin/weir
WORKDIR /weir
COPY configs configs
USER weir
ENTRYPOINT ["weir"]
CMD ["run", "configs/payments.json"]
