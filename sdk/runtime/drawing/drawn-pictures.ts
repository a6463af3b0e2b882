import type { DecodeOptions, DecoderSampling } from "../../contract/decoder.ts";
import type { RgbImage } from "../../contract/image.ts";
import { atImage } from "../../contract/image-inputs.ts";
import type { DecoderTokens } from "../../contract/token-ids.ts";
import { present } from "../../errors.ts";
import { setFields } from "../../set-fields.ts";
import { abortable } from "../pool/abort.ts";
import { Gate } from "../pool/gate.ts";
import type { JobPool } from "../pool/job-pool.ts";
import { buffersOf, type Jobs } from "../pool/protocol.ts";

/** Ids that a job draws: an abort is obeyed, and progress told, after each. */
const IDS_PER_JOB = 4;

/** What is asked of a drawing: the options of `decode`, checked. */
export type DrawingOptions = Pick<
  DecodeOptions,
  "seed" | "guidanceScale" | "temperature" | "topK" | "topP" | "onProgress" | "signal"
>;

interface Pools {
  /** Decodes features and pixels. */
  readonly pool: JobPool<Jobs>;
  /** Draws ids; null for a model that draws none. */
  readonly drawer: JobPool<Jobs> | null;
}

/** null for a model whose decoder computes its pixels at once, or has none. */
export const drawnPictures = (
  { sampling }: { readonly sampling?: DecoderSampling },
  { pool, drawer }: Pools,
): DrawnPictures | null => (sampling && drawer ? new DrawnPictures(sampling, pool, drawer) : null);

/** Pixels by ids of a second tokenizer, which are drawn after features of the ids that are given. One picture at a time. */
export class DrawnPictures {
  readonly #sampling: DecoderSampling;
  readonly #pool: JobPool<Jobs>;
  readonly #drawer: JobPool<Jobs>;
  readonly #turns = new Gate(1);

  constructor(sampling: DecoderSampling, pool: JobPool<Jobs>, drawer: JobPool<Jobs>) {
    this.#sampling = sampling;
    this.#pool = pool;
    this.#drawer = drawer;
  }

  /** @param images checked ids, of one image each */
  async decode(images: readonly DecoderTokens[], options: DrawingOptions): Promise<RgbImage[]> {
    const { onProgress, seed = 0, signal: outer, guidanceScale, temperature, topK, topP } = options;
    const { steps, ...defaults } = this.#sampling;
    const rule = { ...defaults, ...setFields({ guidanceScale, temperature, topK, topP }), seed };
    const total = images.length * steps;
    return abortable(outer, async (signal) => {
      const pictures: RgbImage[] = [];
      for (const [i, ids] of images.entries()) {
        const drawn = (count: number) => onProgress?.({ done: i * steps + count, total });
        const one = () => this.#picture(Int32Array.from(ids), rule, drawn, signal);
        pictures.push(await atImage(images.length > 1 ? i : null, () => this.#turns.run(one, signal)));
      }
      return pictures;
    });
  }

  async dispose(): Promise<void> {
    await this.#drawer.dispose();
  }

  async #picture(
    ids: Int32Array,
    rule: Omit<Jobs["beginDrawing"]["input"], "features">,
    onDrawn: (count: number) => void,
    signal: AbortSignal,
  ): Promise<RgbImage> {
    const { steps } = this.#sampling;
    const [features] = await this.#pool.run("decodeFeatures", { images: [ids] }, { signal });
    const input = { ...rule, features: present(features, "features of the ids") };
    const ticket = await this.#drawer.run("beginDrawing", input, { signal });
    const drawn = new Int32Array(steps);
    for (let done = 0; done < steps; ) {
      const next = await this.#drawer.run("draw", { ticket, count: Math.min(IDS_PER_JOB, steps - done) }, { signal });
      drawn.set(next, done);
      done += next.length;
      onDrawn(done);
    }
    const [picture] = await this.#pool.run("decode", { images: [drawn] }, { transfer: buffersOf([drawn]), signal });
    return present(picture, "a picture of the ids");
  }
}
