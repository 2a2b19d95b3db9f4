"""openapi.json, /docs and /problems as they are served, and the calls that they describe without a server."""
import base64
import hashlib
import html.parser
import json
import os
import re

from harness import server, things, upstream
from harness.case import ServerCase


class Page(html.parser.HTMLParser):
    """Ids, links, and what a browser would fetch."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.targets, self.fetched, self.open, self.inline = [], set(), [], None, {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if 'id' in attributes:
            self.ids.append(attributes['id'])
        if tag == 'a' and attributes.get('href', '').startswith('#'):
            self.targets.add(attributes['href'][1:])
        self.fetched += [attributes[name] for name in ('src', 'data') if name in attributes]
        if tag == 'link' and not attributes['href'].startswith('data:'):
            self.fetched.append(attributes['href'])
        self.open = tag

    def handle_data(self, data):
        if self.open in ('style', 'script'):
            self.inline[self.open] = self.inline.get(self.open, '') + data

    def handle_endtag(self, tag):
        self.open = None


class Served(ServerCase):
    CONFIG = 'everything.yaml'
    HEADERS = {'Authorization': 'Bearer planted-key-of-root-0123456789'}

    def document(self):
        answer = self.request('GET', '/openapi.json', headers={'Authorization': ''})
        self.assertEqual(answer.status, 200, answer)
        return answer.json()

    def test_document(self):
        document = self.document()
        self.assertEqual(document['openapi'], '3.1.0')
        listed = list(things.operations(document))
        self.assertGreater(len(listed), 60)
        ids = [operation['operationId'] for _, _, operation in listed]
        self.assertEqual(len(ids), len(set(ids)))
        for noun in ('turns', 'chat', 'responses', 'messages', 'keys', 'documents', 'mcp'):
            self.assertTrue(any(name.startswith(noun + '.') for name in ids), noun)
        text = json.dumps(document)
        for address in set(re.findall(r'"\$ref": "#/([^"]+)"', text)):
            place = document
            for step in address.split('/'):
                self.assertIn(step, place, address)
                place = place[step]
        self.assertNotIn('describes the schema', self.server.output())

    def test_every_operation_is_described(self):
        for method, path, operation in things.operations(self.document()):
            with self.subTest(operation['operationId']):
                self.assertTrue(operation['summary'].endswith(('.', '?')))
                for each in operation['parameters']:
                    self.assertTrue(each['description'], each)
                self.assertEqual(things.variables(operation), re.findall(r'{(\w+)}', path))
                good = [status for status in operation['responses'] if status < '4']
                self.assertTrue(good)
                contents = [content for status in good
                            for content in operation['responses'][status].get('content', {}).items()]
                self.assertTrue(contents or '204' in good or '202' in good)
                for name, media in contents:
                    if 'json' in name and not operation['operationId'].startswith('mcp.'):
                        self.assertIn('$ref', media['schema'], name)
                if method in ('POST', 'PATCH') and 'requestBody' in operation:
                    for name, media in operation['requestBody']['content'].items():
                        if name == 'application/json' and media['schema']:
                            self.assertIn('$ref', media['schema'])

    def test_same_for_everybody(self):
        self.assertEqual(self.document(), self.document())

    def test_docs_page(self):
        answer = self.request('GET', '/docs', headers={'Authorization': '', 'Accept': 'text/html'})
        self.assertEqual(answer.status, 200, answer)
        page = Page(answer.body.decode())
        self.assertEqual(page.fetched, [], 'the page needs the network')
        self.assertEqual(len(page.ids), len(set(page.ids)))
        self.assertEqual(page.targets - set(page.ids), set(), 'links that lead nowhere')
        for _, _, operation in things.operations(self.document()):
            self.assertIn(operation['operationId'], page.ids)
        policies = ' '.join(answer.headers.get_all('Content-Security-Policy'))
        for text in (page.inline['style'], page.inline['script']):
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            self.assertIn(f"'sha256-{digest}'", policies)

    def test_problem_pages(self):
        kinds = {'invalid': 400, 'not_found': 404, 'changed': 412, 'method_not_allowed': 405,
                 'rate_limited': 429, 'internal': 500, 'no_space': 507}
        for name, status in kinds.items():
            problem = self.get(f'/problems/{name}').json()
            self.assertEqual((problem['name'], problem['status']), (name, status))
            self.assertTrue(problem['meaning'] and problem['remedy'] and problem['title'])
            page = self.get(f'/problems/{name}', headers={'Accept': 'text/html,*/*;q=0.8'})
            self.assertTrue(page.headers['content-type'].startswith('text/html'), page)
            self.assertIn(problem['title'], page.body.decode())
        self.assert_problem(self.get('/problems/nonsense'), 404, 'not_found')

    def test_types_of_problems_have_pages(self):
        for answer in (self.get('/nothing'), self.request('DELETE', '/v1/turns'),
                       self.post('/v1/turns', {'message': 7}),
                       self.request('GET', '/v1/turns', headers={'Authorization': ''})):
            self.assertEqual(self.get(answer.json()['type']).status, 200, answer)

    def test_all_fields_at_once(self):
        problem = self.assert_problem(self.post('/v1/turns', {
            'pipeline': 'nobody', 'message': [], 'stream': 'yes', 'colour': 1,
            'overrides': {'temperature': 9, 'nonsense': 1}}), 400, 'invalid')
        self.assertEqual({error['pointer'] for error in problem['errors']},
                         {'/pipeline', '/message', '/stream', '/colour', '/overrides/temperature',
                          '/overrides/nonsense'})


class InProcess(ServerCase):
    """The same operations without a server: the model is scripted, nothing listens."""
    CONFIG = 'turns.yaml'

    def call(self, *arguments, code=0):
        done = server.run('call', *arguments, '-c', os.path.join(self.FOLDER, self.CONFIG),
                          '--data-dir', self.server.folder.name,
                          env={'UPSTREAM': self.model.url})
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def test_turn(self):
        def echo(connection, request):
            said = request.json()['messages'][-1]['content']
            return upstream.completion(f'You said {said}.')(connection, request)
        self.model.then(echo)
        turn = json.loads(self.call('turns.create', '--message', 'Hi').stdout)
        self.assertEqual(turn['message']['text'], 'You said Hi.')
        self.assertEqual((turn['status'], turn['pipeline']), ('done', 'support'))

    def test_a_number_as_text(self):
        self.call('turns.create', '--message', '42')
        self.assertEqual(self.model.requests[-1].json()['messages'][-1]['content'], '42')

    def test_stream(self):
        told = self.call('turns.create', '--message', 'Hi', '--stream', 'true').stdout
        self.assertTrue(told.startswith('id: 1\nevent: turn\n'), told)
        self.assertIn('\nevent: done\n', told)

    def test_models(self):
        listed = json.loads(self.call('models.list').stdout)
        self.assertIn('support', [model['id'] for model in listed['data']])
        self.assertEqual(json.loads(self.call('models.get', '--id', 'support').stdout)['id'],
                         'support')

    def test_dialect(self):
        body = '[{"role": "user", "content": "Hi"}]'
        said = json.loads(self.call('chat.completions', '--model', 'support',
                                    '--messages', body).stdout)
        self.assertEqual(said['choices'][0]['message']['content'], 'Hello from the model.')

    def test_faults(self):
        done = self.call('turns.create', '--messag', 'Hi', '--stream', '3', code=2)
        for words in ('/message: is missing', '/stream: must be true or false',
                      '/messag: is no field of a turn'):
            self.assertIn(words, done.stderr)
        done = self.call('chat.completions', '--model', 'support', '--messages', '[]', code=2)
        self.assertIn('messages', done.stderr)
        self.call('models.get', '--id', 'nobody', code=5)

    def test_help(self):
        told = self.call('turns.create', '--help').stdout
        for words in ('POST /v1/turns, scope turns.create', '  message', 'default false',
                      'fails with: not_found', 'example: patchbay call turns.create --message'):
            self.assertIn(words, told)
        told = self.call('problems.get', '--help').stdout
        self.assertIn("example: patchbay call problems.get --name rate_limited", told)
        self.assertIn("did you mean 'turns.list'", self.call('turns.lost', '--help', code=5).stderr)
