"""An answer that one worker got is given again by the other, to whom it belongs and nobody else."""
import os
import re

from harness import server
from harness.case import COMPLETIONS, ServerCase
from harness.workers import Workers


def key(name):
    return {'Authorization': f'Bearer planted-key-of-{name}-0123456789'}


class Cache(ServerCase):
    CONFIG = 'cache.yaml'

    def setUp(self):
        super().setUp()
        self.workers = Workers(self.server)
        self.addCleanup(self.workers.close)

    def ask(self, worker, text, name='alice', pipeline='support', **more):
        answer = self.workers.post(worker, '/v1/turns',
                                   dict({'pipeline': pipeline, 'message': text}, **more), key(name))
        self.assertEqual(answer.status, 200, answer)
        return answer

    def test_the_other_worker_answers_again(self):
        first = self.ask(1, 'across')
        self.assertEqual(first.headers['x-patchbay-cache'], 'miss')
        for worker in (2, 1):
            again = self.ask(worker, 'across')
            self.assertEqual(again.headers['x-patchbay-cache'], 'hit')
            said = again.json()
            self.assertEqual(said['message']['text'], first.json()['message']['text'])
            self.assertEqual(said['message']['finish'], 'stop')
            self.assertEqual(said['usage']['input_tokens'], 0)
            self.assertEqual(said['usage']['cost'], 0)
        self.assertEqual(len(self.model.requests), 1)

    def test_nobody_gets_what_was_for_another(self):
        self.ask(1, 'private')
        for worker, name in ((1, 'bob'), (2, 'eve')):
            self.assertEqual(self.ask(worker, 'private', name).headers['x-patchbay-cache'], 'miss')
        self.assertEqual(len(self.model.requests), 3)
        self.assertEqual(self.ask(2, 'private', 'bob').headers['x-patchbay-cache'], 'hit')

    def test_a_tenant_shares_where_it_is_told_to(self):
        self.assertEqual(self.ask(1, 'common', 'alice', 'shared').headers['x-patchbay-cache'], 'miss')
        self.assertEqual(self.ask(2, 'common', 'bob', 'shared').headers['x-patchbay-cache'], 'hit')
        self.assertEqual(self.ask(2, 'common', 'eve', 'shared').headers['x-patchbay-cache'], 'miss')

    def test_in_the_dialect_of_openai(self):
        body = {'model': 'support', 'messages': [{'role': 'user', 'content': 'dialect'}]}
        whole = [self.workers.post(worker, COMPLETIONS, body, key('alice')) for worker in (1, 2)]
        self.assertEqual([answer.headers['x-patchbay-cache'] for answer in whole], ['miss', 'hit'])
        texts = [answer.json()['choices'][0]['message']['content'] for answer in whole]
        self.assertEqual(texts[0], texts[1])
        streamed = self.post(COMPLETIONS, dict(body, stream=True), headers=key('alice'))
        self.assertEqual(streamed.headers['x-patchbay-cache'], 'hit')
        self.assertIn('Hello from the model.', streamed.body.decode())
        self.assertTrue(streamed.body.rstrip().endswith(b'[DONE]'), streamed)
        self.assertEqual(len(self.model.requests), 1)

    def test_a_client_that_wants_none(self):
        self.ask(1, 'wish')
        past = self.ask(2, 'wish', metadata={'cache': False})
        self.assertEqual(past.headers['x-patchbay-cache'], 'bypass')
        self.assertEqual(len(self.model.requests), 2)

    def test_figures_are_those_of_all_workers(self):
        def figure(name):
            found = re.search(rf'^patchbay_{name}{{instance="shared"}} (\d+)$',
                              self.get('/metrics').body.decode(), re.M)
            return int(found.group(1))
        hits, entries = figure('cache_hits'), figure('cache_shared_entries')
        self.ask(1, 'figures')
        for worker in self.workers:
            self.ask(worker, 'figures')
        self.assertEqual(figure('cache_hits'), hits + 2, 'added up')
        self.assertEqual(figure('cache_shared_entries'), entries + 1, 'not added up')

    def test_answers_are_forgotten_from_a_terminal(self):
        """The command joins the running server: the workers' memory is meant."""
        self.ask(1, 'stale')
        done = server.run('replies', 'forget', 'support', '-c',
                          os.path.join(self.FOLDER, self.CONFIG), '--data-dir',
                          os.path.join(self.server.folder.name, 'data'),
                          env={'UPSTREAM': self.model.url})
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(self.ask(2, 'stale').headers['x-patchbay-cache'], 'miss')
