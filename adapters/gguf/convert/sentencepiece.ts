import { join } from "node:path";
import { PbfReader } from "pbf";
import { expectedBut, isFile, isObject, openFile, readExactly, readJsonObject } from "../../../sdk/kit.ts";
import { looksSpecial, MAX_VOCABULARY, type TokenList, tokenType } from "./tokens.ts";

/** Llama 2's is 500 kB, Gemma's 4.7 MB. */
const MAX_FILE_BYTES = 100_000_000;

interface Piece {
  text: string;
  score: number;
  /** SentencePiece's own number of its type. */
  type: number;
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
  const damaged = (received: string, cause?: unknown) =>
    expectedBut("INVALID_CONFIG", "a SentencePiece model", file, received, { mend: "Download it again.", cause });
  try {
    if (opened.size > MAX_FILE_BYTES) throw damaged(`${opened.size} bytes`);
    const reader = new PbfReader(await readExactly(opened, 0, opened.size));
    const pieces = readModel(reader, damaged);
    if (reader.pos !== opened.size) throw damaged("one that is cut off");
    if (pieces.length === 0 || pieces.length > MAX_VOCABULARY) throw damaged(`${pieces.length} pieces`);
    return pieces;
  } finally {
    await opened.handle.close();
  }
}

/** sentencepiece_model.proto: `ModelProto.pieces`; what trained and normalized them is left out. */
function readModel(reader: PbfReader, damaged: (received: string, cause: unknown) => Error): Piece[] {
  try {
    return reader.readFields<Piece[]>((field, pieces, message) => {
      if (field === 1) pieces.push(message.readMessage(readPiece, { text: "", score: 0, type: 1 }));
    }, []);
  } catch (cause) {
    throw damaged("other bytes", cause);
  }
}

function readPiece(field: number, piece: Piece, message: PbfReader): void {
  if (field === 1) piece.text = message.readString();
  else if (field === 2) piece.score = message.readFloat();
  else if (field === 3) piece.type = message.readVarint();
}
