"""Whom those trust that ask by https and are no models: with `ca_file` the server is asked, without it is refused. One
program for all: what an exporter hands over, and a source lists, at the beginning and at the end."""
import os
import tempfile
import unittest

from harness import client, server, upstream
from test_upstreams import certificate

CONFIG = '''databases: {main: {use: sqlite}}
blob_stores: {files: {use: filesystem}}
embedders: {words: {use: static}}
vector_stores: {passages: {use: embedded, database: main}}
extractors: {text: {use: text}}
llms: {script: {use: replay, replies: [{text: Hello}]}}
exporters:
  trusted: {use: otlp, url: "SECURE/spans/trusted", ca_file: FILE}
  untrusted: {use: otlp, url: "SECURE/spans/untrusted"}
sources:
  trusted: {use: web, start: ["SECURE/page/trusted"], private_hosts: [127.0.0.1], robots: false,
            types: [application/json], ca_file: FILE}
  untrusted: {use: web, start: ["SECURE/page/untrusted"], private_hosts: [127.0.0.1], robots: false,
              types: [application/json]}
services: {knowledge: {pipeline: ingest, collections: {a: {sources: [untrusted]}, b: {sources: [trusted]}}}}
pipelines:
  p: {stages: [{generate: {llm: script}}]}
  ingest: {stages: [extract: {extractors: [text]}, chunk: {}, embed: {embedder: words}, store: {vectors: passages}]}
transports: {web: {use: http, listen: "127.0.0.1:0", pipelines: [p]}}
'''


class Authorities(unittest.TestCase):
    def test_ca_file(self):
        with tempfile.TemporaryDirectory(prefix='patchbay-options-') as folder:
            files = certificate(folder)
            secure = upstream.Upstream(usual=upstream.whole(200, {}), certificate=files)
            self.addCleanup(secure.close)
            config = os.path.join(folder, 'patchbay.yaml')
            with open(config, 'w', encoding='utf-8') as file:
                file.write(CONFIG.replace('SECURE', f'https://127.0.0.1:{secure.port}').replace('FILE', files[0]))
            served = server.Server(config, workers=1)
            self.addCleanup(lambda: served.process.poll() is None and served.kill())
            self.assertEqual(client.request(served.port, 'POST', '/v1/turns', {'message': 'Hello?'}).status, 200)
            asked = set()
            while asked != {'/page/trusted', '/spans/trusted'}:
                asked.add(secure.arrived.get(timeout=server.PATIENCE).path)
            served.wait_log("the source 'untrusted' of 'a' was not read")
            self.assertEqual(served.stop(), 0)
            self.assertEqual({request.path for request in secure.requests}, asked)
            self.assertIn('certificate', served.said)
