import {
  encodeGgufTensor,
  type GgufTensorToWrite,
  type GgufValue,
  ggufValue,
  readGguf,
  writeGguf,
} from "../../adapters/gguf/index.ts";
import { gaussian, uniform } from "../../test/helpers/random.ts";

/** The sizes of a tower that take the place of those of a small file. */
export interface TowerSizes {
  readonly width: number;
  readonly mlpWidth: number;
  readonly heads: number;
  readonly blocks: number;
  readonly patchSize: number;
  readonly imageSize: number;
  /** Rows of its table of positions. */
  readonly positions: number;
  /** Numbers of an embedding. */
  readonly outputDim: number;
  /** Width of the projector's hidden layer, where it is not that of the tokens that it merges. */
  readonly projectorWidth?: number;
  /** Further keys, such as the most tiles. */
  readonly keys?: Readonly<Record<string, GgufValue>>;
}

/** Numbers that are drawn; a tensor repeats them. */
const DRAWN = 2 ** 20 + 7;

/**
 * Writes an mmproj of random weights as large as a published one: the keys and tensors of a small file of the same family, in other
 * sizes. Equal seeds give equal files. All positions are one row, so that files of either order of tokens compute the same.
 */
export async function growMmproj(small: string, path: string, type: "F16" | "F32", sizes: TowerSizes): Promise<void> {
  const { metadata, tensors } = await readGguf(small);
  const count = (key: string) => Number(metadata.get(`clip.vision.${key}`)?.value);
  const { uint32 } = ggufValue;
  const keys = new Map(metadata);
  const set = (key: string, value: number) => keys.set(`clip.vision.${key}`, uint32(value));
  set("projection_dim", sizes.outputDim);
  set("image_size", sizes.imageSize);
  set("patch_size", sizes.patchSize);
  set("embedding_length", sizes.width);
  set("feed_forward_length", sizes.mlpWidth);
  set("block_count", sizes.blocks);
  set("attention.head_count", sizes.heads);
  for (const [key, value] of Object.entries(sizes.keys ?? {})) keys.set(key, value);

  const width = count("embedding_length");
  const merged = (of: number) => 4 * of; // all families here merge 2 x 2 tokens
  const grown = new Map([
    [width, sizes.width],
    [3 * width, 3 * sizes.width],
    [count("feed_forward_length"), sizes.mlpWidth],
    [merged(width), merged(sizes.width)],
    [count("projection_dim"), sizes.outputDim],
    ...(sizes.projectorWidth === undefined
      ? []
      : [[tensors.get("mm.1.weight")!.shape[0]!, sizes.projectorWidth] as const]),
  ]);
  const shapeOf = (name: string, shape: readonly number[]): number[] => {
    if (name.startsWith("v.patch_embd.weight")) return [sizes.width, 3, sizes.patchSize, sizes.patchSize];
    if (name === "v.position_embd.weight") return [...shape.slice(0, -2), sizes.positions, sizes.width];
    return shape.map((length) => grown.get(length) ?? length);
  };
  const drawn = gaussian(uniform(5), DRAWN, 1);
  const pools = new Map<string, ArrayBufferView>();
  const pool = (stored: "F16" | "F32", mean: number, deviation: number): ArrayBufferView => {
    const key = `${stored} ${mean} ${deviation}`;
    const found =
      pools.get(key) ??
      encodeGgufTensor(
        stored,
        drawn.map((x) => mean + deviation * x),
      );
    pools.set(key, found);
    return found;
  };
  const layout: GgufTensorToWrite[] = [];
  const add = (name: string, shape: readonly number[]) => {
    const numbers = shape.reduce((a, b) => a * b);
    const isTable = name === "v.position_embd.weight";
    const isMatrix = !isTable && Math.max(...shape) < numbers;
    const stored = isMatrix ? type : "F32";
    const isScale = !isMatrix && /(ln\d?|ls\d|norm|mlp\.0)\.weight$/.test(name);
    const values = pool(stored, isScale ? 1 : 0, isMatrix ? (shape[0]! / numbers) ** 0.5 : 0.1);
    layout.push({ name, type: stored, shape, data: repeated(values, numbers, isTable ? sizes.width : DRAWN) });
  };
  const blocks = Array.from({ length: sizes.blocks }, (_, i) => i);
  for (const [name, { shape }] of tensors) {
    if (/^v\.blk\.[1-9]/.test(name)) continue;
    const copies = name.startsWith("v.blk.0.") ? blocks.map((i) => name.replace(".0.", `.${i}.`)) : [name];
    for (const copy of copies) add(copy, shapeOf(name, shape));
  }
  await writeGguf(path, keys, layout);
}

/** `count` numbers: the first `period` of `values` again and again. */
function* repeated(values: ArrayBufferView, count: number, period: number): Generator<ArrayBufferView> {
  const all = values as Float32Array | Uint16Array;
  for (let left = count; left > 0; left -= period) yield all.subarray(0, Math.min(left, period));
}
