import type { ImageSegment } from "../../contract/embedder.ts";
import { describe } from "../../errors.ts";
import { check, equal, positive, refuses } from "./assertions.ts";
import { type Check, NotApplicable } from "./subject.ts";

export const embedChecks: readonly Check[] = [
  [
    "embed: segments hold as many embeddings as tokens says, each of embeddingDim numbers",
    async (subject) => {
      const { embedder } = subject;
      const { projector } = embedder.info;
      for (const [i, result] of (await embedder.embed(subject.pictures())).entries()) {
        const what = `embed, image ${i}`;
        equal(
          result.embeddingDim,
          projector?.outputDim,
          `${what}: embeddingDim, which info.projector.outputDim states`,
        );
        let tokens = 0;
        for (const [n, segment] of result.segments.entries()) {
          tokens += embeddingsOf(segment, result.embeddingDim, `${what}: segments[${n}]`);
        }
        equal(result.tokens, tokens, `${what}: tokens, the embeddings of all segments`);
        positive(result.tokens, `${what}: tokens`);
      }
    },
  ],
  [
    "embed: without a projector is UNSUPPORTED",
    async (subject) => {
      const { model } = subject;
      if (!("embed" in model)) throw new NotApplicable("the model has no embed");
      if (model.info.projector !== null) throw new NotApplicable("the model has a projector");
      await refuses(() => model.embed(subject.picture()), ["UNSUPPORTED"], "embed without a projector");
    },
  ],
];

/** Checks one segment and counts its embeddings. */
function embeddingsOf(segment: ImageSegment, dim: number, what: string): number {
  if (segment.type === "text") {
    check(typeof segment.text === "string", `${what}: expected a text but received ${describe(segment.text)}`);
    return 0;
  }
  equal(segment.type, "embeddings", `${what}: type`);
  const { data, grid, attention } = segment;
  positive(grid.rows, `${what}: grid.rows`);
  positive(grid.columns, `${what}: grid.columns`);
  check(data instanceof Float32Array, `${what}: expected data to be a Float32Array but received ${describe(data)}`);
  equal(data.length, grid.rows * grid.columns * dim, `${what}: numbers of data, [rows * columns, embeddingDim]`);
  check(data.every(Number.isFinite), `${what}: expected data to be finite numbers`);
  check(
    attention === "causal" || attention === "full",
    `${what}: expected attention to be "causal" or "full" but received ${describe(attention)}`,
  );
  return grid.rows * grid.columns;
}
