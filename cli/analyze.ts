import { analyzeClustersCommand } from "./analyze-clusters.ts";
import { commandGroup } from "./command-group.ts";

export const analyze = commandGroup("analyze", "Show what a model's features and ids know", {
  clusters: analyzeClustersCommand,
});
