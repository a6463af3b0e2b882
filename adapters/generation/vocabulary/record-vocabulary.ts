import { expected } from "../../../sdk/kit.ts";
import { readGguf, rewriteGguf } from "../../gguf/index.ts";
import { visualMetadata, vocabularySize } from "./metadata.ts";
import type { VisualVocabulary } from "./visual-vocabulary.ts";

/**
 * Writes into a GGUF file's metadata where its visual tokens are. Use it for a model that has the tokens already, such
 * as the GGUF of a checkpoint that `expandVocabulary` made (`vqrae_visual` of its config.json).
 *
 * @param inPlace allows `target` to be `source`
 * @throws INCOMPATIBLE where the file has fewer tokens; and as `rewriteGguf`
 */
export async function recordVocabulary(
  source: string,
  target: string,
  vocabulary: VisualVocabulary,
  { inPlace = false }: { readonly inPlace?: boolean } = {},
): Promise<void> {
  const size = vocabularySize(await readGguf(source));
  const needed = Math.max(
    vocabulary.firstToken + vocabulary.codebookSize,
    vocabulary.boiToken + 1,
    vocabulary.eoiToken + 1,
  );
  if (needed > size) throw expected("INCOMPATIBLE", `at least ${needed} tokens, as the layout has,`, source, size);
  await rewriteGguf(source, target, { metadata: visualMetadata(vocabulary) }, { inPlace });
}
