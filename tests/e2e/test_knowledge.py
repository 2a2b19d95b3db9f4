"""Documents with two workers: uploaded, found, hidden from others, changed, removed; a worker that is
killed while it processes them; a folder that is followed."""
import contextlib
import hashlib
import http.server
import json
import os
import signal
import sqlite3
import threading
import time

from harness import client
from harness.case import ServerCase
from harness.workers import Workers

DOCUMENTS = '/v1/documents'
ANNA = {'Authorization': 'Bearer planted-key-of-anna-0123456789'}
BERT = {'Authorization': 'Bearer planted-key-of-bert-0123456789'}
CARL = {'Authorization': 'Bearer planted-key-of-carl-0123456789'}  # another tenant's administrator


class Site(http.server.BaseHTTPRequestHandler):
    """A page, one that robots.txt forbids, and one that leads to an address that nobody may ask."""
    PAGES = {'/robots.txt': ('text/plain', 'User-agent: *\nDisallow: /secret\n'),
             '/guide.html': ('text/html', '<html><head><title>Guide</title></head><body><main>'
                             '<h1>Tapirs</h1><p>A tapir swims with its snout above the water.</p>'
                             '</main></body></html>'),
             '/secret.html': ('text/html', '<p>The okapi is hidden here.</p>')}

    def do_GET(self):
        kind, text = self.PAGES.get(self.path, ('text/plain', 'nothing'))
        away = self.path == '/away.html'
        self.send_response(302 if away else 200 if self.path in self.PAGES else 404)
        if away:
            self.send_header('Location', f'http://127.0.0.1:{self.server.server_port}/guide.html')
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format, *args):
        pass


