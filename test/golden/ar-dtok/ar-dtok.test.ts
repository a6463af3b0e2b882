import { copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, describe, expect, it } from "vitest";
import { readModel } from "../../../sdk/families/read-model.ts";
import { loadTokenizer } from "../../../sdk/index.ts";
import { beginDrawing, draw } from "../../../sdk/runtime/sessions/drawing.ts";
import { importOnnxRuntime, Sessions } from "../../../sdk/runtime/sessions/sessions.ts";
import { guide } from "../../../sdk/sampling/guide.ts";
import { largestDifference, readExpected, rowOf } from "../expected.ts";
import { writeTinyTaTok } from "../ta-tok/tiny.ts";
import { writeWeights } from "../tokenizers/weights.ts";
import { shapes, writeTinyTar } from "./tiny.ts";

/** Against csuhan/Tar's own code (make_ar_dtok.py). */
const expected = readExpected(join(import.meta.dirname, "expected.safetensors"));
const taTok = readExpected(join(import.meta.dirname, "../ta-tok/expected.safetensors"));
const root = await mkdtemp(join(tmpdir(), "ar-dtok-"));
afterAll(() => rm(root, { recursive: true }));

const IMAGES = [0, 1, 2];
const [STEPS, CODES, CONDITION, HEADS, HEAD] = [16, 64, 48, 2, 64];
/** Of 4 times the difference of two logits. */
const GUIDED_TOLERANCE = 5e-4;
const greedy = { temperature: 0 } as const;

describe.each([
  [1, 8],
  [2, 4],
  [3, 2],
])("pool scale %i", (scale, side) => {
  it("draws the pixels of the original, with guidance and without", async () => {
    const folder = await writeTinyTar(join(root, `scale-${scale}`), { pool_scale: scale });
    const tokenizer = await loadTokenizer(folder, { threads: 1 });
    try {
      expect(tokenizer.info).toMatchObject({
        decodes: "ids",
        outputSize: { width: 16, height: 16 },
        grid: { rows: side, columns: side },
        poolScale: scale,
        sampling: { steps: STEPS, guidanceScale: 4, temperature: 1, topK: 0, topP: 1 },
      });
      const ids = IMAGES.map((i) => rowOf(taTok[`${scale}.ids`]!, i) as Int32Array);
      for (const [name, options] of [
        ["guided", greedy] as const,
        ["plain", { ...greedy, guidanceScale: 1 }] as const,
      ]) {
        const pictures = await tokenizer.decode(ids, options);
        for (const [i, { data }] of pictures.entries()) {
          expect(largestDifference(data, rowOf(expected[`${scale}.${name}.pixels`]!, i))).toBeLessThanOrEqual(1);
        }
      }
    } finally {
      await tokenizer.dispose();
    }
  });

  it("has the original's logits, teacher-forced, with guidance and without", async () => {
    const folder = await writeTinyTar(join(root, `logits-${scale}`), { pool_scale: scale });
    const { graphs, decoder } = await readModel(folder);
    const graph = graphs.draw!({});
    const session = await InferenceSession.create(graph.bytes, {
      intraOpNumThreads: 1,
      extra: { session: { model_external_initializers_file_folder_path: graph.weightsFolder } },
    });
    const guidanceScale = decoder!.drawing!.guidanceScale;
    for (const i of IMAGES) {
      const features = rowOf(taTok[`${scale}.decoded`]!, i) as Float32Array;
      for (const [name, tolerance] of [["plain", 1e-4] as const, ["guided", GUIDED_TOLERANCE] as const]) {
        const ids = rowOf(expected[`${scale}.${name}.ids`]!, i) as Int32Array;
        const logits = rowOf(expected[`${scale}.${name}.logits`]!, i) as Float32Array;
        for (let step = 0; step < STEPS; step++) {
          const before = ids.subarray(0, step);
          const found = await logitsAfter(session, features, before);
          if (name === "guided") {
            guide(found, await logitsAfter(session, new Float32Array(features.length), before), guidanceScale);
          }
          const wanted = logits.subarray(step * CODES, (step + 1) * CODES);
          expect(largestDifference(found, wanted), `${name} logits of step ${step}`).toBeLessThan(tolerance);
        }
      }
    }
    await session.release();
  });
});

