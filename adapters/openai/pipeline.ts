import type { HeldBytes, RequestBytes } from "./body/held-bytes.ts";
import { readBody } from "./body/read-body.ts";
import { toApiError } from "./http/api-error.ts";
import { deadline } from "./http/deadline.ts";
import type { RequestQueue } from "./http/queue.ts";
import type { RequestRecord } from "./http/request-record.ts";
import { streamOf } from "./http/streams.ts";
import type { EndpointLimits } from "./limits.ts";
import type { Route } from "./route.ts";

/** A route, and the line in which its requests wait. */
export interface Work {
  readonly route: Route;
  readonly queue: RequestQueue;
  /** Whether its requests may be forms. */
  readonly forms?: boolean;
}

export interface PipelineOptions {
  readonly limits: EndpointLimits;
  readonly held: HeldBytes;
  readonly allowRemoteImages: boolean;
  /** Aborts where the server closes. */
  readonly closing: AbortSignal;
  readonly onError: (error: unknown) => void;
}

/** Answers requests, each from its first byte to the end of its answer. */
export class RequestPipeline {
  readonly #options: PipelineOptions;

  constructor(options: PipelineOptions) {
    this.#options = options;
  }

  /** @throws ApiError, and what the route throws */
  async answer(request: Request, { route, queue, forms = false }: Work, record: RequestRecord): Promise<Response> {
    const { limits, held, allowRemoteImages, closing } = this.#options;
    // A full queue says so before the body is read. A place is taken after it: a slow client keeps nobody out.
    queue.requireRoom();
    const { signal, ...time } = deadline([request.signal, closing], limits.requestMs);
    const bytes = held.open();
    let leave = () => {};
    const end = () => {
      time.end();
      leave();
      bytes.release();
    };
    try {
      const { json, images: sent } = await readBody(request, { limits, bytes, signal, forms });
      const place = queue.enter();
      leave = place.leave;
      const images = {
        allowRemote: allowRemoteImages,
        sent,
        hold: remoteBytes(limits.remoteBytes, bytes),
        timeoutMs: limits.remoteMs,
        signal,
      };
      const reply = await route(json, {
        limits,
        signal,
        images,
        turn: () => place.turn(signal),
        warn: (warning) => record.warn(warning),
        used: (usage) => record.used(usage),
      });
      if ("events" in reply) {
        const onEnd = (left: boolean) => {
          if (left) time.abort();
          end();
          record.end(200);
        };
        record.goesOn();
        return streamOf(reply.events, reply.form, { onError: (error) => this.report(error, request), onEnd });
      }
      end();
      return Response.json(reply.json);
    } catch (error) {
      end();
      throw error;
    }
  }

  /** A client that has gone and a server that closes are no failures. */
  report(error: unknown, request: Request): void {
    const ended = request.signal.aborted || this.#options.closing.aborted;
    if (!ended && toApiError(error).status === 500) this.#options.onError(error);
  }
}

/** Counts what one request has fetched, and holds it. @throws Error above `most`; ApiError 429 */
function remoteBytes(most: number, { hold }: RequestBytes): (bytes: number) => void {
  let fetched = 0;
  return (bytes) => {
    fetched += bytes;
    if (fetched > most) throw new Error(`more than ${most} bytes for the request's images`);
    hold(bytes);
  };
}
