import { expected, expectedBut } from "../../../sdk/kit.ts";
import { type GgufFile, type GgufTensorType, readGguf } from "../../gguf/index.ts";
import type { TowerFacts } from "../tower-facts.ts";
import { isMmprojType, type MmprojTypeName, mmprojTypeNames, mmprojTypes } from "./types.ts";

/** An mmproj file with a vision tower, and what that is. */
export interface Mmproj {
  readonly file: GgufFile;
  readonly type: MmprojTypeName;
  /** `layer` is null where the file does not say which block its projector reads. */
  readonly facts: TowerFacts;
  /** Of the tower's linears. */
  readonly float: GgufTensorType;
  /** The side of the cells of patches that become one token. */
  readonly factor: number;
}

const TYPE_KEYS = ["clip.projector_type", "clip.vision.projector_type"];

/**
 * Reads an mmproj's header.
 * @throws as `readGguf`; INVALID_GGUF for one without a vision tower, and for a key that is missing or of another type;
 *   UNSUPPORTED for a projector type that is not written here
 */
export async function readMmproj(path: string): Promise<Mmproj> {
  const file = await readGguf(path);
  const keys = keysOf(file);
  if (keys.text("general.architecture") !== "clip" || keys.flag("clip.has_vision_encoder") !== true) {
    const received = `a model of architecture ${keys.text("general.architecture") ?? "unknown"}, without a vision tower`;
    throw expectedBut("INVALID_GGUF", "an mmproj with a vision tower", path, received);
  }
  const type = TYPE_KEYS.map((key) => keys.text(key)).find((found) => found !== undefined);
  if (!isMmprojType(type)) {
    const known = `one of ${mmprojTypeNames.join(", ")}`;
    throw expected("UNSUPPORTED", known, `the projector type of ${path}`, type);
  }
  const linear = file.tensors.get("v.blk.0.attn_out.weight");
  if (!linear || !file.tensors.has("v.patch_embd.weight")) {
    const received = `${file.tensors.size} tensors without them`;
    throw expectedBut("INVALID_GGUF", "the tensors of a vision tower (v.patch_embd.weight, v.blk.0.*)", path, received);
  }
  const scale = file.metadata.get("clip.vision.projector.scale_factor");
  const factor = scale === undefined ? mmprojTypes[type].factor : keys.number("clip.vision.projector.scale_factor");
  return { file, type, facts: factsOf(file, type, linear.type), float: linear.type, factor };
}

function factsOf(file: GgufFile, type: MmprojTypeName, dtype: GgufTensorType): TowerFacts {
  const keys = keysOf(file);
  const vision = (name: string) => keys.number(`clip.vision.${name}`);
  const has = (name: string) => file.tensors.has(name);
  const inBlock = (name: string) => has(`v.blk.0.${name}`);
  const { graph, anyGrid } = mmprojTypes[type];
  const [patch, imageSize, depth] = [vision("patch_size"), vision("image_size"), vision("block_count")];
  const positions = file.tensors.get("v.position_embd.weight")?.shape.at(-2) ?? null;
  const listed = keys.numbers("clip.vision.feature_layer");
  return {
    width: vision("embedding_length"),
    mlpWidth: vision("feed_forward_length"),
    depth,
    heads: vision("attention.head_count"),
    patch,
    imageSize: anyGrid ? null : imageSize,
    tokens: anyGrid ? null : Math.floor(imageSize / patch) ** 2,
    positions,
    classToken: has("v.class_embd"),
    registers: 0,
    patchBias: has("v.patch_embd.bias"),
    firstNorm: has("v.pre_ln.weight"),
    norms: inBlock("ln1.bias") ? "LayerNorm" : "RMSNorm",
    epsilon: vision("attention.layer_norm_epsilon"),
    finalNorm: has("v.post_ln.weight"),
    qkNorm: inBlock("attn_q_norm.weight"),
    qkvBias: inBlock("attn_q.bias") || inBlock("attn_qkv.bias"),
    layerScale: inBlock("ls1.weight"),
    activation: keys.flag("clip.use_gelu") ? "gelu" : keys.flag("clip.use_silu") ? "silu" : "quick_gelu",
    // The graph of `mlp` stops one block before the last, unless the file says where. Some converters have already left out
    // the last one, so its absence says nothing.
    layer: graph.featureLayers ? (listed ?? null) : [depth],
    mean: keys.numbers("clip.vision.image_mean") ?? null,
    std: keys.numbers("clip.vision.image_std") ?? null,
    dtype,
  };
}

function keysOf({ metadata, file }: GgufFile) {
  const value = (key: string) => metadata.get(key)?.value;
  return {
    text: (key: string) => {
      const found = value(key);
      return typeof found === "string" ? found : undefined;
    },
    flag: (key: string) => value(key) === true,
    number: (key: string): number => {
      const found = value(key);
      if (typeof found === "number" && found > 0) return found;
      throw expected("INVALID_GGUF", "a number > 0", `${key} of ${file}`, found);
    },
    numbers: (key: string): readonly number[] | undefined => {
      const found = value(key);
      const list: readonly unknown[] = Array.isArray(found) ? found : [];
      return list.length > 0 && list.every((one) => typeof one === "number") ? list : undefined;
    },
  };
}
