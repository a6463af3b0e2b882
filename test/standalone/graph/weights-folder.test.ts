import { posix, win32 } from "node:path";
import { expect, it } from "vitest";
import { weightsFolder } from "../../../sdk/nn/onnx/weights-folder.ts";

it("is the deepest folder that holds all files", () => {
  const find = (...files: string[]) => {
    const { folder, locations } = weightsFolder(files, posix);
    return [folder, ...locations.values()];
  };
  expect(find()).toEqual([""]);
  expect(find("/m/a/1")).toEqual(["/m/a", "1"]);
  expect(find("/m/a/1", "/m/a/2")).toEqual(["/m/a", "1", "2"]);
  expect(find("/m/a/1", "/m/a/b/2")).toEqual(["/m/a", "1", "b/2"]);
  expect(find("/m/a/b/1", "/m/a/2")).toEqual(["/m/a", "b/1", "2"]);
  expect(find("/m/a/1", "/m/ab/1", "/n/1")).toEqual(["/", "m/a/1", "m/ab/1", "n/1"]);
  expect(find("/m/1", "/m/..a/1")).toEqual(["/m", "1", "..a/1"]);
});

it("knows Windows' paths, and refuses two drives", () => {
  const { folder, locations } = weightsFolder(["C:\\m\\a\\1", "C:\\m\\b\\1"], win32);
  expect([folder, ...locations.values()]).toEqual(["C:\\m", "a/1", "b/1"]);
  const two = () => weightsFolder(["C:\\m\\1", "D:\\m\\1"], win32);
  expect(two).toThrow("Expected a file on the drive of C:\\m\\1 for the weights but received D:\\m\\1.");
});
