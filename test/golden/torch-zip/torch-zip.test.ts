import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gatheredCheckpoint } from "../../../sdk/runtime/made-weights/gathered-checkpoint.ts";
import { isStridedWeight, isWeightDtype } from "../../../sdk/weights/dtypes.ts";
import { openFolderTensors, openTensors } from "../../../sdk/weights/open-tensors.ts";
import { readTensor } from "../../../sdk/weights/read-tensor.ts";
import { openTorchFile, type TorchFileTensor } from "../../../sdk/weights/torch-zip/open-torch-file.ts";

const here = import.meta.dirname;
const at = (name: string): string => join(here, name);

interface Expected {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly values: readonly number[];
}
const expected: Record<string, Record<string, Expected>> = JSON.parse(await readFile(at("expected.json"), "utf8"));

const dtypes: Readonly<Record<string, string>> = {
  "torch.float32": "F32",
  "torch.float16": "F16",
  "torch.bfloat16": "BF16",
  "torch.float64": "F64",
  "torch.int64": "I64",
  "torch.bool": "BOOL",
};

async function requireSame(tensors: ReadonlyMap<string, TorchFileTensor>, wanted: Record<string, Expected>) {
  expect([...tensors.keys()].sort()).toEqual(Object.keys(wanted).sort());
  for (const [name, { shape, dtype, values }] of Object.entries(wanted)) {
    const tensor = tensors.get(name)!;
    expect(tensor.shape, name).toEqual(shape);
    expect(tensor.dtype.replace("STRIDED_", ""), name).toBe(dtypes[dtype]);
    const { dtype: own } = tensor;
    if (isWeightDtype(own) || isStridedWeight(own)) {
      expect(Array.from(await readTensor({ ...tensor, dtype: own })), name).toEqual(values);
    }
  }
}

