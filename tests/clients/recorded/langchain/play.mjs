// What applications do with LangChain: node play.mjs SCENARIO, with BASE.
import { HumanMessage, ToolMessage } from '@langchain/core/messages';
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';
import { z } from 'zod';

const [scenario] = process.argv.slice(2);
const responses = scenario.startsWith('responses_');
const configuration = { baseURL: `${process.env.BASE}/v1` };
const chat = new ChatOpenAI({ model: responses ? 'talk' : 'support', apiKey: 'none', maxRetries: 0,
  temperature: 0.5, useResponsesApi: responses, configuration });
const weather = { type: 'function', function: { name: 'weather', description: 'Tells the weather.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } } };
const scenarios = {
  plain: async () => (await chat.invoke([['system', 'Be brief.'], ['human', 'Hello?']])).text,
  stream: async () => {
    let text = '';
    for await (const piece of await chat.stream('Hello?')) text += piece.text;
    return text;
  },
  tools: async () => {
    const able = chat.bindTools([weather]);
    const said = [new HumanMessage('Weather in Bern?')];
    const first = await able.invoke(said);
    const [call] = first.tool_calls;
    said.push(first, new ToolMessage({ tool_call_id: call.id, content: 'Sunny, 23 degrees.' }));
    return (await able.invoke(said)).text;
  },
  structured: async () => JSON.stringify(await chat.withStructuredOutput(
    z.object({ city: z.string(), days: z.number().int() }), { name: 'trip' }).invoke('Where to?')),
  error: async () => chat.invoke('Hello?').catch((error) => `${error.name} ${error.status}`),
  embeddings: async () => (await new OpenAIEmbeddings({ model: 'words', apiKey: 'none', maxRetries: 0,
    configuration }).embedDocuments(['a dog', 'a cat']))[0].length,
};
console.log(await scenarios[scenario.replace('responses_', '')]());
