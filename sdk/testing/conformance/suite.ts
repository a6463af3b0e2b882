import { codebookChecks } from "./codebook-checks.ts";
import { decodeChecks } from "./decode-checks.ts";
import { disposeChecks } from "./dispose-checks.ts";
import { embedChecks } from "./embed-checks.ts";
import { encodeChecks } from "./encode-checks.ts";
import { imageChecks } from "./image-checks.ts";
import { embedMethod, encodeMethod } from "./image-methods.ts";
import { infoChecks } from "./info-checks.ts";
import { type ConformanceOptions, conformanceSettings } from "./options.ts";
import { type Check, type ConformingModel, NotApplicable, Subject } from "./subject.ts";
import { viewsChecks } from "./views-checks.ts";

/** One test of the suite, for any test runner. */
export interface ConformanceTest {
  /** Such as "encode: no images give no results". Names do not change with the model. */
  readonly name: string;
  /**
   * Rejects with an `AssertionError` where the model does not keep to the contract; the message says what was called, what
   * was expected and what came. Where the test does not apply to the model, it calls `skip` of the runner's context and
   * resolves.
   */
  readonly run: (context?: ConformanceContext) => Promise<void>;
}

/** What Vitest and node:test pass to a test, as far as the suite uses it. */
export interface ConformanceContext {
  readonly skip?: (reason: string) => void;
}

const workingChecks: readonly Check[] = [
  ...infoChecks,
  ...encodeChecks,
  ...imageChecks(encodeMethod),
  ...decodeChecks,
  ...codebookChecks,
  ...embedChecks,
  ...imageChecks(embedMethod),
  ...viewsChecks,
];

/**
 * Tests whether a tokenizer keeps to the contract of its roles: `Encoder`, `Decoder`, `Embedder`, `Views`, or several of
 * them. Run them one after the other:
 *
 * ```ts
 * import { test } from "vitest"; // or from "node:test"
 *
 * for (const { name, run } of conformanceTests(() => loadMine())) test(name, run);
 * ```
 *
 * `make` is called when a test first needs a model, and its model serves the tests after it. The last two tests dispose what
 * they get, so `make` is called twice in all. Tests of roles that the model does not have are skipped, with the reason.
 *
 * @throws INVALID_ARGUMENT for an option that is wrong, or for a test to skip that there is none of
 */
export function conformanceTests(
  make: () => ConformingModel | Promise<ConformingModel>,
  options?: ConformanceOptions,
): ConformanceTest[] {
  const names = [...workingChecks, ...disposeChecks].map(([name]) => name);
  const settings = conformanceSettings(options, names);
  let shared: Promise<Subject> | null = null;
  const made = async () => new Subject(await make(), settings);
  const share = () => {
    shared ??= made();
    return shared;
  };
  /** The shared model leaves with it. */
  const take = () => {
    const taken = shared ?? made();
    shared = null;
    return taken;
  };
  const testOf = ([name, check]: Check, subject: () => Promise<Subject>): ConformanceTest => ({
    name,
    // A default, so that runners which count parameters do not pass a callback.
    run: async (context = {}) => {
      const reason = settings.skip[name] ?? (await reasonToSkip(check, subject));
      if (reason !== null) context.skip?.(reason);
    },
  });
  return [...workingChecks.map((check) => testOf(check, share)), ...disposeChecks.map((check) => testOf(check, take))];
}

/** Runs the check. Gives the reason where it does not apply, else null. */
async function reasonToSkip(check: Check[1], subject: () => Promise<Subject>): Promise<string | null> {
  try {
    await check(await subject());
    return null;
  } catch (error) {
    if (error instanceof NotApplicable) return error.message;
    throw error;
  }
}
