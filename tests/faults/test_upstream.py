"""What a client sees when the model's service fails, and that the next turn is fine."""
import os
import tempfile

from harness import client, server, upstream
from harness.case import COMPLETIONS, ServerCase

JSON_HEAD = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
GIGABYTE = 1 << 30


class Refused(ServerCase):
    CONFIG = 'turns.yaml'

    def test_refuses(self):
        self.assert_openai_error(self.chat(model='down'), 503)
        self.assert_problem(self.turn(pipeline='down'), 503, 'unavailable')
        self.assert_well()

    def test_refuses_a_stream(self):
        """Nothing was said yet, so the dialect answers with a status, not with a broken stream."""
        self.assert_openai_error(self.chat(model='down', stream=True), 503)
        self.assert_problem(self.turn(pipeline='down', stream=True), 503, 'unavailable')
        self.assert_well()


class Whole(ServerCase):
    """Each failure before the answer began: one status, one sentence, on both faces."""
    CONFIG = 'turns.yaml'

    def fails(self, answer, status, kind, pipeline='impatient', stream=False, tries=1):
        self.model.then(*[answer] * tries)
        told = self.chat(model=pipeline, stream=stream)
        if stream and told.status == 200:  # after a sign of life
            error = told.events()[-1][1]['error']
            self.assertEqual(error['code'], kind)
        else:
            error = self.assert_openai_error(told, status)
        self.setUp()
        self.model.then(*[answer] * tries)
        told = self.turn(pipeline=pipeline, stream=stream)
        if stream and told.status == 200:
            name, problem, _ = told.events()[-1]
            self.assertEqual((name, problem['status']), ('error', status))
        else:
            self.assert_problem(told, status, kind)
        self.setUp()
        self.assert_well()
        return error

    def test_hangs(self):
        for stream in (False, True):
            with self.subTest(stream=stream):
                self.fails(upstream.then_wait(), 504, 'timeout', stream=stream)

    def test_hangs_after_the_header(self):
        self.fails(upstream.then_wait(JSON_HEAD + b'Content-Length: 10\r\n\r\n{'), 504, 'timeout')
        self.fails(upstream.then_wait(upstream.STREAM_HEAD), 504, 'timeout', stream=True)

    def test_resets(self):
        self.fails(upstream.then_reset(), 503, 'unavailable', tries=2)
        self.fails(upstream.then_reset(), 503, 'unavailable', stream=True, tries=2)

    def test_closes_without_a_word(self):
        self.fails(upstream.then_close(), 503, 'unavailable', tries=2)

    def test_resets_within_the_body(self):
        self.fails(upstream.then_reset(JSON_HEAD + b'Content-Length: 1000\r\n\r\n{"id"'), 502,
                   'bad_upstream')

    def test_garbage(self):
        for name, answer in {
                'not HTTP': upstream.then_close(b'SSH-2.0-OpenSSH_9.2\r\n' * 3),
                'zeros': upstream.then_close(bytes(5000)),
                'not JSON': upstream.whole(200, b'<html>Bad gateway</html>'),
                'half JSON': upstream.whole(200, b'{"choices": [{"mess'),
                'no JSON at all': upstream.whole(200, b''),
                'other JSON': upstream.whole(200, {'choices': []}),
                'wrong types': upstream.whole(200, {'choices': [{'message': 'x'}]}),
                'invalid UTF-8': upstream.whole(
                    200, b'{"choices":[{"message":{"role":"assistant","content":"\xff\xfe"}}]}'),
                'header without end': upstream.endless(b'HTTP/1.1 200 OK\r\n', b'X: y\r\n' * 1000,
                                                       GIGABYTE),
        }.items():
            with self.subTest(name):
                self.fails(answer, 502, 'bad_upstream')

    def test_garbage_in_a_stream(self):
        head = upstream.STREAM_HEAD
        for name, answer in {
                'not JSON': upstream.then_close(head + upstream.chunk(b'data: {nonsense\n\n')),
                'broken chunks': upstream.then_close(head + b'zz\r\n'),
                'no event': upstream.then_close(head + b'0\r\n\r\n'),
                'an error': upstream.then_close(head + upstream.chunk(
                    b'data: {"error": {"message": "overheated", "code": 500}}\n\n')),
        }.items():
            with self.subTest(name):
                self.fails(answer, 502, 'bad_upstream', stream=True)

    def test_a_gigabyte(self):
        """It is not taken in: the connection ends at max_body."""
        head = JSON_HEAD + b'Content-Length: %d\r\n\r\n' % GIGABYTE
        self.model.then(upstream.endless(head, b' ' * 65536, GIGABYTE))
        answer = self.chat(model='impatient')
        self.assertIn(answer.status, (502, 413), answer)
        asked = self.model.arrived.get(timeout=30)
        self.assertTrue(asked.gone.wait(30))
        self.assertLess(asked.sent, 64 << 20)
        self.assert_well()

    def test_an_endless_event(self):
        """A stream whose one event never ends is cut at max_event."""
        self.model.then(upstream.endless(upstream.STREAM_HEAD, upstream.chunk(b'x' * 65536),
                                         GIGABYTE))
        self.assert_openai_error(self.chat(model='impatient', stream=True), 502)
        asked = self.model.arrived.get(timeout=30)
        self.assertTrue(asked.gone.wait(30))
        self.assertLess(asked.sent, 64 << 20)
        self.assert_well()

    def test_429(self):
        for stream in (False, True):
            self.model.then(upstream.error(429, 'slow down', ['Retry-After: 17']))
            answer = self.chat(model='support', stream=stream)
            self.assert_openai_error(answer, 429)
            self.assertEqual(answer.headers['retry-after'], '17')
        self.model.then(upstream.error(429, 'slow down', ['Retry-After: 17']))
        answer = self.turn()
        problem = self.assert_problem(answer, 429, 'rate_limited')
        self.assertEqual((answer.headers['retry-after'], problem['retry_after']), ('17', 17))
        self.assert_well()

    def test_500(self):
        error = self.fails(upstream.error(500, 'inner workings'), 502, 'bad_upstream')
        self.assertNotIn('inner workings', error['message'])

    def test_503(self):
        self.fails(upstream.error(503, 'overloaded'), 503, 'unavailable')

    def test_400_is_the_clients(self):
        error = self.fails(upstream.error(400, 'temperature must be below 2'), 400, 'invalid')
        self.assertIn('temperature must be below 2', error['message'])

    def test_401_is_the_operators(self):
        error = self.fails(upstream.error(401, 'no such key'), 503, 'unavailable')
        self.assertNotIn('no such key', error['message'])

    def test_404_is_the_operators(self):
        self.fails(upstream.error(404, 'no such model'), 502, 'bad_upstream')


