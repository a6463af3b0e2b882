import { expectedBut, type StoredTensor } from "../../../sdk/kit.ts";
import type { TextConfig } from "./families/text-family.ts";

/** A tensor of the new file: matrices one after the other, or some columns of each as rows. */
export interface ExpertTensor {
  readonly shape: readonly number[];
  /** As it is stored. */
  readonly dtype: StoredTensor["dtype"];
  readonly matrices: readonly StoredTensor[];
  readonly columns?: { readonly from: number; readonly count: number };
}

type Projection = "down" | "gate" | "up";
/** In llama.cpp's order. */
const PROJECTIONS: readonly Projection[] = ["down", "gate", "up"];

/** A stored tensor of experts: one matrix of one expert, or matrices of all. */
export interface ExpertPart {
  readonly block: number;
  readonly expert: number | "all";
  readonly projection: Projection | "gate_up";
}

/** Reads a tensor's name; null for one that is no expert's. */
export function expertOf(name: string, { experts, layers }: TextConfig): ExpertPart | null {
  const one = /^model\.layers\.(\d+)\.mlp\.experts\.(\d+)\.(down|gate|up)_proj\.weight$/.exec(name);
  const all = /^model\.layers\.(\d+)\.mlp\.experts\.(down|gate_up)_proj(?:\.weight)?$/.exec(name);
  const [, block = ""] = one ?? all ?? [];
  const projection = one?.[3] ?? all?.[2];
  if (experts === null || Number(block) >= layers) return null;
  if (projection !== "down" && projection !== "gate" && projection !== "up" && projection !== "gate_up") return null;
  const expert = one ? Number(one[2]) : "all";
  return expert === "all" || expert < experts.count ? { block: Number(block), expert, projection } : null;
}

/** Collects the experts of each block, which a GGUF file keeps in one tensor a projection. */
export class ExpertTensors {
  readonly #count: number;
  readonly #transposed: boolean;
  readonly #width: number;
  readonly #blocks = new Map<number, Map<string, StoredTensor>>();

  constructor({ experts, family, width }: TextConfig) {
    this.#width = width;
    this.#count = experts?.count ?? 0;
    this.#transposed = family.transposedExperts ?? false;
  }

  /** The tensors that are complete with this one, in the file's order. */
  add({ block, expert, projection }: ExpertPart, stored: StoredTensor): (ExpertTensor & { part: string })[] {
    if (expert === "all") return this.#split(projection, stored);
    const found = this.#blocks.get(block) ?? new Map<string, StoredTensor>();
    this.#blocks.set(block, found);
    found.set(`${expert} ${projection}`, stored);
    if (found.size < this.#count * PROJECTIONS.length) return [];
    this.#blocks.delete(block);
    return PROJECTIONS.map((name) => {
      const matrices = Array.from({ length: this.#count }, (_, i) => found.get(`${i} ${name}`) ?? stored);
      const [{ shape, dtype } = stored] = matrices;
      const other = matrices.find((matrix) => `${matrix.shape}` !== `${shape}`);
      if (other) throw wrongShape(`[${shape}] for each expert`, other);
      return { part: `ffn_${name}_exps`, shape: [this.#count, ...shape], dtype, matrices };
    });
  }

  /** @throws INVALID_CHECKPOINT for a block some of whose experts are missing */
  requireComplete(folder: string): void {
    const [left] = this.#blocks;
    if (left === undefined) return;
    const wanted = `${this.#count * PROJECTIONS.length} experts' tensors in block ${left[0]}`;
    throw expectedBut("INVALID_CHECKPOINT", wanted, folder, `${left[1].size}`);
  }

  /**
   * Matrices of all experts in one tensor: [experts, out, in], or [experts, in, out] in the hub's files of a family that
   * stores them so. transformers 5 saves such a model the other way round, which the model's width tells.
   */
  #split(projection: ExpertPart["projection"], stored: StoredTensor): (ExpertTensor & { part: string })[] {
    const { shape, dtype } = stored;
    const [count = 0, rows = 0, width = 0] = shape;
    if (shape.length !== 3 || count !== this.#count) throw wrongShape(`[${this.#count}, rows, columns]`, stored);
    const both = projection === "gate_up";
    const [inputs, outputs] = both ? [rows, width] : [width, rows];
    const transposed = this.#transposed && (inputs === this.#width || outputs !== this.#width);
    const size = transposed ? width : rows;
    if (both && size % 2 !== 0) throw wrongShape("an even size for gate and up", stored);
    const each = both ? size / 2 : size;
    const parts: readonly Projection[] = projection === "gate_up" ? ["gate", "up"] : [projection];
    return parts.map((name, i) => {
      const part = `ffn_${name}_exps`;
      if (transposed) {
        const matrices = Array.from({ length: count }, (_, e) => rowsOf(stored, e * rows, rows));
        return { part, shape: [count, each, rows], dtype, matrices, columns: { from: i * each, count: each } };
      }
      const matrices = Array.from({ length: count }, (_, e) => rowsOf(stored, e * rows + i * each, each));
      return { part, shape: [count, each, width], dtype, matrices };
    });
  }
}

/** Some of the rows of a [n, rows, width] tensor, counted through. */
function rowsOf(stored: StoredTensor, from: number, count: number): StoredTensor {
  const [n = 1, rows = 1, width = 1] = stored.shape;
  const rowBytes = stored.length / (n * rows);
  return { ...stored, shape: [count, width], offset: stored.offset + from * rowBytes, length: count * rowBytes };
}

const wrongShape = (what: string, { name, file, shape }: StoredTensor) =>
  expectedBut("INVALID_CHECKPOINT", what, `tensor ${name} in ${file}`, `[${shape.join(", ")}]`);
