"""Detached turns and Idempotency-Key: streams that are resumed by any worker, workers that die, keys
that are used again."""
import http.client
import json
import os
import signal
import sqlite3
import tempfile
import threading
import time
import unittest

from harness import client, server, upstream
from harness.case import COMPLETIONS, ServerCase

WORDS = [f'word{number} ' for number in range(12)]


def text_of(events):
    return ''.join(data['delta'] for name, data, _ in events if name == 'text')


def ids_of(events):
    return [int(number) for _, _, number in events]


class Gate:
    """A model's stream that goes on a word at a time, as the test lets it."""

    def __init__(self, words=None):
        self.words = words or WORDS
        self.steps = [threading.Event() for _ in self.words]

    def answer(self):
        pieces = []
        for word, step in zip(self.words, self.steps):
            pieces += [lambda step=step: step.wait(60), {'content': word}]
        return upstream.stream(pieces)

    def open(self, count=None):
        """Lets the first `count` words through."""
        for step in self.steps[:count]:
            step.set()


def held(gate, answer):
    """The same answer, but not before the gate opens."""
    def later(connection, request):
        gate.wait(60)
        return answer(connection, request)
    return later


class Stream:
    """A stream that the test reads an event at a time."""

    def __init__(self, port, method, path, body=None, headers=''):
        self.raw = client.Raw(port, timeout=60)
        if method == 'POST':
            self.raw.post(path, body, headers)
        else:
            self.raw.send(f'GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n'.encode())

    def read_events(self, count):
        """Reads on until `count` events have come; all that came."""
        while len(events := self.events()) < count:
            data = self.raw.socket.recv(65536)
            if not data:
                raise AssertionError(f'closed before {count} events: {self.raw.received!r}')
            self.raw.received += data
        return events

    def events(self):
        """Of the whole events that have come."""
        _, _, rest = self.raw.received.partition(b'\r\n\r\n')
        body = b''
        while True:  # chunks
            size, mark, rest = rest.partition(b'\r\n')
            if not mark or not size or int(size, 16) == 0 or len(rest) < int(size, 16) + 2:
                break
            body += rest[:int(size, 16)]
            rest = rest[int(size, 16) + 2:]
        return list(client.parse_events(body.rpartition(b'\n\n')[0]))

    def close(self):
        self.raw.socket.close()


