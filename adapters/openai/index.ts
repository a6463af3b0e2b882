/**
 * The public face of `vqrae/openai`: an endpoint that speaks OpenAI's protocol, for models in this process.
 *
 * @module vqrae/openai
 */

export { createEndpoint, type Endpoint, type EndpointOptions } from "./endpoint.ts";
export type { RequestLog } from "./http/request-record.ts";
export type { EndpointLimits } from "./limits.ts";
export { type Listening, type ListenOptions, listen } from "./listen.ts";
