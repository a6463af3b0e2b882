/**
 * For tests: a tokenizer without weights, and the tests that every tokenizer passes.
 *
 * @module vqrae/testing
 */

export type { ConformanceOptions, DecodableTokens } from "./conformance/options.ts";
export type { ConformingModel } from "./conformance/subject.ts";
export { type ConformanceContext, type ConformanceTest, conformanceTests } from "./conformance/suite.ts";
export type { MockCall, MockTokenizerOptions } from "./mock-options.ts";
export { type MockTokenizer, mockTokenizer } from "./mock-tokenizer.ts";