class Detached(ServerCase):
    CONFIG = 'detached.yaml'

    def start(self, gate, count, **more):
        """A detached stream of which the client read `count` words; its id and the events."""
        self.model.then(gate.answer())
        stream = Stream(self.port, 'POST', '/v1/turns',
                        dict({'message': 'Hi', 'stream': True, 'detach': True}, **more))
        self.addCleanup(stream.close)
        self.addCleanup(gate.open)
        events = []
        for number in range(1, count + 1):  # each word is an event of its own then
            gate.open(number)
            events = stream.read_events(number + 1)
        return events[0][1]['id'], events, stream

    def resume(self, turn, after=None):
        headers = {} if after is None else {'Last-Event-ID': str(after)}
        return self.get(f'/v1/turns/{turn}/events', headers=headers, timeout=60)

    def database(self, question, *values):
        path = os.path.join(self.server.folder.name, 'data', 'turns.db')
        with sqlite3.connect(path, timeout=30) as database:
            return database.execute(question, values).fetchall()

    def node(self, turn):
        """The process that runs it."""
        rows = self.database('SELECT node FROM turns WHERE uuid = ?',
                             bytes.fromhex(turn.replace('-', '')))
        return int(rows[0][0].split('-')[0])

    def worker_of(self, answer):
        """Which worker answered: its log says."""
        request = answer.headers['x-request-id']
        self.server.wait_log(f'"request":"{request}"')
        until = time.monotonic() + 30
        while time.monotonic() < until:
            for line in self.server.log():
                if line.get('request') == request and 'worker' in line:
                    return line['worker']
            time.sleep(0.01)
        raise AssertionError(f'no worker says that it answered {request}')

    def test_the_client_leaves_and_comes_back(self):
        gate = Gate()
        turn, seen, stream = self.start(gate, 3)
        stream.close()
        gate.open()
        self.assertEqual(ids_of(seen), [0, 1, 2, 3])
        rest = self.resume(turn, after=3)
        self.assertEqual(rest.status, 200, rest)
        self.assertEqual(rest.headers['x-patchbay-turn'], turn)
        self.assertEqual(text_of(seen + rest.events()), ''.join(WORDS))
        self.assertEqual([name for name, _, _ in rest.events()][-2:], ['usage', 'done'])
        self.assertEqual(rest.events()[-1][1]['status'], 'done')
        answer = self.get(f'/v1/turns/{turn}').json()
        self.assertEqual(answer['status'], 'done')
        self.assertEqual(answer['message']['text'], ''.join(WORDS))
        self.assertEqual(answer['usage']['input_tokens'], 11)

    def test_resumed_at_every_event_by_every_worker(self):
        gate = Gate()
        turn, seen, stream = self.start(gate, 6)
        answers = {}
        threads = []
        for number in range(0, 6):  # while it runs, several at each event
            for copy in range(3):
                def follow(number=number, copy=copy):
                    answers[number, copy] = self.resume(turn, after=number)
                threads.append(threading.Thread(target=follow))
        for thread in threads:
            thread.start()
        gate.open()
        for thread in threads:
            thread.join()
        whole = self.resume(turn).events()
        self.assertEqual(text_of(whole), ''.join(WORDS))
        self.assertEqual(whole[:len(seen)], seen)
        self.assertEqual(ids_of(whole), sorted(set(ids_of(whole))))
        for (number, _), answer in answers.items():
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual(answer.events(), [event for event in whole if int(event[2]) > number])
        kept, asked = [], set()  # a worker with more connections leaves the next to the other
        while len(asked) < 2 and len(kept) < 32:
            kept.append(http.client.HTTPConnection('127.0.0.1', self.port, timeout=60))
            kept[-1].request('GET', f'/v1/turns/{turn}/events', headers={'Last-Event-ID': '2'})
            answer = kept[-1].getresponse()
            answer = client.Answer(answer.status, answer.headers, answer.read())
            self.assertEqual(answer.events(), [event for event in whole if int(event[2]) > 2])
            asked.add(self.worker_of(answer))
        self.assertEqual(asked, {1, 2})
        for connection in kept:
            connection.close()
        for number in ids_of(whole)[:-1]:  # and when it is over
            self.assertEqual(self.resume(turn, after=number).events(),
                             [event for event in whole if int(event[2]) > number])
        self.assertEqual(self.resume(turn, after=ids_of(whole)[-1]).status, 204)
        stream.close()

    def test_the_worker_dies(self):
        gate = Gate()
        turn, seen, stream = self.start(gate, 4)
        followers = [Stream(self.port, 'GET', f'/v1/turns/{turn}/events') for _ in range(6)]
        for follower in followers:
            self.addCleanup(follower.close)
            follower.read_events(5)
        os.kill(self.node(turn), signal.SIGKILL)
        acknowledged = text_of(seen)
        self.assertEqual(acknowledged, ''.join(WORDS[:4]))
        rest = self.resume(turn, after=4)
        self.assertEqual(rest.status, 200, rest)
        (name, problem, _), = rest.events()
        self.assertEqual(name, 'error')
        self.assertEqual(problem['status'], 503)
        self.assertIn('the worker died', problem['detail'])
        told = 0
        for follower in followers:  # those of the other worker are told, too
            try:
                events = follower.read_events(6)
            except (AssertionError, ConnectionError):
                continue
            self.assertEqual(text_of(events), acknowledged)
            self.assertEqual(events[-1], rest.events()[0])
            told += 1
        self.assertGreater(told, 0)
        answer = self.get(f'/v1/turns/{turn}').json()
        self.assertEqual(answer['status'], 'interrupted')
        self.assertEqual(answer['message']['text'], acknowledged)
        self.assertIn('the worker died', answer['error']['detail'])
        self.assert_well()

    def test_the_worker_dies_under_a_key(self):
        gate = Gate()
        self.model.then(gate.answer())
        self.addCleanup(gate.open)
        key = {'Idempotency-Key': 'dies'}
        first = Stream(self.port, 'POST', '/v1/turns', {'message': 'Hi', 'stream': True},
                       'Idempotency-Key: dies\r\n')
        self.addCleanup(first.close)
        gate.open(2)
        turn = first.read_events(2)[0][1]['id']
        os.kill(self.node(turn), signal.SIGKILL)
        again = self.post('/v1/turns', {'message': 'Hi', 'stream': True}, headers=key)
        self.assertEqual(again.status, 200, again)
        self.assertEqual(again.events()[-1][0], 'error')
        self.assertEqual(again.events()[0][1]['id'], turn)
        self.assert_well()

    def test_a_key_is_used_by_many_at_once(self):
        gate = threading.Event()
        self.model.then(held(gate, upstream.completion('slow')))
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(
            self.post('/v1/turns', {'message': 'Hi'}, headers={'Idempotency-Key': '"many"'},
                      timeout=60)))
            for _ in range(12)]
        for thread in threads:
            thread.start()
        self.model.arrived.get(timeout=60)
        gate.set()
        for thread in threads:
            thread.join()
        self.assertEqual(len(self.model.requests), 1)
        self.assertEqual({answer.status for answer in answers}, {200}, answers[0])
        self.assertEqual(len({answer.body for answer in answers}), 1)
        self.assertEqual(answers[0].json()['message']['text'], 'slow')
        self.assertEqual(len({answer.headers['x-patchbay-turn'] for answer in answers}), 1)

    def test_the_client_of_a_key_leaves(self):
        gate = threading.Event()
        self.model.then(held(gate, upstream.completion('late')))
        with client.Raw(self.port) as raw:
            raw.post('/v1/turns', {'message': 'Hi'}, 'Idempotency-Key: leaves\r\n')
            self.model.arrived.get(timeout=60)
        gate.set()
        answer = self.post('/v1/turns', {'message': 'Hi'}, headers={'Idempotency-Key': 'leaves'})
        self.assertEqual(answer.json()['message']['text'], 'late')
        self.assertEqual(len(self.model.requests), 1)

    def test_other_bodies_and_malformed_keys(self):
        key = {'Idempotency-Key': 'one'}
        self.assertEqual(self.post('/v1/turns', {'message': 'Hi'}, headers=key).status, 200)
        self.assert_problem(self.post('/v1/turns', {'message': 'Ho'}, headers=key), 422,
                            'unprocessable')
        self.assert_problem(self.post('/v1/turns', {'message': 'Hi'},
                                      headers={'Idempotency-Key': 'a b'}), 400, 'invalid')
        answer = self.post(COMPLETIONS, {'model': 'support',
                                         'messages': [{'role': 'user', 'content': 'Hi'}]},
                           headers=key)
        self.assertEqual(answer.status, 200, answer)

    def test_errors_are_answers(self):
        self.model.then(upstream.error(500, 'broken'), upstream.error(500, 'broken'))
        key = {'Idempotency-Key': 'fails'}
        first = self.post('/v1/turns', {'message': 'Hi'}, headers=key)
        requests = len(self.model.requests)
        again = self.post('/v1/turns', {'message': 'Hi'}, headers=key)
        self.assertGreaterEqual(first.status, 500)
        self.assertEqual((again.status, again.body), (first.status, first.body))
        self.assertEqual(len(self.model.requests), requests)

    def test_cancelled_from_anywhere(self):
        for _ in range(4):  # a connection each: some come to the other worker
            gate = Gate()
            turn, _, stream = self.start(gate, 2)
            answer = self.request('DELETE', f'/v1/turns/{turn}')
            self.assertEqual(answer.status, 202, answer)
            rest = self.resume(turn, after=2).events()
            self.assertEqual(rest[-1][1]['status'], 'cancelled')
            stream.close()
            gate.open()

    def test_202(self):
        answer = self.turn(detach=True)
        self.assertEqual(answer.status, 202, answer)
        turn = answer.json()['id']
        self.assertEqual(answer.headers['location'], f'/v1/turns/{turn}')
        self.assertEqual(answer.json()['status'], 'running')
        self.assertEqual(text_of(self.resume(turn).events()), 'Hello from the model.')
        answer = self.get(answer.headers['location']).json()
        self.assertEqual(answer['status'], 'done')
        self.assertEqual(answer['message']['text'], 'Hello from the model.')

    def test_plain_streams_cannot_be_resumed(self):
        answer = self.turn(stream=True)
        problem = self.assert_problem(self.resume(answer.headers['x-patchbay-turn'], after=1), 404)
        self.assertIn('only detached turns', problem['detail'])


