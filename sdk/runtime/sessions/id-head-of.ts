import type { IdHead } from "../../contract/id-head.ts";
import { checkIds } from "../../contract/token-ids.ts";
import { expectedBut } from "../../errors.ts";
import type { Model } from "../../families/model.ts";
import { setFields } from "../../set-fields.ts";
import type { JobPool } from "../pool/job-pool.ts";
import type { Jobs } from "../pool/protocol.ts";

/** A model's head, which runs in the pool of its graphs; null for a model without one. */
export function idHeadOf(head: Model["idHead"], pool: JobPool<Jobs>): IdHead | null {
  if (head === undefined) return null;
  const { width, codebookSize } = head;
  return {
    width,
    codebookSize,
    async embedIds(ids, { signal } = {}) {
      const checked = checkIds(ids, codebookSize, "the ids");
      if (checked.length === 0) return new Float32Array(0);
      return pool.run("embedIds", { ids: checked }, setFields({ signal }));
    },
    async predictIds(hiddenStates, { signal } = {}) {
      const { length } = hiddenStates;
      if (length > 0 && length % width === 0) {
        return pool.run("predictIds", { hiddenStates, width }, setFields({ signal }));
      }
      const received = `${length} numbers`;
      throw expectedBut("INVALID_ARGUMENT", `some of ${width} numbers each`, "the hidden states", received);
    },
  };
}
