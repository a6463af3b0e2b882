/** What a GGUF file says of its model in words. */
export interface OwnWords {
  /** What the model knows (`general.description`); null where the file says nothing. */
  readonly description: string | null;
  /** The weights' licence (`general.license.name` or `general.license`); null where the file states none. */
  readonly licence: string | null;
}

/** @param valueAt of a key of the metadata, without "general." */
export function ownWords(valueAt: (key: "description" | "license.name" | "license") => unknown): OwnWords {
  const words = (key: Parameters<typeof valueAt>[0]): string | null => {
    const said = valueAt(key);
    return typeof said === "string" && said !== "" ? said : null;
  };
  return { description: words("description"), licence: words("license.name") ?? words("license") };
}
