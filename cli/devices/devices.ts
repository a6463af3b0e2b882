import { type DeviceReport, probeDevices } from "../../sdk/index.ts";
import { defineCommand } from "../command/command.ts";
import { json } from "../shared/model-options.ts";
import { printResult } from "../shared/print-result.ts";

export const devices = defineCommand({
  arguments: {},
  options: { json },
  notes: [
    "Each device runs a small graph, in a process of its own. `auto` takes the first one that gives the CPU's numbers and is " +
      "faster than the CPU.",
  ],
  examples: ["vqrae devices", "vqrae devices --json"],
  async run({ json }) {
    const reports = await probeDevices();
    const automatic = reports.find(({ automatic }) => automatic)?.device ?? null;
    printResult(json, { automatic, devices: reports }, () => linesOf(reports, automatic));
  },
});

function linesOf(reports: readonly DeviceReport[], automatic: string | null): string[] {
  const width = Math.max(...reports.map(({ device }) => device.length));
  return [
    ...reports.map(
      ({ device, available, reason }) => `${device.padEnd(width)}  ${available ? "yes" : "no "}  ${reason}`,
    ),
    `auto takes ${automatic}`,
  ];
}
