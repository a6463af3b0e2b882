import { describe, expect, test } from "vitest";
import { VQRAE } from "../../../sdk/index.ts";
import { golden } from "../runtime/fixtures/tiny.ts";
import { addTensor, damagedCheckpoint, type Parts, removeTensor } from "./damaged-checkpoint.ts";

/** Files whose tensors are not the ones that config.json means, and files that lie about themselves. */

const codebook = "quantizer.codebook.weight";
const query = "encoder.encoder.layer.1.attention.attention.query";
const left = "What it is for would be left out of the computation: check that config.json belongs to these weights.";
const unasked = (place: string, name: string, shape: string) =>
  `Expected only config.json's tensors for ${place}* in FILE but received an unknown tensor ${name} of shape [${shape}]. ${left}`;

interface Damage {
  readonly name: string;
  readonly code: "INVALID_CHECKPOINT" | "INVALID_CONFIG";
  /** FILE stands for the path of the weights, FOLDER for its folder. */
  readonly message: string;
  readonly damage: (parts: Parts) => void;
  /** Of test/golden; by default the tiny VQRAE. */
  readonly source?: string;
}

const first = (parts: Parts) => Object.keys(parts.header).filter((name) => name !== "__metadata__")[0]!;

const damages: Damage[] = [
  {
    name: "a tensor is missing",
    code: "INVALID_CHECKPOINT",
    message: `Expected shape [32, 32] for tensor ${query}.weight in FOLDER but received no such tensor.`,
    damage: removeTensor(`${query}.weight`),
  },
  {
    name: "an unknown tensor in a block of the encoder",
    code: "INVALID_CHECKPOINT",
    message: unasked("encoder.encoder.layer.", "encoder.encoder.layer.0.layer_scale1.lambda1", "32"),
    damage: addTensor("encoder.encoder.layer.0.layer_scale1.lambda1", [32]),
  },
  {
    name: "more blocks than config.json has",
    code: "INVALID_CHECKPOINT",
    message: unasked("encoder.encoder.layer.", "encoder.encoder.layer.9.layernorm_before.weight", "32"),
    damage: addTensor("encoder.encoder.layer.9.layernorm_before.weight", [32]),
  },
  {
    name: "registers that the family does not have",
    code: "INVALID_CHECKPOINT",
    message: unasked("encoder.embeddings.", "encoder.embeddings.register_tokens", "1, 4, 32"),
    damage: addTensor("encoder.embeddings.register_tokens", [1, 4, 32]),
  },
  {
    name: "query and key norms that config.json denies",
    code: "INVALID_CHECKPOINT",
    message: unasked("encoder.layer.", "encoder.layer.0.attention.k_norm.weight", "16"),
    damage: ({ config }) => (config.use_qk_norm = false),
    source: "checkpoint/internvl-6b",
  },
  {
    name: "query and key norms that config.json asks for in vain",
    code: "INVALID_CHECKPOINT",
    message:
      "Expected shape [16] for tensor encoder.layer.0.attention.q_norm.weight in FOLDER but received no such tensor.",
    damage: ({ config }) => (config.use_qk_norm = true),
    source: "checkpoint/internvl",
  },
  {
    name: "biases that config.json denies",
    code: "INVALID_CHECKPOINT",
    message: unasked("encoder.layer.", "encoder.layer.0.attention.k_proj.bias", "16"),
    damage: ({ config }) => (config.attention_bias = false),
    source: "checkpoint/internvl",
  },
  {
    name: "one family's weights under another's name",
    code: "INVALID_CHECKPOINT",
    message: unasked("embeddings.", "embeddings.register_tokens", "1, 2, 16"),
    damage: ({ config }) => Object.assign(config, { model_type: "dinov2", num_register_tokens: null }),
    source: "checkpoint/dinov2-registers",
  },
  ...(["F8_E4M3", "I8", "I32", "F64"] as const).map(
    (dtype): Damage => ({
      name: `${dtype} in place of floats of 16 or 32 bits`,
      code: "INVALID_CHECKPOINT",
      message: `Expected F32, F16 or BF16 for dtype of tensor ${codebook} in FILE but received ${dtype}.`,
      damage: retype(dtype, { F8_E4M3: 1, I8: 1, I32: 4, F64: 8 }[dtype]),
    }),
  ),
  {
    name: "a dtype of another format",
    code: "INVALID_CHECKPOINT",
    message: `for dtype of tensor ${codebook} in FILE but received "Q4_K".`,
    damage: ({ header }) => (header[codebook]!.dtype = "Q4_K"),
  },
  {
    name: "two tensors over the same bytes",
    code: "INVALID_CHECKPOINT",
    message: "an overlap with the tensor before it",
    damage: (parts) => {
      const { dtype, shape, data_offsets } = parts.header[first(parts)]!;
      parts.header.second = { dtype, shape, data_offsets };
    },
  },
  {
    name: "a gap between tensors",
    code: "INVALID_CHECKPOINT",
    message: "a hole before it",
    damage: (parts) => {
      delete parts.header[first(parts)];
    },
  },
  {
    name: "offsets that run backwards",
    code: "INVALID_CHECKPOINT",
    message: `Expected begin <= end for data_offsets of tensor ${codebook} in FILE`,
    damage: ({ header }) => header[codebook]!.data_offsets.reverse(),
  },
  {
    name: "a tensor listed twice",
    code: "INVALID_CHECKPOINT",
    message: `Expected each key once for the header of FILE but received "${codebook}" twice.`,
    damage: (parts) => {
      const entry = JSON.stringify(parts.header[codebook]);
      parts.headerText = JSON.stringify(parts.header).replace("{", `{${JSON.stringify(codebook)}:${entry},`);
    },
  },
  {
    name: "a header longer than the file",
    code: "INVALID_CHECKPOINT",
    message: "bytes, as its header says, for FILE but received a file of",
    damage: (parts) => (parts.claimedLength = 33_000_000n),
  },
  {
    name: "a header of more than 32 MiB",
    code: "INVALID_CHECKPOINT",
    message: "Expected at most 33554432 bytes for the header of FILE but received 33554433 bytes.",
    damage: (parts) => (parts.claimedLength = 33_554_433n),
  },
  {
    name: "weights cut short by one byte",
    code: "INVALID_CHECKPOINT",
    message: "The file was cut short, or its header is wrong: download it again.",
    damage: (parts) => {
      parts.data = parts.data.subarray(0, -1);
    },
  },
];

function retype(dtype: string, bytes: number) {
  return (parts: Parts): void => {
    const { shape } = parts.header[codebook]!;
    removeTensor(codebook)(parts);
    const begin = parts.data.length;
    const end = begin + bytes * shape.reduce((product, size) => product * size, 1);
    parts.header[codebook] = { dtype, shape, data_offsets: [begin, end] };
    parts.data = Buffer.concat([parts.data, Buffer.alloc(end - begin)]);
  };
}

test.each(damages)("$name", async ({ code, message, damage, source }) => {
  const folder = await damagedCheckpoint(damage, source === undefined ? {} : { source: golden(source) });
  const file = `${folder}/model.safetensors`;
  await expect(VQRAE.load(folder)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(message.replaceAll("FILE", file).replaceAll("FOLDER", folder)),
  });
});

describe("tensors that are no part of the computation may be there", () => {
  test.each([
    ["encoder.embeddings.mask_token", [1, 1, 32]],
    ["encoder.pooler.dense.weight", [32, 32]],
    ["ema.decay", [1]],
  ])("%s", async (name, shape) => {
    await using tokenizer = await VQRAE.load(await damagedCheckpoint(addTensor(name, shape)));
    expect(tokenizer.info.codebook).not.toBeNull();
  });
});
