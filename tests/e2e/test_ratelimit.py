"""Limits hold exactly across two workers, and every answer says how they stand."""
import json
import os
import re
import signal
import threading
import time

from harness import server
from harness.case import COMPLETIONS, ServerCase
from harness.workers import Workers


def key(name):
    return {'Authorization': f'Bearer planted-key-of-{name}-0123456789'}


class RateLimit(ServerCase):
    CONFIG = 'ratelimit.yaml'

    def setUp(self):
        super().setUp()
        self.workers = Workers(self.server)
        self.addCleanup(self.workers.close)

    def ask(self, worker, pipeline, name):
        return self.workers.post(worker, '/v1/turns', {'pipeline': pipeline, 'message': 'a'},
                                 key(name))

    def test_exactly_as_many_as_allowed_get_in(self):
        """Both workers at once, each as fast as it can."""
        answers = {worker: [] for worker in self.workers}

        def go_on(worker):
            for _ in range(20):
                answers[worker].append(self.ask(worker, 'support', 'alice').status)

        threads = [threading.Thread(target=go_on, args=(worker,)) for worker in answers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        both = answers[1] + answers[2]
        self.assertEqual(both.count(200), 20, answers)
        self.assertEqual(both.count(429), 20, answers)
        self.assertEqual(len(self.model.requests), 20)
        self.assertEqual(self.ask(1, 'support', 'bob').status, 200)

    def test_a_window_counts_across_workers_too(self):
        statuses = [self.ask(1 + number % 2, 'window', 'alice').status for number in range(16)]
        self.assertEqual(statuses, [200] * 10 + [429] * 6)

    def test_the_refusal(self):
        for _ in range(20):
            self.ask(1, 'support', 'carol')
        answer = self.ask(2, 'support', 'carol')
        problem = self.assert_problem(answer, 429, 'rate_limited')
        wait = int(answer.headers['retry-after'])
        self.assertTrue(0 < wait <= 180, answer)
        self.assertEqual(problem['retry_after'], wait)
        self.assertRegex(problem['detail'], r"^the limit 'support' of 20/hour for each principal "
                                            r'is reached; try again in \d+ s$')
        self.assertEqual(answer.headers['ratelimit-policy'], '"support";q=20;w=3600')
        self.assertRegex(answer.headers['ratelimit'], r'^"support";r=0;t=\d+$')

    def test_every_answer_says_how_it_stands(self):
        first = self.ask(1, 'support', 'dave')
        self.assertEqual(first.headers['ratelimit-policy'], '"support";q=20;w=3600')
        self.assertRegex(first.headers['ratelimit'], r'^"support";r=19;t=1(79|80)$')
        body = {'model': 'support', 'messages': [{'role': 'user', 'content': 'a'}]}
        whole = self.workers.post(2, COMPLETIONS, body, key('dave'))
        self.assertRegex(whole.headers['ratelimit'], r'^"support";r=18;')
        streamed = self.post(COMPLETIONS, dict(body, stream=True), headers=key('dave'))
        self.assertRegex(streamed.headers['ratelimit'], r'^"support";r=17;')

    def test_in_the_dialect_of_openai(self):
        body = {'model': 'address', 'messages': [{'role': 'user', 'content': 'a'}]}
        names = ['alice', 'bob', 'alice', 'carol']  # one address, three in an hour
        answers = [self.workers.post(1 + number % 2, COMPLETIONS, body, key(name))
                   for number, name in enumerate(names)]
        self.assertEqual([answer.status for answer in answers], [200, 200, 200, 429])
        error = self.assert_openai_error(answers[3], 429)
        self.assertIn('for each address is reached', error['message'])
        self.assertRegex(answers[2].headers['ratelimit'],
                         r'^"address-address";r=0;t=\d+, "address-principal";r=1;t=\d+$')

    def test_tokens_are_charged_when_the_turn_is_over(self):
        """A turn of the scripted model takes 18; the third begins with what two left over."""
        statuses = [self.ask(1 + number % 2, 'tokens', 'alice') for number in range(4)]
        self.assertEqual([answer.status for answer in statuses], [200, 200, 429, 429])
        left = re.search(r'r=(\d+)', statuses[1].headers['ratelimit'])
        self.assertEqual(int(left.group(1)), 12)
        self.assertIn('qu="tokens"', statuses[0].headers['ratelimit-policy'])

    def test_a_limit_outlives_a_worker(self):
        used = [self.ask(1 + number % 2, 'support', 'erin').status for number in range(12)]
        self.assertEqual(used, [200] * 12)
        done = server.run('inspect', '--live', '--json', '-c',
                          os.path.join(self.FOLDER, self.CONFIG), '--data-dir',
                          os.path.join(self.server.folder.name, 'data'),
                          env={'UPSTREAM': self.model.url})
        dead = next(worker['pid'] for worker in json.loads(done.stdout)['workers']
                    if worker['worker'] == 1)
        os.kill(dead, signal.SIGKILL)
        until = time.monotonic() + server.PATIENCE
        while os.path.exists(f'/proc/{dead}') and time.monotonic() < until:
            time.sleep(0.01)
        workers = Workers(self.server)
        self.addCleanup(workers.close)
        more = [workers.post(1 + number % 2, '/v1/turns', {'message': 'a'}, key('erin')).status
                for number in range(12)]
        self.assertEqual(more, [200] * 8 + [429] * 4)
