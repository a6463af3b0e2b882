import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { framesOf } from "../../../cli/vlm/frames.ts";
import { temporaryFolder } from "../checkpoint/temporary.ts";

test("a folder's images in the order of their numbers, or the files that are named", async () => {
  const folder = await temporaryFolder();
  await expect(framesOf([folder], 2)).rejects.toMatchObject({ code: "INVALID_ARGUMENT", path: folder });
  for (const name of ["f10.jpg", "f2.JPG", "notes.txt", "f1.png"]) await writeFile(join(folder, name), "");
  const frames = ["f1.png", "f2.JPG", "f10.jpg"].map((name) => join(folder, name));
  expect(await framesOf([folder], 2)).toEqual({ frames, fps: 2 });
  expect(await framesOf(["b.jpg", "a.jpg"], 4)).toEqual({ frames: ["b.jpg", "a.jpg"], fps: 4 });
  expect(await framesOf(["one.png"], 4)).toEqual({ frames: ["one.png"], fps: 4 });
  await expect(framesOf(["film.mp4"], 2)).rejects.toThrow(/ffmpeg -i film.mp4/);
});
