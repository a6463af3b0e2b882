import { appendFileSync } from "node:fs";

/** Notes what a test has tried, for `scripts/what-was-tried.ts`. Without VQRAE_TRIED, the file that it reads, nothing happens. */
export function noteTried(how: string, inputs: number): void {
  const file = process.env.VQRAE_TRIED;
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ how, inputs })}\n`);
}