/** The graph's logits after features and ids, all of them new: there is no cache but a masked place. */
async function logitsAfter(session: InferenceSession, features: Float32Array, ids: Int32Array): Promise<Float32Array> {
  const tokens = features.length / CONDITION;
  const count = tokens + ids.length;
  const hears = (row: number, column: number) => column > 0 && column <= row + 1;
  const mask = Float32Array.from({ length: count * (count + 1) }, (_, at) =>
    hears(Math.floor(at / (count + 1)), at % (count + 1)) ? 0 : Number.NEGATIVE_INFINITY,
  );
  const empty = () => new Tensor("float32", new Float32Array(HEADS * HEAD), [1, HEADS, 1, HEAD]);
  const { logits } = await session.run(
    {
      condition: new Tensor("float32", features, [1, tokens, CONDITION]),
      ids: new Tensor("int64", BigInt64Array.from(ids, BigInt), [1, ids.length]),
      positions: new Tensor(
        "int64",
        BigInt64Array.from({ length: count }, (_, i) => BigInt(i)),
        [count],
      ),
      mask: new Tensor("float32", mask, [count, count + 1]),
      ...Object.fromEntries(
        [0, 1].flatMap((i) => [
          [`keys_${i}`, empty()],
          [`values_${i}`, empty()],
        ]),
      ),
    },
    ["logits"],
  );
  return logits!.data as Float32Array;
}

it("draws by a seed, tells how far it is, stops between ids and works on", async () => {
  const tokenizer = await loadTokenizer(await writeTinyTar(join(root, "seeds")), { threads: 1 });
  try {
    const [one, two] = [0, 1].map((i) => rowOf(taTok["1.ids"]!, i) as Int32Array);
    const progress: number[] = [];
    const onProgress = ({ done, total }: { done: number; total: number }) => {
      expect(total).toBe(2 * STEPS);
      progress.push(done);
    };
    const pictures = await tokenizer.decode([one!, two!], { seed: 3, onProgress });
    expect(progress.at(-1)).toBe(2 * STEPS);
    expect(progress.length).toBeGreaterThanOrEqual(8);
    expect(progress.toSorted((a, b) => a - b)).toEqual(progress);
    expect((await tokenizer.decode(two!, { seed: 3 })).data).toEqual(pictures[1]!.data);
    expect((await tokenizer.decode(two!, { seed: 4 })).data).not.toEqual(pictures[1]!.data);
    expect((await tokenizer.decode(two!, { seed: 4, topK: 1 })).data).toEqual(
      (await tokenizer.decode(two!, { seed: 5, topP: 1e-6 })).data,
    );

    const reason = new Error("enough");
    const controller = new AbortController();
    let seen = 0;
    const stopped = tokenizer.decode([one!, two!], {
      seed: 3,
      signal: controller.signal,
      onProgress: ({ done }) => {
        seen = done;
        if (done > STEPS / 2) controller.abort(reason);
      },
    });
    await expect(stopped).rejects.toBe(reason);
    expect(seen).toBeLessThan(STEPS);
    expect((await tokenizer.decode(one!, { seed: 3 })).data).toEqual(pictures[0]!.data);
  } finally {
    await tokenizer.dispose();
  }
});

it("keeps its cache as that grows: a long picture's ids are those of a run without one", async () => {
  const folder = await writeTinyTaTok(join(root, "long"), { pool_scale: 3 });
  const steps = 32 ** 2;
  await mkdir(join(folder, "decoder"));
  const drawer = { ...shapes.drawer, abs_pe: [1, 64 + steps - 1, 128] };
  await writeWeights(join(folder, "decoder/ar.safetensors"), drawer);
  await writeWeights(join(folder, "decoder/vq.safetensors"), shapes.vq);
  const { graphs, decoder } = await readModel(folder);
  const graph = graphs.draw!({});
  const setup = { graphs: { drawer: graph }, device: "cpu", threads: 1, precision: "fp32", prepack: false } as const;
  const sessions = new Sessions(await importOnnxRuntime(), setup);
  const features = rowOf(taTok["3.decoded"]!, 0) as Float32Array;
  const rule = { guidanceScale: 1, temperature: 1, topK: 4, topP: 1, seed: 1 };
  const ticket = await beginDrawing(sessions, { drawing: decoder!.drawing! }, { ...rule, features });
  const ids = await draw({ ticket, count: steps });
  // What was drawn is one of the four likeliest, wherever the cache has grown.
  const session = await sessions.open("drawer");
  for (const step of [1, 508, 509, 510, 600, steps - 1]) {
    const logits = await logitsAfter(session, features, ids.subarray(0, step));
    const likeliest = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]!).slice(0, 4);
    expect(likeliest).toContain(ids[step]);
  }
  await expect(draw({ ticket, count: 1 })).rejects.toMatchObject({ code: "RUNTIME" });
  await session.release();
});

it("reads the arguments in a file of the authors' kind: how many ids it draws", async () => {
  const folder = await writeTinyTaTok(join(root, "arguments"));
  await mkdir(join(folder, "decoder"));
  await copyFile(join(import.meta.dirname, "arguments.pth"), join(folder, "decoder/ar.pth"));
  await writeWeights(join(folder, "decoder/vq.safetensors"), shapes.vq);
  const wanted: readonly number[][] = JSON.parse(await readFile(join(import.meta.dirname, "arguments.json"), "utf8"));
  const tokenizer = await loadTokenizer(folder, { threads: 1 });
  try {
    expect(tokenizer.info).toMatchObject({ outputSize: { width: 8, height: 8 }, sampling: { steps: 4 } });
    // Their pixels by the second tokenizer alone: its half of the work is checked above.
    const vq = await loadTokenizer(await vqAlone(), { threads: 1 });
    for (const [i, ids] of wanted.entries()) {
      const { data } = await tokenizer.decode(rowOf(taTok["1.ids"]!, i) as Int32Array, greedy);
      expect(largestDifference(data, (await vq.decode(ids)).data)).toBeLessThanOrEqual(1);
    }
    await vq.dispose();
  } finally {
    await tokenizer.dispose();
  }
});

