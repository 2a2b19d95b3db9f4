"""Many turns at once, and a log of what became of each: Traffic is the clients and the model.

Every question begins with a word of its own, from which its whole text and its reply follow; so of
anything that is stored later one can say whether it is whole. A turn is
    asked         the model was asked: from here on the question must be kept
    acknowledged  the client has the reply and its end: both must be kept
"""
import asyncio
import contextlib
import json
import random
import threading
import time
import zlib

LONGEST = 6000
GONE = (OSError, asyncio.IncompleteReadError, EOFError, ValueError)


def padded(word, text):
    size = zlib.crc32(text.encode()) % LONGEST
    return f'{word} ' + (f'{text} ' * (size // (len(text) + 1) + 1))[:size]


def question_of(word):
    return padded(word, f'what about {word}?')


def reply_of(word):
    return padded(f'of {word}:', f'this about {word}.')


class Turn:
    def __init__(self, word, conversation, key):
        self.word, self.conversation, self.key = word, conversation, key
        self.asked = self.acknowledged = False
        self.id = self.reply = None
        self.end = None   # a status, or what broke
        self.body = None
        self.seen = ''    # of a stream: the text that came


async def read_head(reader):
    """First line, headers."""
    lines = (await reader.readuntil(b'\r\n\r\n')).decode('latin-1').split('\r\n')
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(':')
        headers[name.lower()] = value.strip()
    return lines[0], headers


async def read_body(reader, headers, into=None):
    """The body; `into`, a bytearray, has what came so far if the connection breaks."""
    if 'content-length' in headers:
        return await reader.readexactly(int(headers['content-length']))
    body = bytearray() if into is None else into
    while True:
        size = int(await reader.readline(), 16)
        body += (await reader.readexactly(size + 2))[:-2]
        if size == 0:
            return bytes(body)


class Traffic:
    def __init__(self, clients=64, seed=1, pipeline='kept', keyed=0.1, pace=0.002,
                 conversations=True):
        self.random = random.Random(seed)
        self.count, self.pipeline, self.keyed, self.pace = clients, pipeline, keyed, pace
        self.conversations = conversations
        self.refused = 0           # connections that nobody took
        self.turns = {}
        self.strange = []          # answers that no fault explains
        self.port = None
        self.running = 0
        self.loop = asyncio.new_event_loop()
        self.going = asyncio.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        begun = threading.Event()
        self.loop.call_soon(lambda: self.loop.create_task(self._begin(begun)))
        self.thread.start()
        begun.wait()
        self.url = f'http://127.0.0.1:{self.model_port}/v1'

    # --- what the test calls ---------------------------------------------------------------------

    def go(self, port):
        self.port = port
        self._on_loop(self.going.set)

    def hush(self, seconds=60):
        """No new turns; returns when those that run have ended somehow."""
        self._on_loop(self.going.clear)
        self._on_loop(lambda: None)  # who was woken before has begun
        until = time.monotonic() + seconds
        while self.running:
            if time.monotonic() > until:
                raise AssertionError(f'{self.running} turns do not end')
            time.sleep(0.002)

    def _on_loop(self, fn):
        done = threading.Event()
        self.loop.call_soon_threadsafe(lambda: (fn(), self.loop.call_soon(done.set)))
        done.wait()

    def acknowledged(self):
        return [turn for turn in list(self.turns.values()) if turn.acknowledged]

    def wait_acknowledged(self, more, seconds=60):
        """Until so many more turns than now are acknowledged."""
        wanted = len(self.acknowledged()) + more
        until = time.monotonic() + seconds
        while len(self.acknowledged()) < wanted:
            if time.monotonic() > until:
                raise AssertionError(f'only {len(self.acknowledged())} of {wanted} turns were '
                                     f'acknowledged; {self.ends()}; {self.strange[:3]}')
            time.sleep(0.002)

    def ends(self):
        """How often which end."""
        told = {}
        for turn in list(self.turns.values()):
            told[turn.end] = told.get(turn.end, 0) + 1
        return told

    def close(self):
        async def end():
            self.server.close()
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.loop.stop()
        asyncio.run_coroutine_threadsafe(end(), self.loop)
        self.thread.join(10)

    # --- the loop --------------------------------------------------------------------------------

    def _run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    async def _begin(self, begun):
        self.server = await asyncio.start_server(self._model, '127.0.0.1', 0, limit=1 << 20,
                                                 backlog=1024)
        self.model_port = self.server.sockets[0].getsockname()[1]
        self.clients = [asyncio.create_task(self._client(number))
                        for number in range(self.count)]
        begun.set()

    # --- the model -------------------------------------------------------------------------------

    async def _model(self, reader, writer):
        with contextlib.suppress(*GONE, asyncio.CancelledError):
            while True:
                _, headers = await read_head(reader)
                body = json.loads(await read_body(reader, headers))
                said = body['messages'][-1]['content']
                word = said.split(' ', 1)[0]
                turn = self.turns.get(word)
                reply = reply_of(word) if turn else 'What?' # to a question of the test's own
                if turn:
                    turn.asked = True
                    if said != question_of(word):
                        self.strange.append(f'the model was asked {said[:80]!r}')
                await asyncio.sleep(self.random.random() * self.pace)
                if body.get('stream'):
                    await self._say_stream(writer, reply)
                else:
                    data = json.dumps({
                        'id': 'c', 'object': 'chat.completion', 'created': 1, 'model': 's',
                        'choices': [{'index': 0, 'finish_reason': 'stop',
                                     'message': {'role': 'assistant', 'content': reply}}],
                        'usage': {'prompt_tokens': 1, 'completion_tokens': 1,
                                  'total_tokens': 2}}).encode()
                    writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
                                 b'Content-Length: %d\r\n\r\n' % len(data) + data)
                await writer.drain()
        writer.close()

    async def _say_stream(self, writer, reply):
        def event(delta, finish=None):
            data = json.dumps({'id': 'c', 'object': 'chat.completion.chunk', 'created': 1,
                               'model': 's', 'choices': [{'index': 0, 'delta': delta,
                                                          'finish_reason': finish}]})
            line = f'data: {data}\n\n'.encode()
            return b'%x\r\n%s\r\n' % (len(line), line)
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n'
                     b'Transfer-Encoding: chunked\r\n\r\n')
        part = len(reply) // 4 + 1
        for at in range(0, len(reply), part):
            writer.write(event({'content': reply[at:at + part]}))
            await writer.drain()
            await asyncio.sleep(self.random.random() * self.pace)
        writer.write(event({}, 'stop') + b'e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n')

    # --- the clients -----------------------------------------------------------------------------

    async def _client(self, number):
        conversation, connection, port, sequence = None, None, None, 0
        while True:
            await self.going.wait()
            sequence += 1
            turn = Turn(f'w{number}-{sequence}', conversation,
                        f'key-{number}-{sequence}' if self.random.random() < self.keyed else None)
            self.turns[turn.word] = turn
            self.running += 1
            try:
                if connection is None or port != self.port:
                    port = self.port
                    connection = await asyncio.open_connection('127.0.0.1', port, limit=1 << 22)
                close = await self._turn(turn, *connection)
                if close:
                    connection[1].close()
                    connection = None
            except (KeyError, TypeError) as error:
                self.strange.append(f'{turn.word}: {error!r}')
                raise
            except GONE as error:
                turn.end = type(error).__name__
                self.refused += isinstance(error, ConnectionRefusedError)
                if connection:
                    connection[1].close()
                connection = None
                await asyncio.sleep(0.01)
            finally:
                self.running -= 1
            if turn.end not in (200, 'done'):
                await asyncio.sleep(0.005)
            conversation = turn.conversation
            if turn.end in (404, 409) or self.random.random() < 0.1:
                conversation = None

    async def _turn(self, turn, reader, writer):
        """One turn to its end; True: the connection is over."""
        stream = self.random.random() < 0.5
        body = {'pipeline': self.pipeline, 'message': question_of(turn.word), 'stream': stream}
        if self.conversations:
            body['conversation'] = turn.conversation
        turn.body = json.dumps(body).encode()
        key = f'Idempotency-Key: {turn.key}\r\n' if turn.key else ''
        writer.write(b'POST /v1/turns HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json'
                     b'\r\n%sContent-Length: %d\r\n\r\n' % (key.encode(), len(turn.body)) + turn.body)
        line, headers = await read_head(reader)
        status = int(line.split()[1])
        so_far = bytearray()
        try:
            said = (await read_body(reader, headers, so_far)).decode()
        finally:
            if status == 200 and stream:
                self._judge_stream(turn, so_far.decode(errors='ignore').rpartition('\n\n')[0])
        if status != 200 or not stream:
            turn.end = status
            if status == 200:
                self._judge(turn, json.loads(said))
            elif status not in (409, 503, 504):
                self.strange.append(f'{status} {said[:300]}')
        return headers.get('connection', '').lower() == 'close'

    def _judge(self, turn, told):
        turn.id, turn.conversation = told['id'], told.get('conversation')
        turn.reply = told['message'].get('id')
        if told['message']['text'] != reply_of(turn.word):
            self.strange.append(f'{turn.word} got {told["message"]["text"][:80]!r}')
        turn.acknowledged = True

    def _judge_stream(self, turn, said):
        text = ''
        for block in said.split('\n\n'):
            fields = dict(line.split(': ', 1) for line in block.split('\n') if ': ' in line)
            name = fields.get('event')
            if name is None:
                continue
            data = json.loads(fields['data'])
            if name == 'turn':
                turn.id, turn.conversation = data['id'], data.get('conversation')
            elif name == 'text':
                text += data['delta'] if isinstance(data, dict) else data
            elif name == 'error':
                turn.end = data.get('status', 'error')
                if turn.end not in (409, 503, 504):
                    self.strange.append(f'{turn.word}: {data}')
            elif name == 'done':
                turn.end = 'done'
                turn.reply = (data.get('message') or {}).get('id')
                if text != reply_of(turn.word):
                    self.strange.append(f'{turn.word} streamed {text[:80]!r} ({len(text)})')
                turn.acknowledged = data.get('status') == 'done'
        turn.seen = text
