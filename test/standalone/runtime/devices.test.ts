import { describe, expect, it } from "vitest";
import { readModel } from "../../../sdk/families/read-model.ts";
import { VQRAE } from "../../../sdk/index.ts";
import { chooseDevice } from "../../../sdk/runtime/devices/choose-device.ts";
import { type DeviceReport, probeDevices } from "../../../sdk/runtime/devices/probe-devices.ts";
import { parseProbeResult, printProbeResult } from "../../../sdk/runtime/devices/probe-result.ts";
import { runProbe } from "../../../sdk/runtime/devices/run-probe.ts";
import type { GpuProvider } from "../../../sdk/runtime/pool/protocol.ts";
import { openPoolOrFallBack } from "../../../sdk/runtime/sessions/open-pool.ts";
import { runCli } from "../cli/run-cli.ts";
import { tinyVqrae } from "./fixtures/tiny.ts";

/** Whatever this machine has: a report must be whole and agree with itself. */
function checkReports(reports: readonly DeviceReport[]): void {
  expect(reports.map(({ device }) => device)).toEqual(["cuda", "webgpu", "cpu"]);
  for (const { available, automatic, reason } of reports) {
    expect(reason).not.toBe("");
    if (automatic) expect(available).toBe(true);
  }
  expect(reports.at(-1)).toMatchObject({ available: true, automatic: true });
}

describe("probeDevices", () => {
  it("tries every device once and gives a reason for each", async () => {
    const reports = await probeDevices();
    checkReports(reports);
    const again = await probeDevices();
    for (const [i, report] of reports.slice(0, 2).entries()) expect(again[i]).toBe(report);
  });

  it("is what `vqrae devices` prints", async () => {
    const { code, stdout, stderr } = await runCli("devices", "--json");
    expect([code, stderr]).toEqual([0, ""]);
    const { automatic, devices } = JSON.parse(stdout);
    checkReports(devices);
    expect(devices.find((report: DeviceReport) => report.automatic).device).toBe(automatic);
    const { stdout: text } = await runCli("devices");
    expect(text).toMatch(/^cuda {4}(yes|no ) {2}.+\nwebgpu {2}(yes|no ) {2}.+\ncpu {5}yes {2}.+\nauto takes \w+\n$/);
  });
});

describe("a driver that misbehaves takes its own process with it", () => {
  const file = new URL("./fixtures/bad-probe.ts", import.meta.url);
  const probe = (act: string, timeLimit = 20_000) => runProbe(act as GpuProvider, { file, timeLimit });

  it.each([
    ["abort", /^its test ended with SIGABRT: the driver's last words/],
    ["exit", /^its test ended with exit code 7$/],
    ["chatter", /^its test ended with exit code 0$/],
  ])("%s", async (act, error) => {
    expect(await probe(act)).toEqual({ ok: false, error: expect.stringMatching(error) });
  });

  it("hang", async () => {
    expect(await probe("hang", 1500)).toEqual({ ok: false, error: "its test ended without an answer in time" });
  });

  it("a process that cannot start", async () => {
    const missing = new URL("./fixtures/none.ts", import.meta.url);
    expect(await runProbe("cuda", { file: missing })).toMatchObject({ ok: false });
  });

  it("the result survives what native libraries print around it", () => {
    const result = { ok: true, difference: 1e-6, timeRatio: 0.5 } as const;
    expect(parseProbeResult(`a warning${printProbeResult(result)}more`)).toEqual(result);
    expect(parseProbeResult("a warning\n")).toBeNull();
  });
});

describe('device "auto"', () => {
  it("is what the reports say, and info says why", async () => {
    await using tokenizer = await VQRAE.load(tinyVqrae);
    const { device, deviceReason } = tokenizer.info;
    expect(device).toBe((await chooseDevice("auto", "fp32")).device);
    if (device === "cpu") expect(deviceReason).toMatch(/^cuda: .+; webgpu: .+/);
    await using asked = await VQRAE.load(tinyVqrae, { device: "cpu" });
    expect(asked.info.deviceReason).toBe("asked for");
  });

  it("is the CPU for int8, which other devices refuse", async () => {
    expect(await chooseDevice("auto", "int8")).toEqual({ device: "cpu", reason: "int8 is for the CPU" });
  });

  // No machine of ours has a GPU that works for the probe and fails for the model: the provider's absence stands for it.
  it("takes the CPU where the model fails on the device that was chosen, and says so", async () => {
    const available = (await probeDevices()).filter(({ available }) => available).map(({ device }) => device);
    const missing = (["cuda", "webgpu"] as const).find((device) => !available.includes(device));
    if (missing === undefined) return;
    const checkpoint = await readModel(tinyVqrae);
    const seen: (string | undefined)[] = [];
    const { pool, chosen } = await openPoolOrFallBack(
      checkpoint,
      { device: missing, reason: "for the test" },
      {
        weights: checkpoint.weights.encoder,
        floats: new Map(),
        precision: "fp32",
        prepack: false,
        workers: 1,
        threads: 1,
        warmup: false,
        signal: new AbortController().signal,
        report: (phase, _loaded, _total, detail) => phase === "device" && seen.push(detail),
      },
    );
    await pool.dispose();
    expect(chosen).toMatchObject({
      device: "cpu",
      reason: expect.stringContaining(`${missing}: failed on this model: `),
    });
    expect(seen).toEqual([`cpu (${chosen.reason})`]);
  });
});
