import { type DeviceReport, probeDevices } from "../../sdk/index.ts";
import { cliCommand, jsonArg } from "../command/command.ts";

export const devices = cliCommand({
  name: "devices",
  description: 'Try what models can run on here, and say what device "auto" takes and why',
  args: { json: jsonArg },
  examples: ["vqrae devices", "vqrae devices --json"],
  async run({ json }) {
    const reports = await probeDevices();
    const automatic = automaticOf(reports);
    process.stdout.write(
      json ? `${JSON.stringify({ automatic, devices: reports })}\n` : `${lines(reports, automatic).join("\n")}\n`,
    );
  },
});

const automaticOf = (reports: readonly DeviceReport[]): string | null =>
  reports.find(({ automatic }) => automatic)?.device ?? null;

function lines(reports: readonly DeviceReport[], automatic: string | null): string[] {
  const width = Math.max(...reports.map(({ device }) => device.length));
  return [
    ...reports.map(
      ({ device, available, reason }) => `${device.padEnd(width)}  ${available ? "yes" : "no "}  ${reason}`,
    ),
    `auto takes ${automatic}`,
  ];
}
