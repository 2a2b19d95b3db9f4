"""Whichever of two workers answers, it answers for both: turns, figures, cancelling."""
import os
import signal
import time

from harness import client, server
from harness import upstream
from harness.case import ServerCase

TRIES = 60
IDS = [f'{n:08d}-0000-7000-8000-000000000000' for n in range(3)]


def children(pid):
    with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as file:
        return [int(child) for child in file.read().split()]


class Across(ServerCase):
    CONFIG = 'turns.yaml'
    ARGUMENTS = ('--set', 'host.log.level=debug', '--set', 'host.limits.hang=0')

    def workers_of(self, request_ids):
        """Which worker served each of these requests, as the log tells."""
        until = time.monotonic() + server.PATIENCE
        while time.monotonic() < until:
            served = {line['request']: line['worker'] for line in self.server.log()
                      if line.get('request') in request_ids and 'worker' in line}
            if len(served) == len(request_ids):
                return [served[name] for name in request_ids]
            time.sleep(0.01)
        raise AssertionError(f'the log does not tell who served {request_ids}')

    def elsewhere(self, kind, act):
        """Runs act(first, second) with new request ids until two workers served the two."""
        for number in range(TRIES):
            names = [f'{kind}-{number}-{part}' for part in ('a', 'b')]
            act(*names)
            if len(set(self.workers_of(names))) == 2:
                return
        raise AssertionError(f'{TRIES} times the same worker served both')

    def running(self, name):
        """A turn that waits for its model: the open connection and its id."""
        self.model.then(upstream.then_wait())
        raw = client.Raw(self.port)
        raw.post('/v1/turns', {'message': 'Hi', 'stream': True}, headers=f'X-Request-Id: {name}\r\n')
        head = raw.read_until(b'\r\n\r\n').decode().lower()
        return raw, head.split('x-patchbay-turn: ')[1].split('\r\n')[0]

    def test_cancel(self):
        def act(first, second):
            raw, turn = self.running(first)
            begun = time.monotonic()
            answer = self.request('DELETE', f'/v1/turns/{turn}', headers={'X-Request-Id': second})
            self.assertEqual(answer.status, 202, answer)
            raw.read_until(b'cancelled')
            raw.socket.close()
            self.assertLess(time.monotonic() - begun, 10)
            again = self.request('DELETE', f'/v1/turns/{turn}')
            self.assert_problem(again, 409, 'conflict')
        self.elsewhere('cancel', act)
        self.assert_problem(self.request('DELETE', f'/v1/turns/{IDS[0]}'), 404, 'not_found')

    def test_explain(self):
        def act(first, second):
            turn = self.post('/v1/turns', {'message': 'Hi'},
                             headers={'X-Request-Id': first}).json()['id']
            told = self.request('GET', f'/v1/turns/{turn}', headers={'X-Request-Id': second})
            self.assertEqual(told.status, 200, told)
            told = told.json()
            self.assertEqual((told['id'], told['status']), (turn, 'done'))
            self.assertTrue(told['stages'])
        self.elsewhere('explain', act)
        self.assert_problem(self.get(f'/v1/turns/{IDS[1]}'), 404, 'not_found')

    def listed(self, limit):
        """All turns, page by page, each on a connection of its own."""
        ids, path = [], f'/v1/turns?limit={limit}'
        while path:
            page = self.get(path).json()
            self.assertLessEqual(len(page['turns']), limit)
            ids += [(turn['id'], turn['status']) for turn in page['turns']]
            path = page['next'] and f'/v1/turns?limit={limit}&cursor={page["next"]}'
        return ids

    def test_list(self):
        made = []

        def make(*names):
            for name in names:
                answer = self.request('POST', '/v1/turns', {'message': 'Hello?'}, {'X-Request-Id': name})
                made.append(answer.json()['id'])
        self.elsewhere('list', make)
        raw, running = self.running('list-running')
        make(*(f'list-more-{number}' for number in range(10)))
        for limit in (100, 5, 1):
            ids = self.listed(limit)
            self.assertEqual(ids, sorted(ids, reverse=True), 'newest first')
            self.assertEqual(len(ids), len(dict(ids)), 'none twice')
            self.assertLessEqual(set(made), set(dict(ids)))
            self.assertEqual(dict(ids)[running], 'running')
        raw.socket.close()
        self.assert_problem(self.get('/v1/turns?cursor=7'), 400, 'invalid', '/cursor')

    def figures(self):
        lines = self.get('/metrics').body.decode().splitlines()
        return dict(line.rsplit(' ', 1) for line in lines if line and line[0] != '#')

    def test_metrics(self):
        name = 'patchbay_turns_total{pipeline="support"}'
        before = float(self.figures().get(name, 0))
        for number in range(1, 9):
            self.assertEqual(self.turn().status, 200)
            self.assertEqual(float(self.figures()[name]) - before, number)
        figures = self.figures()
        self.assertEqual(figures['patchbay_workers'], '2')
        self.assertIn('patchbay_loop_hold_seconds{worker="1"}', figures)
        self.assertIn('patchbay_loop_hold_seconds{worker="2"}', figures)

    def test_a_stopped_worker_holds_nobody_up(self):
        """Its figures are missing, and so it is among those that answer."""
        stopped = children(self.server.process.pid)[0]
        os.kill(stopped, signal.SIGSTOP)
        try:
            begun = time.monotonic()
            with client.Raw(self.port) as raw:  # one that it cannot accept
                raw.send(b'GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
                said = raw.read_all()
            self.assertIn(b'\npatchbay_workers 1\n', said)
            answer = self.get(f'/v1/turns/{IDS[2]}')
            self.assert_problem(answer, 404, 'not_found')
            self.assertLess(time.monotonic() - begun, 10)  # 0.9 s each; machines are slow
        finally:
            os.kill(stopped, signal.SIGCONT)
        self.assertEqual(self.figures()['patchbay_workers'], '2')
