import type { LoadProgress } from "../../sdk/index.ts";
import type { Progress } from "./progress.ts";
import { say } from "./terminal.ts";

/** What is made of a model's weights the first time that they are loaded. */
const made: Partial<Record<LoadProgress["phase"], string>> = {
  widen: "Widening the 16-bit weights of",
  dequantize: "Bringing to floats the quantized weights of",
  quantize: "Bringing to 8 bits the weights of",
};

/** Shows how a model loads, and says a line of what is made and kept. @param model its name */
export function loadReport(progress: Progress, model: string): (loading: LoadProgress) => void {
  return ({ phase, loaded, total, detail }) => {
    const work = made[phase];
    if (work === undefined) {
      progress.say(`loading ${model}: ${phase}${detail === undefined ? "" : `, ${detail}`}`);
      return;
    }
    if (loaded === 0 && detail !== undefined) say(`${work} ${model}, once: ${detail}`);
    progress.say(`loading ${model}: ${phase}, ${Math.floor((100 * loaded) / total)} %`);
  };
}
