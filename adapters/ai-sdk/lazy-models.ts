import { NoSuchModelError } from "@ai-sdk/provider";

/** A model that is loaded, or how to load it. */
export type ModelSource<T extends AsyncDisposable> = T | (() => Promise<T>);

/** Models by id, each loaded when it is first used. What was loaded here is disposed here. */
export class LazyModels<T extends AsyncDisposable> {
  readonly #type: "languageModel" | "imageModel";
  readonly #sources: Readonly<Record<string, ModelSource<T>>>;
  readonly #loaded = new Map<string, Promise<T>>();

  constructor(type: "languageModel" | "imageModel", sources: Readonly<Record<string, ModelSource<T>>>) {
    this.#type = type;
    this.#sources = sources;
  }

  /** The first one's. */
  get defaultId(): string {
    return Object.keys(this.#sources)[0] ?? "default";
  }

  /** @throws NoSuchModelError */
  require(modelId: string): void {
    this.#sourceOf(modelId);
  }

  #sourceOf(modelId: string): ModelSource<T> {
    const source = Object.hasOwn(this.#sources, modelId) ? this.#sources[modelId] : undefined;
    if (source !== undefined) return source;
    const ids = Object.keys(this.#sources).join(", ") || "none";
    const message = `Expected one of ${ids} for the ${this.#type} but received ${JSON.stringify(modelId)}.`;
    throw new NoSuchModelError({ modelId, modelType: this.#type, message });
  }

  /** A model that failed to load is tried again by the next call. */
  async load(modelId: string): Promise<T> {
    const source = this.#sourceOf(modelId);
    if (typeof source !== "function") return source;
    const known = this.#loaded.get(modelId);
    if (known !== undefined) return known;
    const loading = source();
    this.#loaded.set(modelId, loading);
    loading.catch(() => this.#loaded.delete(modelId));
    return loading;
  }

  async dispose(): Promise<void> {
    const loaded = [...this.#loaded.values()];
    this.#loaded.clear();
    for (const model of await Promise.allSettled(loaded)) {
      if (model.status === "fulfilled") await model.value[Symbol.asyncDispose]();
    }
  }
}
