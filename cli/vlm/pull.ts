import { catalogue, pullModel, roughBytes } from "../../adapters/hub/index.ts";
import { defineCommand } from "../command/command.ts";
import { flag, optionalArgument } from "../command/option.ts";
import { usageError } from "../command/usage-error.ts";
import { json, verbose } from "../shared/model-options.ts";
import { printResult } from "../shared/print-result.ts";
import { withProgress } from "../shared/progress.ts";
import { inBytes, pullReport } from "../shared/pull-progress.ts";

export const pull = defineCommand({
  arguments: { model: optionalArgument("A repository of the Hugging Face hub: owner/repo, owner/repo:Q8_0") },
  options: { list: flag("List models that are known to be there"), json, verbose },
  notes: [
    "It shows size and licence first. A download that breaks goes on where it was.",
    "HF_TOKEN, HF_ENDPOINT, HF_HOME and HF_HUB_OFFLINE mean what they mean to the Hugging Face tools.",
  ],
  examples: [
    "vqrae pull --list",
    "vqrae pull ggml-org/SmolVLM-256M-Instruct-GGUF",
    "vqrae pull Qwen/Qwen2.5-VL-3B-Instruct",
  ],
  async run({ model, list, json, verbose }, name) {
    if (list) {
      printResult(json, catalogue, () =>
        catalogue.map(
          (one) =>
            `${one.repo}  about ${inBytes(roughBytes(one))} at Q4_K_M  ${one.licence?.name ?? "licence: see its page"}`,
        ),
      );
      return;
    }
    if (model === undefined) throw usageError(name, "a model or --list", "neither");
    const pulled = await withProgress({ verbose }, (progress) => pullModel(model, pullReport(progress)));
    printResult(json, pulled, () => ("llm" in pulled ? [pulled.llm, pulled.mmproj] : [pulled.folder]));
  },
});
