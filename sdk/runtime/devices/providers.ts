import type { ExecutionProvider, GpuProvider } from "../pool/protocol.ts";

/**
 * Whether a provider may run attention as one operator. onnxruntime's WebGPU one gives wrong numbers without a word on
 * devices whose subgroups are not of the size that its flash attention assumes (pull requests 26715 and 28520 of
 * microsoft/onnxruntime; measured here with 1.30 on a software Vulkan device: errors of 0.2 at values of 3), so there it is written out.
 */
export const fusedAttention: Readonly<Record<ExecutionProvider, boolean>> = { cpu: true, cuda: true, webgpu: false };

/** How to get a GPU provider to work. */
export const deviceMend: Readonly<Record<GpuProvider, string>> = {
  webgpu:
    'onnxruntime-node runs WebGPU through the GPU\'s own driver (Vulkan, Direct3D 12 or Metal): install it, or load with device "cpu".',
  cuda: 'With CUDA 12 and cuDNN 9 installed, run `ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node`, or load with device "cpu".',
};

/** onnxruntime's message in one line, without the C++ source place and the check that failed. */
export function reason(cause: unknown): string {
  const text = (cause instanceof Error ? cause.message : String(cause)).trim().replaceAll(/\s+/g, " ");
  return text.replace(/^\S+\.cc:\d+ .* was false\. /, "");
}
