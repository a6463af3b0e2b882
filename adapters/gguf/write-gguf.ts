import { expected, expectedBut, type GgufValue, replaceFile } from "../../sdk/kit.ts";
import { encodeHeader } from "./encode-header.ts";
import { alignmentFor, dataBytes, type GgufTensorLayout, layOut, type PlacedTensor } from "./lay-out.ts";

/** A tensor's data, whole or in pieces that follow each other. */
export type GgufTensorData = ArrayBufferView | AsyncIterable<ArrayBufferView> | Iterable<ArrayBufferView>;

export interface GgufTensorToWrite extends GgufTensorLayout {
  /**
   * The elements, row-major and little-endian, in any view: a Uint16Array of bits for F16 and BF16, blocks for Q8_0. A
   * generator is asked for its pieces when they are written, so that a file's tensors need not be in memory together.
   */
  readonly data: GgufTensorData;
}

export type WriteGgufTensor = (name: string, data: GgufTensorData) => Promise<void>;

/**
 * Writes a GGUF file of version 3, little-endian. Tensors follow each other in the order given, each at a multiple of
 * `general.alignment` (32 where the metadata has none). A reader of `path` sees the old file or the whole new one, and
 * a killed write leaves the old one.
 *
 * @throws INVALID_ARGUMENT for a name used twice, a value that its type cannot hold, or data that is not as long as
 *   type and shape say; IO_ERROR where the system refuses
 */
export async function writeGguf(
  path: string,
  metadata: Iterable<readonly [key: string, value: GgufValue]>,
  tensors: readonly GgufTensorToWrite[],
): Promise<void> {
  await streamGguf(path, metadata, tensors, async (write) => {
    for (const { name, data } of tensors) await write(name, data);
  });
}

/**
 * The same for tensors that need not be in memory together: `fill` writes each one of `layout` once, in any order.
 *
 * @throws as `writeGguf`, also for a tensor that `fill` leaves out; and what `fill` throws, as it is
 */
export async function streamGguf(
  path: string,
  metadata: Iterable<readonly [key: string, value: GgufValue]>,
  layout: readonly GgufTensorLayout[],
  fill: (write: WriteGgufTensor) => Promise<void>,
): Promise<void> {
  const values = uniqueKeys(metadata);
  const alignment = alignmentFor(values);
  const places = layOut(layout, alignment);
  const header = encodeHeader(values, [...places.values()], alignment);
  await replaceFile(path, async (file) => {
    await file.write(header, 0);
    // Readers want the last tensor padded as the others are.
    const end = header.length + dataBytes(places.values(), alignment);
    if (end > header.length) await file.write(new Uint8Array(1), end - 1);
    const missing = new Map(places);
    await fill(async (name, data) => {
      const place = missing.get(name);
      if (!place) throw expected("INVALID_ARGUMENT", "a tensor that is still to be written", "its name", name);
      missing.delete(name);
      let position = header.length + place.begin;
      const end = position + place.length;
      for await (const piece of ArrayBuffer.isView(data) ? [data] : data) {
        if (position + piece.byteLength > end) throw wrongLength(place, "more");
        await file.write(piece, position);
        position += piece.byteLength;
      }
      if (position < end) throw wrongLength(place, `${place.length - (end - position)}`);
    });
    const [forgotten] = missing.keys();
    if (forgotten !== undefined) throw expectedBut("INVALID_ARGUMENT", "data", `tensor ${forgotten}`, "none");
  });
}

function uniqueKeys(metadata: Iterable<readonly [string, GgufValue]>): Map<string, GgufValue> {
  const values = new Map<string, GgufValue>();
  for (const [key, value] of metadata) {
    if (values.has(key)) throw expected("INVALID_ARGUMENT", "a key of its own", "a metadata value", key);
    values.set(key, value);
  }
  return values;
}

const wrongLength = ({ name, type, shape, length }: PlacedTensor, received: string) =>
  expectedBut("INVALID_ARGUMENT", `${length} bytes`, `tensor ${name} (${type} [${shape.join(", ")}])`, received);