class Within(ServerCase):
    """Each failure within the answer: what was said arrived, then the stream says that it failed."""
    CONFIG = 'turns.yaml'
    BEGUN = upstream.STREAM_HEAD + upstream.chunk(upstream.event({'content': 'so far'}))

    def breaks(self, answer, status, pipeline='impatient'):
        self.model.then(answer)
        said = self.chat(model=pipeline, stream=True)
        self.assertEqual(said.status, 200, said)
        events = [data for _, data, _ in said.events()]
        self.assertIn('so far', str(events[:-1]))
        error = [data for data in events if isinstance(data, dict) and 'error' in data]
        self.assertEqual(len(error), 1, events)
        self.assertTrue(error[0]['error']['message'])
        reasons = [choice.get('finish_reason') for data in events if isinstance(data, dict)
                   for choice in data.get('choices', ())]
        self.assertNotIn('stop', reasons, 'a broken reply does not pretend to be whole')

        self.setUp()
        self.model.then(answer)
        events = self.turn(pipeline=pipeline, stream=True).events()
        self.assertEqual([name for name, _, _ in events], ['turn', 'text', 'error'])
        self.assertEqual(events[-1][1]['status'], status)

        self.setUp()
        self.assert_well()

    def test_hangs(self):
        self.breaks(upstream.then_wait(self.BEGUN), 504)

    def test_resets(self):
        self.breaks(upstream.then_reset(self.BEGUN), 502)

    def test_half_an_event(self):
        half = upstream.event({'content': 'lost'})[:-30]
        self.breaks(upstream.then_close(self.BEGUN + upstream.chunk(half)), 502)

    def test_half_an_event_and_a_proper_end(self):
        half = upstream.event({'content': 'lost'})[:-30]
        self.breaks(upstream.then_close(self.BEGUN + upstream.chunk(half) + b'0\r\n\r\n'), 502)

    def test_ends_without_a_finish(self):
        self.breaks(upstream.then_close(self.BEGUN + b'0\r\n\r\n'), 502)

    def test_garbage(self):
        self.breaks(upstream.then_close(self.BEGUN + upstream.chunk(b'data: {nonsense\n\n')), 502)

    def test_an_error_event(self):
        self.breaks(upstream.then_close(self.BEGUN + upstream.chunk(
            b'data: {"error": {"message": "overheated"}}\n\n')), 502)

    def test_invalid_utf8(self):
        bad = upstream.event({'content': 'QQ'}).replace(b'QQ', b'\xff\xfe')
        self.breaks(upstream.then_close(self.BEGUN + upstream.chunk(bad)), 502)

    def test_no_fallback_after_the_first_word(self):
        """What a client has heard cannot be taken back: the second model is not asked."""
        self.model.then(upstream.then_reset(self.BEGUN))
        events = self.turn(pipeline='careful', stream=True).events()
        self.assertEqual([name for name, _, _ in events], ['turn', 'text', 'error'])
        self.assertEqual(len(self.model.requests), 1)
        self.assert_well()