describe("files of torch.save", () => {
  it.each(["plain.pt", "views.pt", "lightning.ckpt", "ema.pt", "protocol-5.pth", "evil-beside.pt"])(
    "%s holds what torch.load reads of it",
    async (name) => {
      await requireSame((await openTorchFile(at(name))).tensors, expected[name]!);
    },
  );

  it("reads shards by their index, and refuses a view where the numbers must lie as they are", async () => {
    await requireSame(await openFolderTensors(at("sharded")), expected.sharded!);
    const folder = await mkdtemp(join(tmpdir(), "torch-zip-"));
    try {
      await copyFile(at("views.pt"), join(folder, "pytorch_model.bin"));
      await requireSame(await openFolderTensors(folder), expected["views.pt"]!);
      await expect(openTensors(folder)).rejects.toMatchObject({
        code: "UNSUPPORTED",
        message: expect.stringContaining("tensor transposed of"),
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("gathers views into the cache once, where a model is to run", async () => {
    const cache = await mkdtemp(join(tmpdir(), "torch-zip-"));
    const signal = new AbortController().signal;
    const steps: number[] = [];
    const report = (done: number) => steps.push(done);
    const checkpoint = {
      path: here,
      file: at("views.pt"),
      modelId: "views",
      licence: null,
      json: {},
      weightsAlone: true,
      processor: null,
      mmproj: null,
      tensors: async () => (await openTorchFile(at("views.pt"))).tensors,
    };
    try {
      for (let time = 0; time < 2; time++) {
        const tensors = await gatheredCheckpoint(checkpoint, cache, { report, signal }).tensors();
        for (const [name, { shape, values }] of Object.entries(expected["views.pt"]!)) {
          const tensor = tensors.get(name)!;
          const { dtype } = tensor;
          if (!isWeightDtype(dtype)) throw new Error(`${name} is ${dtype}`);
          expect(tensor.shape, name).toEqual(shape);
          expect(Array.from(await readTensor({ ...tensor, dtype })), name).toEqual(values);
        }
      }
      expect(steps).toContain(0);
    } finally {
      await rm(cache, { recursive: true });
    }
  });

  it("keeps where the weights were and what stands beside them, none of it called", async () => {
    expect((await openTorchFile(at("ema.pt"))).path).toEqual(["ema"]);
    expect((await openTorchFile(at("lightning.ckpt"))).path).toEqual(["state_dict"]);
    expect((await openTorchFile(at("protocol-5.pth"))).path).toEqual(["model", "sd"]);
  });

  it.each([
    ["legacy.pt", "UNSUPPORTED", "the format of torch before 1.6"],
    ["tar.pt", "UNSUPPORTED", "a tar of torch before 0.2"],
    ["script.pt", "UNSUPPORTED", "a program of TorchScript"],
    ["evil.pt", "INVALID_CHECKPOINT", "an object of posix.system, which is never made"],
  ])("refuses %s by what it is", async (name, code, message) => {
    await expect(openTorchFile(at(name))).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });
});

describe("damaged and hostile files of torch.save", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "torch-zip-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** plain.pt with another pickle of the same length, and with other changes. */
  async function changed(change: (bytes: Buffer) => Buffer): Promise<string> {
    const path = join(folder, "changed.pt");
    await writeFile(path, change(Buffer.from(await readFile(at("plain.pt")))));
    return path;
  }
  const pickled =
    (head: readonly number[] | string, fill = 0) =>
    (bytes: Buffer) => {
      const start = bytes.indexOf("data.pkl");
      const data = bytes.indexOf(Buffer.of(0x80, 2), start);
      const end = bytes.indexOf("PK\x07\x08", data);
      bytes.fill(fill, data, end);
      Buffer.from(head as string).copy(bytes, data);
      return bytes;
    };

  const V2 = "ctorch._tensor\n_rebuild_from_type_v2\n";

  it.each<[string, (bytes: Buffer) => Buffer, string]>([
    ["a cut file", (bytes) => bytes.subarray(0, 2000), "a zip without its end"],
    ["an empty file", (bytes) => bytes.subarray(0, 0), "a file of 0 bytes that is none"],
    ["an opcode that is not known", pickled([0x80, 2, 0x82]), "opcode 0x82 at byte 2"],
    ["a pickle without an end", pickled("", 0x5d), "an end at"],
    ["a stack that is empty", pickled(")R."), "none before byte 2"],
    ["a memo that is not there", pickled("h\x07."), "none"],
    [
      "a call whose arguments hold themselves",
      pickled(`${V2}]q\0(${V2}Nh\0eR.`),
      "an object of torch._tensor._rebuild_from_type_v2, which is never made",
    ],
    ["a list that holds itself", pickled("]q\0(h\0e."), "a dictionary of tensors"],
    ["a text longer than the file", pickled(Buffer.from("X\xff\xff\xff\x7f", "latin1").toString("latin1")), "bytes at"],
  ])("refuses %s", async (_, change, message) => {
    const opening = openTorchFile(await changed(change));
    await expect(opening).rejects.toMatchObject({
      code: "INVALID_CHECKPOINT",
      message: expect.stringContaining(message),
    });
  });

  it("refuses encrypted and packed members, and big-endian numbers", async () => {
    const flags = (name: string, offset: number, value: number) => (bytes: Buffer) => {
      const entry = bytes.lastIndexOf(name) - 46;
      bytes.writeUInt16LE(value, entry + offset);
      return bytes;
    };
    const opening = async (change: (bytes: Buffer) => Buffer) => openTorchFile(await changed(change));
    await expect(opening(flags("plain/data/0", 8, 1))).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringContaining("an encrypted one"),
    });
    await expect(opening(flags("plain/data/0", 10, 8))).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringContaining("compressed ones"),
    });
    const big = (bytes: Buffer) => {
      const at = bytes.indexOf("little", bytes.indexOf("plain/byteorder"));
      bytes.write("big   ", at);
      return bytes;
    };
    await expect(opening(big)).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringContaining('"big"'),
    });
  });
});
