// upstream.js - a scripted OpenAI-compatible model service for tests. Plain Node, no packages.
//
//   node upstream.js [--port N] [--tls CERT KEY]
//
// It listens on 127.0.0.1, prints "listening PORT" and then serves until it is killed. `model` in the
// request names what happens (README.md has the list); GET /requests returns what was asked so far,
// GET /open how many answers are under way, so that a test can wait instead of sleeping.
'use strict';

const http = require('http');
const https = require('https');
const fs = require('fs');

const args = process.argv.slice(2);
const option = (name, count) => {
  const at = args.indexOf(name);
  return at < 0 ? null : args.slice(at + 1, at + 1 + count);
};

const CREATED = 1700000000;
const requests = [];
let open = 0;
let serial = 0;
let connections = 0;

// Exactly 579 bytes: the whole answer that the benches use.
const WHOLE = (() => {
  const make = (filler) => JSON.stringify({
    id: 'chatcmpl-000000000000000000000000', object: 'chat.completion', created: CREATED,
    model: 'mock-1', choices: [{ index: 0, message: { role: 'assistant', content: filler,
      refusal: null }, logprobs: null, finish_reason: 'stop' }],
    usage: { prompt_tokens: 19, completion_tokens: 42, total_tokens: 61,
      prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 } },
    service_tier: 'default', system_fingerprint: 'fp_mock' });
  const text = 'The quick brown fox jumps over the lazy dog. ';
  let filler = text.repeat(20);
  return make(filler.slice(0, filler.length - (make(filler).length - 579)));
})();

const chunk = (delta, finish = null, more = {}) => 'data: ' + JSON.stringify({
  id: 'chatcmpl-1', object: 'chat.completion.chunk', created: CREATED, model: 'mock-1',
  choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }], ...more }) + '\n\n';
const usageChunk = (input, output) => 'data: ' + JSON.stringify({
  id: 'chatcmpl-1', object: 'chat.completion.chunk', created: CREATED, model: 'mock-1', choices: [],
  usage: usage(input, output) }) + '\n\n';
const usage = (input, output, cached = 0, reasoning = 0) => ({
  prompt_tokens: input, completion_tokens: output, total_tokens: input + output,
  prompt_tokens_details: { cached_tokens: cached },
  completion_tokens_details: { reasoning_tokens: reasoning } });
const DONE = 'data: [DONE]\n\n';

// 66 events: the role, 62 words, the end, the usage, [DONE].
const BURST = chunk({ role: 'assistant', content: '' }) +
  Array.from({ length: 62 }, (_, i) => chunk({ content: ` word${i}` })).join('') +
  chunk({}, 'stop') + usageChunk(19, 62) + DONE;

const completion = (message, finish = 'stop', counted = usage(19, 42)) => JSON.stringify({
  id: 'chatcmpl-1', object: 'chat.completion', created: CREATED, model: 'mock-1',
  choices: [{ index: 0, message: { role: 'assistant', content: null, ...message },
    logprobs: null, finish_reason: finish }], usage: counted });

