import { join } from "node:path";
import { expectedBut, isFile, isObject, openFile, readExactly, readJsonObject } from "../../../sdk/kit.ts";
import { looksSpecial, MAX_VOCABULARY, type TokenList, tokenType } from "./tokens.ts";

/** Llama 2's is 500 kB, Gemma's 4.7 MB. */
const MAX_FILE_BYTES = 100_000_000;

interface Piece {
  readonly text: string;
  readonly score: number;
  /** SentencePiece's own number of its type. */
  readonly type: number;
}

/** SentencePiece's numbers (sentencepiece_model.proto) that llama.cpp's converter tells from ordinary pieces. */
const types: ReadonlyMap<number, number> = new Map([
  [2, tokenType.unknown],
  [3, tokenType.control],
  [5, tokenType.unused],
  [6, tokenType.byte],
]);

/**
 * The tokens of a folder's tokenizer.model, with those of added_tokens.json and tokenizer_config.json in their places
 * (conversion/base.py, `_create_vocab_sentencepiece`).
 * @param size how many tokens the model has
 * @throws INVALID_CONFIG for a damaged file
 */
export async function sentencePieceTokens(
  folder: string,
  settings: Readonly<Record<string, unknown>> | null,
  size: number,
): Promise<TokenList> {
  const pieces = await readPieces(join(folder, "tokenizer.model"));
  const texts = Array.from({ length: size }, (_, id) => `[PAD${id}]`);
  const scores = texts.map(() => -10_000);
  const kinds = texts.map((): number => tokenType.unused);
  const set = (id: number, text: string, score: number, kind: number) => {
    if (id >= size) return;
    texts[id] = text;
    scores[id] = score;
    kinds[id] = kind;
  };
  for (const [id, { text, score, type }] of pieces.entries()) {
    set(id, text, score, types.get(type) ?? tokenType.normal);
  }

  const addedFile = join(folder, "added_tokens.json");
  const added = (await isFile(addedFile)) ? await readJsonObject(addedFile, "INVALID_CONFIG") : {};
  for (const [text, id] of Object.entries(added)) {
    if (!isId(id)) throw expectedBut("INVALID_CONFIG", "an id", `token ${text} of ${addedFile}`, String(id));
    set(id, text, -1000, tokenType.userDefined);
  }
  const decoder = isObject(settings?.added_tokens_decoder) ? settings.added_tokens_decoder : {};
  for (const [id, token] of Object.entries(decoder)) {
    const content = isObject(token) ? token.content : undefined;
    if (!isId(Number(id)) || !isObject(token) || typeof content !== "string") {
      throw expectedBut("INVALID_CONFIG", "a token's content", `token ${id} of tokenizer_config.json`, "another value");
    }
    if (token.special === true || looksSpecial(content)) set(Number(id), content, -1000, tokenType.control);
    else set(Number(id), content.replaceAll("▁", " "), -1000, tokenType.userDefined);
  }
  return { texts, scores, types: kinds };
}

const isId = (id: unknown): id is number =>
  typeof id === "number" && Number.isInteger(id) && id >= 0 && id < MAX_VOCABULARY;

async function readPieces(file: string): Promise<Piece[]> {
  const opened = await openFile(file);
  const damaged = (received: string) =>
    expectedBut("INVALID_CONFIG", "a SentencePiece model", file, received, "Download it again.");
  try {
    if (opened.size > MAX_FILE_BYTES) throw damaged(`${opened.size} bytes`);
    const bytes = await readExactly(opened, 0, opened.size);
    const pieces: Piece[] = [];
    for (const { field, value } of fieldsOf(bytes)) {
      if (field === 1 && value instanceof Uint8Array) pieces.push(pieceOf(value));
    }
    if (pieces.length === 0) throw damaged("no pieces");
    if (pieces.length > MAX_VOCABULARY) throw damaged(`${pieces.length} pieces`);
    return pieces;
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) throw damaged("other bytes");
    throw error;
  } finally {
    await opened.handle.close();
  }
}

function pieceOf(bytes: Uint8Array): Piece {
  let piece: Piece = { text: "", score: 0, type: 1 };
  for (const { field, value } of fieldsOf(bytes)) {
    if (field === 1 && value instanceof Uint8Array) {
      piece = { ...piece, text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value) };
    } else if (field === 2 && value instanceof DataView) piece = { ...piece, score: value.getFloat32(0, true) };
    else if (field === 3 && typeof value === "number") piece = { ...piece, type: value };
  }
  return piece;
}

/** The fields of a protobuf message: bytes, four bytes, or an integer. @throws RangeError where the bytes end too early */
function* fieldsOf(bytes: Uint8Array): Generator<{ field: number; value: Uint8Array | DataView | number }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const varint = (): number => {
    let [value, factor] = [0, 1];
    for (;;) {
      const byte = view.getUint8(at++);
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
  };
  const take = (length: number): number => {
    if (length > bytes.length - at) throw new RangeError("the message ends too early");
    at += length;
    return at - length;
  };
  while (at < bytes.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    const wire = tag % 8;
    if (wire === 0) yield { field, value: varint() };
    else if (wire === 1) take(8);
    else if (wire === 2) {
      const length = varint();
      const from = take(length);
      yield { field, value: bytes.subarray(from, from + length) };
    } else if (wire === 5) {
      yield { field, value: new DataView(bytes.buffer, bytes.byteOffset + take(4), 4) };
    } else throw new RangeError(`a field of wire type ${wire}`);
  }
}
