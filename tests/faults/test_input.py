"""Bad input: every endpoint answers with a document that names the field, and goes on serving."""
import json

from harness import client
from harness.case import COMPLETIONS, ServerCase

BODY = {'model': 'support', 'messages': [{'role': 'user', 'content': 'Hi'}]}


class Http(ServerCase):
    """Malformed HTTP: 4xx where an answer makes sense, then the connection ends."""
    CONFIG = 'turns.yaml'

    def refused(self, data, *statuses):
        with client.Raw(self.port) as raw:
            raw.send(data)
            said = raw.read_all()
        self.assertIn(said[:12], [f'HTTP/1.1 {status}'.encode() for status in statuses], said[:300])
        self.assertIn(b'application/problem+json', said)
        document = json.loads(said.split(b'\r\n\r\n', 1)[1])
        self.assertIn(document['status'], statuses)
        self.assert_well()

    def test_malformed(self):
        host = b'Host: localhost\r\n'
        for name, data in {
                'no HTTP': b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n',
                'no version': b'GET /\r\n\r\n',
                'space in the name': b'GET / HTTP/1.1\r\nHo st: x\r\n\r\n',
                'space before the colon': b'GET / HTTP/1.1\r\nHost : localhost\r\n\r\n',
                'NUL in a value': b'GET / HTTP/1.1\r\n' + host + b'X: a\0b\r\n\r\n',
                'bare LF and folding': b'GET / HTTP/1.1\r\n' + host + b'X: a\r\n b\r\n\r\n',
                'two lengths': b'POST /v1/turns HTTP/1.1\r\n' + host +
                               b'Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}',
                'length and chunks': b'POST /v1/turns HTTP/1.1\r\n' + host +
                                     b'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n'
                                     b'0\r\n\r\n',
                'negative length': b'POST /v1/turns HTTP/1.1\r\n' + host +
                                   b'Content-Length: -2\r\n\r\n{}',
                'huge length': b'POST /v1/turns HTTP/1.1\r\n' + host +
                               b'Content-Length: 99999999999999999999\r\n\r\n{}',
                'broken chunk': b'POST /v1/turns HTTP/1.1\r\n' + host +
                                b'Transfer-Encoding: chunked\r\n\r\nxyz\r\n',
                'no Host': b'GET /healthz HTTP/1.1\r\n\r\n',
                'unknown method': b'BREW /healthz HTTP/1.1\r\n' + host + b'\r\n',
        }.items():
            with self.subTest(name):
                self.refused(data, 400, 405, 413, 501)

    def test_oversize_header(self):
        line = b'X-%d: ' + b'y' * 1000 + b'\r\n'
        self.refused(b'GET /healthz HTTP/1.1\r\nHost: localhost\r\n' +
                     b''.join(line % i for i in range(20)) + b'\r\n', 431)
        self.refused(b'GET /' + b'a' * 20000 + b' HTTP/1.1\r\nHost: localhost\r\n\r\n', 414, 431)

    def test_oversize_body(self):
        self.refused(b'POST /v1/turns HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n'
                     b'\r\n', 413)
        with client.Raw(self.port) as raw:
            raw.send(b'POST /v1/turns HTTP/1.1\r\nHost: localhost\r\n'
                     b'Transfer-Encoding: chunked\r\n\r\n')
            try:
                for _ in range(100):
                    raw.send(b'8000\r\n' + b' ' * 32768 + b'\r\n')
            except (BrokenPipeError, ConnectionResetError):
                pass
            said = raw.read_all()
        self.assertTrue(said == b'' or said.startswith(b'HTTP/1.1 413'), said[:100])
        self.assert_well()

    def test_version_1_0(self):
        with client.Raw(self.port) as raw:
            raw.send(b'GET /healthz HTTP/1.0\r\n\r\n')
            self.assertEqual(raw.read_all()[:12], b'HTTP/1.1 200')

    def test_expect_continue(self):
        with client.Raw(self.port) as raw:
            raw.send(b'POST /v1/turns HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n'
                     b'Content-Type: application/json\r\nContent-Length: 15\r\n\r\n')
            raw.read_until(b'100 Continue\r\n\r\n')
            raw.received = b''
            raw.send(b'{"message":"a"}')
            self.assertEqual(raw.answer().status, 200)

    def test_chunked_body(self):
        with client.Raw(self.port) as raw:
            raw.send(b'POST /v1/turns HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n'
                     b'Content-Type: application/json\r\n\r\n')
            for byte in b'{"message":"a"}':
                raw.send(b'1\r\n%c\r\n' % byte)
            raw.send(b'0\r\n\r\n')
            self.assertEqual(raw.answer().status, 200)


