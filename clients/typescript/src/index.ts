/**
 * A client for Patchbay. Every operation is typed by the server's own OpenAPI document:
 *
 *     const patchbay = createPatchbay({ baseUrl: "http://127.0.0.1:8080", apiKey: "…" });
 *     const { data } = await patchbay.GET("/v1/conversations", { params: { query: { limit: 10 } } });
 *     for await (const piece of patchbay.ask("How do I write a plugin?").text()) process.stdout.write(piece);
 *
 * Calls throw a PatchbayError where the server answers with a problem.
 */
import createClient, { type Client, type ClientOptions, type Middleware } from "openapi-fetch";
import type { components, paths } from "./api.js";
import { isLast, readEvents, TurnStream, type NumberedEvent } from "./events.js";
import { PatchbayError } from "./problem.js";

export type { components, operations, paths } from "./api.js";
export * from "./events.js";
export * from "./problem.js";

export type TurnRequest = components["schemas"]["TurnRequest"];

export interface PatchbayOptions extends ClientOptions {
  /** Where the server is: http://127.0.0.1:8080 */
  baseUrl: string;
  /** Sent as bearer token. */
  apiKey?: string;
}

export interface AskOptions extends Omit<TurnRequest, "message" | "stream"> {
  /** Ends the request, and the turn with it, unless it is detached or has a key. */
  signal?: AbortSignal;
  /**
   * Sent as Idempotency-Key: the turn is kept, and a stream that breaks off is resumed without loss or
   * repetition, up to `resumes` times in a row (3).
   */
  key?: string;
  resumes?: number;
}

export interface Patchbay extends Client<paths> {
  /** Runs a turn and streams its events. The request is made when they are first asked for. */
  ask(message: TurnRequest["message"], options?: AskOptions): TurnStream;
  /** The events of a kept turn, from the beginning or behind the event `after`. */
  events(turn: string, options?: { after?: string; signal?: AbortSignal }): TurnStream;
  /** All items of a list that is paged, page by page. `page` asks for one. */
  pages<Item>(page: (cursor?: string) => Promise<Page<Item>>): AsyncGenerator<Item>;
}

export interface Page<Item> {
  items: Item[];
  next?: string | null;
}

/** Throws what the server said went wrong. */
const throwing: Middleware = {
  async onResponse({ response }) {
    if (!response.ok && response.status !== 304) throw await PatchbayError.from(response);
    return undefined;
  },
};

export function createPatchbay(options: PatchbayOptions): Patchbay {
  const { apiKey, ...rest } = options;
  const headers = new Headers(rest.headers as HeadersInit | undefined);
  if (apiKey) headers.set("Authorization", `Bearer ${apiKey}`);
  const client = createClient<paths>({ ...rest, headers: Object.fromEntries(headers) });
  client.use(throwing);

  const base = options.baseUrl.replace(/\/+$/, "");
  const fetcher = (rest.fetch ?? globalThis.fetch) as typeof globalThis.fetch;

  async function* stream(path: string, init: RequestInit): AsyncGenerator<NumberedEvent> {
    const all = new Headers(headers);
    new Headers(init.headers).forEach((value, name) => all.set(name, value));
    all.set("Accept", "text/event-stream");
    const response = await fetcher(new Request(base + path, { ...init, headers: all }));
    if (!response.ok) throw await PatchbayError.from(response);
    if (response.body && response.status !== 204) yield* readEvents(response.body);
  }

  /** Goes on where a kept turn's stream broke off. */
  async function* resumed(
    first: AsyncGenerator<NumberedEvent>,
    most: number,
    signal?: AbortSignal,
  ): AsyncGenerator<NumberedEvent> {
    let source = first;
    let turn: string | undefined;
    let after: string | undefined;
    for (let left = most; ; ) {
      try {
        for await (const event of source) {
          left = most;
          if (event.event === "turn") turn = event.data.id;
          if (event.id) after = event.id;
          yield event;
          if (isLast(event)) return;
        }
      } catch (error) {
        if (error instanceof PatchbayError || signal?.aborted || !turn) throw error;
      }
      if (!turn || left-- === 0)
        throw new PatchbayError(0, "interrupted", "the stream ended before the turn did");
      source = follow(turn, after, signal);
    }
  }

  function follow(turn: string, after?: string, signal?: AbortSignal): AsyncGenerator<NumberedEvent> {
    const init: RequestInit = after ? { headers: { "Last-Event-ID": after } } : {};
    if (signal) init.signal = signal;
    return stream(`/v1/turns/${encodeURIComponent(turn)}/events`, init);
  }

  return Object.assign(client, {
    ask(message: TurnRequest["message"], asking: AskOptions = {}): TurnStream {
      const { signal, key, resumes, ...body } = asking;
      const init: RequestInit = {
        method: "POST",
        headers: { "Content-Type": "application/json", ...(key ? { "Idempotency-Key": `"${key}"` } : {}) },
        body: JSON.stringify({ ...body, message, stream: true }),
      };
      if (signal) init.signal = signal;
      const events = stream("/v1/turns", init);
      const kept = key !== undefined || body.detach === true;
      return new TurnStream(kept ? resumed(events, resumes ?? 3, signal) : events);
    },
    events(turn: string, following: { after?: string; signal?: AbortSignal } = {}): TurnStream {
      return new TurnStream(follow(turn, following.after, following.signal));
    },
    async *pages<Item>(page: (cursor?: string) => Promise<Page<Item>>): AsyncGenerator<Item> {
      let cursor: string | undefined;
      do {
        const { items, next } = await page(cursor);
        yield* items;
        cursor = next ?? undefined;
      } while (cursor);
    },
  }) as Patchbay;
}
