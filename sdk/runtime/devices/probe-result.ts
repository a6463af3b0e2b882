/** What the probe's process found out. */
export type ProbeResult =
  | {
      readonly ok: true;
      /** |y - y_cpu| / |y_cpu|, both as vectors: how far the provider's numbers are from the CPU's; null for NaN. */
      readonly difference: number | null;
      /** Its time for the probe's graph over the CPU's. */
      readonly timeRatio: number;
    }
  | { readonly ok: false; readonly error: string };

/** Marks the one line that is ours; native libraries may print to standard output too. */
const MARK = "vqrae-probe-result:";

export const printProbeResult = (result: ProbeResult): string => `\n${MARK}${JSON.stringify(result)}\n`;

/** null where the process printed none. */
export function parseProbeResult(output: string): ProbeResult | null {
  const line = output.split("\n").find((line) => line.startsWith(MARK));
  return line === undefined ? null : (JSON.parse(line.slice(MARK.length)) as ProbeResult);
}
