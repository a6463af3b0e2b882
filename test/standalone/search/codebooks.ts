/** Codebooks that a search could go wrong on, and vectors near their codes. */

export interface Problem {
  /** [size, dim] */
  readonly codes: Float32Array;
  /** [count, dim] */
  readonly vectors: Float32Array;
}

/** Normal numbers, the same for the same seed (mulberry32, Box-Muller). */
export function normals(seed: number): () => number {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return (((x ^ (x >>> 14)) >>> 0) + 0.5) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** Lets a kind of codebook place its codes, and then puts a vector beside every code that `vectors` come upon. */
type Kind = (random: () => number, size: number, dim: number) => { codes: Float32Array; noise: number };

const gaussian: Kind = (random, size, dim) => ({ codes: fill(size * dim, random), noise: 0.3 });

export const kinds = {
  gaussian,
  "pure noise": (random, size, dim) => ({ ...gaussian(random, size, dim), noise: 100 }),
  clustered: (random, size, dim) => {
    const centers = fill(4 * dim, random);
    return {
      codes: Float32Array.from({ length: size * dim }, (_, i) => {
        return centers[(Math.floor(i / dim) % 4) * dim + (i % dim)]! + 0.01 * random();
      }),
      noise: 0.01,
    };
  },
  "few directions": (random, size, dim) => {
    const directions = fill(6 * dim, random);
    const codes = fill(size * dim, () => 1e-3 * random());
    for (let k = 0; k < size; k++) {
      for (let j = 0; j < 6; j++) {
        const length = random() / (j + 1);
        for (let i = 0; i < dim; i++) codes[k * dim + i]! += length * directions[j * dim + i]!;
      }
    }
    return { codes, noise: 0.1 };
  },
  duplicated: (random, size, dim) => {
    const { codes } = gaussian(random, size, dim);
    for (let k = 0; k < size; k++) codes.copyWithin(k * dim, (k % 7) * dim, ((k % 7) + 1) * dim);
    return { codes, noise: 0.1 };
  },
  "ties on a lattice": (random, size, dim) => ({
    codes: fill(size * dim, () => Math.sign(Math.round(random()))),
    noise: 0,
  }),
  "nearly equal": (random, size, dim) => {
    const center = fill(dim, random);
    const codes = Float32Array.from({ length: size * dim }, (_, i) => center[i % dim]! * (1 + 2e-7 * random()));
    return { codes, noise: 1e-7 };
  },
  "far from the origin": (random, size, dim) => ({
    codes: fill(size * dim, () => 1000 + random()),
    noise: 0.3,
  }),
  "of many lengths": (random, size, dim) => {
    const codes = fill(size * dim, random);
    for (let k = 0; k < size; k++) {
      const scale = 10 ** (3 * random());
      for (let i = k * dim; i < (k + 1) * dim; i++) codes[i]! *= scale;
    }
    return { codes, noise: 0.3 };
  },
  "tiny beside huge vectors": (random, size, dim) => ({ codes: fill(size * dim, () => 1e-30 * random()), noise: 1e38 }),
  huge: (random, size, dim) => ({ codes: fill(size * dim, () => 1e37 * random()), noise: 1e36 }),
  denormal: (random, size, dim) => ({ codes: fill(size * dim, () => 1e-43 * random()), noise: 1e-43 }),
  zero: (_, size, dim) => ({ codes: new Float32Array(size * dim), noise: 1 }),
} satisfies Record<string, Kind>;

export type KindName = keyof typeof kinds;
export const kindNames = Object.keys(kinds) as KindName[];

export function problem(kind: KindName, seed: number, size: number, dim: number, count: number): Problem {
  const random = normals(seed);
  const { codes, noise } = kinds[kind](random, size, dim);
  const vectors = new Float32Array(count * dim);
  for (let t = 0; t < count; t++) {
    const code = (Math.imul(t, 7919) + seed) % size;
    // Every fifth is zero or half-way between two codes.
    const other = (code + 1) % size;
    for (let i = 0; i < dim; i++) {
      const near = clamp(codes[code * dim + i]! + noise * random());
      const halfway = codes[code * dim + i]! / 2 + codes[other * dim + i]! / 2;
      vectors[t * dim + i] = t % 10 === 4 ? 0 : t % 10 === 9 ? halfway : near;
    }
  }
  return { codes, vectors };
}

/** To the range of float32. */
const clamp = (x: number): number => Math.max(-3.4e38, Math.min(3.4e38, x));
const fill = (length: number, value: () => number): Float32Array => Float32Array.from({ length }, value);
