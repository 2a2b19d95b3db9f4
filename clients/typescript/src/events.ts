/** The events of a turn, from a stream of server-sent events. */
import { EventSourceParserStream } from "eventsource-parser/stream";
import type { components } from "./api.js";
import { PatchbayError } from "./problem.js";

/** One event; `event` says which: "text", "source", "tool.call", "done" … */
export type TurnEvent = components["schemas"]["TurnEvent"];
/** What a turn was in the end. */
export type Turn = components["schemas"]["Turn"];

/** An event with the id behind which the stream can be resumed, where the turn is kept. */
export type NumberedEvent = TurnEvent & { id?: string };

/** Does a turn end with it? */
export function isLast(event: TurnEvent): boolean {
  return event.event === "done" || event.event === "error";
}

/** The events of one answer. Leaving the loop early ends the request, and with it a turn that is not kept. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<NumberedEvent> {
  const reader = body
    .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .pipeThrough(new EventSourceParserStream())
    .getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const event = { event: value.event, data: JSON.parse(value.data) } as NumberedEvent;
      if (value.id) event.id = value.id;
      yield event;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/**
 * A turn that streams: iterate over its events, or only over its text, or wait for its end. The events can be
 * read once.
 */
export class TurnStream implements AsyncIterable<NumberedEvent> {
  /** The turn's id, once the first event has come. */
  id?: string;
  #events: AsyncIterable<NumberedEvent>;

  constructor(events: AsyncIterable<NumberedEvent>) {
    this.#events = events;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<NumberedEvent> {
    for await (const event of this.#events) {
      if (event.event === "turn") this.id = event.data.id;
      yield event;
    }
  }

  /** The pieces of the reply. A turn that fails throws its PatchbayError. */
  async *text(): AsyncGenerator<string> {
    for await (const event of this) {
      if (event.event === "text") yield event.data.delta;
      if (event.event === "error") throw PatchbayError.of(event.data);
    }
  }

  /** The whole turn, its text included. A turn that fails throws its PatchbayError. */
  async done(): Promise<Turn> {
    let text = "";
    for await (const event of this) {
      if (event.event === "text") text += event.data.delta;
      if (event.event === "error") throw PatchbayError.of(event.data);
      if (event.event === "done") {
        const turn = event.data;
        return turn.message ? { ...turn, message: { ...turn.message, text } } : turn;
      }
    }
    throw new PatchbayError(0, "interrupted", "the stream ended before the turn did");
  }
}
