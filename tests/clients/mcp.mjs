// mcp.mjs - what applications do with the official TypeScript client: node mcp.mjs SCENARIO…
// MCP_URL and MCP_KEY say whom to ask. Prints one line of JSON that a test judges.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  ResourceListChangedNotificationSchema, ResourceUpdatedNotificationSchema,
  LoggingMessageNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';

const url = new URL(process.env.MCP_URL);
const headers = { Authorization: `Bearer ${process.env.MCP_KEY}` };
const transport = new StreamableHTTPClientTransport(url, { requestInit: { headers } });
const client = new Client({ name: 'test', version: '1.0.0' });
const failure = (error) => ({ name: error.name, code: error.code ?? null, message: error.message });

async function pages(list, member) {
  const all = [];
  let cursor;
  do {
    const page = await list(cursor ? { cursor } : {});
    all.push(...page[member]);
    cursor = page.nextCursor;
  } while (cursor);
  return all;
}

// Every tool that only reads and needs nothing; the client checks each result by the schemas of the
// page that it read last.
async function readAll() {
  const told = {};
  let page = {};
  do {
    page = await client.listTools(page.nextCursor ? { cursor: page.nextCursor } : {});
    for (const { name, annotations, inputSchema } of page.tools) {
      if (!annotations.readOnlyHint || inputSchema.required?.length || name.startsWith('ask_')) continue;
      const result = await client.callTool({ name, arguments: {} }).catch(failure);
      told[name] = result.isError ? result.content[0].text : result.message ?? null;
    }
  } while (page.nextCursor);
  return told;
}

const scenarios = {
  async tour() {
    const tools = await pages((params) => client.listTools(params), 'tools');
    await client.ping();
    return {
      version: transport.protocolVersion, server: client.getServerVersion().name,
      instructions: client.getInstructions(), capabilities: client.getServerCapabilities(),
      session: transport.sessionId, tools,
      collections: await client.callTool({ name: 'collections_create',
        arguments: { name: `parcels-${process.pid}`, description: 'Post.' } }),
      wrong: await client.callTool({ name: 'documents_list', arguments: { limit: 9999 } }),
      unknown: await client.callTool({ name: 'nope' }).catch(failure),
      read: await readAll(),
    };
  },

  async documents() {
    const resources = await pages((params) => client.listResources(params), 'resources');
    const contents = [];
    for (const { uri } of resources)
      contents.push((await client.readResource({ uri })).contents[0]);
    return { resources, contents,
      templates: (await client.listResourceTemplates()).resourceTemplates,
      missing: await client.readResource({ uri: 'patchbay://documents/no' }).catch(failure) };
  },

  async prompts() {
    const complete = await client.complete({ ref: { type: 'ref/prompt', name: 'review' },
      argument: { name: 'tone', value: 's' } });
    return { prompts: (await client.listPrompts()).prompts, completed: complete.completion.values,
      filled: await client.getPrompt({ name: 'review', arguments: { text: 'Hi', tone: 'strict' } }),
      missing: await client.getPrompt({ name: 'review', arguments: {} }).catch(failure) };
  },

  async ask() {
    const progress = [], logged = [];
    client.setNotificationHandler(LoggingMessageNotificationSchema,
      (each) => { logged.push(each.params.data); });
    await client.listTools(); // the client checks results by their schemas only when it knows them
    await client.setLoggingLevel('debug');
    const answer = await client.callTool({ name: 'ask_support', arguments: { message: 'Hello?' } },
      undefined, { onprogress: (each) => { progress.push(each); } });
    const first = await client.callTool({ name: 'ask_diary', arguments: { message: 'One' } });
    const second = await client.callTool({ name: 'ask_diary', arguments: { message: 'Two',
      conversation: first.structuredContent.conversation } });
    return { answer, progress, logged, first, second };
  },

  async fail() {
    return { answer: await client.callTool({ name: 'ask_support', arguments: { message: 'Hi' } }) };
  },

  // The test lets the model say something, then it is silent.
  async cancel() {
    const controller = new AbortController();
    let heard;
    try {
      await client.callTool({ name: 'ask_support', arguments: { message: 'Hi' } }, undefined, {
        signal: controller.signal,
        onprogress: ({ message }) => {
          if (message === 'so far') {
            heard = message;
            controller.abort('enough');
          }
        } });
    } catch (error) {
      await client.ping();
      return { heard, ...failure(error) };
    }
    return { heard };
  },

  // Says "listening" when a change would be heard; the test makes one.
  async changes() {
    const heard = [];
    const changed = new Promise((done) => {
      client.setNotificationHandler(ResourceListChangedNotificationSchema, () => {
        heard.push('list');
      });
      client.setNotificationHandler(ResourceUpdatedNotificationSchema, (each) => {
        heard.push(each.params.uri);
        done();
      });
    });
    const [{ uri }] = (await client.listResources()).resources;
    await client.subscribeResource({ uri });
    console.error('listening');
    await changed;
    return { uri, heard };
  },

  async end() {
    const session = transport.sessionId;
    await transport.terminateSession();
    const statuses = [];
    for (let i = 0; i < 6; i++) {
      const answer = await fetch(url, { method: 'POST', body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
        headers: { ...headers, 'Mcp-Session-Id': session, 'Content-Type': 'application/json',
          Accept: 'application/json, text/event-stream', Connection: 'close' } });
      statuses.push(answer.status);
    }
    return { statuses };
  },
};

try {
  await client.connect(transport);
} catch (error) {
  console.log(JSON.stringify(failure(error)));
  process.exit(0);
}
const told = {};
for (const name of process.argv.slice(2)) told[name] = await scenarios[name]();
await transport.terminateSession();
await client.close();
process.stdin.destroy();
console.log(JSON.stringify(told));
