"""The official clients of the Model Context Protocol (TypeScript, Python) and the inspector's command
line against the real server, and what only a client by hand would do, across two workers."""
import json
import os
import subprocess
import time
import unittest

import packages
from harness import client, server, upstream
from harness.case import ServerCase

LONG = True
KEY = 'planted-key-of-anna-0123456789'
BERT = 'planted-key-of-bert-0123456789'
ACCEPT = 'application/json, text/event-stream'
TRIES = 60


class Mcp(ServerCase):
    CONFIG = 'mcp.yaml'
    FOLDER = packages.HERE
    HEADERS = {'Authorization': 'Bearer ' + KEY, 'Accept': ACCEPT}

    @classmethod
    def upload(cls, name, text):
        answer = client.request(cls.port, 'POST', f'/v1/documents?name={name}', text.encode(),
                                dict(cls.HEADERS, **{'Content-Type': 'text/plain'}))
        if answer.status >= 300:
            raise AssertionError(answer)

    def assert_well(self):
        answer = self.request('POST', '/v1/turns', {'message': 'Are you well?'})
        self.assertEqual(answer.status, 200, answer)


class Official:
    """What both official clients show; `play` runs a scenario."""

    @classmethod
    def setUpClass(cls):
        cls.prepare()
        super().setUpClass()
        cls.upload('letter.txt', 'Dear reader, all is well.')

    def spawn(self, argv, key=KEY, cwd=None):
        environment = dict(os.environ, MCP_URL=f'http://127.0.0.1:{self.port}/mcp', MCP_KEY=key)
        return subprocess.Popen(argv, cwd=cwd, env=environment, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def play(self, *scenarios, **options):
        process = self.spawn([*self.COMMAND, *scenarios], **options)
        out, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0, err)
        return json.loads(out)

    def all_at_once(self):
        """What one run of the client tells of all that needs no help from the test."""
        if not hasattr(type(self), 'told'):
            type(self).told = self.play('tour', 'documents', 'prompts', 'ask')
            type(self).asked = self.model.requests[-1].json()['messages']
        return self.told

    def test_tour(self):
        told = self.all_at_once()['tour']
        self.assertEqual((told['version'], told['server'], told['instructions']),
                         ('2025-11-25', 'patchbay', 'Ask support.'))
        self.assertEqual(told['capabilities']['resources'], {'subscribe': True, 'listChanged': True})
        tools = {tool['name']: tool for tool in told['tools']}
        self.assertEqual(len(tools), len(told['tools']))
        for name in ('ask_support', 'ask_diary', 'documents_get', 'conversations_list',
                     'knowledge_search'):
            self.assertIn(name, tools)
        for name in ('documents_upload', 'documents_events', 'mcp_post', 'health_live',
                     'turns_create', 'chat_completions'):
            self.assertNotIn(name, tools)
        self.assertNotIn('conversation', tools['ask_support']['inputSchema']['properties'])
        self.assertIn('conversation', tools['ask_diary']['inputSchema']['properties'])
        self.assertTrue(tools['documents_get']['annotations']['readOnlyHint'])
        self.assertIn('parcels-', told['collections']['structuredContent']['name'])
        self.assertTrue(told['wrong']['isError'])
        self.assertIn('/limit', told['wrong']['content'][0]['text'])
        self.assertEqual(told['unknown']['code'], -32602)

    def test_documents(self):
        told = self.all_at_once()['documents']
        self.assertEqual([each['name'] for each in told['resources']], ['letter.txt'])
        self.assertEqual(told['resources'][0]['mimeType'], 'text/plain')
        self.assertEqual(told['contents'][0]['text'], 'Dear reader, all is well.')
        self.assertEqual(told['templates'][0]['uriTemplate'], 'patchbay://documents/{id}')
        self.assertEqual(told['missing']['code'], -32002)

    def test_prompts(self):
        told = self.all_at_once()['prompts']
        self.assertEqual([each['name'] for each in told['prompts']], ['review'])
        self.assertEqual(told['completed'], ['strict'])
        self.assertEqual(told['filled']['messages'][0]['content']['text'], 'Review, strict: Hi')
        self.assertEqual(told['missing']['code'], -32602)

    def test_ask(self):
        told = self.all_at_once()['ask']
        self.assertEqual(told['answer']['content'][0]['text'], 'Hello from the model.')
        self.assertEqual(told['answer']['structuredContent']['text'], 'Hello from the model.')
        self.assertEqual(told['progress'][0]['message'], 'generate')
        steps = [each['progress'] for each in told['progress']]
        self.assertEqual(steps, sorted(set(steps)))
        self.assertIn({'stage': 'generate', 'state': 'begin'}, told['logged'])
        first, second = told['first']['structuredContent'], told['second']['structuredContent']
        self.assertEqual(first['conversation'], second['conversation'])
        self.assertNotEqual(first['turn'], second['turn'])
        self.assertEqual([each['content'] for each in self.asked],
                         ['One', 'Hello from the model.', 'Two'])

    def test_model_fails(self):
        self.model.then(upstream.error(500, 'boom'))
        told = self.play('fail')['fail']
        self.assertTrue(told['answer']['isError'])
        self.assertTrue(told['answer']['content'][0]['text'])
        self.assert_well()

    def test_cancel(self):
        begun = upstream.STREAM_HEAD + upstream.chunk(upstream.event({'content': 'so far'}))
        self.model.then(upstream.then_wait(begun))
        told = self.play('cancel')['cancel']
        self.assertEqual(told['heard'], 'so far')
        self.assertTrue(told.get('name'), told)
        self.assertTrue(self.model.arrived.get(timeout=30).gone.wait(30))
        self.assert_well()

    def test_wrong_key(self):
        told = self.play('tour', key='wrong')
        self.assertNotIn('tour', told)
        self.assertTrue(told['name'], told)


