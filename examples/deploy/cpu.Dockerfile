# docker build -f cpu.Dockerfile -t vqrae .
# docker run -p 127.0.0.1:8080:8080 --env VQRAE_API_KEY=secret --volume vqrae-cache:/cache --stop-timeout 20 vqrae
FROM node:22-bookworm-slim

WORKDIR /opt/vqrae
# No CUDA libraries: onnxruntime-node's install script is the one that fetches them.
ENV ONNXRUNTIME_NODE_INSTALL=skip
RUN npm install --omit=dev --no-audit --no-fund vqrae@0.1 node-llama-cpp@3 koffi@3 && npm cache clean --force

# Models of the hub, and weights that are made once.
ENV XDG_CACHE_HOME=/cache
RUN mkdir /cache && chown node:node /cache
VOLUME /cache

USER node
EXPOSE 8080
HEALTHCHECK --start-period=120s --interval=30s --timeout=5s \
  CMD ["node", "--eval", "fetch('http://127.0.0.1:8080/health').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]

ENTRYPOINT ["node", "node_modules/vqrae/dist/cli.js"]
CMD ["serve", "--host", "0.0.0.0", "--log"]
