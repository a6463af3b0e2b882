import { commandGroup } from "../command/command-group.ts";
import { analyzeClustersCommand } from "./clusters.ts";

export const analyze = commandGroup("analyze", "Show what a model's features and ids know", {
  clusters: analyzeClustersCommand,
});
