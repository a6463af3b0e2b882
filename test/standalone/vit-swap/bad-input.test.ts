import { execFile } from "node:child_process";
import { copyFile, cp, mkdir, readdir, readFile, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { type GgufChanges, ggufValue } from "../../../adapters/gguf/index.ts";
import { checkSwap, type MmprojTypeName, type SwapOptions, swapVit } from "../../../adapters/vit-swap/index.ts";
import { obstacles } from "../../../adapters/vit-swap/mmproj/obstacles.ts";
import { readTower } from "../../../adapters/vit-swap/vision-tower.ts";
import { type TensorToWrite, writeSafetensors } from "../../../sdk/weights/safetensors/write-safetensors.ts";
import { readExpected } from "../../golden/expected.ts";
import { rewritten } from "../../golden/projector/rewritten.ts";
import { writeTinyLlm } from "../../helpers/tiny-llm.ts";
import { failure, temporaryFolder } from "../checkpoint/temporary.ts";
import { encoder, llavaFull, mmproj, refusal, vlm } from "./fixtures.ts";

/** An mmproj whose bytes were changed. */
async function damaged(change: (bytes: Buffer) => Buffer | undefined): Promise<string> {
  const path = await mmproj(vlm("gemma3"));
  const bytes = await readFile(path);
  await writeFile(path, change(bytes) ?? bytes);
  return path;
}

/** Where the length of a tensor's name begins. */
const nameAt = (bytes: Buffer, name: string) => bytes.indexOf(name) - 8;

describe("a damaged mmproj", () => {
  const cases: Record<string, [change: (bytes: Buffer) => Buffer | undefined, message: RegExp]> = {
    "cut short": [(bytes) => bytes.subarray(0, bytes.length - 1000), /for tensor .* a file of/],
    "cut in its header": [(bytes) => bytes.subarray(0, 300), /cut short/],
    empty: [() => Buffer.alloc(0), /a file of 0 bytes/],
    "an absurd count of tensors": [(bytes) => void bytes.writeBigUInt64LE(2n ** 62n, 8), /at most 100000/],
    "an absurd count of keys": [(bytes) => void bytes.writeBigUInt64LE(2n ** 62n, 16), /at most 10000/],
    "an absurd length of a string": [(bytes) => void bytes.writeBigUInt64LE(2n ** 60n, 24), /at most 65535/],
    "a name past the end": [
      (bytes) => void bytes.writeBigUInt64LE(60n, nameAt(bytes, "mm.soft_emb_norm")),
      /INVALID|UTF-8|Expected/,
    ],
    "version 1": [(bytes) => void bytes.writeUInt32LE(1, 4), /version 2 or 3/],
    "version 4": [(bytes) => void bytes.writeUInt32LE(4, 4), /version 2 or 3/],
    "big-endian": [(bytes) => void bytes.writeUInt32BE(3, 4), /a big-endian GGUF file/],
    "tensors that overlap": [
      (bytes) => {
        // name, dimensions, sizes, type, offset: of a bias of one dimension
        const at = nameAt(bytes, "v.blk.1.ln1.bias") + 8 + "v.blk.1.ln1.bias".length + 4 + 8 + 4;
        bytes.writeBigUInt64LE(0n, at);
        return bytes;
      },
      /data of its own/,
    ],
  };

  test.each(Object.entries(cases))("%s", async (_, [change, message]) => {
    const { code, message: text } = await refusal(await damaged(change), encoder("gemma3"), "out.gguf");
    expect([code, text]).toEqual(["INVALID_GGUF", expect.stringMatching(message)]);
  });
});

describe("a file that is no mmproj with a vision tower", () => {
  const cases: Record<string, [changes: GgufChanges, code: string, message: RegExp]> = {
    "an audio mmproj": [
      { metadata: [["clip.has_vision_encoder", ggufValue.bool(false)]] },
      "INVALID_GGUF",
      /an mmproj with a vision tower/,
    ],
    "without the tower's tensors": [
      { without: (name) => name.startsWith("v.") },
      "INVALID_GGUF",
      /v\.patch_embd\.weight/,
    ],
    "without its width": [
      { without: (name) => name === "clip.vision.embedding_length" },
      "INVALID_GGUF",
      /received nothing/,
    ],
    "without a projector type": [
      { without: (name) => name === "clip.projector_type" },
      "UNSUPPORTED",
      /received nothing/,
    ],
    "another projector type": [
      { metadata: [["clip.projector_type", ggufValue.string("qwen2.5vl_merger")]] },
      "UNSUPPORTED",
      /one of mlp, internvl, .* "qwen2\.5vl_merger"/,
    ],
  };
  test.each(Object.entries(cases))("%s", async (_, [changes, code, message]) => {
    const error = await refusal(await mmproj(vlm("gemma3"), vlm("gemma3"), { changes }), encoder("gemma3"), "out.gguf");
    expect(error).toEqual({ code, message: expect.stringMatching(message) });
  });

  test("a language model", async () => {
    const { path } = await writeTinyLlm(join(await temporaryFolder(), "llm.gguf"), "qwen3");
    const error = await refusal(path, encoder("gemma3"), "out.gguf");
    expect(error).toEqual({ code: "INVALID_GGUF", message: expect.stringContaining("a model of architecture qwen3") });
  });
});

describe("what llama.cpp cannot compute", () => {
  test("a class token in the graph of mlp, unless it comes first there", async () => {
    const error = await refusal(vlm("llava-1.5"), vlm("llava-1.5"), "out.gguf");
    expect(error).toEqual({
      code: "UNSUPPORTED",
      message: expect.stringMatching(/without a class token .* issue 25814/),
    });
    const out = join(await temporaryFolder(), "out.gguf");
    await swapVit(vlm("llava-1.5"), vlm("llava-1.5"), out, { llamaCpp: "class-first" });
    const again = await refusal(out, encoder("llava-1.5"), "again.gguf", { float: "F16" });
    expect(again.code).toBe("UNSUPPORTED");
  });
  test.each([
    ["janus_pro", "gemma3", "gemma3", "UNSUPPORTED", /Expected linear, activation, linear .* average_pool, rms_norm/],
    [undefined, "internvl", "gemma3", "UNSUPPORTED", /one class token before the patches/],
    ["phi4", "llava-1.5", "llava-1.5", "UNSUPPORTED", /a tower without a class token/],
    [undefined, "llava-next", "llava-next", "UNSUPPORTED", /a newline after each row/],
  ] as const)("%s of %s behind %s", async (type, projector, tower, code, message) => {
    const error = await refusal(vlm(projector), vlm(tower), "out.gguf", type ? { type } : {});
    expect(error).toEqual({ code, message: expect.stringMatching(message) });
  });
  test("parts of a tower that a graph leaves out or takes for something else", async () => {
    const intern = await readTower(vlm("internvl"));
    const features = { layers: [3], finalNorm: false };
    const [block] = intern.spec.blocks;
    const { attention } = block!;
    const norm = attention.norm!;
    const withBlock = (change: object) => ({ ...intern.spec, blocks: [{ ...block!, ...change }] });
    const facts = (spec: object, type: MmprojTypeName = "internvl", taken = features) =>
      obstacles({ ...intern, spec: { ...intern.spec, ...spec } }, taken, type, "last").map(({ fact }) => fact);
    expect(facts({})).toEqual([]);
    expect(facts({ activation: "swiglu" })).toEqual(["activation"]);
    expect(facts({ registers: { ...norm.weight, shape: [1, 2, 16] } })).toEqual(["registers"]);
    expect(facts({ grid: 3 })).toEqual(["positions"]);
    expect(facts({ grid: null })).toEqual(["imageSize"]);
    expect(facts(withBlock({ queryNorm: norm }))).toEqual(["qkNorm"]);
    expect(facts(withBlock({ attention: { ...attention, norm: { ...norm, bias: null } } }))).toEqual(["norms"]);
    expect(facts({}, "internvl", { layers: [1, 3], finalNorm: true })).toEqual(["layer", "finalNorm"]);
    expect(facts({ classToken: null })).toEqual(["classToken"]);
    expect(facts({ classToken: null }, "mlp")).toEqual(["layerScale"]);
    expect(facts({}, "gemma3")).toEqual(["classToken"]);
    expect(facts({}, "mlp")).toEqual(["classToken", "layerScale"]);
  });
  test("constants that stand in a graph's code", async () => {
    const quick = await rewritten(
      "llava-1.5",
      (tensor) => tensor,
      (config) => ({ ...config, vision_feature_select_strategy: "full", projector_hidden_act: "quick_gelu" }),
    );
    expect(await refusal(quick, encoder("gemma3"), "out.gguf")).toEqual({
      code: "UNSUPPORTED",
      message: expect.stringMatching(/activation with kind gelu for .* type mlp .* activation with kind quick_gelu\.$/),
    });
  });
  test("a llama.cpp that was not checked", async () => {
    const model = await mmproj(vlm("internvl"));
    for (const llamaCpp of ["b99999", "b1", "v9.0.0"]) {
      const error = await refusal(model, encoder("internvl"), "out.gguf", { llamaCpp });
      expect(error).toEqual({ code: "UNSUPPORTED", message: expect.stringMatching(/b10055 to b10257, v0\.5\.0/) });
    }
  });
});

describe("bad options", () => {
  const cases: [options: SwapOptions, message: RegExp][] = [
    [{ allow: ["colour" as "width"] }, /a list of width, .* for option "allow" of swapVit but received \["colour"\]/],
    [{ layer: 0 }, /a block from 1 or from -1/],
    [{ layer: 1.5 }, /a block from 1 or from -1/],
    [{ layer: 9 }, /a block from 1 to 3 or from -3 to -1/],
    [{ float: "Q4_0" as "F16" }, /one of "F32", "F16" for option "float"/],
    [{ type: "resampler" as "mlp" }, /one of mlp, internvl/],
    [{ inPlace: "yes" as unknown as boolean }, /true or false/],
    [{ llamaCpp: "" }, /a version of llama\.cpp/],
    [{ floats: "F16" } as SwapOptions, /one of allow, .* for the options of swapVit but received "floats"/],
  ];
  test.each(cases)("%o", async (options, message) => {
    const error = await refusal(await mmproj(vlm("gemma3")), encoder("gemma3"), "out.gguf", options);
    expect(error).toEqual({ code: "INVALID_ARGUMENT", message: expect.stringMatching(message) });
  });
});

describe("the output", () => {
  test("is not the input, unless that is asked for", async () => {
    const model = await mmproj(vlm("gemma3"));
    const folder = join(model, "..");
    const link = join(folder, "link.gguf");
    await symlink(model, link);
    const before = await readFile(model);
    for (const out of [model, link]) {
      for (const run of [swapVit, checkSwap]) {
        expect(await failure(run(model, encoder("gemma3"), out))).toEqual({
          code: "INVALID_ARGUMENT",
          message: expect.stringMatching(/another file than the input/),
        });
      }
    }
    expect(await readFile(model)).toEqual(before);
    await swapVit(model, encoder("gemma3"), model, { inPlace: true });
    expect(await readFile(model)).not.toEqual(before);
    expect((await readdir(folder)).sort()).toEqual(["built.gguf", "link.gguf", "mmproj.gguf"]);
  });

  test("of a checkpoint is a folder that is not there yet", async () => {
    const folder = await temporaryFolder();
    const model = join(folder, "model");
    await cp(vlm("gemma3"), model, { recursive: true });
    await mkdir(join(folder, "there"));
    const before = await readdir(model);
    for (const [out, code, message] of [
      [model, "INVALID_ARGUMENT", /another folder than the input/],
      [join(model, "inside"), "INVALID_ARGUMENT", /another folder than the input/],
      [join(folder, "there"), "ALREADY_EXISTS", /not there yet/],
      [join(folder, "no", "such", "folder"), "IO_ERROR", /a folder that exists/],
    ] as const) {
      const error = await swapVit(model, encoder("gemma3"), out).catch((error: unknown) => error);
      expect(error).toMatchObject({ code, path: out, message: expect.stringMatching(message) });
    }
    expect([await readdir(model), await readdir(folder), await readdir(join(folder, "there"))]).toEqual([
      before,
      ["model", "there"],
      [],
    ]);
  });

  test("of an mmproj is a .gguf file", async () => {
    const error = await refusal(await mmproj(vlm("gemma3")), encoder("gemma3"), "out.bin");
    expect(error).toEqual({ code: "INVALID_ARGUMENT", message: expect.stringContaining("a name ending in .gguf") });
  });

  const swaps = fileURLToPath(new URL("swaps.ts", import.meta.url));
  /** What swaps end with where no file may become larger than 16 kB, as on a disk that fills up. */
  const onSmallDisk = async (...args: string[][]): Promise<string[]> => {
    const command = ["-c", 'ulimit -f 16; exec "$@"', "bash", process.execPath, swaps, JSON.stringify(args)];
    return JSON.parse((await promisify(execFile)("bash", command)).stdout);
  };

  test.skipIf(process.platform === "win32")("a disk that fills up leaves nothing behind", async () => {
    const folder = await temporaryFolder();
    const model = await mmproj(vlm("gemma3"));
    const before = await readFile(model);
    const ends = await onSmallDisk(
      [model, encoder("gemma3"), join(folder, "out.gguf")],
      [vlm("gemma3"), encoder("gemma3"), join(folder, "new.gguf")],
      [vlm("gemma3"), encoder("gemma3"), join(folder, "out")],
      [model, encoder("gemma3"), model],
    );
    expect(ends).toEqual(Array(4).fill(expect.stringMatching(/^IO_ERROR: .*a path that the system can write/)));
    const left = [await readdir(folder), (await readdir(join(model, ".."))).sort()];
    expect(left).toEqual([[], ["built.gguf", "mmproj.gguf"]]);
    expect(await readFile(model)).toEqual(before);
  });
});

describe("an encoder that is none", () => {
  test("or whose weights are not finite, or are too large for F16", async () => {
    const model = await mmproj(vlm("gemma3"));
    expect(await refusal(model, "/no/such/folder", "out.gguf")).toMatchObject({ code: "CHECKPOINT_NOT_FOUND" });
    expect(await refusal("/no/such/model", encoder("gemma3"), "out")).toMatchObject({ code: "CHECKPOINT_NOT_FOUND" });
    const folder = await temporaryFolder();
    await copyFile(join(encoder("gemma3"), "config.json"), join(folder, "config.json"));
    const weights = join(folder, "model.safetensors");
    for (const [value, code, message] of [
      [Number.NaN, "INVALID_CHECKPOINT", /finite numbers for tensor .*fc1\.weight/],
      [70_000, "INVALID_ARGUMENT", /below 65,520/],
    ] as const) {
      const tensors = Object.entries(readExpected(join(encoder("gemma3"), "model.safetensors"))).map(
        ([name, { shape, data }]): TensorToWrite => {
          const copy = Float32Array.from(data);
          if (name.endsWith("layers.1.mlp.fc1.weight")) copy[5] = value;
          return { name, dtype: "F32", shape, data: copy };
        },
      );
      await writeSafetensors(weights, tensors);
      for (const [target, out] of [
        [model, "out.gguf"],
        [vlm("gemma3"), "new.gguf"],
      ] as const) {
        const error = await refusal(target, folder, out, { float: "F16" });
        expect(error).toEqual({ code, message: expect.stringMatching(message) });
      }
    }
    await truncate(weights, 5000);
    expect(await refusal(vlm("gemma3"), folder, "out")).toMatchObject({ code: "INVALID_CHECKPOINT" });
  });
});

test("a projector that the tower does not fit is refused with both widths", async () => {
  const wide = await rewritten(
    "llava-1.5-layers",
    (tensor) => tensor,
    (config) => ({
      ...config,
      vision_feature_layer: -1,
      vision_feature_select_strategy: "full",
    }),
  );
  const error = await refusal(wide, encoder("gemma3"), "out.gguf");
  expect(error).toEqual({
    code: "INCOMPATIBLE",
    message: expect.stringMatching(/32 numbers.*received 16 numbers/),
  });
  expect(await refusal(await llavaFull([1, -2]), encoder("gemma3"), "x.gguf")).toMatchObject({
    code: "INCOMPATIBLE",
  });
});
