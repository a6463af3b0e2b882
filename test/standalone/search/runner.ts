import { importOnnxRuntime, Sessions } from "../../../sdk/runtime/sessions/sessions.ts";
import type { GraphRunner } from "../../../sdk/search/graph-runner.ts";
import {
  buildCoordinatesGraph,
  buildFloat32SearchGraph,
  buildInt8SearchGraph,
} from "../../../sdk/search/search-graphs.ts";
import { SHORTLIST } from "../../../sdk/search/shortlists.ts";

/** The search's graphs on one thread, for codebooks of `size` codes. */
export async function searchGraphs(size: number): Promise<Sessions> {
  const count = Math.min(SHORTLIST, size);
  return new Sessions(await importOnnxRuntime(), {
    graphs: {
      float32_search: buildFloat32SearchGraph(count),
      int8_search: buildInt8SearchGraph(count),
      coordinates: buildCoordinatesGraph(),
    },
    device: "cpu",
    threads: 1,
    precision: "fp32",
    prepack: false,
  });
}

/** The graphs as a plain object, for a test that replaces one of its methods. */
export const bound = (graphs: Sessions): GraphRunner => ({
  tensor: graphs.tensor.bind(graphs),
  run: graphs.run.bind(graphs),
  multipliesBytesExactly: graphs.multipliesBytesExactly.bind(graphs),
});
