// What applications do with OpenAI's own client: node play.mjs SCENARIO, with BASE.
import OpenAI from 'openai';
const openai = new OpenAI({ baseURL: `${process.env.BASE}/v1`, maxRetries: 0 });
const model = 'support';
const messages = [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: 'Hello?' }];
const parameters = { type: 'object', properties: { city: { type: 'string' } },
  required: ['city'], additionalProperties: false };
const weather = { name: 'weather', description: 'Tells the weather.', parameters };
const tools = [{ type: 'function', function: weather }];
const tool = { type: 'function', strict: true, ...weather };
const schema = { type: 'object', required: ['city', 'days'], additionalProperties: false,
  properties: { city: { type: 'string' }, days: { type: 'integer' } } };
const scenarios = {
  plain: async () => (await openai.chat.completions.create({ model, messages, temperature: 0.5,
    max_completion_tokens: 50, seed: 7, stop: ['END'], user: 'u1', metadata: { a: 'b' } }))
    .choices[0].message.content,
  stream: async () => (await openai.chat.completions.stream({ model, messages,
    stream_options: { include_usage: true } }).finalChatCompletion()).choices[0].message.content,
  tools: async () => openai.chat.completions.runTools({ model, messages, tools: [{ type: 'function',
    function: { ...weather, parse: JSON.parse, function: () => 'Sunny, 23 degrees.' } }] })
    .finalContent(),
  stream_tools: async () => (await openai.chat.completions.stream({ model, messages, tools,
    parallel_tool_calls: true, tool_choice: 'auto' }).finalChatCompletion())
    .choices[0].message.tool_calls.length,
  structured: async () => (await openai.chat.completions.parse({ model, messages,
    response_format: { type: 'json_schema', json_schema: { name: 'trip', strict: true, schema } } }))
    .choices[0].message.content,
  parts: async () => (await openai.chat.completions.create({ model, messages: [{ role: 'user',
    content: [{ type: 'text', text: 'What is this?' },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA', detail: 'low' } },
      { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,BBBB' } }] }] }))
    .choices[0].message.content,
  error: async () => openai.chat.completions.create({ model, messages })
    .catch((error) => `${error.constructor.name} ${error.status} ${error.code}`),
  wrong: async () => openai.chat.completions.create({ model, messages, temperature: 9 })
    .catch((error) => `${error.constructor.name} ${error.status} ${error.param}`),
  models: async () => (await openai.models.list()).data.length +
    (await openai.models.retrieve('words')).id,
  embeddings: async () => (await openai.embeddings.create({ model: 'words', input: ['a dog', 'a cat'] }))
    .data[0].embedding.length,
  responses_plain: async () => (await openai.responses.create({ model, instructions: 'Be brief.',
    input: 'Hello?', temperature: 0.5, max_output_tokens: 50, metadata: { a: 'b' } })).output_text,
  responses_stream: async () => (await openai.responses.stream({ model, input: 'Hello?' })
    .finalResponse()).output_text,
  responses_tools: async () => {
    const first = await openai.responses.create({ model: 'talk', input: 'Weather?', tools: [tool] });
    const call = first.output.find((item) => item.type === 'function_call');
    return (await openai.responses.create({ model: 'talk', tools: [tool],
      previous_response_id: first.id, input: [{ type: 'function_call_output',
        call_id: call.call_id, output: 'Sunny, 23 degrees.' }] })).output_text;
  },
  responses_stored: async () => {
    const first = await openai.responses.create({ model: 'talk', input: 'Hello?' });
    const second = await openai.responses.create({ model: 'talk', input: 'And now?',
      previous_response_id: first.id });
    const read = await openai.responses.retrieve(second.id);
    const said = await openai.responses.inputItems.list(second.id);
    await openai.responses.delete(second.id);
    const gone = await openai.responses.retrieve(second.id).catch((error) => error.status);
    return [read.output_text, said.data.length, gone].join(' ');
  },
};
console.log(await scenarios[process.argv[2]]());
