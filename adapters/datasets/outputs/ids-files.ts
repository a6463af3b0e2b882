import { Header, Pax } from "tar";
import { npyHeader } from "../../npy.ts";
import type { HashedFile } from "./hashed-file.ts";
import type { RowTokens, RowWriter } from "./row.ts";

/** The shape of one image's ids: views, tokens and codes, without the axes of one. */
export type IdsShape = (tokens: Pick<RowTokens, "grid">) => readonly number[];

/**
 * A webdataset tar with `<key>.ids.npy` for each row, in the order of the rows, to be zipped with the tar of the images. A row
 * with an error has an empty array, so that both stay in step; a key that came before has nothing.
 */
export function idsTar(file: HashedFile, codes: number, shape: IdsShape): RowWriter {
  const type = idsType(codes);
  return {
    async add(rows) {
      for (const { key, tokens, error } of rows) {
        if (error === "DUPLICATE_KEY") continue;
        const ids = tokens?.ids ?? new Int32Array();
        const header = npyHeader(type, tokens === null ? [0] : shape(tokens));
        await file.append(tarEntry(`${key}.ids.npy`, Buffer.concat([header, elements(type, ids)])));
      }
    },
    // Two empty blocks end an archive.
    finish: () => file.append(new Uint8Array(2 * BLOCK)),
  };
}

/**
 * The ids of all rows without an error as one array [rows, ...shape], to be memory-mapped. Its length stands at its start, so that
 * the ids of a shard are held until its end.
 */
export function idsNpy(file: HashedFile, codes: number, shape: readonly number[]): RowWriter {
  const type = idsType(codes);
  const pieces: Uint8Array[] = [];
  return {
    async add(rows) {
      for (const { tokens } of rows) if (tokens?.ids) pieces.push(elements(type, tokens.ids));
    },
    async finish() {
      await file.append(npyHeader(type, [pieces.length, ...shape]));
      for (const piece of pieces.splice(0)) await file.append(piece);
    },
  };
}

/** The narrowest type for ids from 0 to `codes - 1`, as numpy names it. */
const idsType = (codes: number) => (codes <= 2 ** 8 ? "|u1" : codes <= 2 ** 16 ? "<u2" : "<i4");

function elements(type: ReturnType<typeof idsType>, ids: ArrayLike<number>): Uint8Array {
  const numbers = type === "|u1" ? Uint8Array.from(ids) : type === "<u2" ? Uint16Array.from(ids) : Int32Array.from(ids);
  return new Uint8Array(numbers.buffer);
}

const BLOCK = 512;

/** Nothing of the machine or the time: the same ids give the same bytes. */
function tarEntry(path: string, body: Uint8Array): Buffer {
  const facts = { path, mode: 0o644, size: body.length, uid: 0, gid: 0, mtime: new Date(0), type: "File" } as const;
  const header = Buffer.alloc(BLOCK);
  const needsPax = new Header(facts).encode(header, 0);
  const pax = needsPax ? new Pax({ path }).encode() : Buffer.alloc(0);
  const padding = Buffer.alloc((BLOCK - (body.length % BLOCK)) % BLOCK);
  return Buffer.concat([pax, header, body, padding]);
}
