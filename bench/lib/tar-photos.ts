import { tarFile } from "../../adapters/datasets/index.ts";

export interface TarPhoto {
  readonly key: string;
  readonly bytes: Uint8Array;
}

/** The images of a tar, at most so many, in its order. */
export async function tarPhotos(path: string, most = Number.POSITIVE_INFINITY): Promise<TarPhoto[]> {
  const photos: TarPhoto[] = [];
  for await (const { key, content } of tarFile(path).members({ otherMembers: 0, damaged: false })) {
    if (photos.length >= most) break;
    if (typeof content !== "string") photos.push({ key, bytes: content });
  }
  return photos;
}
