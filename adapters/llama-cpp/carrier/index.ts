/**
 * The public face of `vqrae/llama-server`: image embeddings through a stock llama-server.
 *
 * @module vqrae/llama-server
 */

export type { Carrier } from "./carrier.ts";
export { carrierFor } from "./carrier-for.ts";
export type { Completion, CompletionOptions, CompletionPiece } from "./completion.ts";
export type { HttpOptions } from "./http.ts";
export { type ConnectOptions, LlamaServer } from "./llama-server.ts";
export { packEmbeddings } from "./pack-embeddings.ts";
export { readCarrier } from "./read-carrier.ts";
export type { EmbeddedPart, PromptContent, ServerImage } from "./segments.ts";
export type { ServerInfo } from "./server-info.ts";
export { serverModel } from "./server-model.ts";
export type { ChatMessage } from "./server-template.ts";
export { TokenServer } from "./token-server.ts";
export { writeCarrier } from "./write-carrier.ts";
