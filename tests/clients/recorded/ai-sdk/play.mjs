// What applications do with Vercel's AI SDK: node play.mjs SCENARIO, with BASE.
import { createOpenAI } from '@ai-sdk/openai';
import { embedMany, generateText, Output, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';

const openai = createOpenAI({ baseURL: `${process.env.BASE}/v1`, apiKey: 'none' });
const [scenario] = process.argv.slice(2);
const responses = scenario.startsWith('responses_');
const model = responses ? openai.responses('talk') : openai.chat('support');
const common = { model, maxRetries: 0, instructions: 'Be brief.', prompt: 'Weather in Bern?' };
const tools = { weather: tool({ description: 'Tells the weather.',
  inputSchema: z.object({ city: z.string() }), execute: async () => 'Sunny, 23 degrees.' }) };
const trip = Output.object({ schema: z.object({ city: z.string(), days: z.number().int() }) });
const read = async (stream) => {
  let text = '';
  for await (const piece of stream.textStream) text += piece;
  return text;
};
const scenarios = {
  plain: async () => (await generateText({ ...common, temperature: 0.5, maxOutputTokens: 50 })).text,
  stream: async () => read(streamText(common)),
  tools: async () => (await generateText({ ...common, tools, stopWhen: stepCountIs(3) })).text,
  stream_tools: async () => read(streamText({ ...common, tools, stopWhen: stepCountIs(3) })),
  structured: async () => JSON.stringify((await generateText({ ...common, output: trip })).output),
  error: async () => generateText(common)
    .catch((error) => `${error.name} ${error.statusCode} ${error.message}`),
  embeddings: async () => (await embedMany({ model: openai.embedding('words'),
    values: ['a dog', 'a cat'] })).embeddings[0].length,
};
console.log(await scenarios[scenario.replace('responses_', '')]());
