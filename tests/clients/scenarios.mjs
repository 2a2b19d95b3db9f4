// scenarios.mjs - what applications do with the official client, one scenario a run:
//   node scenarios.mjs openai|openai-4 SCENARIO
// OPENAI_BASE_URL and OPENAI_API_KEY say whom to ask. Prints one line of JSON that a test judges.
const [client, scenario] = process.argv.slice(2);
const { default: OpenAI } = await import(client);
const openai = new OpenAI({ maxRetries: 0, timeout: 60000 });
const model = 'support';
const messages = [{ role: 'user', content: 'How do I write a plugin?' }];
const tools = [{
  type: 'function',
  function: { name: 'weather', description: 'Tells the weather.', parameters: {
    type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } },
}];
const failure = (error) => ({
  name: error.constructor.name, status: error.status ?? null, code: error.code ?? null,
  type: error.type ?? null, message: error.message });

const scenarios = {
  async models() {
    const ids = [];
    for await (const each of openai.models.list()) ids.push(each.id);
    const one = await openai.models.retrieve(ids[0]);
    return { ids, one: one.id };
  },

  async plain() {
    const { data, response } = await openai.chat.completions
      .create({ model, messages, temperature: 0.5 }).withResponse();
    return { text: data.choices[0].message.content, finish: data.choices[0].finish_reason,
      usage: data.usage, turn: response.headers.get('x-patchbay-turn') };
  },

  async stream() {
    const stream = await openai.chat.completions.create({
      model, messages, stream: true, stream_options: { include_usage: true } });
    const told = { text: '', roles: [], finish: [], usage: null, chunks: 0 };
    for await (const chunk of stream) {
      told.chunks++;
      for (const choice of chunk.choices) {
        told.text += choice.delta.content ?? '';
        if (choice.delta.role) told.roles.push(choice.delta.role);
        if (choice.finish_reason) told.finish.push(choice.finish_reason);
      }
      told.usage = chunk.usage ?? told.usage;
    }
    return told;
  },

  // The client's own helper runs the function and asks again: it is strict about ids and roles.
  async tools() {
    const asked = [];
    const run = (openai.chat.completions.runTools ? openai.chat : openai.beta.chat).completions
      .runTools({ model, messages, tools: [{ type: 'function', function: {
        ...tools[0].function, parse: JSON.parse,
        function: (input) => { asked.push(input); return 'Sunny, 23 degrees.'; } } }] });
    return { text: await run.finalContent(), asked };
  },

  async stream_tools() {
    const stream = await openai.chat.completions.create({ model, messages, tools, stream: true });
    const calls = [];
    for await (const chunk of stream) {
      for (const part of chunk.choices[0]?.delta.tool_calls ?? []) {
        calls[part.index] ??= { id: part.id, name: part.function.name, arguments: '' };
        calls[part.index].arguments += part.function.arguments ?? '';
      }
    }
    return { calls };
  },

  async error() {
    try {
      await openai.chat.completions.create({ model: 'nope', messages });
    } catch (error) {
      return failure(error);
    }
    return null;
  },

  async upstream_error() {
    try {
      await openai.chat.completions.create({ model, messages });
    } catch (error) {
      return { ...failure(error), after: error.headers.get?.('retry-after') ?? error.headers['retry-after'] };
    }
    return null;
  },

  async broken_stream() {
    let text = '';
    try {
      const stream = await openai.chat.completions.create({ model, messages, stream: true });
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    } catch (error) {
      return { text, ...failure(error) };
    }
    return { text };
  },

  async retries() {
    const patient = new OpenAI({ maxRetries: 2, timeout: 60000 });
    const answer = await patient.chat.completions.create({ model, messages });
    return { text: answer.choices[0].message.content };
  },

  async cancel() {
    const stream = await openai.chat.completions.create({ model, messages, stream: true });
    let text = '';
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      if (text) break;
    }
    stream.controller.abort();
    return { text };
  },

  async cancel_waiting() {
    const controller = new AbortController();
    const asked = openai.chat.completions.create({ model, messages }, { signal: controller.signal });
    process.stdin.once('data', () => controller.abort());
    try {
      await asked;
    } catch (error) {
      process.stdin.destroy();
      return failure(error);
    }
    return null;
  },
};

console.log(JSON.stringify(await scenarios[scenario]()));
