"""espeak says what pocketsphinx understands: through the service `audio`, over HTTP, with two workers."""
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile
import unittest

from built import built
from harness import client, server

sys.path.append(os.path.join(server.ROOT, 'tests', 'clients'))
import packages  # noqa: E402

SENTENCE = 'go forward ten meters'
CONFIG = """\
host:
  workers: 2
  log: {level: info, format: json}
speech:
  tts-1: {use: espeak, aliases: {alloy: en-us+f3}}
  whisper-1:
    use: pocketsphinx
    grammar: (go | come) (forward | backward) (one | two | ten) (meter | meters)
services:
  audio: {models: [tts-1, whisper-1]}
llms:
  script: {use: replay, notice: "", replies: [{text: Hello}]}
pipelines:
  chat: {stages: [generate: {llm: script}]}
transports:
  web: {use: http, listen: "127.0.0.1:0", pipelines: [chat]}
"""
HERE = os.path.dirname(os.path.abspath(__file__))


class Speech(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        made = built()
        for plugin in ('espeak', 'pocketsphinx'):
            if plugin in made.left_out:
                raise unittest.SkipTest(f'{plugin}: {made.left_out[plugin]}')
        cls.folder = tempfile.TemporaryDirectory(prefix='patchbay-speech-')
        cls.addClassCleanup(cls.folder.cleanup)
        config = os.path.join(cls.folder.name, 'speech.yaml')
        with open(config, 'w', encoding='utf-8') as file:
            file.write(CONFIG)
        cls.server = server.Server(config, arguments=['--set', f'plugins.path=[{made.path}]'])

    @classmethod
    def tearDownClass(cls):
        code = cls.server.stop()
        if code != 0:
            raise AssertionError(f'serve ended with {code}:\n{cls.server.said[-6000:]}')

    def say(self, text=SENTENCE, **more):
        return client.request(self.server.port, 'POST', '/v1/audio/speech',
                              {'model': 'tts-1', 'voice': 'alloy', 'input': text, **more})

    def hear(self, audio, query='', kind='audio/wav'):
        return client.request(self.server.port, 'POST', f'/v1/audio/transcriptions?model=whisper-1{query}', audio,
                              {'Content-Type': kind})

    def test_understood(self):
        said = self.say()
        self.assertEqual((said.status, said.headers['content-type']), (200, 'audio/wav'), said)
        self.assertEqual(said.body[:4], b'RIFF')
        self.assertEqual(self.hear(said.body).json()['text'], SENTENCE)

    def test_bare_samples(self):
        said = self.say(response_format='pcm')
        heard = self.hear(said.body, kind='audio/pcm;rate=24000')
        self.assertEqual(heard.json()['text'], SENTENCE)

    def test_many_at_once(self):
        def there_and_back(_):
            return self.hear(self.say().body).json()['text']
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            self.assertEqual(set(pool.map(there_and_back, range(8))), {SENTENCE})

    def test_two_utterances(self):
        one = self.say(response_format='pcm').body
        heard = self.hear(one + bytes(2 * 24000 * 2) + one, '&response_format=vtt', 'audio/pcm;rate=24000')
        self.assertEqual(heard.body.decode().splitlines()[3::3], [SENTENCE, SENTENCE])

    def test_openai_client(self):
        python = packages.python_with('openai_requirements.txt')
        done = subprocess.run([python, os.path.join(HERE, 'openai_audio.py'),
                               f'http://127.0.0.1:{self.server.port}/v1'], capture_output=True, text=True,
                              timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        told = json.loads(done.stdout)
        self.assertEqual((told['text'], told['plain'].strip()), (SENTENCE, SENTENCE))
        self.assertGreater(told['pieces'], 10)
        self.assertAlmostEqual(told['seconds'], (told['wav'] - 44) / 2 / 22050, delta=0.1)
        self.assertAlmostEqual(told['seconds'], told['pcm'] / 2 / 24000, delta=0.1)
        self.assertIn(f'\n{SENTENCE}\n', told['srt'])
        language, duration, text, end = told['verbose']
        self.assertEqual((language, text), ('en', SENTENCE))
        self.assertLessEqual(0.5, end)
        self.assertLessEqual(end, duration)
        for name, kind, status, param in (
                ('voice', 'BadRequestError', 400, 'voice'), ('model', 'NotFoundError', 404, 'model'),
                ('mp3', 'APIStatusError', 415, None), ('mute', 'BadRequestError', 400, 'model'),
                ('type', 'APIStatusError', 415, None), ('damaged', 'UnprocessableEntityError', 422, None),
                ('language', 'BadRequestError', 400, 'language')):
            self.assertEqual(told[name][:3], [kind, status, param], told[name])
            self.assertIn(' ', told[name][3])

    def test_a_listener_who_leaves(self):
        with client.Raw(self.server.port) as raw:
            raw.post('/v1/audio/speech', {'model': 'tts-1', 'input': 'This takes its time. ' * 400})
            self.assertIn(b'RIFF', raw.read_until(b'data'))
        self.assertEqual(self.hear(self.say().body).json()['text'], SENTENCE)
