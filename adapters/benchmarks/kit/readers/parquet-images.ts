import { expected } from "../../../../sdk/kit.ts";
import type { QuestionImage } from "../../benchmark.ts";
import { imageBytes, openParquet, readRows } from "./parquet.ts";

/** Finds the image of an id. @throws INVALID_DATA that names `at`, if there is none */
export type ImagesById = (id: string, at: string) => QuestionImage;

/** Parquet files with the columns id and image; an image is read when it is needed. */
export async function parquetImages(paths: readonly string[]): Promise<ImagesById> {
  const places = new Map<string, { readonly path: string; readonly row: number }>();
  for (const path of paths) {
    const { file, metadata } = await openParquet(path, ["id", "image"]);
    const rows = await readRows(path, {
      file,
      metadata,
      columns: ["id"],
      rowStart: 0,
      rowEnd: Number(metadata.num_rows),
    });
    for (const [row, { id }] of rows.entries()) places.set(String(id), { path, row });
  }
  return (id, at) => {
    const place = places.get(id);
    if (!place) throw expected("INVALID_DATA", "the id of an image", `imageId in ${at}`, id);
    return { at: `${place.path}, row ${place.row + 1}`, bytes: () => read(place) };
  };
}

async function read({ path, row }: { readonly path: string; readonly row: number }): Promise<Uint8Array> {
  const { file, metadata } = await openParquet(path, ["image"]);
  const range = { file, metadata, columns: ["image"], rowStart: row, rowEnd: row + 1 };
  const [found] = await readRows(path, range);
  return imageBytes(`${path}, row ${row + 1}`, "image", found?.image);
}