class Handled(ServerCase):
    """Failures that a pipeline handles: the client does not notice."""
    CONFIG = 'turns.yaml'

    def test_fallback(self):
        for name, answer in {'refuses': upstream.error(503, 'x'), 'hangs': upstream.then_wait(),
                             'limits': upstream.error(429, 'x'),
                             'garbage': upstream.whole(200, b'x')}.items():
            for stream in (False, True):
                with self.subTest(name, stream=stream):
                    self.setUp()
                    self.model.then(answer)
                    said = self.chat(model='careful', stream=stream)
                    self.assertEqual(said.status, 200, said)
                    self.assertIn(b'Hello' if stream else b'Hello from the model.', said.body)
                    self.assertEqual(len(self.model.requests), 2)

    def test_timeout_stage(self):
        self.model.then(upstream.then_wait())
        self.assert_openai_error(self.chat(model='hasty'), 504)
        self.assertTrue(self.model.arrived.get(timeout=30).gone.wait(30))
        self.assert_well()

    def test_a_kept_connection_that_the_model_closed(self):
        """A server may close an idle connection at any time; the client must not see it."""
        for _ in range(5):
            self.model.then(lambda connection, request:
                            upstream.completion('Hello from the model.')(connection, request)
                            or False)
            self.assert_well()


class Https(ServerCase):
    """The same service over https, with its own authority and with a stranger's."""
    CONFIG = 'turns.yaml'

    def test_untrusted(self):
        with tempfile.TemporaryDirectory() as folder:
            files = certificate(folder)
            secure = upstream.Upstream(certificate=files)
            served = server.Server(os.path.join(self.FOLDER, self.CONFIG),
                                   env={'UPSTREAM': secure.url})
            try:
                answer = client.request(served.port, 'POST', '/v1/turns', {'message': 'a'})
                problem = self.assert_problem(answer, 502, 'bad_upstream')
                self.assertIn('certificate', problem['detail'])
                self.assertEqual(secure.requests, [])
            finally:
                self.assertEqual(served.stop(), 0)

    def test_trusted(self):
        with tempfile.TemporaryDirectory() as folder:
            files = certificate(folder)
            secure = upstream.Upstream(certificate=files)
            served = server.Server(os.path.join(self.FOLDER, self.CONFIG),
                                   env={'UPSTREAM': secure.url, 'SSL_CERT_FILE': files[0]},
                                   workers=1)
            try:
                for _ in range(3):
                    answer = client.request(served.port, 'POST', '/v1/turns', {'message': 'a'})
                    self.assertEqual(answer.status, 200, answer)
                self.assertEqual(secure.connections, 1, 'the connection is kept')
            finally:
                self.assertEqual(served.stop(), 0)


def certificate(folder):
    import subprocess
    files = os.path.join(folder, 'certificate.pem'), os.path.join(folder, 'key.pem')
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                    'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost',
                    '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', files[1],
                    '-out', files[0]], check=True, capture_output=True)
    return files
