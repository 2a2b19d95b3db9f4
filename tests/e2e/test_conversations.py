"""Conversations with two workers: what one worker stores the other shows, two turns at once, a worker
that dies in the middle of a reply."""
import contextlib
import http.client
import json
import os
import signal
import sqlite3
import threading
import time
import unittest
from urllib.parse import quote

from harness import server, upstream
from harness.case import ServerCase
from harness.workers import Workers
CONVERSATIONS = '/v1/conversations'



class Conversations(ServerCase):
    CONFIG = 'conversations.yaml'

    def say(self, text, conversation=None, **more):
        answer = self.turn(text, conversation=conversation, **more)
        self.assertEqual(answer.status, 200, answer)
        return answer.json()

    def messages(self, conversation):
        answer = self.get(f'{CONVERSATIONS}/{conversation}/messages')
        self.assertEqual(answer.status, 200, answer)
        return [(message['role'], message['status'], message['text'])
                for message in answer.json()['messages']]

    def titles(self, query=''):
        answer = self.get(f'{CONVERSATIONS}?{query}')
        self.assertEqual(answer.status, 200, answer)
        return [conversation['title'] for conversation in answer.json()['conversations']]

    def asked(self):
        return [message['content'] for message in self.model.requests[-1].json()['messages']]

    def gated(self, *words):
        """The model's next answer: all words but the last at once, that one when the gate opens."""
        gate = threading.Event()
        self.addCleanup(gate.set)
        self.model.then(upstream.stream([*({'content': word} for word in words[:-1]),
                                         lambda: gate.wait(60), {'content': words[-1]}]))
        return gate

    def in_background(self, results, *arguments, **more):
        def ask():
            with contextlib.suppress(http.client.HTTPException):  # its worker was killed
                results.append(self.turn(*arguments, timeout=60, **more))
        thread = threading.Thread(target=ask)
        thread.start()
        return thread

    def turn(self, message='Hello?', timeout=30, **more):
        return self.post('/v1/turns', dict({'message': message}, **more), timeout=timeout)

    def test_each_worker_shows_what_the_other_stored(self):
        workers = Workers(self.server)
        self.addCleanup(workers.close)
        first, second = workers
        conversation = None
        for number, worker in enumerate([first, second, first, second]):
            answer = workers.post(worker, '/v1/turns', {'message': f'Number {number}',
                                                       'conversation': conversation})
            self.assertEqual(answer.status, 200, answer)
            conversation = answer.json()['conversation']
            self.assertEqual(len(self.asked()), 2 * number + 1)
        self.assertEqual([text for role, _, text in self.messages(conversation) if role == 'user'],
                         [f'Number {number}' for number in range(4)])
        self.assertIn('Number 0', self.titles())

    def test_a_second_turn_at_once_is_refused_by_any_worker(self):
        workers = Workers(self.server)
        self.addCleanup(workers.close)
        first, second = workers
        conversation = self.say('Begin')['conversation']
        gate = self.gated('a', 'b')
        self.model.requests.clear()
        while not self.model.arrived.empty():
            self.model.arrived.get()
        workers.send(first, '/v1/turns', {'message': 'One', 'conversation': conversation})
        self.model.arrived.get(timeout=60)
        for worker in (second, second):
            answer = workers.post(worker, '/v1/turns', {'message': 'Two',
                                                        'conversation': conversation})
            self.assertEqual(answer.status, 409, answer)
            self.assertIn('another turn is running', answer.json()['detail'])
        gate.set()
        self.assertEqual(workers.answer(first).status, 200)
        self.assertEqual([text for role, _, text in self.messages(conversation) if role == 'user'],
                         ['Begin', 'One'])

    def test_or_waits_for_its_turn(self):
        conversation = self.say('Begin', pipeline='patient')['conversation']
        gate = self.gated('a', 'b')
        while not self.model.arrived.empty():
            self.model.arrived.get()
        results = []
        threads = [self.in_background(results, 'One', conversation=conversation,
                                      pipeline='patient')]
        self.model.arrived.get(timeout=60)
        threads += [self.in_background(results, f'More {number}', conversation=conversation,
                                       pipeline='patient') for number in range(5)]
        self.wait_queue(5)
        gate.set()
        for thread in threads:
            thread.join()
        self.assertEqual({answer.status for answer in results}, {200}, results)
        said = self.messages(conversation)
        self.assertEqual([role for role, _, _ in said], ['user', 'assistant'] * 7)
        self.assertEqual({status for _, status, _ in said}, {'done'})

    def database(self, question, *values):
        path = os.path.join(self.server.folder.name, 'data', 'chats.db')
        with sqlite3.connect(path, timeout=30) as database:
            return database.execute(question, values).fetchall()

    def wait_for(self, what):
        until = time.monotonic() + server.PATIENCE
        while not what():
            self.assertLess(time.monotonic(), until, 'it never came')
            time.sleep(0.01)

    def wait_queue(self, count):
        self.wait_for(lambda: self.database('SELECT count(*) FROM conversation_queue')[0][0] == count)

    def test_a_worker_dies_in_the_middle(self):
        conversation = self.say('Begin')['conversation']
        gate = self.gated('Once upon ', 'a time ', 'there was')
        results = []
        thread = self.in_background(results, 'Tell', conversation=conversation, stream=True)
        self.wait_for(lambda: self.database(
            "SELECT 1 FROM messages WHERE status = 1 AND text LIKE 'Once upon%'"))
        node, = self.database('SELECT running_node FROM conversations WHERE running IS NOT NULL')[0]
        os.kill(int(node.split('-')[0]), signal.SIGKILL)
        self.wait_for(lambda: ('assistant', 'interrupted') in [
            message[:2] for message in self.messages(conversation)])
        gate.set()
        said = self.messages(conversation)
        self.assertEqual(said[2], ('user', 'done', 'Tell'))
        self.assertTrue('Once upon a time '.startswith(said[3][2]) and said[3][2], said)
        self.say('Go on', conversation)
        self.assertEqual(self.asked()[-2:], [said[3][2], 'Go on'])
        thread.join()

    def test_a_cancelled_reply_is_kept(self):
        conversation = self.say('Begin')['conversation']
        gate = self.gated('Once ', 'upon', ' a time')
        results = []
        thread = self.in_background(results, 'Tell', conversation=conversation, stream=True)
        self.wait_for(lambda: self.database("SELECT 1 FROM messages WHERE text LIKE 'Once%'"))
        about = self.get(f'{CONVERSATIONS}/{conversation}').json()
        self.wait_for(lambda: self.request('DELETE', f'/v1/turns/{about["turn"]}').status == 202)
        thread.join()
        gate.set()
        self.assertEqual(self.messages(conversation)[3][:2], ('assistant', 'cancelled'))
        self.assertTrue(self.messages(conversation)[3][2].startswith('Once'))

    def test_search_delete_restore(self):
        conversation = self.say('Where do wombats live?')['conversation']
        self.assertEqual(self.titles('q=wombats'), ['Where do wombats live?'])
        self.assertEqual(self.titles('q=wombats%20koalas'), [])
        path = f'{CONVERSATIONS}/{conversation}'
        self.assertEqual(self.request('DELETE', path).status, 204)
        self.assert_problem(self.get(path), 404)
        self.assertEqual(self.titles('q=wombats'), [])
        self.assertEqual(self.titles('q=wombats&deleted=true'), ['Where do wombats live?'])
        self.assert_problem(self.turn('More', conversation=conversation), 404)
        self.assertEqual(self.post(f'{path}/restore', {}).status, 200)
        self.say('More', conversation)
        answer = self.request('PATCH', path, {'title': 'Marsupials', 'tags': ['animals']})
        self.assertEqual(answer.json()['title'], 'Marsupials')
        self.assertEqual(self.titles('tag=animals'), ['Marsupials'])

    def test_out_and_in_again(self):
        conversation = self.say('First')['conversation']
        self.say('Second', conversation)
        exported = self.get(f'{CONVERSATIONS}/{conversation}/export')
        self.assertEqual(exported.status, 200, exported)
        report = self.post(f'{CONVERSATIONS}/import', exported.json())
        self.assertEqual(report.status, 200, report)
        copy = report.json()['items'][0]['id']
        self.assertEqual(self.messages(copy), self.messages(conversation))
        markdown = self.get(f'{CONVERSATIONS}/{copy}/export?format=markdown')
        self.assertEqual(markdown.headers['content-type'], 'text/markdown; charset=utf-8')
        self.assertIn(b'## User\n\nSecond\n', markdown.body)

    def test_again_and_differently(self):
        conversation = self.say('First')['conversation']
        self.say('Second', conversation)
        path = f'{CONVERSATIONS}/{conversation}'
        turn = self.post(f'{path}/regenerate', {})
        self.assertEqual(turn.status, 200, turn)
        self.assertEqual(turn.json()['conversation'], conversation)
        self.assertEqual(self.asked(), ['First', 'Hello from the model.', 'Second'])
        first = self.get(f'{path}/messages').json()['messages'][0]['id']
        turn = self.post(f'{path}/messages/{quote(first)}/edit', {'text': 'Primo'})
        self.assertEqual(turn.status, 200, turn)
        self.assertEqual(self.asked(), ['Primo'])
        events = self.turn('Uno', conversation=conversation, stream=True,
                           replaces=self.get(f'{path}/messages').json()['messages'][0]['id'])
        self.assertEqual(events.status, 200, events)
        self.assertEqual(events.events()[-1][1]['status'], 'done')
        self.assertEqual(self.messages(conversation)[0], ('user', 'done', 'Uno'))

    def test_the_command_line_sees_the_same(self):
        self.say('From the web')
        data = os.path.join(self.server.folder.name, 'data')
        config = os.path.join(self.FOLDER, self.CONFIG)
        owner = self.get(CONVERSATIONS).json()['conversations'][0]['owner']
        done = server.run('call', 'conversations.list', '--owner', owner, '-c', config,
                          '--data-dir', data, env={'UPSTREAM': self.model.url})
        self.assertEqual(done.returncode, 0, done.stderr)
        titles = [conversation['title']
                  for conversation in json.loads(done.stdout)['conversations']]
        self.assertIn('From the web', titles)


if __name__ == '__main__':
    unittest.main()
