import { expectedBut } from "../../../sdk/kit.ts";

/** One of several equal parts of a list of shards. */
export interface Slice {
  readonly index: number;
  readonly of: number;
}

/** Every `of`-th shard, from number `index`: the slices of all indices are all shards. */
export const takeSlice = <T>(shards: readonly T[], { index, of }: Slice): T[] =>
  shards.filter((_, i) => i % of === index);

/**
 * Which slice this process is to take: as it was asked for, or as a cluster's scheduler says. A SLURM array says both numbers
 * (SLURM_ARRAY_TASK_ID, _MIN, _STEP and _COUNT); a Kubernetes Indexed Job says its index (JOB_COMPLETION_INDEX) and not their
 * number. null where nothing says one.
 * @throws INVALID_ARGUMENT for one number without the other, or an index that is too large
 */
export function findSlice(
  asked: { readonly [K in keyof Slice]?: number | undefined },
  env: Readonly<Record<string, string | undefined>>,
): Slice | null {
  const slurm = slurmSlice(env);
  const index = asked.index ?? slurm?.index ?? numberOf(env.JOB_COMPLETION_INDEX);
  if (index === undefined) {
    if (asked.of === undefined) return null;
    throw expectedBut("INVALID_ARGUMENT", "an index", "the slice", `of ${asked.of} alone`, "Give --index as well.");
  }
  const of = asked.of ?? (asked.index === undefined ? slurm?.of : undefined);
  if (of === undefined) {
    throw expectedBut(
      "INVALID_ARGUMENT",
      "the number of slices",
      "the slice",
      `index ${index} alone`,
      "Give --of as well.",
    );
  }
  if (index < of) return { index, of };
  throw expectedBut("INVALID_ARGUMENT", `an index from 0 to ${of - 1}`, "the slice", `${index}`);
}

function slurmSlice(env: Readonly<Record<string, string | undefined>>): Slice | undefined {
  const id = numberOf(env.SLURM_ARRAY_TASK_ID);
  if (id === undefined) return undefined;
  const least = numberOf(env.SLURM_ARRAY_TASK_MIN) ?? 0;
  const most = numberOf(env.SLURM_ARRAY_TASK_MAX) ?? id;
  const step = numberOf(env.SLURM_ARRAY_TASK_STEP) ?? 1;
  const of = numberOf(env.SLURM_ARRAY_TASK_COUNT) ?? Math.floor((most - least) / step) + 1;
  // A list with holes, such as --array=3,7, has no slices that the number alone tells apart.
  if ((most - least) / step + 1 === of) return { index: (id - least) / step, of };
  throw expectedBut(
    "INVALID_ARGUMENT",
    "a SLURM array without holes",
    "the slice",
    `tasks ${least} to ${most}, ${of} of them`,
    "Give --index and --of.",
  );
}

const numberOf = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
