import type { ImageEmbeddings } from "../../contract/embedder.ts";
import { present } from "../../errors.ts";
import { arrange, type EmbeddedView } from "../../image/arrange.ts";
import { arrangeVideo } from "../../image/video.ts";
import { videoPlanOf } from "../../image/view-plan.ts";
import type { View } from "../../image/views.ts";
import type { Jobs, WorkerSetup } from "../pool/protocol.ts";
import { encoderInput, shareRuns } from "./encoder-input.ts";
import { floats, split } from "./outputs.ts";
import type { Sessions } from "./sessions.ts";

/** Prepared images -> their views' embeddings, put in order. Views of all images fill the graph runs together. */
export async function embed(
  sessions: Sessions,
  setup: WorkerSetup,
  { images, viewsPerRun }: Jobs["embed"]["input"],
): Promise<ImageEmbeddings[]> {
  const projector = present(setup.projector, "a projector");
  const views = images.flatMap((image) => image.views);
  const size = shareRuns(projector.image, setup.precision) ? viewsPerRun : 1;
  const embedded: EmbeddedView[] = [];
  let newline: Float32Array | null = null;
  for (let start = 0; start < views.length; start += size) {
    const run = await embedViews(sessions, setup, views.slice(start, start + size));
    embedded.push(...run.views);
    newline = run.newline;
  }
  return images.map((image) => {
    const own = embedded.splice(0, image.views.length);
    if (image.video === undefined) return arrange(own, projector, image, newline);
    const { time } = present(videoPlanOf(projector.image), "how videos are prepared");
    const { layout, info } = projector;
    return arrangeVideo(own, time, layout, { ...image.video, dim: info.outputDim });
  });
}

/** n views of one size, in one run of encoder and projector. */
async function embedViews(
  sessions: Sessions,
  { projector }: WorkerSetup,
  views: readonly View[],
): Promise<{ views: EmbeddedView[]; newline: Float32Array | null }> {
  const { image, info, input } = present(projector, "a projector");
  const pixels = views.map((view) => view.image);
  // Images of their own aspect ratio take a run each, and so do pairs of frames.
  const next = views[0]?.next;
  const { mean, std } = (next && videoPlanOf(image)) ?? image;
  const { grid, feeds } = encoderInput(sessions, pixels, { geometry: image.geometry, mean, std }, input, next);
  const outputs = await sessions.run("projector", feeds, ["embeddings", "newline"]);
  const embeddings = split(floats("projector", outputs, "embeddings"), views.length);
  const side = Math.sqrt(info.patchesPerToken);
  return {
    views: views.map(({ tile }, i) => ({
      data: present(embeddings[i], "the embeddings of each view"),
      grid: { rows: grid.rows / side, columns: grid.columns / side },
      tile,
    })),
    newline: outputs.newline ? floats("projector", outputs, "newline") : null,
  };
}
