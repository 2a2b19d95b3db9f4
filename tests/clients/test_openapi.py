"""openapi.json is what it says it is (openapi-spec-validator), and the server is what it says (Schemathesis)."""
import json
import os
import subprocess
import tempfile

from harness import things
from harness.case import ServerCase
from packages import python_with

LONG = True
HERE = os.path.dirname(os.path.abspath(__file__))
NOBODY = '0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44'
# Streams without an end, and what is no call of its own but a protocol (test_mcp.py).
ENDLESS = ('documents.events', 'mcp.post', 'mcp.stream', 'mcp.end')


def parameters_of_things(document, ask):
    """Ids in paths become ones that exist, so that more than 404 is seen."""
    for _, _, operation in things.operations(document):
        noun = operation['operationId'].split('.')[0]
        names = things.variables(operation)
        if not names or operation['operationId'] in things.SHARED:
            continue
        made = [things.MAKERS[noun](ask) for _ in range(2)]
        for each in operation['parameters']:
            if each['in'] == 'path':
                values = [one[each['name']] for one in made]
                each.update(schema={'type': 'string', 'enum': [*values, NOBODY]}, example=values[0])


def without_streams(document):
    """Events are judged by test_events: in a document of 3.1 Schemathesis takes `data` for text."""
    for _, _, operation in things.operations(document):
        for response in operation['responses'].values():
            if 'text/event-stream' in response.get('content', {}):
                response['content']['text/event-stream'] = {'schema': {}}


class OpenApi(ServerCase):
    CONFIG = 'everything.yaml'
    KEY = 'planted-key-of-root-0123456789'
    HEADERS = {'Authorization': 'Bearer ' + KEY}

    @classmethod
    def setUpClass(cls):
        cls.python = python_with('openapi_requirements.txt')
        super().setUpClass()

    def run_client(self, document, what, *arguments, **options):
        with tempfile.TemporaryDirectory(prefix='patchbay-openapi-') as folder:
            path = os.path.join(folder, 'openapi.json')
            with open(path, 'w', encoding='utf-8') as file:
                json.dump(document, file)
            done = subprocess.run([self.python, os.path.join(HERE, 'openapi_client.py'), what, path,
                                   *arguments], cwd=folder, capture_output=True, text=True, timeout=300,
                                  env=dict(os.environ, KEY=self.KEY), check=False, **options)
        self.assertEqual(done.returncode, 0, (done.stdout + done.stderr)[-8000:])

    def document(self):
        return self.get('/openapi.json').json()

    def test_valid(self):
        self.run_client(self.document(), 'valid')

    def test_events(self):
        lines = []
        for body in ({'stream': True}, {'stream': True, 'stream_stages': True, 'pipeline': 'talk'}):
            for name, data, _ in self.turn(**body).events():
                lines.append(json.dumps({'event': name, 'data': data}) + '\n')
        self.assertTrue(any('"stage"' in line for line in lines))
        self.run_client(self.document(), 'events', 'TurnEvent', input=''.join(lines))

    def test_schemathesis(self):
        document = self.document()
        parameters_of_things(document, things.asker(self.request, {}))
        without_streams(document)
        for path, item in list(document['paths'].items()):
            for method in [method for method, operation in item.items()
                           if operation['operationId'] in ENDLESS]:
                del document['paths'][path][method]
        added = document['components']['schemas']['DocumentsAddRequest']['properties']['url']
        added['enum'] = [self.model.url + '/thing']  # nobody else's server is asked
        document['paths']['/v1/documents/add']['post']['requestBody']['content'][
            'application/json']['example'] = {'url': added['enum'][0]}
        self.run_client(document, 'ask', f'http://127.0.0.1:{self.port}')
        self.assertNotIn('describes the schema', self.server.output())

    def test_unknown_method(self):
        self.assertEqual(self.request('FROBNICATE', '/v1/turns').status, 501)
