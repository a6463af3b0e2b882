export default {
  output: "standalone",
  serverExternalPackages: ["vqrae"],
  outputFileTracingIncludes: {
    "/*": [
      "./node_modules/vqrae/**/*",
      "./node_modules/onnxruntime-node/bin/**/linux/x64/*", // the platform that you deploy to
      "./node_modules/@img/**/*", // sharp
    ],
  },
};
