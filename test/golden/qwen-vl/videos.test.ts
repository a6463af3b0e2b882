import { readFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ImageEmbeddings, loadProjector, type RgbImage, VQRAE } from "../../../sdk/index.ts";
import { failure, temporaryFolder, writeJson } from "../../standalone/checkpoint/temporary.ts";
import { largestDifference, readExpected } from "../expected.ts";

/** Against transformers' towers and video processors: make_videos.py. */
interface Facts {
  readonly fps: number;
  /** Of patches: pairs of frames, rows, columns. */
  readonly grid: readonly [number, number, number];
  readonly times: readonly number[];
  readonly seconds: readonly string[];
}

/**
 * Where nothing is resized; and where torchvision resizes, whose bytes differ from Pillow's by one here and there. Embeddings are
 * of a size of one to five.
 */
const TOLERANCE = { same: 1e-4, resized: 0.05 };
const [BEGIN, END] = ["<|vision_start|>", "<|vision_end|>"];

const load = async (folder: string) =>
  VQRAE.load(folder, { device: "cpu", threads: 1, projector: await loadProjector(folder) });

const runsOf = ({ segments }: ImageEmbeddings) =>
  segments.flatMap((segment) => (segment.type === "embeddings" ? [segment] : []));

describe.each(["qwen2-vl", "qwen2-5-vl", "qwen3-vl"])("%s", (name) => {
  const folder = join(import.meta.dirname, name);
  const facts: Facts[] = JSON.parse(readFileSync(join(folder, "video.json"), "utf8"));
  const tensors = readExpected(join(folder, "video.safetensors"));
  const framesOf = (i: number): RgbImage[] => {
    const { data, shape } = tensors[`${i}.frames`]!;
    const [count = 0, height = 0, width = 0] = shape;
    const size = height * width * 3;
    return Array.from({ length: count }, (_, t) => ({
      data: (data as Uint8Array).subarray(t * size, (t + 1) * size),
      width,
      height,
    }));
  };

  let tower: VQRAE;
  beforeAll(async () => {
    tower = await load(folder);
  });
  afterAll(() => tower.dispose());

  it.each(facts.map((fact, i) => [i, fact.fps, fact] as const))("video %i at %f fps", async (i, fps, fact) => {
    const frames = framesOf(i);
    const embedded = await tower.embedVideo({ frames, fps });
    const runs = runsOf(embedded);
    const [pairs, rows, columns] = fact.grid;
    const grid = { rows: rows / 2, columns: columns / 2 };
    const texts = embedded.segments.map((segment) => (segment.type === "text" ? segment.text : null));
    if (name === "qwen3-vl") {
      const timed = fact.seconds.flatMap((seconds) => [`${seconds}${BEGIN}`, null, END]);
      expect(texts).toEqual([BEGIN, ...timed, END]);
      expect(runs.map((run) => run.grid)).toEqual(Array.from({ length: pairs }, () => grid));
    } else {
      expect(texts).toEqual([BEGIN, null, END]);
      expect(runs[0]).toMatchObject({ grid, times: fact.times });
    }
    expect(embedded.tokens).toBe((pairs * rows * columns) / 4);
    const expected = tensors[`${i}.embeddings`]!;
    expect(embedded.embeddingDim).toBe(expected.shape[1]);
    const numbers = Float32Array.from(runs.flatMap(({ data }) => [...data]));
    const resized = rows * 4 !== frames[0]!.height || columns * 4 !== frames[0]!.width;
    expect(largestDifference(numbers, expected.data)).toBeLessThan(resized ? TOLERANCE.resized : TOLERANCE.same);
  });

  it("a pair of equal frames is the still image", async () => {
    const [image] = framesOf(0) as [RgbImage];
    const still = runsOf(await tower.embed(image));
    const video = runsOf(await tower.embedVideo({ frames: [image, image], fps: 1 }));
    // Of one size for both processors.
    expect(video[0]!.grid).toEqual(still[0]!.grid);
    expect(largestDifference(video[0]!.data, still[0]!.data)).toBeLessThan(1e-6);
  });
});

describe("what is no video", () => {
  const folder = join(import.meta.dirname, "qwen2-vl");
  const grey = (width: number): RgbImage => ({ data: new Uint8Array(width * 24 * 3), width, height: 24 });

  it("no frames, no rate, frames of several sizes, a frame that is no image", async () => {
    await using tower = await load(folder);
    const said = async (frames: RgbImage[], fps = 1) => failure(tower.embedVideo({ frames, fps }));
    expect((await said([])).message).toMatch(/a list of frames for a video/);
    for (const fps of [0, -1, Number.NaN]) expect((await said([grey(24)], fps)).message).toMatch(/frames per second/);
    expect(await said([grey(24), grey(64)])).toMatchObject({ code: "INVALID_ARGUMENT" });
    const error = await failure(tower.embedVideo({ frames: [grey(24), Uint8Array.of(1, 2, 3)], fps: 1 }));
    expect(error).toMatchObject({ code: "INVALID_IMAGE", message: expect.stringMatching(/^images\[1\]: /) });
    const reason = new Error("enough");
    await expect(tower.embedVideo({ frames: [grey(24)], fps: 1 }, { signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
  });

  it("a model that takes none", async () => {
    await using llava = await load(join(import.meta.dirname, "../projector/llava-1.5"));
    expect(await failure(llava.embedVideo({ frames: [grey(24)], fps: 1 }))).toMatchObject({ code: "UNSUPPORTED" });
  });

  it("a single frame, where the processor wants two", async () => {
    await using tower = await load(join(import.meta.dirname, "qwen3-vl"));
    const error = await failure(tower.embedVideo({ frames: [grey(24)], fps: 1 }));
    expect(error.message).toMatch(/at least 2 frames/);
  });

  it("a field of a video processor that nothing reads is refused by its name", async () => {
    const copy = await temporaryFolder();
    await cp(folder, copy, { recursive: true });
    await writeJson(copy, "video_preprocessor_config.json", { cap_pixels_per_frame: true });
    expect((await failure(VQRAE.load(copy))).message).toMatch(/cap_pixels_per_frame/);
    await writeJson(copy, "video_preprocessor_config.json", { temporal_patch_size: 3, patch_size: 4 });
    expect((await failure(VQRAE.load(copy))).message).toMatch(/temporal_patch_size/);
  });
});