class Json(ServerCase):
    """Bodies that are no good JSON."""
    CONFIG = 'turns.yaml'
    BODIES = {
        'nothing': b'', 'half': b'{"message": "a', 'no JSON': b'message=a', 'a list': b'[]',
        'a number': b'7', 'trailing': b'{"message":"a"} x', 'NUL': b'{"message":"a"}\0',
        'invalid UTF-8': b'{"message":"\xff\xfe"}', 'half a surrogate': b'{"message":"\\ud800"}',
        'raw control': b'{"message":"a\nb"}', 'deep': b'{"message":' + b'[' * 100000 + b'}',
        'duplicate': b'{"message":"a","message":"b"}', 'not a number': b'{"message":NaN}',
        'comment': b'{"message":"a" /* b */}',
    }

    def test_native(self):
        for name, body in self.BODIES.items():
            with self.subTest(name):
                answer = self.post('/v1/turns', body, headers={'Content-Type': 'application/json'})
                self.assert_problem(answer, 413 if name == 'deep' else 400)
        self.assertEqual(self.model.requests, [])
        self.assert_well()

    def test_openai(self):
        for name, body in self.BODIES.items():
            with self.subTest(name):
                answer = self.post(COMPLETIONS, body, headers={'Content-Type': 'application/json'})
                self.assert_openai_error(answer, 413 if name == 'deep' else 400)
        self.assertEqual(self.model.requests, [])
        self.assert_well()

    def test_a_duplicate_is_named(self):
        answer = self.post('/v1/turns', b'{"message":"a","overrides":{"seed":1,"seed":2}}',
                           headers={'Content-Type': 'application/json'})
        problem = self.assert_problem(answer, 400, 'invalid')
        self.assertIn('seed', json.dumps(problem))

    def test_content_type(self):
        answer = self.post('/v1/turns', b'{"message":"a"}', headers={'Content-Type': 'text/plain'})
        self.assertIn(answer.status, (200, 415), answer)
        answer = self.post('/v1/turns', b'message=a',
                           headers={'Content-Type': 'application/x-www-form-urlencoded'})
        self.assertIn(answer.status, (400, 415), answer)


