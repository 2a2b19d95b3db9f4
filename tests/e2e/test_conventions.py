"""What every answer is held to: paging, ETags, traces, codings, CORS, proxies, and HTTP by the book."""
import gzip
import json
import re
import socket

from harness import client
from harness.case import COMPLETIONS, ServerCase

TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
PARENT = f'00-{TRACE}-00f067aa0ba902b7-01'
BARE = re.compile(r'http://\[::1\]:(\d+)')
ORIGIN = {'Origin': 'https://app.example.com'}


class Conventions(ServerCase):
    CONFIG = 'conventions.yaml'

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.wait_log('http://[::1]')
        cls.bare_port = int(BARE.search(cls.server.output()).group(1))

    def raw(self, request, close=True):
        """Status, headers and body of bytes that the test writes itself."""
        with client.Raw(self.port) as raw:
            raw.send(request)
            return raw.answer()

    def bare(self, request):
        with socket.create_connection(('::1', self.bare_port), 30) as connection:
            connection.sendall(request)
            data = b''
            while piece := connection.recv(65536):
                data += piece
        head, _, body = data.partition(b'\r\n\r\n')
        return head.decode().lower(), body

    def talk(self, text='Hello?', **more):
        answer = self.turn(text, pipeline='talk', conversation=None, **more)
        self.assertEqual(answer.status, 200, answer)
        return answer.json()['conversation']

    # --- paging -----------------------------------------------------------------------------------

    def follow(self, path, member):
        """All pages, by Link alone."""
        found, pages = [], 0
        while path:
            answer = self.get(path)
            self.assertEqual(answer.status, 200, answer)
            page = answer.json()
            found += page[member]
            link = answer.headers['link']
            self.assertEqual(bool(link), bool(page.get('next')), answer)
            path = link and re.fullmatch(r'<(/[^>]*)>; rel="next"', link).group(1)
            pages += 1
        return found, pages

    def test_lists_go_on_by_link(self):
        ids = {self.talk(f'Talk {number}') for number in range(5)}
        found, pages = self.follow('/v1/conversations?limit=2&pipeline=talk', 'conversations')
        self.assertLessEqual(ids, {each['id'] for each in found})
        self.assertEqual(len(found), len({each['id'] for each in found}))
        self.assertGreaterEqual(pages, 3)
        for path in ('/messages?limit=1', '/messages?limit=1&sort=-seq'):
            found, pages = self.follow(f'/v1/conversations/{min(ids)}{path}', 'messages')
            self.assertEqual([each['role'] for each in found][::-1 if '-' in path else 1],
                             ['user', 'assistant'])
            self.assertEqual(pages, 2)
        found, pages = self.follow('/v1/turns?limit=2', 'turns')
        self.assertGreaterEqual(len(found), 5)
        self.assertEqual(len(found), len({each['id'] for each in found}))
        old = self.get('/v1/turns?limit=2&before=' + self.get('/v1/turns?limit=2').json()['next'])
        self.assertNotIn('before=', old.headers['link'])

    def test_a_wrong_cursor_is_named(self):
        for path in ('/v1/turns', '/v1/conversations', f'/v1/conversations/{self.talk()}/messages'):
            self.assert_problem(self.get(f'{path}?cursor=nonsense'), 400, 'invalid', '/cursor')

    # --- ETag -------------------------------------------------------------------------------------

    def edit(self, path, match, method='PATCH', **body):
        return self.request(method, path, body or None, {'If-Match': match})

    def test_edits_do_not_overwrite_one_another(self):
        path = f'/v1/conversations/{self.talk()}'
        etag = self.get(path).headers['etag']
        self.assertRegex(etag, r'^"\d+-[0-9a-f]{16}"$')
        mine = self.edit(path, etag, title='Mine')
        self.assertEqual(mine.status, 200, mine)
        self.assertNotEqual(mine.headers['etag'], etag)
        self.assert_problem(self.edit(path, etag, title='Yours'), 412, 'changed')
        self.assertEqual(self.get(path).json()['title'], 'Mine')
        self.assertEqual(self.get(path).headers['etag'], mine.headers['etag'])
        self.turn('More', pipeline='talk', conversation=path.rpartition('/')[2])
        # what is said meanwhile is no edit
        both = self.edit(path, f'"999", {mine.headers["etag"]}', title='Again')
        self.assertEqual(both.status, 200, both)
        for match in ('"1-0"', 'W/' + both.headers['etag'], 'nonsense', ''):
            self.assert_problem(self.edit(path, match, title='No'), 412 if match else 412)
        self.assertEqual(self.edit(path, '*', title='Any').status, 200)
        self.assert_problem(self.edit(path, both.headers['etag'], 'DELETE'), 412, 'changed')
        self.assertEqual(self.edit(path, self.get(path).headers['etag'], 'DELETE').status, 204)
        self.assert_problem(self.edit(path, '"1"', title='Gone'), 404, 'not_found')

    def test_of_many_edits_at_once_one_wins(self):
        import concurrent.futures
        path = f'/v1/conversations/{self.talk()}'
        etag = self.get(path).headers['etag']
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda n: self.edit(path, etag, title=f'Title {n}'), range(24)))
        self.assertEqual(sorted(each.status for each in answers), [200] + [412] * 23)
        winner = next(each for each in answers if each.status == 200)
        self.assertEqual(self.get(path).json()['title'], winner.json()['title'])

    def test_documents_and_collections_too(self):
        self.assertEqual(self.post('/v1/collections', {'name': 'etags'}).status, 200)
        upload = self.post('/v1/documents?name=a.txt&collection=etags', b'some words',
                           headers={'Content-Type': 'text/plain'})
        self.assertEqual(upload.status, 201, upload)
        document = upload.json()
        document = document.get('documents', [document])[0]['id']
        for path, change in ((f'/v1/documents/{document}', {'name': 'b.txt'}),
                             ('/v1/collections/etags', {'description': 'What is in it.'})):
            etag = self.get(path).headers['etag']
            first = self.edit(path, etag, **change)
            self.assertEqual(first.status, 200, first)
            self.assert_problem(self.edit(path, etag, **change), 412, 'changed')
            self.assert_problem(self.edit(path, etag, 'DELETE'), 412, 'changed')
            self.assertEqual(self.edit(path, first.headers['etag'], 'DELETE').status, 204)
            self.assert_problem(self.edit(path, first.headers['etag'], 'DELETE'), 404, 'not_found')

    def test_every_list_speaks_the_same_words(self):
        """Of all that the server describes: what pages takes limit and cursor, and nothing else does."""
        paths = self.get('/openapi.json').json()['paths']
        lists = 0
        for path, methods in paths.items():
            for method, operation in methods.items():
                if method not in ('get', 'post', 'put', 'patch', 'delete'):
                    continue
                named = {each['name']: each['schema'] for each in operation.get('parameters', [])
                         if each.get('in') == 'query'}
                foreign = path.startswith('/v1/responses') or path.startswith('/v1/models')
                if foreign or not ({'cursor', 'limit', 'sort'} & set(named)):
                    continue
                lists += 1
                where = f'{method} {path}'
                self.assertEqual(method, 'get', where)
                self.assertLessEqual({'cursor', 'limit'}, set(named), where)
                self.assertEqual(named['cursor']['type'], 'string', where)
                self.assertGreaterEqual(named['limit']['maximum'], 100, where)
                self.assertFalse({'order', 'offset', 'page', 'per_page', 'page_size'} & set(named), where)
        self.assertGreaterEqual(lists, 8)

    def test_what_has_no_etag_fits_none(self):
        answer = self.edit(f'/v1/conversations/{self.talk()}/fork', '"1"', 'POST')
        self.assert_problem(answer, 412, 'changed')

    def test_not_modified(self):
        path = f'/v1/conversations/{self.talk()}'
        first = self.get(path)
        for none in (first.headers['etag'], '"x", W/' + first.headers['etag'], '*'):
            again = self.get(path, headers={'If-None-Match': none})
            self.assertEqual((again.status, again.body), (304, b''), again)
            self.assertEqual(again.headers['etag'], first.headers['etag'])
        self.request('PATCH', path, {'title': 'Other'})
        changed = self.get(path, headers={'If-None-Match': first.headers['etag']})
        self.assertEqual(changed.status, 200, changed)
        self.assertEqual(changed.headers['cache-control'], 'private, no-cache')

    # --- traces, ids ------------------------------------------------------------------------------

    def test_a_trace_goes_through(self):
        answer = self.post('/v1/turns', {'message': 'Hi', 'pipeline': 'support'},
                           headers={'traceparent': PARENT, 'X-Request-Id': 'trace-me'})
        sent = self.model.requests[-1].headers['traceparent']
        self.assertRegex(sent, f'^00-{TRACE}-[0-9a-f]{{16}}-01$')
        self.assertNotEqual(sent, PARENT)
        self.assertEqual(answer.headers['traceresponse'], sent)
        self.assertEqual(answer.headers['x-request-id'], 'trace-me')
        self.assertEqual(answer.json()['request_id'], 'trace-me')
        shown = self.get(f'/v1/turns/{answer.json()["id"]}').json()
        self.assertEqual((shown['trace_id'], shown['request_id']), (TRACE, 'trace-me'))
        self.server.wait_log('POST /v1/turns: 200')
        lines = [line for line in self.server.log() if line.get('request') == 'trace-me']
        self.assertTrue(lines)
        self.assertEqual({line['trace'] for line in lines}, {TRACE}, lines)

    def test_one_that_is_malformed_is_none(self):
        for wrong in (PARENT + '0', PARENT.replace('4bf', '4BF'), f'00-{"0" * 32}-00f067aa0ba902b7-01',
                      'ff' + PARENT[2:], 'x', f'00-{TRACE}-{"0" * 16}-01'):
            answer = self.post('/v1/turns', {'message': 'Hi', 'pipeline': 'support'},
                               headers={'traceparent': wrong})
            sent = self.model.requests[-1].headers['traceparent']
            self.assertRegex(sent, '^00-[0-9a-f]{32}-[0-9a-f]{16}-00$')
            self.assertNotIn(TRACE, sent)
            self.assertIsNone(answer.headers['traceresponse'], wrong)

    def test_events_name_the_request(self):
        answer = self.turn(stream=True, pipeline='support')
        named = {name: data for name, data, _ in answer.events()}
        for event in ('turn', 'done'):
            self.assertEqual(named[event]['request_id'], answer.headers['x-request-id'], event)

    def test_refusals_have_an_id(self):
        for request in (b'GET / HTTP/1.1\r\n\r\n', b'\x16\x03\x01\r\n\r\n',
                        b'GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n' % (b'x' * 9000)):
            self.assertTrue(self.raw(request).headers['x-request-id'])

    # --- codings ----------------------------------------------------------------------------------

    def long(self, **headers):
        return self.get('/metrics', headers=headers)

    def test_gzip_when_asked(self):
        self.assertIsNone(self.long().headers['content-encoding'])
        answer = self.long(**{'Accept-Encoding': 'deflate, gzip'})
        self.assertEqual(answer.headers['content-encoding'], 'gzip')
        self.assertIn('Accept-Encoding', answer.headers.get_all('vary'))
        self.assertIn(b'patchbay_', gzip.decompress(answer.body))
        self.assertEqual(int(answer.headers['content-length']), len(answer.body))
        for asked, coding in (('zstd', 'zstd'), ('gzip, zstd', 'zstd'), ('gzip;q=1, zstd;q=0.5', 'gzip'),
                              ('*', 'zstd'), ('br', None), ('gzip;q=0', None), ('', None),
                              ('identity, gzip;q=0.5', None), ('identity;q=0, gzip', 'gzip')):
            answer = self.long(**{'Accept-Encoding': asked})
            self.assertEqual((answer.status, answer.headers['content-encoding']), (200, coding), asked)
        self.assertEqual(answer.headers['x-content-type-options'], 'nosniff')

    def test_small_answers_and_streams_stay_plain(self):
        small = self.get('/healthz', headers={'Accept-Encoding': 'gzip'})
        self.assertIsNone(small.headers['content-encoding'])
        stream = self.request('POST', '/v1/turns', {'message': 'x' * 4096, 'stream': True,
                                                    'pipeline': 'support'},
                              {'Accept-Encoding': 'gzip, zstd'})
        self.assertIsNone(stream.headers['content-encoding'])
        self.assertEqual(stream.headers['content-type'], 'text/event-stream')
        must = self.get('/healthz', headers={'Accept-Encoding': 'gzip, identity;q=0'})
        self.assertEqual(must.headers['content-encoding'], 'gzip')
        json.loads(gzip.decompress(must.body))
        for none in ('identity;q=0', '*;q=0', 'gzip;q=0, zstd;q=0, *;q=0'):
            self.assert_problem(self.get('/healthz', headers={'Accept-Encoding': none}), 406,
                                'not_acceptable')

    def test_an_etag_tells_how_it_was_packed(self):
        path = f'/v1/conversations/{self.talk()}'
        self.request('PATCH', path, {'title': 'T' * 100, 'tags': [f'tag-{n:050}' for n in range(32)]})
        plain, packed = self.get(path), self.get(path, headers={'Accept-Encoding': 'gzip'})
        self.assertEqual(packed.headers['etag'], plain.headers['etag'][:-1] + '-gzip"')
        self.assertEqual(gzip.decompress(packed.body), plain.body)
        for etag in (plain.headers['etag'], packed.headers['etag']):
            self.assertEqual(self.get(path, headers={'If-None-Match': etag}).status, 304)
        self.assertEqual(self.edit(path, packed.headers['etag'], title='Packed').status, 200)

    def test_bodies_may_come_packed(self):
        body = gzip.compress(json.dumps({'message': 'Packed?', 'pipeline': 'support'}).encode())
        head = {'Content-Type': 'application/json', 'Content-Encoding': 'gzip'}
        self.assertEqual(self.post('/v1/turns', body, headers=head).status, 200)
        self.assertIn('Packed?', json.dumps(self.model.requests[-1].json()))
        for wrong in (body[:-9], body + b'x', b'plain'):
            self.assert_problem(self.post('/v1/turns', wrong, headers=head), 400, 'invalid')
        bomb = gzip.compress(b'{"message":"' + b' ' * (64 << 20) + b'"}')
        self.assertLess(len(bomb), 1 << 20)
        self.assert_problem(self.post('/v1/turns', bomb, headers=head), 413, 'too_large')
        other = self.post('/v1/turns', b'x', headers={**head, 'Content-Encoding': 'br'})
        self.assert_problem(other, 415, 'unsupported')
        self.assertIn('gzip', other.headers['accept-encoding'])
        dialect = self.post(COMPLETIONS, b'x', headers={**head, 'Content-Encoding': 'br'})
        self.assertEqual((dialect.status, 'error' in dialect.json()), (415, True), dialect)

    # --- by the book ------------------------------------------------------------------------------

    def test_head_is_get_without_a_body(self):
        for path in ('/healthz', '/metrics', '/v1/pipelines', '/v1/models', '/nowhere',
                     f'/v1/conversations/{self.talk()}'):
            with client.Raw(self.port) as raw:
                answers = []
                for method in ('HEAD', 'GET'):
                    raw.send(f'{method} {path} HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: x\r\n\r\n'.encode())
                    head = raw.read_until(b'\r\n\r\n').partition(b'\r\n\r\n')[0].decode()
                    if method == 'HEAD':
                        self.assertTrue(raw.received.endswith(b'\r\n\r\n'), raw.received)
                        raw.received = b''
                    lines = head.split('\r\n')
                    names = [line.partition(':')[0].lower() for line in lines[1:]]
                    answers.append((lines[0], sorted(names)))
                self.assertEqual(*answers, path)

    def test_options_and_wrong_methods(self):
        for path, allow in (('/v1/turns', 'GET, HEAD, POST, OPTIONS'), ('/healthz', 'GET, HEAD, OPTIONS'),
                            ('/v1/chat/completions', 'POST, OPTIONS')):
            answer = self.request('OPTIONS', path)
            self.assertEqual((answer.status, answer.headers['allow']), (204, allow), answer)
            wrong = self.request('PUT', path)
            self.assertEqual((wrong.status, wrong.headers['allow']), (405, allow), wrong)
        self.assert_problem(self.request('PUT', '/healthz'), 405, 'method_not_allowed')
        self.assertEqual(self.raw(b'OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n').status, 204)
        self.assertEqual(self.raw(b'BREW /v1/turns HTTP/1.1\r\nHost: localhost\r\n\r\n').status, 501)
        for name in ('method_not_allowed', 'not_acceptable', 'changed'):
            self.assertEqual(self.get(f'/problems/{name}').status, 200, name)

    def test_accept(self):
        for accept in ('application/json', '*/*', 'application/*', 'text/html, */*;q=0.1',
                       'text/html;q=0.9, application/json;q=0.1'):
            self.assertEqual(self.get('/v1/pipelines', headers={'Accept': accept}).status, 200, accept)
        for accept in ('text/html', 'image/*', 'application/json;q=0', '*/*, application/json;q=0'):
            self.assert_problem(self.get('/v1/pipelines', headers={'Accept': accept}), 406,
                                'not_acceptable')
        talk = f'/v1/conversations/{self.talk()}'
        self.assertEqual(self.request('PATCH', talk, {'title': 'No'}, {'Accept': 'text/html'}).status, 406)
        self.assertNotEqual(self.get(talk).json()['title'], 'No')
        for accept in ('application/json', 'text/event-stream'):  # `stream` decides
            answer = self.post(COMPLETIONS, {'model': 'support', 'stream': True, 'messages': [
                {'role': 'user', 'content': 'Hi'}]}, headers={'Accept': accept})
            self.assertEqual(answer.headers['content-type'], 'text/event-stream', accept)
        dialect = self.post(COMPLETIONS, {}, headers={'Accept': 'image/png'})
        self.assertEqual((dialect.status, 'error' in dialect.json()), (406, True), dialect)

    def test_types_that_are_not_taken(self):
        for path in ('/v1/turns', COMPLETIONS, '/v1/conversations/import'):
            answer = self.post(path, b'<a/>', headers={'Content-Type': 'text/xml'})
            self.assertEqual(answer.status, 415, answer)
            self.assertEqual(answer.headers['accept-post'], 'application/json', path)
        talk = f'/v1/conversations/{self.talk()}'
        answer = self.request('PATCH', talk, b'{"title":"x"}', {'Content-Type': 'text/plain'})
        self.assertEqual((answer.status, answer.headers['accept-patch']), (415, 'application/json'))
        forged = self.request('POST', f'{talk}/fork', None, {'Origin': 'https://evil.example'})
        self.assert_problem(forged, 403, 'forbidden')

    def test_sizes_and_framing(self):
        host = b'Host: localhost\r\n'
        for status, request in (
                (414, b'GET /%s HTTP/1.1\r\n%s\r\n' % (b'x' * 9000, host)),
                (431, b'GET / HTTP/1.1\r\n%sX: %s\r\n\r\n' % (host, b'x' * 9000)),
                (431, b'GET / HTTP/1.1\r\n%s%s\r\n' % (host, b'X: y\r\n' * 200)),
                (411, b'POST /v1/turns HTTP/1.0\r\n%s\r\n' % host),
                (413, b'POST /v1/turns HTTP/1.1\r\n%sContent-Type: application/json\r\n'
                      b'Content-Length: 2000000\r\n\r\n' % host),
                (400, b'POST /v1/turns HTTP/1.1\r\n%sContent-Length: 1\r\nContent-Length: 2\r\n\r\nx' % host),
                (400, b'POST /v1/turns HTTP/1.1\r\n%sContent-Length: 1\r\n'
                      b'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n' % host),
                (501, b'POST /v1/turns HTTP/1.1\r\n%sTransfer-Encoding: gzip, chunked\r\n\r\n' % host),
                (417, b'POST /v1/turns HTTP/1.1\r\n%sExpect: tea\r\nContent-Length: 1\r\n\r\nx' % host),
                (505, b'GET / HTTP/2.0\r\n%s\r\n' % host)):
            answer = self.raw(request)
            self.assert_problem_or_instance(answer, status)

    def assert_problem_or_instance(self, answer, status):
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers['content-type'], 'application/problem+json', answer)
        self.assertEqual(answer.json()['instance'], answer.headers['x-request-id'], answer)

    def test_expect_continue(self):
        body = json.dumps({'message': 'Hi', 'pipeline': 'support'}).encode()
        head = (b'POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nExpect: 100-continue\r\n'
                b'Content-Length: %d\r\n\r\n')
        with client.Raw(self.port) as raw:
            raw.send(head % (b'/v1/turns', b'application/json', len(body)))
            raw.read_until(b'HTTP/1.1 100 Continue\r\n\r\n')
            raw.received = b''
            raw.send(body)
            self.assertEqual(raw.answer().status, 200)
        with client.Raw(self.port) as raw:  # not wanted: refused without asking for it
            raw.send(head % (b'/nowhere', b'application/json', len(body)))
            self.assertEqual(raw.answer().status, 404)

    # --- pages of elsewhere -----------------------------------------------------------------------

    def test_cors_as_configured(self):
        asked = {**ORIGIN, 'Access-Control-Request-Method': 'PATCH',
                 'Access-Control-Request-Headers': 'authorization, if-match'}
        answer = self.request('OPTIONS', f'/v1/conversations/{self.talk()}', None, asked)
        self.assertEqual(answer.status, 204, answer)
        for name, value in (('origin', ORIGIN['Origin']), ('credentials', 'true'),
                            ('methods', 'GET, HEAD, PATCH, DELETE, OPTIONS'),
                            ('headers', 'authorization, if-match')):
            self.assertEqual(answer.headers[f'access-control-allow-{name}'], value, answer)
        self.assertEqual(answer.headers['access-control-max-age'], '300')
        for answer in (self.get('/v1/pipelines', headers=ORIGIN), self.get('/nowhere', headers=ORIGIN)):
            self.assertEqual(answer.headers['access-control-allow-origin'], ORIGIN['Origin'])
            self.assertEqual(answer.headers['access-control-allow-credentials'], 'true')
            exposed = answer.headers['access-control-expose-headers'].split(', ')
            self.assertLessEqual({'ETag', 'Link', 'X-Request-Id', 'Patchbay-Ignored', 'Location',
                                  'Retry-After', 'traceresponse'}, set(exposed))
            self.assertIn('Origin', answer.headers.get_all('vary'))
        for origin in ('https://evil.example', 'https://app.example.com.evil.example', 'null',
                       'http://app.example.com'):
            answer = self.get('/v1/pipelines', headers={'Origin': origin})
            self.assertIsNone(answer.headers['access-control-allow-origin'], origin)
            self.assertIn('Origin', answer.headers.get_all('vary'))

    def test_no_cors_by_default(self):
        for method in ('OPTIONS', 'GET'):
            head, _ = self.bare(f'{method} /v1/pipelines HTTP/1.1\r\nHost: [::1]\r\nConnection: close\r\n'
                                'Origin: https://app.example.com\r\n'
                                'Access-Control-Request-Method: GET\r\n\r\n'.encode())
            self.assertNotIn('access-control', head)

    def test_pages_run_nothing(self):
        answer = self.get('/metrics')
        self.assertIn("default-src 'none'", answer.headers['content-security-policy'])
        for name, value in (('x-frame-options', 'DENY'), ('referrer-policy', 'no-referrer'),
                            ('x-content-type-options', 'nosniff'), ('cache-control', 'no-store')):
            self.assertEqual(answer.headers[name], value, name)
        self.assertIsNone(answer.headers['strict-transport-security'])

    # --- proxies ----------------------------------------------------------------------------------

    def who(self, mark, *forwarded, **headers):
        """The address that the log has for a request with these headers."""
        lines = ''.join(f'Forwarded: {each}\r\n' for each in forwarded)
        lines += ''.join(f'{name.replace("_", "-")}: {value}\r\n' for name, value in headers.items())
        self.raw(f'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: {mark}\r\n{lines}\r\n'.encode())
        self.server.wait_log(f'"request":"{mark}"')
        said = [line['message'] for line in self.server.log() if line.get('request') == mark]
        return next(line for line in said if line.startswith('GET /healthz')).partition(', ')[2]

    def test_forwarded_from_a_trusted_proxy(self):
        for number, (client_address, *lines) in enumerate((
                ('192.0.2.43', 'for=192.0.2.43'),
                ('192.0.2.43', 'for=192.0.2.43;proto=https;by=10.1.1.1'),
                ('192.0.2.43', 'For="192.0.2.43:4711"'),
                ('2001:db8:cafe::17', 'for="[2001:db8:cafe::17]:4711"'),
                ('192.0.2.1', 'for=198.51.100.9, for=192.0.2.1, for=10.0.0.5'),  # 198… may be a lie
                ('192.0.2.1', 'for=198.51.100.9', 'for=192.0.2.1', 'for="[2001:db8:1::9]"'),
                ('192.0.2.1', 'for=198.51.100.9, for="10.0.0.1\\"", for=192.0.2.1'),
                ('10.0.0.5', 'for=192.0.2.1, for=unknown, for=10.0.0.5'),
                ('10.0.0.5', 'for=192.0.2.1, for="_hidden", for=10.0.0.5'),
                ('127.0.0.1', 'for="192.0.2.1, for=192.0.2.2'),  # a quote that is never closed
                ('127.0.0.1', 'for=192.0.2.1 for=192.0.2.2'),
                ('127.0.0.1', 'for=1.2.3.4.5'), ('127.0.0.1', 'proto=https'))):
            self.assertEqual(self.who(f'proxy-{number}', *lines), client_address, lines)
        self.assertEqual(self.who('proxy-x', X_Forwarded_For='192.0.2.1'), '127.0.0.1')

    def test_nobody_else_is_believed(self):
        self.bare(b'GET /healthz HTTP/1.1\r\nHost: [::1]\r\nX-Request-Id: spoof\r\nConnection: close\r\n'
                  b'Forwarded: for=192.0.2.1\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n')
        self.server.wait_log('"request":"spoof"')
        said = [line['message'] for line in self.server.log() if line.get('request') == 'spoof']
        self.assertIn('GET /healthz: 200, ::1', said)
