"""POST /v1/turns, its events, its explanation; cancelling."""
import threading

from harness import client, upstream
from harness.case import ServerCase


class Native(ServerCase):
    CONFIG = 'turns.yaml'

    def test_json(self):
        answer = self.turn('How do I write a plugin?', pipeline='support')
        self.assertEqual(answer.status, 200, answer)
        turn = answer.json()
        self.assertEqual(turn['status'], 'done')
        self.assertEqual(turn['pipeline'], 'support')
        self.assertEqual(turn['message']['role'], 'assistant')
        self.assertEqual(turn['message']['text'], 'Hello from the model.')
        self.assertEqual(turn['message']['finish'], 'stop')
        self.assertEqual(turn['usage']['input_tokens'], 11)
        self.assertEqual(turn['usage']['output_tokens'], 7)
        self.assertAlmostEqual(turn['usage']['cost'], (11 * 1.0 + 7 * 2.0) / 1e6)
        self.assertEqual(turn['answered_by']['llm'], 'main')
        self.assertGreater(turn['timing']['total_ms'], 0)
        self.assertEqual(turn['id'], answer.headers['x-patchbay-turn'])

    def test_events(self):
        answer = self.turn(stream=True)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.headers['content-type'].split(';')[0], 'text/event-stream')
        events = answer.events()
        names = [name for name, _, _ in events]
        self.assertEqual(names[0], 'turn')
        self.assertEqual(names[-2:], ['usage', 'done'])
        self.assertEqual(''.join(data['delta'] for name, data, _ in events if name == 'text'),
                         'Hello from the model.')
        self.assertEqual(events[0][1]['id'], events[-1][1]['id'])
        self.assertEqual(events[-1][1]['status'], 'done')
        self.assertNotIn('text', events[-1][1]['message'])
        ids = [number for _, _, number in events]
        self.assertEqual(len(set(ids)), len(ids), 'every event has an id of its own')

    def test_stages_when_asked(self):
        events = self.turn(stream=True, stream_stages=True).events()
        stages = [data for name, data, _ in events if name == 'stage']
        self.assertIn('generate', [stage['name'] for stage in stages], events)

    def test_tool_calls_are_events(self):
        call = {'id': 'c1', 'type': 'function', 'function': {'name': 'f', 'arguments': '{"a":1}'}}
        self.model.then(upstream.completion(None, tool_calls=[call]))
        events = self.turn(stream=True).events()
        calls = [data for name, data, _ in events if name == 'tool.call']
        self.assertEqual([(c['id'], c['name'], c['arguments']) for c in calls],
                         [('c1', 'f', '{"a":1}')], events)

    def test_heartbeat(self):
        go_on = threading.Event()
        self.model.then(upstream.stream([lambda: go_on.wait(30), {'content': 'late'}]))
        with client.Raw(self.port) as raw:
            raw.post('/v1/turns', {'message': 'Hi', 'stream': True})
            raw.read_until(b'\n: ')
            go_on.set()
            raw.read_until(b'late')

    def test_overrides_reach_the_model(self):
        self.assertEqual(self.turn(overrides={'temperature': 0.5}).status, 200)
        self.assertEqual(self.model.requests[0].json()['temperature'], 0.5)

    def test_parts(self):
        answer = self.turn([{'type': 'text', 'text': 'What is this?'}])
        self.assertEqual(answer.status, 200, answer)

    def test_explained(self):
        turn = self.turn().json()
        answer = self.get(f'/v1/turns/{turn["id"]}')
        self.assertEqual(answer.status, 200, answer)
        told = answer.json()
        self.assertEqual(told['id'], turn['id'])
        self.assertEqual(told['status'], 'done')
        stage = told['stages'][0]
        self.assertEqual(stage['name'], 'generate')
        self.assertGreaterEqual(stage['ms'], stage['self_ms'])
        call = stage['calls'][0]
        self.assertEqual((call['kind'], call['name']), ('llm', 'main'))
        self.assertGreaterEqual(stage['ms'], call['ms'])
        self.assertIn('11', str(told))

    def test_explained_tree(self):
        turn = self.turn(pipeline='careful').json()
        told = self.get(f'/v1/turns/{turn["id"]}').json()
        stage = told['stages'][0]
        self.assertEqual(stage['name'], 'fallback')
        self.assertEqual(stage['children'][0]['name'], 'generate')
        self.assertGreaterEqual(stage['ms'], stage['children'][0]['ms'])

    def test_a_failed_turn_is_explained(self):
        self.model.then(upstream.error(500, 'boom'))
        answer = self.turn()
        self.assert_problem(answer, 502)
        told = self.get(f'/v1/turns/{answer.headers["x-patchbay-turn"]}').json()
        self.assertEqual(told['status'], 'failed')

    def test_unknown_turn(self):
        self.assert_problem(self.get('/v1/turns/01900000-0000-7000-8000-000000000000'), 404,
                            'not_found')
        self.assert_problem(self.request('DELETE',
                                         '/v1/turns/01900000-0000-7000-8000-000000000000'), 404)
        self.assert_problem(self.get('/v1/turns/nonsense'), 404)

    def test_list_of_turns(self):
        turn = self.turn().json()
        answer = self.get('/v1/turns')
        self.assertEqual(answer.status, 200, answer)
        self.assertIn(turn['id'], answer.body.decode())

    def test_cancel(self):
        self.model.then(upstream.then_wait(upstream.STREAM_HEAD, upstream.chunk(
            upstream.event({'content': 'so far'}))))
        with client.Raw(self.port) as raw:
            raw.post('/v1/turns', {'message': 'Hi', 'stream': True})
            raw.read_until(b'so far')
            turn = next(client.parse_events(raw.received.split(b'\r\n\r\n', 1)[1]
                                            .split(b'\r\n', 1)[1]))[1]['id']
            answer = self.request('DELETE', f'/v1/turns/{turn}')
            self.assertIn(answer.status, (200, 202, 204), answer)
            said = raw.read_until(b'event: done')
            self.assertIn(b'cancelled', said + raw.read_until(b'\n\n'))
        self.assertTrue(self.model.arrived.get(timeout=30).gone.wait(30),
                        'the connection to the model was closed')
        self.assertEqual(self.get(f'/v1/turns/{turn}').json()['status'], 'cancelled')
        self.assert_well()

    def test_pipelines(self):
        answer = self.get('/v1/pipelines')
        self.assertEqual(answer.status, 200, answer)
        self.assertIn('What most tests ask.', answer.body.decode())
