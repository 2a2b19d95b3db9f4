"""What the options of those that ask other servers change: one server with an instance for each, and what arrives
where they point."""
import os
import socket
import subprocess
import tempfile
import threading
import unittest

from harness import client, server, upstream

LLMS = {'openai': ('/v1', 'chat/completions'), 'anthropic': ('', 'v1/messages'), 'gemini': ('/v1beta', 'models')}
TUNED = ('project: planets, headers: {X-More: more}, dimensions: 2, shorten: true, '
         'document_prefix: "passage: ", query_prefix: "query: "')


def certificate(folder):
    files = os.path.join(folder, 'certificate.pem'), os.path.join(folder, 'key.pem')
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days',
                    '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', files[1],
                    '-out', files[0]], check=True, capture_output=True)
    return files


class Deaf:
    """Takes connections and never says a word: no TLS comes about."""

    def __init__(self):
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.taken = []
        self.accepting = threading.Thread(target=self.accept, daemon=True)
        self.accepting.start()

    def accept(self):
        while True:
            try:
                self.taken.append(self.listener.accept()[0])
            except OSError:
                return

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.accepting.join()
        for connection in [self.listener, *self.taken]:
            connection.close()


def variants(root, secure, proxy, deaf, file):
    """Options of each instance, by what its name ends with."""
    yield 'trusted', f'base_url: "{secure}{root}", ca_file: {file}'
    yield 'untrusted', f'base_url: "{secure}{root}"'
    yield 'proxied', f'base_url: "http://model.invalid{root}", proxy: "{proxy}"'
    yield 'deaf', f'base_url: "{deaf}{root}", timeouts: {{connect: 50ms}}'


class Upstreams(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix='patchbay-options-')
        cls.addClassCleanup(folder.cleanup)
        files = certificate(folder.name)
        cls.plain, cls.secure, cls.proxy = (upstream.Upstream(), upstream.Upstream(certificate=files),
                                            upstream.Upstream())
        cls.deaf = Deaf()
        for each in (cls.plain, cls.secure, cls.proxy, cls.deaf):
            cls.addClassCleanup(each.close)
        places = (f'https://127.0.0.1:{cls.secure.port}', f'http://127.0.0.1:{cls.proxy.port}',
                  f'https://127.0.0.1:{cls.deaf.port}', files[0])
        plain = f'http://127.0.0.1:{cls.plain.port}'
        llms = [f'{api}-{name}: {{use: {api}, model: m, {options}}}' for api, (root, _) in LLMS.items()
                for name, options in variants(root, *places)]
        llms += [f'openai-plain: {{use: openai, model: m, base_url: "{plain}/v1"}}',
                 f'openai-project: {{use: openai, model: m, base_url: "{plain}/v1", project: planets}}',
                 f'anthropic-plain: {{use: anthropic, model: m, base_url: "{plain}"}}',
                 f'anthropic-told: {{use: anthropic, model: m, base_url: "{plain}", version: 2030-01-01, '
                 'max_tokens: 77}']
        embedders = [f'{name}: {{use: openai, model: m, dimensions: 2, {options}}}'
                     for name, options in variants('/v1', *places)]
        embedders += [f'plain: {{use: openai, model: m, dimensions: 2, base_url: "{plain}/v1"}}',
                      f'tuned: {{use: openai, model: m, base_url: "{plain}/v1", {TUNED}}}',
                      f'brief: {{use: openai, model: m, dimensions: 2, base_url: "{plain}/v1", max_body: 1KiB}}',
                      f'hasty: {{use: openai, model: m, dimensions: 2, base_url: "{plain}/v1", '
                      'timeouts: {answer: 100ms}}']
        names = [each.split(':')[0] for each in llms]
        config = os.path.join(folder.name, 'patchbay.yaml')
        with open(config, 'w', encoding='utf-8') as file:
            file.write('\n  '.join(['llms:', *llms]) + '\n' + '\n  '.join(['embedders:', *embedders]) + '\n'
                       + '\n  '.join(['pipelines:', *(f'{name}: {{stages: [{{generate: {{llm: {name}}}}}]}}'
                                                      for name in names)])
                       + f'\ntransports: {{web: {{use: http, listen: "127.0.0.1:0", pipelines: [{", ".join(names)}], '
                       f'embedders: [{", ".join(each.split(":")[0] for each in embedders)}]}}}}\n')
        cls.server = server.Server(config, workers=1)
        cls.addClassCleanup(cls.server.stop)

    def setUp(self):
        for each in (self.plain, self.secure, self.proxy):
            each.requests.clear()

    def ask(self, llm):
        return client.request(self.server.port, 'POST', '/v1/turns', {'pipeline': llm, 'message': 'Hello?'}, timeout=4)

    def embed(self, embedder):
        return client.request(self.server.port, 'POST', '/v1/embeddings', {'model': embedder, 'input': ['a word']},
                              timeout=4)

    def each(self):
        """All that have the same options: (name, how to ask it)."""
        for api in LLMS:
            yield api, lambda name, api=api: self.ask(f'{api}-{name}')
        yield 'embedder', self.embed

    def test_ca_file(self):
        for name, ask in self.each():
            with self.subTest(name):
                self.secure.requests.clear()
                refused = ask('untrusted')
                self.assertIn('certificate', refused.body.decode(), refused)
                self.assertEqual(self.secure.requests, [])
                ask('trusted')
                self.assertEqual(len(self.secure.requests), 1)

    def test_proxy(self):
        for name, ask in self.each():
            with self.subTest(name):
                self.proxy.requests.clear()
                ask('proxied')
                self.assertTrue(self.proxy.requests[0].path.startswith('http://model.invalid/'))

    def test_connect(self):
        """It ends before the default, 5 s, has passed: until then nobody would answer `ask`."""
        for name, ask in self.each():
            with self.subTest(name):
                self.assertIn('did not finish the TLS handshake', ask('deaf').body.decode())

    def test_what_openai_is_told(self):
        self.ask('openai-project')
        self.ask('openai-plain')
        told, plain = (request.headers for request in self.plain.requests)
        self.assertEqual(told['openai-project'], 'planets')
        self.assertNotIn('openai-project', plain)

    def test_what_anthropic_is_told(self):
        self.ask('anthropic-told')
        self.ask('anthropic-plain')
        told, plain = self.plain.requests
        self.assertEqual((told.headers['anthropic-version'], told.json()['max_tokens']), ('2030-01-01', 77))
        self.assertEqual((plain.headers['anthropic-version'], plain.json()['max_tokens']), ('2023-06-01', 4096))

    def test_what_an_embedder_tells(self):
        self.embed('tuned')
        self.embed('plain')
        told, plain = self.plain.requests
        self.assertEqual((told.headers['openai-project'], told.headers['x-more']), ('planets', 'more'))
        self.assertNotIn('openai-project', plain.headers)
        self.assertNotIn('x-more', plain.headers)
        self.assertEqual((told.json()['dimensions'], told.json()['input']), (2, ['passage: a word']))
        self.assertNotIn('dimensions', plain.json())
        self.assertEqual(plain.json()['input'], ['a word'])

    def test_limits_of_an_embedder(self):
        vectors = upstream.whole(200, {'data': [{'index': 0, 'embedding': [3.0, 4.0]}], 'more': 'x' * 4000})
        self.plain.then(vectors, vectors, upstream.wait_gone)
        self.assertEqual(self.embed('plain').status, 200)
        answer = self.embed('brief')
        self.assertNotEqual(answer.status, 200)
        self.assertIn('1024', answer.body.decode())
        answer = self.embed('hasty')
        self.assertEqual(answer.status, 504, answer)
