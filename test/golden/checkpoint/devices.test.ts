import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { probeDevices, VQRAE } from "../../../sdk/index.ts";
import { picture } from "../../standalone/runtime/fixtures/tiny.ts";
import { largestDifference } from "../expected.ts";

/**
 * Every tiny checkpoint on every GPU provider that works on this machine, against the CPU; nothing where there is none.
 * A software Vulkan driver (Mesa's lavapipe of 2024 or later) is enough for WebGPU.
 */
const tolerance = 1e-4;
const folders = ["../checkpoint", "../graph"].flatMap((room) =>
  readdirSync(new URL(room, import.meta.url), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => fileURLToPath(new URL(`${room}/${name}`, import.meta.url))),
);
const images = [picture(33, 47, 1), picture(60, 20, 2), picture(8, 8, 3)];
const devices = (await probeDevices()).filter(({ device, available }) => available && device !== "cpu");

test("there are checkpoints", () => expect(folders.length).toBeGreaterThan(10));

describe.each(devices)("$device", ({ device }) => {
  test.each(folders)("%s", async (folder) => {
    await using cpu = await VQRAE.load(folder, { device: "cpu" });
    await using gpu = await VQRAE.load(folder, { device, workers: 2, batchSize: 2 });
    const [expected, actual] = await Promise.all([cpu.encode(images), gpu.encode(images)]);
    for (const [i, { features, classToken, ids, grid }] of expected.entries()) {
      expect(actual[i]!.grid).toEqual(grid);
      expect(largestDifference(actual[i]!.features!, features!)).toBeLessThan(tolerance);
      expect(largestDifference(actual[i]!.classToken ?? [], classToken ?? [])).toBeLessThan(tolerance);
      expect(actual[i]!.ids).toEqual(ids);
      if (!ids) continue;
      expect(largestDifference(await gpu.codebookVectors(ids), await cpu.codebookVectors(ids))).toBeLessThan(tolerance);
      const [one, other] = [await gpu.decode(ids), await cpu.decode(ids)];
      expect(largestDifference(one.data, other.data)).toBeLessThanOrEqual(1);
    }
  });
});
