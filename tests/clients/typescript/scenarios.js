// scenarios.js - what applications do with clients/typescript, in Node and in a browser alike. Each scenario
// gives what a test judges.
import { createPatchbay, PatchbayError } from 'patchbay-client';

const failure = (error) => ({ ours: error instanceof PatchbayError, status: error.status, kind: error.kind,
  message: error.message, fields: (error.fields ?? []).map((field) => field.pointer) });

async function caught(promise) {
  try {
    await promise;
    return null;
  } catch (error) {
    return failure(error);
  }
}

// Breaks the first answer off behind so many events.
function breaking(events) {
  let first = true;
  const asked = [];
  return { asked, fetch: async (request) => {
    asked.push([new URL(request.url).pathname, request.headers.get('last-event-id')]);
    const response = await fetch(request);
    if (!first) return response;
    first = false;
    let left = events;
    const cut = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new TransformStream({
      transform(text, controller) {
        for (const piece of text.split(/(?<=\n\n)/)) {
          if (left-- > 0) controller.enqueue(piece);
          else return controller.error(new TypeError('the connection broke off'));
        }
      } })).pipeThrough(new TextEncoderStream());
    return new Response(cut, { status: response.status, headers: response.headers });
  } };
}

export function scenarios({ baseUrl, apiKey }) {
  const patchbay = createPatchbay({ baseUrl, apiKey });
  const pipeline = 'talk';

  return {
    async plain() {
      const { data, response } = await patchbay.POST('/v1/turns', { body: { pipeline, message: 'Hello?' } });
      return { status: data.status, text: data.message.text, request: !!response.headers.get('x-request-id') };
    },

    async stream() {
      const events = [];
      let text = '';
      for await (const event of patchbay.ask('Hello?', { pipeline })) {
        if (event.event === 'text') text += event.data.delta;
        else events.push(event.event);
      }
      let said = '';
      for await (const piece of patchbay.ask('Hello?', { pipeline }).text()) said += piece;
      const turn = await patchbay.ask('Hello?', { pipeline }).done();
      return { events, text, said, whole: turn.message.text, status: turn.status, usage: turn.usage.output_tokens };
    },

    async errors() {
      const other = createPatchbay({ baseUrl, apiKey: 'wrong' });
      return {
        missing: await caught(patchbay.GET('/v1/conversations/{id}', {
          params: { path: { id: '0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44' } } })),
        invalid: await caught(patchbay.POST('/v1/turns', { body: { message: 7, stream: 'yes' } })),
        stream: await caught(patchbay.ask('Hello?', { pipeline: 'nowhere' }).done()),
        key: await caught(other.GET('/v1/conversations')) };
    },

    async pages() {
      for (let i = 0; i < 3; i++) await patchbay.ask(`Number ${i}`, { pipeline }).done();
      const seen = new Set();
      let asked = 0;
      const all = patchbay.pages(async (cursor) => {
        asked++;
        const { data } = await patchbay.GET('/v1/conversations', {
          params: { query: { limit: 1, ...(cursor ? { cursor } : {}) } } });
        return { items: data.conversations, next: data.next };
      });
      for await (const conversation of all) {
        seen.add(conversation.id);
        if (seen.size === 3) break;
      }
      return { seen: seen.size, asked };
    },

    async resumed() {
      const { fetch, asked } = breaking(3);
      const breaks = createPatchbay({ baseUrl, apiKey, fetch });
      const turn = await breaks.ask('Hello?', { pipeline, key: `from ${Date.now()}` }).done();
      return { text: turn.message.text, asked: asked.map(([path, after]) => [path.replace(/[0-9a-f-]{36}/, 'ID'), !!after]) };
    },

    async cancelled() {
      const cancel = new AbortController();
      let text = '';
      try {
        for await (const piece of patchbay.ask('Hello?', { pipeline, signal: cancel.signal }).text()) {
          text += piece;
          cancel.abort();
        }
      } catch (error) {
        return { text, name: error.name };
      }
      return { text, name: null };
    },
  };
}
