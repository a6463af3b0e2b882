/** torch fills an `arange` in blocks of two vectors of eight numbers, and what is left one by one. */
const VECTOR = 8;
const BLOCK = 2 * VECTOR;

/**
 * The row of the position table that Idefics3 gives each row of patches, and the column each column: `side` buckets of
 * fractional positions in float32, as torch computes them on a CPU (transformers/models/idefics3/modeling_idefics3.py
 * `Idefics3VisionEmbeddings`). From 19 patches on some sides have two patches in one bucket and none in the next.
 */
export function positionBuckets(side: number): number[] {
  const boundaries = bucketBoundaries(side);
  const step = Math.fround(1 / side);
  const most = Math.fround(1 - 1e-6);
  let bucket = 0;
  return Array.from({ length: side }, (_, i) => {
    const position = Math.min(Math.fround(i * step), most);
    for (let next = boundaries[bucket]; next !== undefined && next <= position; next = boundaries[bucket]) bucket++;
    return bucket;
  });
}

/** torch.arange(1 / side, 1, 1 / side) in float32: of a vector the first number is rounded before the others are counted from it. */
function bucketBoundaries(side: number): Float32Array {
  const step = 1 / side;
  const count = Math.ceil((1 - step) / step);
  const vectors = Math.floor(count / BLOCK) * BLOCK;
  return Float32Array.from({ length: count }, (_, i) => {
    const first = i < vectors ? Math.floor(i / VECTOR) * VECTOR : i;
    const start = step + step * first;
    return i < vectors ? Math.fround(start) + step * (i - first) : start;
  });
}
