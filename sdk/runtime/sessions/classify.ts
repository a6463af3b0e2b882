import type { RgbImage } from "../../contract/image.ts";
import type { Jobs, WorkerSetup } from "../pool/protocol.ts";
import { encoderInput, shareRuns } from "./encoder-input.ts";
import { floats, split } from "./outputs.ts";
import type { Sessions } from "./sessions.ts";

/** n images -> the logits of each, [labels]. Images that may not share a pass take one each. */
export async function classify(
  sessions: Sessions,
  setup: WorkerSetup,
  { images }: Jobs["classify"]["input"],
): Promise<Float32Array[]> {
  if (shareRuns(setup.image, setup.precision)) return logitsOf(sessions, setup, images);
  const all: Float32Array[] = [];
  for (const image of images) all.push(...(await logitsOf(sessions, setup, [image])));
  return all;
}

async function logitsOf(
  sessions: Sessions,
  { image, input }: WorkerSetup,
  images: readonly RgbImage[],
): Promise<Float32Array[]> {
  const { feeds } = encoderInput(sessions, images, image, input);
  const outputs = await sessions.run("classifier", feeds, ["logits"]);
  return split(floats("classifier", outputs, "logits"), images.length);
}
