// langchain.mjs - LangChain's OpenAI models for Node, as applications use them, over chat completions and responses.
import { HumanMessage, ToolMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { concat } from '@langchain/core/utils/stream';
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';
import { z } from 'zod';
import { cancelled, play } from './player.mjs';

const weather = tool(() => 'Sunny, 23 degrees.', { name: 'weather', description: 'Tells the weather.',
  schema: z.object({ city: z.string() }) });
const failure = (error) => ({
  name: error.constructor.name, status: error.status ?? null, message: error.message,
  after: error.headers?.get('retry-after') });
const end = ({ finish_reason: reason, status }) => reason ?? (status === 'completed' ? 'stop' : status);
const told = (said) => ({ text: said.text, finish: end(said.response_metadata),
  usage: [said.usage_metadata.input_tokens, said.usage_metadata.output_tokens] });

async function whole(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return { pieces: pieces.map((piece) => piece.text).filter(Boolean), whole: pieces.reduce(concat) };
}

async function answerCalls(ask) {
  const said = [new HumanMessage('Weather in Bern?')], asked = [];
  for (;;) {
    const answer = await ask(said);
    if (!answer.tool_calls?.length) return { text: answer.text, asked };
    said.push(answer);
    for (const call of answer.tool_calls) {
      asked.push(call.args);
      said.push(new ToolMessage({ tool_call_id: call.id, content: await weather.invoke(call.args) }));
    }
  }
}

const scenarios = {
  plain: async (chat) => told(await chat.invoke('Hello?')),

  async stream(chat) {
    const heard = await whole(await chat.stream('Hello?'));
    return { ...told(heard.whole), text: '', pieces: heard.pieces };
  },

  tools: async (chat) => answerCalls((said) => chat.bindTools([weather]).invoke(said)),

  stream_tools: async (chat) => answerCalls(
    async (said) => (await whole(await chat.bindTools([weather]).stream(said))).whole),

  structured: async (chat) => chat.withStructuredOutput(
    z.object({ city: z.string(), days: z.number().int() }), { name: 'trip', method: 'jsonSchema' })
    .invoke('Where to?'),

  failing: async (chat) => chat.invoke('Hello?').catch(failure),

  async broken(chat) {
    let text = '';
    try {
      for await (const piece of await chat.stream('Hello?')) text += piece.text;
    } catch (error) {
      return { ...failure(error), text };
    }
    return { text };
  },

  async cancel(chat) {
    const controller = new AbortController();
    let text = '';
    try {
      for await (const piece of await chat.stream('Hello?', { signal: controller.signal })) {
        text += piece.text;
        if (text) controller.abort();
      }
    } catch (error) {
      if (controller.signal.aborted) return { text };
      throw error;
    }
    return null;
  },

  cancel_waiting: async (chat) => cancelled((signal) => chat.invoke('Hello?', { signal })),
};

await play(async ({ play: name, api, base, key }) => {
  const options = { apiKey: key, configuration: { baseURL: `${base}/v1` } };
  if (name === 'embeddings') {
    const words = new OpenAIEmbeddings({ ...options, model: 'words', maxRetries: 0 });
    return { vectors: [await words.embedDocuments(['a dog', 'a cat'])] };
  }
  const model = name === 'unknown' ? 'nope' : api === 'responses' ? 'talk' : 'support';
  const chat = new ChatOpenAI({ ...options, model, temperature: 0.5, useResponsesApi: api === 'responses',
    maxRetries: name === 'retries' ? 2 : 0 });
  if (name === 'retries') return scenarios.plain(chat);
  return scenarios[name === 'unknown' ? 'failing' : name](chat);
});