class Conversations(ServerCase):
    """The fields and headers by which both dialects name a conversation."""
    CONFIG = 'detached.yaml'

    def say(self, text, **more):
        return self.turn(text, pipeline='talk', **more)

    def asked(self):
        return [message['content'] for message in self.model.requests[-1].json()['messages']]

    def test_native(self):
        first = self.say('One')
        self.assertEqual(first.status, 200, first)
        conversation = first.json()['conversation']
        self.assertEqual(first.headers['patchbay-conversation'], conversation)
        self.assertRegex(first.json()['message']['id'], '^[0-9a-f-]{36}$')
        second = self.say('Two', conversation=conversation)
        self.assertEqual(second.json()['conversation'], conversation)
        self.assertEqual(self.asked(), ['One', 'Hello from the model.', 'Two'])
        self.assertNotEqual(self.say('Three', conversation=None).json()['conversation'],
                            conversation)
        events = self.say('Four', conversation=conversation, stream=True).events()
        self.assertEqual(events[0][1]['conversation'], conversation)
        self.assertEqual(events[-1][1]['conversation'], conversation)
        explained = self.get(f'/v1/turns/{events[0][1]["id"]}').json()
        self.assertEqual(explained['conversation'], conversation)

    def test_a_reply_is_made_again(self):
        first = self.say('One').json()
        again = self.turn(None, pipeline='talk', conversation=first['conversation'],
                          replaces=first['message']['id'])
        self.assertEqual(again.status, 200, again)
        self.assertEqual(self.asked(), ['One'])
        self.assertNotEqual(again.json()['message']['id'], first['message']['id'])
        problem = self.assert_problem(
            self.turn(None, pipeline='talk', replaces=first['message']['id']), 400, 'invalid')
        self.assertIn('/replaces', [error['pointer'] for error in problem['errors']])

    def test_openai(self):
        body = {'model': 'talk', 'messages': [{'role': 'user', 'content': 'One'}]}
        answer = self.post(COMPLETIONS, body)  # without a name nothing is stored
        self.assertNotIn('patchbay-conversation', answer.headers)
        answer = self.post(COMPLETIONS, body, headers={'Patchbay-Conversation': 'new'})
        conversation = answer.headers['patchbay-conversation']
        self.assertIn('x-patchbay-turn', answer.headers)
        body = {'model': 'talk', 'messages': [{'role': 'user', 'content': 'Two'}], 'stream': True,
                'metadata': {'conversation': conversation}}
        answer = self.post(COMPLETIONS, body)
        self.assertEqual(answer.headers['patchbay-conversation'], conversation)
        self.assertEqual(self.asked(), ['One', 'Hello from the model.', 'Two'])
        error = self.assert_openai_error(self.post(
            COMPLETIONS, {'model': 'support', 'messages': body['messages']},
            headers={'Patchbay-Conversation': 'new'}), 400)
        self.assertEqual(error['param'], 'conversation')

    def test_two_at_once(self):
        conversation = self.say('One').json()['conversation']
        gate = threading.Event()
        self.addCleanup(gate.set)
        self.model.then(held(gate, upstream.completion('slow')))
        first = self.say('Two', conversation=conversation, detach=True)
        while self.asked()[-1] != 'Two':
            self.model.arrived.get(timeout=60)
        for more in ({}, {'stream': True}, {'stream': True, 'detach': True}):
            self.assert_problem(self.say('Three', conversation=conversation, **more), 409)
        key = {'Idempotency-Key': 'again'}
        body = {'message': 'Three', 'pipeline': 'talk', 'conversation': conversation}
        self.assert_problem(self.post('/v1/turns', body, headers=key), 409)
        gate.set()
        turn = first.json()['id']
        self.get(f'/v1/turns/{turn}/events', timeout=60)
        answer = self.post('/v1/turns', body, headers=key)  # nothing was done: the key is free
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(self.asked()[-2:], ['slow', 'Three'])


