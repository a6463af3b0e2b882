import type { RequestLog } from "./request-record.ts";

interface Totals {
  requests: number;
  seconds: number;
}

/** A number that is read when somebody asks for it. */
export interface Gauge {
  readonly name: string;
  readonly help: string;
  readonly value: () => readonly (readonly [labels: string, value: number])[];
}

/** Counts of requests, in Prometheus' text format (version 0.0.4). */
export class Metrics {
  readonly #paths: ReadonlySet<string>;
  readonly #gauges: readonly Gauge[];
  /** By path and status. */
  readonly #totals = new Map<string, Totals>();
  #promptTokens = 0;
  #answerTokens = 0;

  /** @param paths those that are counted by themselves; others are one, as anybody may make up more */
  constructor(paths: ReadonlySet<string>, gauges: readonly Gauge[]) {
    this.#paths = paths;
    this.#gauges = gauges;
  }

  add({ path, status, ms, promptTokens, answerTokens }: RequestLog): void {
    const labels = `{path="${this.#paths.has(path) ? path : "other"}",status="${status}"}`;
    const totals = this.#totals.get(labels) ?? { requests: 0, seconds: 0 };
    totals.requests += 1;
    totals.seconds += ms / 1000;
    this.#totals.set(labels, totals);
    this.#promptTokens += promptTokens ?? 0;
    this.#answerTokens += answerTokens ?? 0;
  }

  text(): string {
    const totals = [...this.#totals];
    const requests = totals.map(([labels, { requests }]) => [labels, requests] as const);
    const seconds = totals.map(([labels, { seconds }]) => [labels, seconds] as const);
    const all = [
      metric("requests_total", "counter", "Requests that were answered.", requests),
      metric("request_seconds_total", "counter", "Seconds from requests to the ends of their answers.", seconds),
      metric("prompt_tokens_total", "counter", "Tokens of prompts.", [["", this.#promptTokens]]),
      metric("answer_tokens_total", "counter", "Tokens of answers.", [["", this.#answerTokens]]),
      ...this.#gauges.map(({ name, help, value }) => metric(name, "gauge", help, value())),
    ];
    return all.join("");
  }
}

function metric(name: string, type: string, help: string, values: readonly (readonly [string, number])[]): string {
  const lines = values.map(([labels, value]) => `vqrae_${name}${labels} ${value}\n`);
  return `# HELP vqrae_${name} ${help}\n# TYPE vqrae_${name} ${type}\n${lines.join("")}`;
}
