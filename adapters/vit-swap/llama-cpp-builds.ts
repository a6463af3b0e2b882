import { expected } from "../../sdk/kit.ts";

/** Where a graph of llama.cpp puts the class token among the patches. The position table is added from row 0 in both cases. */
export type ClassTokenPlace = "first" | "last";

/** The build that files are written for by default: the newest that was checked. */
export const DEFAULT_BUILD = "v0.5.0";

/**
 * The builds whose graphs were read or run. All of them put the class token last, in `internvl` and in `mlp` (llama.cpp
 * issue 25814, reported of b10055; pull request 25844 would put it first in `mlp`).
 */
const checked = { releases: ["v0.5.0"], firstBuild: 10055, lastBuild: 10257 };
const checkedPlace: ClassTokenPlace = "last";

/**
 * The place of the class token in llama.cpp `version`: a release ("v0.5.0") or build ("b10257") that was checked, or
 * "class-first", "class-last" for any other.
 * @throws UNSUPPORTED for a version that was not checked
 */
export function classTokenPlace(version: string): ClassTokenPlace {
  if (version === "class-first" || version === "class-last") return version === "class-first" ? "first" : "last";
  const build = /^b?(\d{1,9})$/.exec(version)?.[1];
  const known = build !== undefined && checked.firstBuild <= Number(build) && Number(build) <= checked.lastBuild;
  if (known || checked.releases.includes(version)) return checkedPlace;
  const what = `b${checked.firstBuild} to b${checked.lastBuild}, ${checked.releases.join(", ")}, "class-first" or "class-last"`;
  throw expected(
    "UNSUPPORTED",
    what,
    "the version of llama.cpp",
    version,
    "It is not known where its graph puts the class token: docs/swap-the-vit.md says how to find out.",
  );
}