class TypeScript(Official, Mcp):
    COMMAND = ('node', os.path.join(packages.NODE, 'mcp.mjs'))

    @classmethod
    def prepare(cls):
        packages.node_with('mcp.mjs')

    def test_results_are_as_their_schemas_say(self):
        told = self.all_at_once()['tour']['read']
        self.assertGreater(len(told), 5)
        self.assertEqual({name: said for name, said in told.items() if said}, {})

    def test_changes(self):
        process = self.spawn([*self.COMMAND, 'changes'])
        self.assertEqual(process.stderr.readline(), 'listening\n')
        until = time.monotonic() + server.PATIENCE
        listed = self.get('/v1/documents').json()['documents'][0]
        while process.poll() is None and time.monotonic() < until:
            answer = self.request('PATCH', f'/v1/documents/{listed["id"]}',
                                  {'tags': [f'tag-{time.monotonic_ns()}']})
            self.assertEqual(answer.status, 200, answer)
            answer = self.request('POST', f'/v1/documents/{listed["id"]}/reprocess', {})
            self.assertEqual(answer.status, 200, answer)
            try:
                process.wait(0.2)
            except subprocess.TimeoutExpired:
                continue
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, err)
        told = json.loads(out)['changes']
        self.assertEqual(told['uri'], f'patchbay://documents/{listed["id"]}')
        self.assertIn('list', told['heard'])

    def test_end(self):
        self.assertEqual(self.play('end')['end']['statuses'], [404] * 6)

    def inspect(self, *arguments):
        """The inspector's command line. It looks for its own package.json from the working folder."""
        path = os.path.join('@modelcontextprotocol', 'inspector-cli', 'build', 'index.js')
        process = self.spawn(['node', path, f'http://127.0.0.1:{self.port}/mcp', '--transport', 'http',
                              '--header', f'Authorization: Bearer {KEY}', *arguments],
                             cwd=os.path.join(packages.NODE, 'node_modules'))
        out, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0, out + err)
        return json.loads(out)

    def test_inspector(self):
        tools = self.inspect('--method', 'tools/list')['tools']
        self.assertIn('ask_support', [tool['name'] for tool in tools])
        told = self.inspect('--method', 'tools/call', '--tool-name', 'ask_support', '--tool-arg',
                            'message=Hello?')
        self.assertEqual(told['content'][0]['text'], 'Hello from the model.')
        self.assertEqual(len(self.inspect('--method', 'resources/list')['resources']), 1)
        self.assertEqual(len(self.inspect('--method', 'resources/templates/list')
                             ['resourceTemplates']), 1)
        self.assertEqual(self.inspect('--method', 'prompts/list')['prompts'][0]['name'], 'review')
        told = self.inspect('--method', 'prompts/get', '--prompt-name', 'review', '--prompt-args',
                            'text=Hi', 'tone=strict')
        self.assertEqual(told['messages'][0]['content']['text'], 'Review, strict: Hi')


