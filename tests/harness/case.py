"""The base of the tests: a model that the test scripts, and one server per class in front of it."""
import os
import unittest

from harness import client, server, upstream

COMPLETIONS = '/v1/chat/completions'


class ServerCase(unittest.TestCase):
    """Serves CONFIG (a file beside the test's module) with UPSTREAM set to the scripted model."""
    CONFIG = None
    FOLDER = os.path.join(server.ROOT, 'tests', 'e2e')
    ENVIRONMENT = {}
    ARGUMENTS = ()
    HEADERS = {}

    @classmethod
    def setUpClass(cls):
        cls.model = upstream.Upstream()
        cls.server = server.Server(os.path.join(cls.FOLDER, cls.CONFIG),
                                   env=dict(cls.ENVIRONMENT, UPSTREAM=cls.model.url),
                                   arguments=cls.ARGUMENTS)
        cls.port = cls.server.port

    @classmethod
    def tearDownClass(cls):
        code = cls.server.stop()
        cls.model.close()
        if code != 0:
            raise AssertionError(f'serve ended with {code}:\n{cls.server.said[-6000:]}')

    def setUp(self):
        self.model.requests.clear()
        while not self.model.next.empty():
            self.model.next.get()
        while not self.model.arrived.empty():
            self.model.arrived.get()

    def request(self, method, path, body=None, headers=None, **options):
        return client.request(self.port, method, path, body, {**self.HEADERS, **(headers or {})},
                              **options)

    def get(self, path, **options):
        return self.request('GET', path, **options)

    def post(self, path, body, **options):
        return self.request('POST', path, body, **options)

    def chat(self, text='Hello?', **more):
        """A completion over the OpenAI dialect."""
        body = dict({'model': 'support', 'messages': [{'role': 'user', 'content': text}]}, **more)
        return self.post(COMPLETIONS, body)

    def turn(self, message='Hello?', **more):
        return self.post('/v1/turns', dict({'message': message}, **more))

    def assert_well(self):
        """The next turn is fine."""
        answer = self.chat('Are you well?')
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.json()['choices'][0]['message']['content'],
                         'Hello from the model.', answer)

    def assert_problem(self, answer, status, kind=None, pointer=None):
        """An RFC 9457 document."""
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers['content-type'].split(';')[0], 'application/problem+json',
                         answer)
        problem = answer.json()
        self.assertEqual(problem['status'], status, problem)
        self.assertTrue(problem['type'].startswith('/problems/'), problem)
        self.assertTrue(problem['title'], problem)
        self.assertTrue(problem['detail'], problem)
        self.assertTrue(problem['instance'], problem)
        if kind:
            self.assertEqual(problem['type'], f'/problems/{kind}', problem)
        if pointer is not None:
            self.assertIn(pointer, [error['pointer'] for error in problem.get('errors', [])],
                          problem)
        return problem

    def assert_openai_error(self, answer, status):
        """The OpenAI dialect's own shape."""
        self.assertEqual(answer.status, status, answer)
        error = answer.json()['error']
        self.assertTrue(error['message'], error)
        self.assertIn('type', error)
        self.assertIn('code', error)
        self.assertIn('param', error)
        return error