async function vqAlone(): Promise<string> {
  const folder = join(root, "vq");
  await mkdir(folder, { recursive: true });
  await writeWeights(join(folder, "model.safetensors"), shapes.vq);
  await writeFile(
    join(folder, "config.json"),
    JSON.stringify({ model_type: "vqgan", variant: "llamagen", image_size: 8 }),
  );
  return folder;
}

describe("refuses", () => {
  const broken = async (name: string, change: (decoder: string) => Promise<unknown>) => {
    const folder = await writeTinyTar(join(root, name));
    await change(join(folder, "decoder"));
    return folder;
  };
  const drawer = "ar_dtok_lp_256px.safetensors";
  const vq = "vq_ds16_t2i.safetensors";

  it.each<[string, (decoder: string) => Promise<unknown>, string, RegExp]>([
    [
      "no-vq",
      (folder) => rm(join(folder, vq)),
      "CHECKPOINT_NOT_FOUND",
      /AR-DTok's file .* received ar_dtok_lp_256px.safetensors alone.*peizesun/s,
    ],
    ["no-drawer", (folder) => rm(join(folder, drawer)), "CHECKPOINT_NOT_FOUND", /vq_ds16_t2i.safetensors alone/],
    [
      "another-file",
      (folder) => writeWeights(join(folder, "z.safetensors"), { "a.weight": [2, 2] }),
      "INVALID_CHECKPOINT",
      /z.safetensors, which is neither/,
    ],
    [
      "two",
      (folder) => copyFile(join(folder, drawer), join(folder, "ar_dtok_lp_512px.safetensors")),
      "INVALID_CHECKPOINT",
      /one file of each kind.*512px/s,
    ],
    [
      "after-classes",
      (folder) => writeWeights(join(folder, drawer), withoutCondition("cls_embedding.embedding_table.weight")),
      "UNSUPPORTED",
      /draws after features.*one after classes.*csuhan\/TA-Tok/s,
    ],
    [
      "after-ids",
      (folder) => writeWeights(join(folder, drawer), withoutCondition("clip_proj.embedding_table.weight")),
      "UNSUPPORTED",
      /one after ids/,
    ],
    [
      "other-features",
      (folder) => writeWeights(join(folder, drawer), { ...shapes.drawer, "clip_proj.weight": [128, 40] }),
      "INVALID_CHECKPOINT",
      /clip_proj.weight/,
    ],
    [
      "other-codes",
      (folder) => writeWeights(join(folder, vq), { ...shapes.vq, "quantize.embedding.weight": [32, 4] }),
      "INVALID_CHECKPOINT",
      /64 codes.*received 32/,
    ],
    [
      "other-positions",
      (folder) => writeWeights(join(folder, drawer), { ...shapes.drawer, abs_pe: [1, 80, 128] }),
      "INVALID_CHECKPOINT",
      /square number of ids to draw.*received 17/,
    ],
  ])("%s", async (name, change, code, message) => {
    await expect(readModel(await broken(name, change))).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  it("ids and options that are none; and without its files there are no pixels", async () => {
    const folder = await writeTinyTar(join(root, "bad-input"));
    const tokenizer = await loadTokenizer(folder, { threads: 1 });
    try {
      const ids = new Int32Array(64);
      const refused = { code: "INVALID_ARGUMENT" };
      await expect(tokenizer.decode(ids.subarray(1))).rejects.toMatchObject({
        ...refused,
        message: expect.stringContaining("64 ids (8 rows of 8)"),
      });
      await expect(tokenizer.decode([ids, Int32Array.from(ids).fill(64)])).rejects.toMatchObject({
        ...refused,
        index: 1,
      });
      for (const wrong of [{ guidanceScale: 0.5 }, { temperature: -1 }, { topP: 0 }, { seed: 2 ** 32 }]) {
        await expect(tokenizer.decode(ids, wrong)).rejects.toMatchObject(refused);
      }
    } finally {
      await tokenizer.dispose();
    }
    await rename(join(folder, "decoder"), join(folder, "elsewhere"));
    expect((await readModel(folder)).decoder).toBeNull();
  });
});

function withoutCondition(name: string): Record<string, readonly number[]> {
  const { "clip_proj.weight": _, "clip_proj.bias": __, ...others } = shapes.drawer;
  return { ...others, [name]: [65, 128] };
}