const json = (res, status, body, headers = {}) => {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  res.writeHead(status, { 'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text), ...headers });
  res.end(text);
};
const sse = (res) => res.writeHead(200, { 'Content-Type': 'text/event-stream' });
const failure = (message, type, code) => ({ error: { message, type, param: null, code } });

// Writes pieces with a pause between them; stops when the client is gone.
const drip = (res, pieces, pause, done) => {
  if (res.destroyed)
    return;
  if (pieces.length === 0) {
    done();
    return;
  }
  res.write(pieces[0]);
  setTimeout(drip, pause, res, pieces.slice(1), pause, done);
};

const lastText = (body) => {
  const last = (body.messages || []).filter((m) => m.role === 'user').pop();
  if (!last)
    return '';
  return typeof last.content === 'string' ? last.content
    : last.content.filter((p) => p.type === 'text').map((p) => p.text).join('\n\n');
};

const TOOL = { id: 'call_1', type: 'function',
  function: { name: 'get_weather', arguments: '{"city":"Ghent"}' } };

// Each scenario: (request body, response, number behind the name's colon) => void
const scenarios = {
  // The same text, whole or streamed, as the request asks.
  plain(body, res) {
    if (!body.stream)
      return json(res, 200, WHOLE);
    sse(res);
    return res.end(chunk({ role: 'assistant', content: '' }) + chunk({ content: 'Hello' }) +
      chunk({ content: ', ' }) + chunk({ content: 'world.' }) + chunk({}, 'stop') +
      usageChunk(19, 4) + DONE);
  },
  whole: (body, res) => json(res, 200, WHOLE),
  // Says back what it was asked, in words.
  echo(body, res) {
    const text = lastText(body);
    if (!body.stream)
      return json(res, 200, completion({ content: text }));
    sse(res);
    const words = text.match(/\s*\S+/g) || [''];
    return res.end(words.map((w) => chunk({ content: w })).join('') + chunk({}, 'stop') +
      usageChunk(1, words.length) + DONE);
  },
  // Says back the request's body, for tests of what reached the service.
  mirror: (body, res) => (body.stream
    ? (sse(res), res.end(chunk({ content: JSON.stringify(body) }) + chunk({}, 'stop') + DONE))
    : json(res, 200, completion({ content: JSON.stringify(body) }))),
  burst(body, res) {
    if (!body.stream)
      return json(res, 200, WHOLE);
    sse(res);
    return res.end(BURST);
  },
  // One token every N ms (20), M of them (50): slow:N or slow:N:M.
  slow(body, res, pause = 20, count = 50) {
    if (!body.stream)
      return setTimeout(() => res.destroyed || json(res, 200, WHOLE), pause * count);
    sse(res);
    const pieces = Array.from({ length: count }, (_, i) => chunk({ content: ` t${i}` }));
    return drip(res, pieces, pause, () => res.end(chunk({}, 'stop') + usageChunk(19, count) + DONE));
  },
  // Asks for a tool; with a tool's result in the messages it answers with it.
  tools(body, res) {
    const result = (body.messages || []).filter((m) => m.role === 'tool').pop();
    if (result) {
      const text = `The tool said: ${result.content}`;
      if (!body.stream)
        return json(res, 200, completion({ content: text }));
      sse(res);
      return res.end(chunk({ content: text }) + chunk({}, 'stop') + DONE);
    }
    if (!body.stream)
      return json(res, 200, completion({ content: null, tool_calls: [TOOL] }, 'tool_calls'));
    sse(res);
    const part = (text) => chunk({ tool_calls: [{ index: 0, function: { arguments: text } }] });
    return res.end(chunk({ role: 'assistant', content: null, tool_calls: [{ index: 0, id: TOOL.id,
      type: 'function', function: { name: TOOL.function.name, arguments: '' } }] }) +
      part('{"city"') + part(':"Ghent"}') + chunk({}, 'tool_calls') + usageChunk(30, 9) + DONE);
  },
  usage: (body, res) => (body.stream
    ? (sse(res), res.end(chunk({ content: 'counted' }) + chunk({}, 'stop') + 'data: ' +
      JSON.stringify({ choices: [], usage: usage(1000, 200, 400, 50) }) + '\n\n' + DONE))
    : json(res, 200, completion({ content: 'counted' }, 'stop', usage(1000, 200, 400, 50)))),
  reasoning: (body, res) => (body.stream
    ? (sse(res), res.end(chunk({ reasoning_content: 'Let me see.' }) + chunk({ content: 'Yes.' }) +
      chunk({}, 'stop') + DONE))
    : json(res, 200, completion({ reasoning_content: 'Let me see.', content: 'Yes.' }))),
  refusal: (body, res) => (body.stream
    ? (sse(res), res.end(chunk({ refusal: 'No.' }) + chunk({}, 'stop') + DONE))
    : json(res, 200, completion({ refusal: 'No.' }))),
  length: (body, res) => (body.stream
    ? (sse(res), res.end(chunk({ content: 'cut' }) + chunk({}, 'length') + DONE))
    : json(res, 200, completion({ content: 'cut' }, 'length'))),
  // Escapes, characters of two to four bytes, a line separator.
  unicode(body, res) {
    const text = 'line\nbreak "quoted" \\ tab\t é ☃ 𝄞 \u2028 \u0001 end';
    if (!body.stream)
      return json(res, 200, completion({ content: text }));
    sse(res);
    return res.end([...text].map((c) => chunk({ content: c })).join('') + chunk({}, 'stop') + DONE);
  },
  // Comments, events with names, data over several lines, \r\n line ends.
  oddsse(body, res) {
    sse(res);
    return res.end(': PROCESSING\r\n\r\n' + 'event: message\r\nid: 1\r\n' +
      'data: {"choices":[{"index":0,\r\ndata: "delta":{"content":"odd"}}]}\r\n\r\n' +
      chunk({ content: ' but fine' }).replace(/\n/g, '\r\n') + chunk({}, 'stop') + DONE);
  },
  nodone(body, res) { // no [DONE], but a reason for stopping
    sse(res);
    return res.end(chunk({ content: 'enough' }) + chunk({}, 'stop'));
  },
  error400: (body, res) => json(res, 400, failure('max_tokens is too large: 9000.',
    'invalid_request_error', null)),
  error401: (body, res) => json(res, 401, failure('Incorrect API key provided: ' +
    (body.authorization || ''), 'invalid_request_error', 'invalid_api_key')),
  error404: (body, res) => json(res, 404, failure('The model does not exist',
    'invalid_request_error', 'model_not_found')),
  error429: (body, res, seconds = 7) => json(res, 429, failure('Slow down', 'requests',
    'rate_limit_exceeded'), { 'Retry-After': String(seconds) }),
  error429ms: (body, res, ms = 1500) => json(res, 429, failure('Slow down', 'requests', null),
    { 'retry-after-ms': String(ms) }),
  error429date: (body, res, seconds = 30) => json(res, 429, failure('Slow down', 'requests', null),
    { 'Retry-After': new Date(Date.now() + seconds * 1000).toUTCString() }),
  error500: (body, res) => json(res, 500, failure('Internal secret detail', 'server_error', null)),
  error503: (body, res) => json(res, 503, failure('Overloaded', 'server_error', null)),
  error500html(body, res) {
    res.writeHead(500, { 'Content-Type': 'text/html' });
    return res.end('<h1>oops</h1>');
  },
  errorbody: (body, res) => json(res, 200, failure('The engine is overloaded', 'overloaded', null)),
  streamerror(body, res) { // an error object in the middle of a good stream
    sse(res);
    return res.end(chunk({ content: 'So far' }) + 'data: ' + JSON.stringify(failure(
      'The server had an error', 'server_error', null)) + '\n\n');
  },
  redirect(body, res) {
    res.writeHead(302, { Location: '/elsewhere' });
    return res.end();
  },
  // Answers nothing at all.
  hang: () => {},
  // Sends the header of a stream, then nothing.
  hangheader(body, res) {
    sse(res);
    res.flushHeaders();
  },
  // Says something, then nothing more.
  hangmiddle(body, res) {
    sse(res);
    res.write(chunk({ content: 'So far' }));
  },
  // Breaks the connection: before the header, or in the middle.
  reset: (body, res) => res.socket.resetAndDestroy(),
  resetmiddle(body, res) {
    if (body.stream) {
      sse(res);
      res.write(chunk({ content: 'So far' }));
    } else {
      res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': 579 });
      res.write(WHOLE.slice(0, 300));
    }
    setTimeout(() => res.socket && res.socket.resetAndDestroy(), 20);
  },
  // Ends properly in the middle of an event, or before the reason for stopping.
  halfevent(body, res) {
    sse(res);
    return res.end(chunk({ content: 'So far' }) + chunk({ content: 'never' }).slice(0, 40));
  },
  noend(body, res) {
    sse(res);
    return res.end(chunk({ content: 'So far' }));
  },
  // Fails the first N times (2) with 503, by the request's `user`, then works.
  flaky(body, res, times = 2) {
    const key = `flaky:${body.user || ''}`;
    const before = requests.filter((r) => r.key === key).length;
    requests[requests.length - 1].key = key;
    return before < times ? scenarios.error503(body, res) : scenarios.plain(body, res);
  },
  garbage(body, res) {
    if (body.stream) {
      sse(res);
      return res.end('data: {"choices": [{"delta": {"content": "x"\n\n');
    }
    return json(res, 200, 'this is { not JSON');
  },
  badutf8(body, res) {
    sse(res);
    res.write(Buffer.concat([Buffer.from('data: {"choices":[{"index":0,"delta":{"content":"'),
      Buffer.from([0xff, 0xfe, 0xc3]), Buffer.from('"}}]}\n\n')]));
    return res.end(chunk({}, 'stop') + DONE);
  },
  duplicate: (body, res) => json(res, 200,
    '{"choices":[],"choices":[{"message":{"role":"assistant","content":"x"}}]}'),
  nothttp: (body, res) => res.socket.end('SSH-2.0-OpenSSH_9.2\r\n'),
  // A gigabyte, as fast as it is taken: of one line, or of good events (gigabyte:1).
  gigabyte(body, res, good = 0) {
    sse(res);
    const piece = good ? Buffer.from(chunk({ content: 'x'.repeat(1000) }).repeat(60))
      : Buffer.alloc(64 * 1024, 'a');
    let left = 1 << 30;
    if (!good)
      res.write('data: ');
    const more = () => {
      while (left > 0 && !res.destroyed) {
        left -= piece.length;
        if (!res.write(piece))
          return res.once('drain', more);
      }
      return res.end();
    };
    more();
  },
};

const serve = (req, res, text) => {
  let body;
  try {
    body = JSON.parse(text);
  } catch (error) {
    return json(res, 400, failure('not JSON', 'invalid_request_error', null));
  }
  requests.push({ number: ++serial, connection: req.socket.number, url: req.url, headers: req.headers, body });
  if (requests.length > 1000)
    requests.shift();
  const [name, ...numbers] = String(body.model).split(':');
  if (!scenarios[name])
    return json(res, 404, failure(`The model '${name}' does not exist`, 'invalid_request_error',
      'model_not_found'));
  body.authorization = req.headers.authorization;
  return scenarios[name](body, res, ...numbers.map(Number));
};

const handle = (req, res) => {
  if (req.method === 'GET' && req.url === '/requests')
    return json(res, 200, requests);
  if (req.method === 'GET' && req.url === '/open')
    return json(res, 200, { open, connections });
  if (req.method === 'GET' && req.url === '/v1/models')
    return json(res, 200, { object: 'list', data: Object.keys(scenarios).map((id) => ({ id,
      object: 'model', created: CREATED, owned_by: 'upstream' })) });
  if (req.method !== 'POST' || !req.url.endsWith('/chat/completions'))
    return json(res, 404, failure('no such path', 'invalid_request_error', null));
  open++;
  res.on('close', () => { open--; });
  res.on('error', () => {});
  const pieces = [];
  req.on('data', (piece) => pieces.push(piece));
  return req.on('end', () => serve(req, res, Buffer.concat(pieces).toString()));
};

const tls = option('--tls', 2);
const server = tls
  ? https.createServer({ cert: fs.readFileSync(tls[0]), key: fs.readFileSync(tls[1]) }, handle)
  : http.createServer(handle);
server.keepAliveTimeout = 60000;
server.on(tls ? 'secureConnection' : 'connection', (socket) => {
  socket.number = ++connections;
  socket.setNoDelay(true);
});
server.listen(Number((option('--port', 1) || [0])[0]), '127.0.0.1',
  () => console.log(`listening ${server.address().port}`));

module.exports = { server, scenarios, WHOLE, BURST };
