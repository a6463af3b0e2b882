import { commandGroup } from "../command/command-group.ts";
import { evaluateDpgBenchCommand } from "./dpg-bench.ts";
import { evaluateGenEvalCommand } from "./geneval.ts";
import { evaluateReconstructionCommand } from "./reconstruction.ts";

export const evaluate = commandGroup("evaluate", "Measure reconstruction and generation", {
  reconstruction: evaluateReconstructionCommand,
  geneval: evaluateGenEvalCommand,
  "dpg-bench": evaluateDpgBenchCommand,
});
