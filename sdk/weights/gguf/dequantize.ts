import { widenF16 } from "../half.ts";

/**
 * The types of ggml that are read and never written, in gguf-py's arithmetic: float32, in its order (gguf-py/gguf/quants.py,
 * ggml-quants.c `dequantize_row_*`).
 */
export type GgufQuantizedType = keyof typeof blocks;

/** One block: its bytes begin at `at` of `data`, its numbers go to `out`. */
type Block = (data: DataView, at: number, out: Float32Array) => void;

interface Blocks {
  readonly elements: number;
  readonly bytes: number;
  readonly read: Block;
}

const half = (data: DataView, at: number): number => widenF16(Uint16Array.of(data.getUint16(at, true)))[0] ?? 0;

/** 32 numbers of 4 or 5 bits: a scale, a smallest number or a centre, the fifth bits, then two numbers a byte. */
function small({ smallest, fifth }: { smallest: boolean; fifth: boolean }): Blocks {
  const nibbles = 2 + (smallest ? 2 : 0) + (fifth ? 4 : 0);
  const centre = smallest ? 0 : fifth ? 16 : 8;
  return {
    elements: 32,
    bytes: nibbles + 16,
    read(data, at, out) {
      const scale = half(data, at);
      const least = smallest ? half(data, at + 2) : 0;
      const high = fifth ? data.getUint32(at + nibbles - 4, true) : 0;
      for (let i = 0; i < 32; i++) {
        const byte = data.getUint8(at + nibbles + (i % 16));
        const bits = (i < 16 ? byte & 15 : byte >> 4) | (((high >>> i) & 1) << 4);
        out[i] = Math.fround(scale * (bits - centre)) + least;
      }
    },
  };
}

/** The 6-bit scale and minimum of sub-block `j`, which share 12 bytes (`get_scale_min_k4`). */
function packedScale(data: DataView, at: number, j: number): { scale: number; least: number } {
  const byte = (i: number) => data.getUint8(at + i);
  if (j < 4) return { scale: byte(j) & 63, least: byte(j + 4) & 63 };
  return {
    scale: (byte(j + 4) & 15) | ((byte(j - 4) >> 6) << 4),
    least: (byte(j + 4) >> 4) | ((byte(j) >> 6) << 4),
  };
}

/** 8 sub-blocks of 32 numbers of 4 or 5 bits, each with a scale and a minimum of its own. */
function superBlocks(fifth: boolean): Blocks {
  const nibbles = 16 + (fifth ? 32 : 0);
  return {
    elements: 256,
    bytes: nibbles + 128,
    read(data, at, out) {
      const [scales, minima] = [half(data, at), half(data, at + 2)];
      for (let j = 0; j < 8; j++) {
        const packed = packedScale(data, at + 4, j);
        const scale = Math.fround(scales * packed.scale);
        const least = Math.fround(minima * packed.least);
        for (let i = 0; i < 32; i++) {
          const byte = data.getUint8(at + nibbles + (j >> 1) * 32 + i);
          const high = fifth ? (data.getUint8(at + 16 + i) >> j) & 1 : 0;
          const bits = (j % 2 === 0 ? byte & 15 : byte >> 4) | (high << 4);
          out[j * 32 + i] = Math.fround(scale * bits) - least;
        }
      }
    },
  };
}

/** 16 sub-blocks of 16 numbers of 6 bits, each with a scale of 8 bits: 4 low bits, 2 high bits, scales, the scale of all. */
const sixBits: Blocks = {
  elements: 256,
  bytes: 210,
  read(data, at, out) {
    const whole = half(data, at + 208);
    for (let i = 0; i < 256; i++) {
      const [part, quarter, l] = [i >> 7, (i >> 5) & 3, i & 31];
      const low = data.getUint8(at + part * 64 + (quarter & 1) * 32 + l);
      const high = (data.getUint8(at + 128 + part * 32 + l) >> (2 * quarter)) & 3;
      const bits = (quarter < 2 ? low & 15 : low >> 4) | (high << 4);
      const scale = data.getInt8(at + 192 + (i >> 4));
      out[i] = Math.fround(whole * scale) * (bits - 32);
    }
  },
};

const blocks = {
  Q4_0: small({ smallest: false, fifth: false }),
  Q4_1: small({ smallest: true, fifth: false }),
  Q5_0: small({ smallest: false, fifth: true }),
  Q5_1: small({ smallest: true, fifth: true }),
  Q4_K: superBlocks(false),
  Q5_K: superBlocks(true),
  Q6_K: sixBits,
} as const satisfies Record<string, Blocks>;

export const isQuantizedType = (type: string): type is GgufQuantizedType => Object.hasOwn(blocks, type);
export const quantizedTypes = Object.keys(blocks).filter(isQuantizedType);

/** The numbers of whole blocks. */
export function dequantize(type: GgufQuantizedType, bytes: Uint8Array): Float32Array {
  const { elements, bytes: size, read }: Blocks = blocks[type];
  const count = bytes.length / size;
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Float32Array(count * elements);
  for (let block = 0; block < count; block++) {
    read(data, block * size, values.subarray(block * elements, (block + 1) * elements));
  }
  return values;
}