class Fields(ServerCase):
    """Bodies that are JSON, and say something wrong."""
    CONFIG = 'turns.yaml'

    def test_native(self):
        for body, pointer in (
                ({}, '/message'),
                ({'message': 7}, '/message'),
                ({'message': ''}, '/message'),
                ({'message': None}, '/message'),
                ({'message': [{'type': 'telepathy'}]}, '/message/0/type'),
                ({'message': 'a', 'pipeline': 'nope'}, '/pipeline'),
                ({'message': 'a', 'pipeline': 7}, '/pipeline'),
                ({'message': 'a', 'stream': 'yes'}, '/stream'),
                ({'message': 'a', 'overrides': []}, '/overrides'),
                ({'message': 'a', 'overrides': {'temperature': 9}}, '/overrides/temperature'),
                ({'message': 'a', 'overrides': {'temperature': 'hot'}}, '/overrides/temperature'),
                ({'message': 'a', 'overrides': {'frob': 1}}, '/overrides/frob'),
                ({'message': 'a', 'variables': 7}, '/variables'),
                ({'message': 'a', 'metadata': 'x'}, '/metadata'),
                ({'message': 'a', 'detach': 'yes'}, '/detach'),
                ({'message': 'a', 'conversation': 'c1'}, '/conversation'),
                ({'message': 'a', 'mesage': 'b'}, '/mesage'),
        ):
            with self.subTest(body=body):
                self.assert_problem(self.post('/v1/turns', body), 400, 'invalid', pointer)
        self.assert_problem(self.turn(detach=True), 501, 'unsupported')  # without a database
        self.assertEqual(self.model.requests, [])
        self.assert_well()

    def test_all_problems_at_once(self):
        answer = self.post('/v1/turns', {'stream': 7, 'overrides': {'temperature': 9}, 'frob': 1})
        problem = self.assert_problem(answer, 400, 'invalid')
        pointers = {error['pointer'] for error in problem['errors']}
        self.assertEqual(pointers, {'/message', '/stream', '/overrides/temperature', '/frob'})

    def test_openai(self):
        def but(**more):
            body = dict(BODY)
            body.update(more)
            return body
        for body, param in (
                ({'messages': BODY['messages']}, 'model'),
                (but(model=7), 'model'),
                ({'model': 'support'}, 'messages'),
                (but(messages=[]), 'messages'),
                (but(messages='Hi'), 'messages'),
                (but(messages=[7]), 'messages[0]'),
                (but(messages=[{'content': 'a'}]), 'messages[0].role'),
                (but(messages=[{'role': 'wizard', 'content': 'a'}]), 'messages[0].role'),
                (but(messages=[{'role': 'user', 'content': 7}]), 'messages[0].content'),
                (but(messages=[{'role': 'user'}]), 'messages[0].content'),
                (but(messages=[{'role': 'tool', 'content': 'a'}]), 'messages[0].tool_call_id'),
                (but(temperature='hot'), 'temperature'),
                (but(temperature=1000), 'temperature'),
                (but(stream='yes'), 'stream'),
                (but(max_tokens=-5), 'max_tokens'),
                (but(tools='x'), 'tools'),
                (but(stop=7), 'stop'),
        ):
            with self.subTest(body=body):
                error = self.assert_openai_error(self.post(COMPLETIONS, body), 400)
                self.assertEqual(error['param'], param, error)
        self.assertEqual(self.model.requests, [])
        self.assert_well()

    def test_unknown_model(self):
        error = self.assert_openai_error(self.chat(model='gpt-nope'), 404)
        self.assertEqual(error['code'], 'model_not_found')
        self.assertIn('gpt-nope', error['message'])
        self.assert_well()

    def test_huge_numbers(self):
        for number in ('1' + '0' * 400, '1e400', '-1e400', '123456789012345678901234567890'):
            body = (f'{{"model":"support","messages":[{{"role":"user","content":"a"}}],'
                    f'"seed":{number}}}').encode()
            answer = self.post(COMPLETIONS, body, headers={'Content-Type': 'application/json'})
            self.assertIn(answer.status, (200, 400), answer)
            self.setUp()
        self.assert_well()

    def test_long_values(self):
        answer = self.chat(model='m' * 10000)
        self.assertIn(answer.status, (400, 404), answer)
        self.assertLess(len(answer.body), 4000)
        self.assertEqual(self.chat('x' * 900000).status, 200)
        self.assert_well()

    def test_ids_in_paths(self):
        for path in ('/v1/turns/%00', '/v1/turns/..%2f..%2fetc', '/v1/turns/' + 'a' * 3000,
                     '/v1/turns/%zz', '/v1/turns/%ff', '/v1/turns//', '/v1/models/%00'):
            answer = self.get(path)
            self.assertIn(answer.status, (400, 404), (path, answer))
        self.assert_well()
