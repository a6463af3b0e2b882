import { commandGroup } from "../command/command-group.ts";
import { evaluateDpgBenchCommand } from "./evaluate-dpg-bench.ts";
import { evaluateGenEvalCommand } from "./evaluate-geneval.ts";
import { evaluateReconstructionCommand } from "./evaluate-reconstruction.ts";

export const evaluate = commandGroup("evaluate", "Measure reconstruction and generation", {
  reconstruction: evaluateReconstructionCommand,
  geneval: evaluateGenEvalCommand,
  "dpg-bench": evaluateDpgBenchCommand,
});
