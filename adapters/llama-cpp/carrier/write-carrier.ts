import { narrowF16 } from "../../../sdk/kit.ts";
import { type GgufValue, ggufValue, streamGguf } from "../../gguf/index.ts";
import { type Carrier, carrierStep, checkCarrier, patchSize } from "./carrier.ts";

/**
 * Where the mmproj's hidden numbers start: ggml's GELU is the identity from 10 on (it looks smaller ones up in a table
 * of F16).
 */
const GELU_OFFSET = 16;
/** Of the bytes of a number, the high one first. */
const LOW_BYTE = 2;
/** The low byte is divided by this before the GELU, so that its weight after it is a normal F16. */
const LOW_SCALE = 16;
/** Images may have as many patches: about what a context holds. */
const MAX_TOKENS = 65_536;

/**
 * Writes the carrier's mmproj GGUF, for `llama-server --mmproj`.
 *
 * llama.cpp's `phi4` graph with no blocks: a patch convolution, position embeddings (zero), linear, GELU, linear. It
 * adds no tokens of its own around an image and takes any number of patches. The convolution hands each byte of a patch
 * to a channel of its own, the GELU is passed where it is the identity, and the last layer weighs the three bytes and
 * adds them. Before that sum every number is a byte with an offset and every weight a power of two, so that nothing is
 * lost where a device computes in F16 or TF32.
 *
 * It takes 48 * embeddingDim^2 bytes (50 MB for 1024) and about as many operations a token as half a layer of the LLM.
 *
 * @throws INVALID_ARGUMENT for a carrier that is out of bounds; IO_ERROR where the system refuses
 */
export async function writeCarrier(path: string, carrier: Carrier): Promise<void> {
  checkCarrier(carrier);
  const { embeddingDim: dim } = carrier;
  const channels = 3 * dim;
  const patch = patchSize(carrier);
  const pixels = patch * patch;
  const step = carrierStep(carrier);
  const scaleOf = (byte: number) => (byte === LOW_BYTE ? 1 / LOW_SCALE : 1);
  const outWeights = [2 ** 16, 2 ** 8, 1].map((weight, byte) => (weight * step) / scaleOf(byte));
  const offset = GELU_OFFSET * outWeights.reduce((sum, weight) => sum + weight, 0);
  const layout = [
    { name: "v.patch_embd.weight", type: "F16", shape: [channels, 3, patch, patch] },
    { name: "v.position_embd.weight", type: "F32", shape: [1, channels] },
    { name: "mm.0.weight", type: "F16", shape: [channels, channels] },
    { name: "mm.0.bias", type: "F32", shape: [channels] },
    { name: "mm.2.weight", type: "F32", shape: [dim, channels] },
    { name: "mm.2.bias", type: "F32", shape: [dim] },
  ] as const;
  await streamGguf(path, metadata(carrier, patch), layout, async (write) => {
    // Channel byte * dim + i is the byte of number i.
    const place = (channel: number): Entry[] => [[Math.floor(channel / dim) * pixels + (channel % dim), 1]];
    await write("v.patch_embd.weight", rows("F16", channels, 3 * pixels, place));
    await write("v.position_embd.weight", new Float32Array(channels));
    const scale = (channel: number): Entry[] => [[channel, scaleOf(Math.floor(channel / dim))]];
    await write("mm.0.weight", rows("F16", channels, channels, scale));
    await write("mm.0.bias", new Float32Array(channels).fill(GELU_OFFSET));
    const sum = (i: number): Entry[] => outWeights.map((weight, byte) => [byte * dim + i, weight]);
    await write("mm.2.weight", rows("F32", dim, channels, sum));
    await write("mm.2.bias", new Float32Array(dim).fill(-carrier.range - offset));
  });
}

type Entry = readonly [column: number, value: number];

/** A matrix row by row, from the few entries of each row that are not zero; each row is valid until the next one. */
function* rows(type: "F16" | "F32", count: number, width: number, entries: (row: number) => readonly Entry[]) {
  const row = type === "F16" ? new Uint16Array(width) : new Float32Array(width);
  const encoded = (value: number) => (type === "F16" ? narrowF16(Float32Array.of(value)) : [value]);
  for (let i = 0; i < count; i++) {
    const set = entries(i);
    for (const [column, value] of set) row.set(encoded(value), column);
    yield row;
    for (const [column] of set) row[column] = 0;
  }
}

/**
 * Keys of llama.cpp's tools/mtmd/clip-impl.h; what the vision tower's blocks would need is there, since it is asked
 * for.
 */
function metadata({ embeddingDim, range }: Carrier, patch: number): [string, GgufValue][] {
  const { bool, float32, float32s, string, uint32 } = ggufValue;
  return [
    ["general.architecture", string("clip")],
    ["general.type", string("mmproj")],
    ["general.name", string("vqrae pixel carrier")],
    ["general.file_type", uint32(1)],
    ["clip.has_vision_encoder", bool(true)],
    ["clip.projector_type", string("phi4")],
    ["clip.use_gelu", bool(true)],
    ["clip.vision.image_size", uint32(patch)],
    ["clip.vision.patch_size", uint32(patch)],
    ["clip.vision.image_min_pixels", uint32(patch * patch)],
    ["clip.vision.image_max_pixels", uint32(Math.min(MAX_TOKENS * patch * patch, 2 ** 31 - 1))],
    ["clip.vision.embedding_length", uint32(3 * embeddingDim)],
    ["clip.vision.feed_forward_length", uint32(3 * embeddingDim)],
    ["clip.vision.projection_dim", uint32(embeddingDim)],
    ["clip.vision.block_count", uint32(0)],
    ["clip.vision.attention.head_count", uint32(1)],
    ["clip.vision.attention.layer_norm_epsilon", float32(1e-6)],
    // Pixels arrive as bytes, exact in F16.
    ["clip.vision.image_mean", float32s([0, 0, 0])],
    ["clip.vision.image_std", float32s([1 / 255, 1 / 255, 1 / 255])],
    [EMBEDDING_DIM_KEY, uint32(embeddingDim)],
    [RANGE_KEY, uint32(range)],
  ];
}

/** The carrier's own keys, which llama.cpp passes over. */
export const EMBEDDING_DIM_KEY = "vqrae.carrier.embedding_dim";
export const RANGE_KEY = "vqrae.carrier.range";
