# docker build -f cuda.Dockerfile -t vqrae-cuda .
# docker run --gpus all -p 127.0.0.1:8080:8080 --env VQRAE_API_KEY=secret --volume vqrae-cache:/cache --stop-timeout 20 vqrae-cuda
FROM node:22-bookworm-slim AS node

# node-llama-cpp 3.22's CUDA build is linked with CUDA 13.
FROM nvidia/cuda:13.0.1-runtime-ubuntu24.04
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /usr/local/lib/node_modules /usr/local/lib/node_modules
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm

WORKDIR /opt/vqrae
# onnxruntime-node's CUDA libraries want CUDA 12, which is not in this image: the vision encoder runs on the CPU.
ENV ONNXRUNTIME_NODE_INSTALL=skip
RUN npm install --omit=dev --no-audit --no-fund vqrae@0.1 node-llama-cpp@3 koffi@3 && npm cache clean --force

# Models of the hub, and weights that are made once.
ENV XDG_CACHE_HOME=/cache
RUN useradd --create-home vqrae && mkdir /cache && chown vqrae:vqrae /cache
VOLUME /cache

USER vqrae
EXPOSE 8080
HEALTHCHECK --start-period=120s --interval=30s --timeout=5s \
  CMD ["node", "--eval", "fetch('http://127.0.0.1:8080/health').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]

ENTRYPOINT ["node", "node_modules/vqrae/dist/cli.js"]
CMD ["serve", "--host", "0.0.0.0", "--log", "--gpu", "cuda"]