class Knowledge(ServerCase):
    CONFIG = 'knowledge.yaml'
    HEADERS = ANNA

    def wait_for(self, condition, patience=60):
        until = time.monotonic() + patience
        while not (result := condition()):
            self.assertLess(time.monotonic(), until, 'it did not come to pass')
            time.sleep(0.01)
        return result

    def database(self, sql):
        path = os.path.join(self.server.folder.name, 'data', 'knowledge.db')
        with contextlib.closing(sqlite3.connect(path, timeout=30)) as connection:
            return connection.execute(sql).fetchall()

    def upload(self, name, text, query='', status=201, **options):
        answer = self.request('POST', f'{DOCUMENTS}?name={name}{query}',
                              text.encode() if isinstance(text, str) else text,
                              **options)
        self.assertEqual(answer.status, status, answer)
        return answer.json()['documents'][0]

    def ready(self, document):
        def state():
            found = self.get(f'{DOCUMENTS}/{document["id"]}').json()
            self.assertNotEqual(found['state'], 'failed', found)
            return found if found['state'] == 'ready' else None
        return self.wait_for(state)

    def found(self, query, mode='keyword', headers=None, **more):
        answer = self.post('/v1/knowledge/search', dict({'query': query, 'mode': mode}, **more),
                           headers=headers)
        self.assertEqual(answer.status, 200, answer)
        return [passage['document'] for passage in answer.json()['passages']]

    def test_pages_by_their_url(self):
        site = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Site)
        threading.Thread(target=site.serve_forever, daemon=True).start()
        self.addCleanup(site.server_close)
        self.addCleanup(site.shutdown)

        def add(host, path):
            return self.post('/v1/documents/add',
                             {'url': f'http://{host}:{site.server_port}{path}'})

        def settled(answer):
            def state():
                found = self.get(f'{DOCUMENTS}/{answer.json()["id"]}').json()
                return found if found['state'] in ('ready', 'failed') else None
            return self.wait_for(state) if answer.status < 400 else {'state': 'failed'}
        page = settled(add('localhost', '/guide.html'))
        self.assertEqual((page['state'], page['title']), ('ready', 'Guide'), page)
        self.assertEqual(len(self.found('tapir')), 1)
        for host, path in (('127.0.0.1', '/guide.html'), ('localhost', '/away.html'),
                           ('localhost', '/secret.html')):
            self.assertEqual(settled(add(host, path))['state'], 'failed', (host, path))
        self.assertEqual(self.found('okapi'), [])
        self.assertEqual(len(self.found('tapir')), 1)

    def test_from_upload_to_removal(self):
        document = self.upload('zoo.md', '# Zoo\n\nThe aardvark sleeps by day.\n', '&access=owner')
        self.ready(document)
        path = f'{DOCUMENTS}/{document["id"]}'
        self.assertEqual(self.found('aardvark'), ['zoo.md'])
        self.assertEqual(self.found('Which animal sleeps by day?', 'hybrid')[:1], ['zoo.md'])
        content = self.get(f'{path}/content')
        self.assertEqual(content.body, b'# Zoo\n\nThe aardvark sleeps by day.\n')
        self.assertIn('filename="zoo.md"', content.headers['content-disposition'])
        self.assertEqual(content.headers['content-length'], str(len(content.body)))
        # somebody else
        self.assertEqual(self.found('aardvark', headers=BERT), [])
        for rest in ('', '/content', '/chunks', '/versions'):
            self.assert_problem(self.get(path + rest, headers=BERT), 404)
        self.assert_problem(self.request('DELETE', path, headers=BERT), 404)
        # for all from now on
        self.assertEqual(self.request('PATCH', path, {'access': ['public']}).status, 200)
        self.assertEqual(self.found('aardvark', headers=BERT), ['zoo.md'])
        # another version
        self.ready(self.upload('zoo.md', '# Zoo\n\nThe pangolin sleeps by day.\n'))
        self.assertEqual(self.found('aardvark'), [])
        self.assertEqual(self.found('pangolin'), ['zoo.md'])
        self.assertTrue(self.upload('zoo2.md', '# Zoo\n\nThe pangolin sleeps by day.\n',
                                    status=200)['duplicate'])
        self.assertEqual(self.request('DELETE', path).status, 204)
        self.assertEqual(self.found('pangolin'), [])
        self.assert_problem(self.get(path), 404)

    def test_a_tenant_never_finds_anothers(self):
        """Of one name, with one word in both: whichever worker is asked, however it looks."""
        here = self.ready(self.upload('narwhal.md', 'The narwhal of this house has one tusk.',
                                      '&access=public'))
        self.assertEqual(self.post('/v1/collections', {'name': 'documents', 'access': ['public']},
                                   headers=CARL).status, 200)
        there = self.upload('narwhal.md', 'The narwhal of that house has two tusks.',
                            '&access=public', headers=CARL)
        self.wait_for(lambda: self.get(f'{DOCUMENTS}/{there["id"]}', headers=CARL)
                      .json()['state'] == 'ready')
        workers = Workers(self.server)
        self.addCleanup(workers.close)
        for worker in workers:
            for headers, own, text in ((ANNA, here, 'one tusk'), (CARL, there, 'two tusks')):
                for mode in ('vector', 'keyword', 'hybrid'):
                    answer = workers.post(worker, '/v1/knowledge/search',
                                          {'query': 'narwhal', 'mode': mode, 'top_k': 50}, headers)
                    self.assertEqual(answer.status, 200, answer)
                    passages = answer.json()['passages']
                    found = [passage for passage in passages if 'narwhal' in passage['text']]
                    self.assertEqual([passage['document_id'] for passage in found], [own['id']])
                    self.assertIn(text, found[0]['text'])
        for headers, other in ((ANNA, there), (CARL, here)):
            self.assertEqual(self.get(f'{DOCUMENTS}/{other["id"]}', headers=headers).status, 404)
            listed = self.get(DOCUMENTS, headers=headers).json()['documents']
            self.assertNotIn(other['id'], [document['id'] for document in listed])

    def test_a_form_and_its_limits(self):
        form = (b'--x\r\nContent-Disposition: form-data; name="a"; filename="one.txt"\r\n\r\n'
                b'quokkas\r\n--x\r\nContent-Disposition: form-data; name="b"; filename="two.txt"\r\n'
                b'\r\nnumbats\r\n--x\r\nContent-Disposition: form-data; name="tags"\r\n\r\na,b\r\n'
                b'--x--\r\n')
        headers = {'Content-Type': 'multipart/form-data; boundary=x'}
        answer = self.request('POST', DOCUMENTS, form, headers=headers)
        self.assertEqual(answer.status, 201, answer)
        for document in answer.json()['documents']:
            self.assertEqual(self.ready(document)['tags'], ['a', 'b'])
        page = {'Origin': 'https://elsewhere.example', **headers}
        self.assert_problem(self.request('POST', DOCUMENTS, form, headers=page), 403)
        self.assert_problem(self.request('POST', DOCUMENTS, form[:-30], headers=headers), 400)
        self.assert_problem(self.request('POST', DOCUMENTS + '?name=a.txt', b'x' * (21 << 20)), 413)
        before = self.get(DOCUMENTS + '?tag=a').json()['documents']
        dry = self.post(DOCUMENTS + '/bulk', {'action': 'delete', 'filter': {'tag': 'a'},
                                              'dry_run': True}).json()
        self.assertEqual((dry['matched'], dry['changed']), (2, 0))
        self.assertEqual(self.get(DOCUMENTS + '?tag=a').json()['documents'], before)
        done = self.post(DOCUMENTS + '/bulk', {'action': 'delete', 'filter': {'tag': 'a'}}).json()
        self.assertEqual(done['changed'], 2)
        self.assertEqual(self.found('quokkas'), [])

    def test_large_bytes_come_back_as_they_went(self):
        text = b''.join(b'Line %d of a long document, with words.\n' % i for i in range(60000))
        document = self.upload('long.txt', text)
        self.assertEqual(document['digest'], hashlib.sha256(text).hexdigest())
        self.assertEqual(self.get(f'{DOCUMENTS}/{document["id"]}/content').body, text)
        self.assertEqual(self.request('DELETE', f'{DOCUMENTS}/{document["id"]}').status, 204)

    def test_a_worker_dies_in_the_middle(self):
        documents = [self.upload(f'd{i}.md', ''.join(
            f'# Part {j}\n\nThe document {i} speaks of okapi{i} in its part {j}.\n\n'
            for j in range(300))) for i in range(12)]
        killed = 0
        while killed < 3:
            nodes = self.database('SELECT node FROM knowledge_jobs WHERE state = 1')
            if not nodes:
                if self.database('SELECT count(*) FROM knowledge_jobs WHERE state = 0')[0][0] == 0:
                    break
                continue
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(nodes[0][0].split('-')[0]), signal.SIGKILL)
                killed += 1
        self.assertGreater(killed, 0)

        def all_ready():
            states = self.database("SELECT state, error FROM knowledge_documents "
                                   "WHERE name LIKE 'd%.md'")
            self.assertNotIn(3, [state for state, _ in states], states)
            return [state for state, _ in states] == [2] * 12
        self.wait_for(all_ready, 120)
        for i, document in enumerate(documents):
            chunks, = self.database('SELECT chunks FROM knowledge_documents '
                                    f"WHERE uuid = '{document['id']}'")[0]
            stored, = self.database(
                'SELECT count(*) FROM vector_passages AS p JOIN vector_documents AS d '
                f"ON d.id = p.document WHERE d.state = 1 AND d.document_id = '{document['id']}'")[0]
            self.assertEqual(stored, chunks)  # neither lost nor doubled
            self.assertEqual(set(self.found(f'okapi{i}')), {f'd{i}.md'})
        done = self.post(DOCUMENTS + '/bulk', {'action': 'delete', 'filter': {'name': '.md'}})
        self.assertEqual(done.status, 200, done)

    def test_a_folder_is_followed(self):
        folder = os.path.join(self.server.folder.name, 'data', 'inbox')
        self.wait_for(lambda: os.path.isdir(folder))

        def write(name, text):
            with open(os.path.join(folder, name), 'w', encoding='utf-8') as file:
                file.write(text)
        write('a.md', '# A\n\nAbout the axolotl.\n')
        self.wait_for(lambda: self.found('axolotl') == ['a.md'])
        write('a.md', '# A\n\nAbout the olm.\n')
        self.wait_for(lambda: self.found('olm') == ['a.md'] and self.found('axolotl') == [])
        self.assertEqual(self.database("SELECT count(*) FROM knowledge_documents "
                                       "WHERE source = 'inbox' AND deleted IS NULL"), [(1,)])
        os.unlink(os.path.join(folder, 'a.md'))
        self.wait_for(lambda: self.found('olm') == [])

    def test_changes_are_told(self):
        with client.Raw(self.port) as connection:
            connection.send(b'GET /v1/documents/events HTTP/1.1\r\nHost: 127.0.0.1\r\n'
                            b'Authorization: ' + ANNA['Authorization'].encode() + b'\r\n\r\n')
            connection.read_until(b': watching')
            document = self.upload('event.txt', 'About the caracal.')

            def told():
                lines = connection.received.split(b'\n')[:-1]
                events = [json.loads(line[6:]) for line in lines if line.startswith(b'data: ')]
                return [event['state'] for event in events if event['id'] == document['id']]
            while 'ready' not in told():
                connection.received += connection.socket.recv(65536)
        self.request('DELETE', f'{DOCUMENTS}/{document["id"]}')
