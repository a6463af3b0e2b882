import { swapVit } from "../../../adapters/vit-swap/index.ts";
import { VqraeError } from "../../../sdk/errors.ts";

/** Runs `swapVit` for each list of arguments and prints how each ended, as JSON; a program for a process of its own. */
const ends: string[] = [];
for (const [model, encoder, out] of JSON.parse(process.argv[2]!) as [string, string, string][]) {
  const end = await swapVit(model, encoder, out, { inPlace: model === out }).then(
    () => "written",
    (error: unknown) => (VqraeError.isInstance(error) ? `${error.code}: ${error.message}` : String(error)),
  );
  ends.push(end);
}
console.log(JSON.stringify(ends));