class Restarts(unittest.TestCase):
    """What was acknowledged is there after the service was gone."""

    def setUp(self):
        self.model = upstream.Upstream()
        self.addCleanup(self.model.close)
        self.folder = tempfile.TemporaryDirectory(prefix='patchbay-test-')
        self.addCleanup(self.folder.cleanup)
        self.server = None

    def serve(self):
        self.server = server.Server(os.path.join(server.ROOT, 'tests', 'e2e', 'detached.yaml'),
                                    env={'UPSTREAM': self.model.url}, data_dir=self.folder.name)
        return self.server

    def post(self, body, key):
        return client.request(self.server.port, 'POST', '/v1/turns', body,
                              {'Idempotency-Key': key}, timeout=60)

    def test_a_key_is_known_after_a_restart(self):
        self.serve()
        first = self.post({'message': 'Hi'}, 'kept')
        self.assertEqual(first.status, 200, first)
        self.assertEqual(self.server.stop(), 0)
        self.serve()
        again = self.post({'message': 'Hi'}, 'kept')
        self.assertEqual((again.status, again.body), (first.status, first.body))
        self.assertEqual(self.post({'message': 'Ho'}, 'kept').status, 422)
        self.assertEqual(len(self.model.requests), 1)
        self.assertEqual(self.server.stop(), 0)

    def test_the_end_of_the_drain_interrupts(self):
        gate = Gate()
        self.addCleanup(gate.open)
        self.model.then(gate.answer())
        self.serve()
        stream = Stream(self.server.port, 'POST', '/v1/turns',
                        {'message': 'Hi', 'stream': True, 'detach': True})
        self.addCleanup(stream.close)
        gate.open(2)
        turn = stream.read_events(2)[0][1]['id']
        gate.open(3)
        self.assertEqual(self.server.stop(), 0)
        self.serve()
        answer = client.request(self.server.port, 'GET', f'/v1/turns/{turn}').json()
        self.assertEqual(answer['status'], 'interrupted')
        self.assertIn('stopping', answer['error']['detail'])
        self.assertTrue(''.join(WORDS).startswith(answer['message']['text']), answer)
        self.assertTrue(answer['message']['text'], answer)
        self.assertEqual(self.server.stop(), 0)

    def test_a_turn_in_the_drain_time_ends(self):
        gate = Gate(['whole'])
        self.model.then(gate.answer())
        self.serve()
        answer = client.request(self.server.port, 'POST', '/v1/turns',
                                json.dumps({'message': 'Hi', 'detach': True}),
                                {'Content-Type': 'application/json'})
        turn = answer.json()['id']
        self.model.arrived.get(timeout=60)
        self.server.signal()
        gate.open()
        self.assertEqual(self.server.process.wait(60), 0)
        self.server.stop()
        self.serve()
        answer = client.request(self.server.port, 'GET', f'/v1/turns/{turn}').json()
        self.assertEqual(answer['status'], 'done')
        self.assertEqual(answer['message']['text'], 'whole')
        self.assertEqual(self.server.stop(), 0)


if __name__ == '__main__':
    unittest.main()
