// ai_sdk.mjs - Vercel's AI SDK as applications use it, over chat completions, responses, and its provider for
// all that is compatible with OpenAI.
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { embedMany, generateObject, generateText, jsonSchema, Output, stepCountIs, streamText, tool } from 'ai';
import { cancelled, play } from './player.mjs';

const schema = (properties) => jsonSchema({
  type: 'object', properties, required: Object.keys(properties), additionalProperties: false });
const trip = schema({ city: { type: 'string' }, days: { type: 'integer' } });
const failure = (error) => ({
  name: error.name, status: error.statusCode ?? null, message: error.message,
  after: error.responseHeaders?.['retry-after'] });

function modelOf({ base, key, api }, name) {
  const provider = { baseURL: `${base}/v1`, apiKey: key, name: 'patchbay', supportsStructuredOutputs: true,
    includeUsage: true };
  if (api === 'compatible') return createOpenAICompatible(provider)(name);
  return api === 'chat' ? createOpenAI(provider).chat(name) : createOpenAI(provider)(name);
}

const told = (text, finish, usage) => ({ text, finish, usage: [usage.inputTokens, usage.outputTokens] });

const scenarios = {
  async plain(ask) {
    const said = await generateText({ ...ask, temperature: 0.5 });
    return told(said.text, said.finishReason, said.usage);
  },

  async stream(ask) {
    const stream = streamText(ask), pieces = [];
    for await (const piece of stream.textStream) pieces.push(piece);
    return { ...told('', await stream.finishReason, await stream.usage), pieces };
  },

  async tools(ask, how = generateText) {
    const asked = [];
    const said = how({ ...ask, stopWhen: stepCountIs(3), tools: { weather: tool({
      description: 'Tells the weather.', inputSchema: schema({ city: { type: 'string' } }),
      execute: (input) => { asked.push(input); return 'Sunny, 23 degrees.'; } }) } });
    if (how === streamText) await said.consumeStream();
    return { text: await (await said).text, asked };
  },

  async stream_tools(ask) {
    return scenarios.tools(ask, streamText);
  },

  async structured(ask) {
    return (await generateText({ ...ask, output: Output.object({ schema: trip }) })).output;
  },

  // The older helper.
  async object(ask) {
    return (await generateObject({ ...ask, schema: trip })).object;
  },

  async failing(ask) {
    return generateText(ask).catch(failure);
  },

  async retries(ask) {
    return { text: (await generateText({ ...ask, maxRetries: 2 })).text };
  },

  async broken(ask) {
    let text = '', failed = null;
    for await (const part of streamText({ ...ask, onError() {} }).fullStream) {
      if (part.type === 'text-delta') text += part.text;
      if (part.type === 'error') failed = part.error;
    }
    return { text, name: failed?.name ?? failed?.type ?? null, message: failed?.message ?? null };
  },

  async cancel(ask) {
    const controller = new AbortController();
    let text = '';
    for await (const part of streamText({ ...ask, abortSignal: controller.signal }).fullStream) {
      if (part.type === 'text-delta') {
        text += part.text;
        controller.abort();
      }
    }
    return { text };
  },

  async cancel_waiting(ask) {
    return cancelled((abortSignal) => generateText({ ...ask, abortSignal }));
  },
};

async function embeddings({ base, key }) {
  const { embeddings: vectors } = await embedMany({ values: ['a dog', 'a cat'], maxRetries: 0,
    model: createOpenAI({ baseURL: `${base}/v1`, apiKey: key }).embedding('words') });
  return { vectors: [vectors] };
}

await play(async (wanted) => {
  if (wanted.play === 'embeddings') return embeddings(wanted);
  const name = wanted.play === 'unknown' ? 'nope' : wanted.api === 'responses' ? 'talk' : 'support';
  return scenarios[wanted.play === 'unknown' ? 'failing' : wanted.play](
    { model: modelOf(wanted, name), maxRetries: 0, prompt: 'Weather in Bern?' });
});