class Python(Official, Mcp):
    @classmethod
    def prepare(cls):
        cls.COMMAND = (packages.python_with('mcp_requirements.txt'),
                       os.path.join(packages.HERE, 'mcp_client.py'))

    def test_newer_client(self):
        """One that would speak a later version without sessions finds out that it cannot, and begins as
        the earlier ones do."""
        self.assertEqual(self.play('--newer', 'tour')['tour']['version'], '2025-11-25')


class ByHand(Mcp):
    """Two workers serve one session."""

    def rpc(self, method, params=None, key=KEY, status=200, session=None, **more):
        headers = {'Authorization': 'Bearer ' + key, **more.pop('headers', {})}
        if session:
            headers['Mcp-Session-Id'] = session
        body = {'jsonrpc': '2.0', 'id': 1, 'method': method, 'params': params or {}, **more}
        if method.startswith('notifications/'):
            del body['id']
        answer = self.request('POST', '/mcp', body, headers=headers)
        self.assertEqual(answer.status, status, answer)
        return answer

    def begin(self, key=KEY, version='2025-11-25'):
        answer = self.rpc('initialize', {'protocolVersion': version, 'capabilities': {},
                                         'clientInfo': {'name': 'hand', 'version': '1'}}, key)
        self.assertEqual(answer.json()['result']['protocolVersion'], version)
        return answer.headers['mcp-session-id']

    def workers_of(self, names):
        until = time.monotonic() + server.PATIENCE
        while time.monotonic() < until:
            served = {line['request']: line['worker'] for line in self.server.log()
                      if line.get('request') in names and 'worker' in line}
            if len(served) == len(names):
                return [served[name] for name in names]
            time.sleep(0.01)
        raise AssertionError(f'the log does not tell who served {names}')

    def elsewhere(self, kind, act):
        """Runs act(first, second) with new request ids until two workers served the two."""
        for number in range(TRIES):
            names = [f'{kind}-{number}-{part}' for part in ('a', 'b')]
            act(*names)
            if len(set(self.workers_of(names))) == 2:
                return
        raise AssertionError(f'{TRIES} times the same worker served both')

    def test_any_worker_serves_and_ends_a_session(self):
        def act(first, second):
            session = self.begin()
            self.rpc('ping', session=session, headers={'X-Request-Id': first + '-0'})
            self.rpc('tools/call', {'name': 'ask_support', 'arguments': {'message': 'a'}},
                     session=session, headers={'X-Request-Id': first})
            self.rpc('tools/call', {'name': 'ask_support', 'arguments': {'message': 'b'}},
                     session=session, headers={'X-Request-Id': second})
            answer = self.request('DELETE', '/mcp', headers={'Mcp-Session-Id': session})
            self.assertEqual(answer.status, 204, answer)
            for _ in range(6):
                self.rpc('ping', session=session, status=404)
        self.elsewhere('serve', act)

    def test_cancel_reaches_another_worker(self):
        def act(first, second):
            session = self.begin()
            begun = upstream.STREAM_HEAD + upstream.chunk(upstream.event({'content': 'so far'}))
            self.model.then(upstream.then_wait(begun))
            raw = client.Raw(self.port)
            raw.post('/mcp', {'jsonrpc': '2.0', 'id': 'slow', 'method': 'tools/call', 'params': {
                'name': 'ask_support', 'arguments': {'message': 'Hi'},
                '_meta': {'progressToken': 1}}},
                headers=f'X-Request-Id: {first}\r\nAccept: {ACCEPT}\r\n'
                        f'Authorization: Bearer {KEY}\r\nMcp-Session-Id: {session}\r\n')
            raw.read_until(b'so far')
            answered = self.rpc('notifications/cancelled', {'requestId': 'slow'}, session=session,
                                status=202, headers={'X-Request-Id': second})
            self.assertEqual(answered.body, b'')
            rest = raw.read_until(b'0\r\n\r\n')
            self.assertNotIn(b'"result"', rest)
            raw.socket.close()
            self.rpc('tools/call', {'name': 'conversations_list'}, session=session,
                     headers={'X-Request-Id': second + '-0'})
        self.elsewhere('cancel', act)

    def test_a_session_is_its_principals(self):
        session = self.begin()
        self.rpc('ping', session=session, key=BERT, status=404)
        self.rpc('ping', session=session, key='wrong', status=401)
        answer = self.request('DELETE', '/mcp', headers={
            'Mcp-Session-Id': session, 'Authorization': 'Bearer ' + BERT})
        self.assertEqual(answer.status, 404, answer)
        self.rpc('ping', session=session)

    def test_scopes_decide(self):
        session = self.begin(BERT)
        tools = [tool['name'] for tool in self.rpc('tools/list', session=session, key=BERT)
                 .json()['result']['tools']]
        self.assertIn('documents_list', tools)
        for name in ('ask_support', 'documents_delete', 'conversations_list', 'keys_list'):
            self.assertNotIn(name, tools)
        told = self.rpc('tools/call', {'name': 'documents_delete', 'arguments': {'id': 'x'}},
                        session=session, key=BERT).json()
        self.assertEqual(told['error']['code'], -32602)

    def test_headers(self):
        session = self.begin()
        for headers, status in (({'Accept': 'application/json'}, 406),
                                ({'MCP-Protocol-Version': '2026-07-28'}, 400),
                                ({'MCP-Protocol-Version': '2025-06-18'}, 200),
                                ({'Origin': 'https://evil.example.com'}, 403),
                                ({'Origin': 'https://app.example.com'}, 200)):
            told = self.rpc('ping', session=session, headers=headers, status=status).json()
            self.assertEqual('error' in told, status != 200, told)
        self.rpc('ping', status=400)
        answer = self.request('PUT', '/mcp', {})
        self.assertEqual(answer.status, 405, answer)

    def test_batch(self):
        session = self.begin(version='2025-03-26')
        answer = self.request('POST', '/mcp', [
            {'jsonrpc': '2.0', 'id': 1, 'method': 'ping'},
            {'jsonrpc': '2.0', 'method': 'notifications/initialized'},
            {'jsonrpc': '2.0', 'id': 2, 'method': 'tools/call', 'params': {
                'name': 'ask_support', 'arguments': {'message': 'Hi'}}}],
            headers={'Mcp-Session-Id': session})
        self.assertEqual([each['id'] for each in answer.json()], [1, 2], answer)
        self.assertEqual(answer.json()[1]['result']['content'][0]['text'], 'Hello from the model.')


def load_tests(loader, _tests, _pattern):
    suite = unittest.TestSuite()
    for case in (TypeScript, Python, ByHand):
        suite.addTests(loader.loadTestsFromTestCase(case))
    return suite
