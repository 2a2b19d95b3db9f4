// anthropic.mjs - what applications do with Anthropic's official client, some scenarios a run:
//   node anthropic.mjs SCENARIO...
// ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY say whom to ask. Prints a line of JSON for each that a test judges.
import Anthropic from '@anthropic-ai/sdk';

const client = new Anthropic({ maxRetries: 0, timeout: 60000 });
const model = process.env.MODEL ?? 'support';
const asked = [{ role: 'user', content: 'How do I write a plugin?' }];
const request = { model, max_tokens: 200, messages: asked };
const tools = [{
  name: 'weather', description: 'Tells the weather.',
  input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
}];
const failure = (error) => ({
  name: error.constructor.name, status: error.status ?? null, type: error.type ?? null,
  request: error.requestID ?? null, message: error.message,
  after: error.headers?.get('retry-after') ?? null });
const caught = async (call) => {
  try {
    await call();
  } catch (error) {
    return failure(error);
  }
  return null;
};
const plain = (message) => JSON.parse(JSON.stringify(message));

const scenarios = {
  async models() {
    const ids = [];
    for await (const each of client.models.list({ limit: 1 })) ids.push(each.id);
    const one = await client.models.retrieve(ids[0]);
    return { ids, one: one.display_name };
  },

  async plain() {
    const message = await client.messages.create({ ...request, temperature: 0.5 });
    return { ...plain(message), request: message._request_id };
  },

  // The raw events of one request, and what the helper makes of another one.
  async stream() {
    const events = [];
    for await (const event of await client.messages.create({ ...request, stream: true }))
      events.push(event.type);
    const stream = client.messages.stream(request);
    const told = { events, text: '', blocks: [] };
    stream.on('text', (delta) => { told.text += delta; });
    stream.on('contentBlock', (block) => told.blocks.push(block.type));
    const message = await stream.finalMessage();
    return { ...told, final: plain(message), finalText: await stream.finalText() };
  },

  // Asks, runs what the model wants run, and asks again with what it said, thinking and all.
  async tools() {
    const messages = [...asked], inputs = [];
    for (;;) {
      const message = await client.messages.stream({ ...request, messages, tools }).finalMessage();
      messages.push({ role: 'assistant', content: message.content });
      const calls = message.content.filter((block) => block.type === 'tool_use');
      if (message.stop_reason !== 'tool_use')
        return { inputs, text: message.content.at(-1).text };
      inputs.push(...calls.map((call) => call.input));
      messages.push({ role: 'user', content: calls.map((call) => ({
        type: 'tool_result', tool_use_id: call.id, content: 'Sunny, 23 degrees.' })) });
    }
  },

  // The client's own helper, of its beta part: it sends ?beta=true and anthropic-beta.
  async runner() {
    const inputs = [];
    const message = await client.beta.messages.toolRunner({ ...request, tools: [{
      ...tools[0], run: (input) => { inputs.push(input); return 'Sunny, 23 degrees.'; },
      parse: (input) => input }] });
    return { inputs, text: message.content.at(-1).text };
  },

  async count() {
    return plain(await client.messages.countTokens({ model, messages: asked, tools }));
  },

  async unknown() {
    return caught(() => client.messages.create({ ...request, model: 'nope' }));
  },

  async invalid() {
    return caught(() => client.messages.create({ ...request, temperature: 5 }));
  },

  async failing() {
    return caught(() => client.messages.create(request));
  },

  async broken_stream() {
    let text = '';
    const told = await caught(async () => {
      for await (const event of await client.messages.create({ ...request, stream: true }))
        text += event.delta?.text ?? '';
    });
    return { text, ...told };
  },

  async retries() {
    const patient = new Anthropic({ maxRetries: 2, timeout: 60000 });
    const message = await patient.messages.create(request);
    return { text: message.content[0].text };
  },

  async cancel() {
    const stream = client.messages.stream(request);
    let text = '';
    for await (const event of stream) {
      text += event.delta?.text ?? '';
      if (text) break;
    }
    stream.abort();
    return { text };
  },
};

for (const name of process.argv.slice(2)) console.log(JSON.stringify(await scenarios[name]()));
