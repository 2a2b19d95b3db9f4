"""POST /v1/responses, what is stored of it, and POST /v1/embeddings, as OpenAI's clients use them."""
import base64
import json
import math
import struct

from harness import client, upstream
from harness.case import ServerCase

RESPONSES = '/v1/responses'
CALL = {'id': 'call_7', 'type': 'function',
        'function': {'name': 'weather', 'arguments': '{"city": "Bern"}'}}
TOOL = {'type': 'function', 'name': 'weather', 'description': 'Tells the weather.', 'strict': True,
        'parameters': {'type': 'object', 'properties': {'city': {'type': 'string'}}}}


class ResponsesCase(ServerCase):
    CONFIG = 'responses.yaml'

    def respond(self, said='Hello?', /, **more):
        """A response; `model` is the pipeline without history unless it is told."""
        return self.post(RESPONSES, dict({'model': 'support', 'input': said}, **more))

    def good(self, *args, **more):
        answer = self.respond(*args, **more)
        self.assertEqual(answer.status, 200, answer)
        return answer.json()

    def events(self, *args, **more):
        answer = self.respond(*args, stream=True, **more)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.headers['content-type'].split(';')[0], 'text/event-stream')
        events = []
        for name, data, _ in answer.events():
            self.assertEqual(data['type'], name)
            self.assertEqual(data['sequence_number'], len(events))
            events.append(data)
        return events

    def asked(self, at=0):
        return self.model.requests[at].json()

    def bad(self, param, *args, **more):
        error = self.assert_openai_error(self.respond(*args, **more), 400)
        self.assertEqual(error['param'], param, error)
        self.assertEqual(len(self.model.requests), 0)
        return error


class Responses(ResponsesCase):
    def test_plain(self):
        body = self.good('What is 2 + 2?', instructions='Be brief.')
        self.assertEqual((body['object'], body['status'], body['model']),
                         ('response', 'completed', 'support'))
        self.assertRegex(body['id'], '^resp_[0-9a-f]{32}$')
        self.assertEqual((body['error'], body['incomplete_details'], body['store']),
                         (None, None, False))
        [item] = body['output']
        self.assertEqual((item['type'], item['role'], item['status']),
                         ('message', 'assistant', 'completed'))
        self.assertEqual(item['content'], [{'type': 'output_text', 'text': 'Hello from the model.',
                                            'annotations': [], 'logprobs': []}])
        self.assertEqual(body['usage'], {
            'input_tokens': 11, 'input_tokens_details': {'cached_tokens': 0}, 'output_tokens': 7,
            'output_tokens_details': {'reasoning_tokens': 0}, 'total_tokens': 18})
        self.assertEqual(self.asked()['messages'],
                         [{'role': 'system', 'content': 'Be brief.'},
                          {'role': 'user', 'content': 'What is 2 + 2?'}])

    def test_parameters(self):
        """Every field arrives at the model under its name in chat completions, and is told again."""
        fields = {
            'temperature': 0.5, 'top_p': 0.9, 'max_output_tokens': 99, 'parallel_tool_calls': False,
            'user': 'u1', 'metadata': {'a': 'b'}, 'top_logprobs': 2, 'tools': [TOOL],
            'tool_choice': {'type': 'function', 'name': 'weather'},
            'reasoning': {'effort': 'low'}, 'service_tier': 'flex', 'safety_identifier': 's',
            'text': {'verbosity': 'low', 'format': {
                'type': 'json_schema', 'name': 'n', 'strict': True, 'schema': {'type': 'object'}}}}
        body = self.good(**fields)
        asked = self.asked()
        for name in ('temperature', 'top_p', 'parallel_tool_calls', 'user', 'metadata',
                     'top_logprobs', 'service_tier', 'safety_identifier'):
            self.assertEqual(asked[name], fields[name], name)
        self.assertEqual((asked['max_completion_tokens'], asked['reasoning_effort'],
                          asked['verbosity'], asked['logprobs']), (99, 'low', 'low', True))
        function = {name: TOOL[name] for name in ('name', 'description', 'parameters', 'strict')}
        self.assertEqual(asked['tools'], [{'type': 'function', 'function': function}])
        self.assertEqual(asked['tool_choice'], {'type': 'function', 'function': {'name': 'weather'}})
        self.assertEqual(asked['response_format'], {'type': 'json_schema', 'json_schema': {
            'name': 'n', 'strict': True, 'schema': {'type': 'object'}}})
        for name in ('temperature', 'tools', 'tool_choice', 'text', 'metadata',
                     'max_output_tokens', 'reasoning'):
            self.assertEqual(body[name], fields[name], name)

    def test_what_has_no_effect_is_named(self):
        answer = self.respond(truncation='auto', include=['file_search_call.results'],
                              reasoning={'effort': 'low', 'summary': 'auto'}, frob=1)
        self.assertEqual(answer.status, 200, answer)
        names = answer.headers['patchbay-ignored'].split(', ')
        self.assertEqual(sorted(names), ['frob', 'include.file_search_call.results',
                                         'reasoning.summary', 'truncation'])
        self.assertNotIn('frob', self.asked())
        answer = self.respond(include=['reasoning.encrypted_content'], truncation='disabled')
        self.assertNotIn('patchbay-ignored', answer.headers)

    def test_items(self):
        """Items of one answer are one message of the assistant; parts keep their kinds."""
        self.good([
            {'role': 'developer', 'content': 'Be kind.'},
            {'type': 'message', 'role': 'user', 'content': [
                {'type': 'input_text', 'text': 'Look:'},
                {'type': 'input_image', 'image_url': 'data:image/png;base64,AAAA', 'detail': 'auto'},
                {'type': 'input_file', 'filename': 'a.pdf',
                 'file_data': 'data:application/pdf;base64,BBBB'}]},
            {'type': 'reasoning', 'id': 'rs_1', 'summary': [{'type': 'summary_text', 'text': 'Hm.'}]},
            {'type': 'message', 'role': 'assistant', 'id': 'msg_1', 'status': 'completed',
             'content': [{'type': 'output_text', 'text': 'I look.', 'annotations': []}]},
            {'type': 'function_call', 'call_id': 'call_7', 'name': 'weather', 'arguments': '{}'},
            {'type': 'function_call_output', 'call_id': 'call_7', 'output': 'Sunny.'}])
        call = {'id': 'call_7', 'type': 'function',
                'function': {'name': 'weather', 'arguments': '{}'}}
        messages = self.asked()['messages']
        self.assertEqual(messages[0], {'role': 'system', 'content': 'Be kind.'})
        self.assertEqual(messages[1], {'role': 'user', 'content': [
            {'type': 'text', 'text': 'Look:'},
            {'type': 'image_url', 'image_url': {'url': 'data:image/png;base64,AAAA'}},
            {'type': 'file', 'file': {'filename': 'a.pdf',
                                      'file_data': 'data:application/pdf;base64,BBBB'}}]})
        self.assertEqual(messages[2]['tool_calls'], [call])
        self.assertEqual(messages[3], {'role': 'tool', 'tool_call_id': 'call_7', 'content': 'Sunny.'})

    def test_function_call(self):
        self.model.then(upstream.completion(None, tool_calls=[CALL]))
        body = self.good(tools=[TOOL])
        [item] = body['output']
        self.assertEqual((item['type'], item['call_id'], item['name'], item['arguments'],
                          item['status']),
                         ('function_call', 'call_7', 'weather', '{"city": "Bern"}', 'completed'))

    def test_incomplete(self):
        for finish, reason in (('length', 'max_output_tokens'), ('content_filter', 'content_filter')):
            self.model.then(upstream.stream([{'content': 'So far'}], finish=finish),
                            upstream.stream([{'content': 'So far'}], finish=finish))
            body = self.good()
            self.assertEqual((body['status'], body['incomplete_details']),
                             ('incomplete', {'reason': reason}))
            self.assertEqual(body['output'][0]['status'], 'incomplete')
            last = self.events()[-1]
            self.assertEqual(last['type'], 'response.incomplete')
            self.assertEqual(last['response']['incomplete_details'], {'reason': reason})

    def test_stream(self):
        events = self.events('Hi')
        deltas = [event for event in events if event['type'] == 'response.output_text.delta']
        self.assertEqual([event['type'] for event in events], [
            'response.created', 'response.in_progress', 'response.output_item.added',
            'response.content_part.added'] + ['response.output_text.delta'] * len(deltas) + [
            'response.output_text.done', 'response.content_part.done',
            'response.output_item.done', 'response.completed'])
        self.assertGreater(len(deltas), 2)
        self.assertEqual(''.join(event['delta'] for event in deltas), 'Hello from the model.')
        item = events[2]['item']
        self.assertEqual((item['status'], item['content']), ('in_progress', []))
        self.assertEqual({event['item_id'] for event in deltas}, {item['id']})
        whole = events[-1]['response']
        self.assertEqual(whole['output'], [events[-2]['item']])
        self.assertEqual(whole['usage']['total_tokens'], 18)
        self.assertEqual(events[0]['response']['status'], 'in_progress')
        self.assertEqual(events[0]['response']['id'], whole['id'])

    def test_stream_of_all_kinds(self):
        """Reasoning, text and two calls that come interleaved."""
        def piece(index, text, **more):
            return {'tool_calls': [dict(more, index=index,
                                        function=dict(more.get('function', {}), arguments=text))]}
        self.model.then(upstream.stream([
            {'reasoning_content': 'I thi'}, {'reasoning_content': 'nk.'},
            {'thinking_blocks': [{'type': 'thinking', 'signature': 'sealed=='}]},
            {'content': 'Let me '}, {'content': 'see.'},
            piece(0, '{"a"', id='c1', function={'name': 'one'}),
            piece(1, '{"b"', id='c2', function={'name': 'two'}),
            piece(0, ':1}'), piece(1, ':2}')], finish='tool_calls'))
        events = self.events(tools=[TOOL])
        kinds = [event['type'].removeprefix('response.') for event in events]
        self.assertEqual([kind for kind in kinds if 'delta' not in kind], [
            'created', 'in_progress', 'output_item.added', 'reasoning_summary_part.added',
            'reasoning_summary_text.done', 'reasoning_summary_part.done', 'output_item.done',
            'output_item.added', 'content_part.added', 'output_text.done', 'content_part.done',
            'output_item.done', 'output_item.added', 'output_item.added',
            'function_call_arguments.done', 'output_item.done',
            'function_call_arguments.done', 'output_item.done', 'completed'])
        reasoning, message, one, two = events[-1]['response']['output']
        self.assertEqual(reasoning['summary'], [{'type': 'summary_text', 'text': 'I think.'}])
        self.assertEqual(reasoning['encrypted_content'], 'sealed==')
        self.assertEqual(message['content'][0]['text'], 'Let me see.')
        self.assertEqual([(each['name'], each['call_id'], each['arguments']) for each in (one, two)],
                         [('one', 'c1', '{"a":1}'), ('two', 'c2', '{"b":2}')])
        done = [event['item'] for event in events if event['type'] == 'response.output_item.done']
        self.assertEqual(done, [reasoning, message, one, two])
        for item in (one, two):
            self.assertEqual(''.join(event['delta'] for event in events
                                     if event.get('item_id') == item['id'] and 'delta' in event),
                             item['arguments'])

    def test_text_that_goes_on_behind_reasoning(self):
        """Each stretch is an item of its own, with its own text."""
        self.model.then(upstream.stream([{'content': 'One.'}, {'reasoning_content': 'Hm.'},
                                         {'content': 'Two.'}, {'reasoning_content': 'Ah.'},
                                         {'content': 'Three.'}]))
        events = self.events()
        output = events[-1]['response']['output']
        self.assertEqual([(item.get('content') or item['summary'])[0]['text'] for item in output],
                         ['One.', 'Hm.', 'Two.', 'Ah.', 'Three.'])
        self.assertEqual(len({item['id'] for item in output}), 5)
        self.assertEqual([event['text'] for event in events
                          if event['type'] == 'response.output_text.done'],
                         ['One.', 'Two.', 'Three.'])

    def test_logprobs(self):
        tokens = [{'token': 'Hi', 'logprob': -0.5, 'bytes': [72, 105], 'top_logprobs': []}]

        def answer(connection, request):
            if not request.json().get('stream'):
                return upstream.whole(200, {'model': 'm', 'choices': [{
                    'index': 0, 'message': {'role': 'assistant', 'content': 'Hi'},
                    'finish_reason': 'stop', 'logprobs': {'content': tokens}}]})(connection, request)
            event = json.loads(upstream.event({'content': 'Hi'})[6:])
            event['choices'][0]['logprobs'] = {'content': tokens}
            connection.sendall(upstream.STREAM_HEAD + upstream.chunk(
                b'data: ' + json.dumps(event).encode() + b'\n\n') + upstream.chunk(
                    upstream.event({}, 'stop') + b'data: [DONE]\n\n') + b'0\r\n\r\n')
        self.model.then(answer, answer)
        body = self.good(include=['message.output_text.logprobs'])
        self.assertIs(self.asked()['logprobs'], True)
        self.assertEqual(body['output'][0]['content'][0]['logprobs'], tokens)
        events = self.events(top_logprobs=0)
        [delta] = [event for event in events if event['type'] == 'response.output_text.delta']
        self.assertEqual(delta['logprobs'], tokens)
        self.assertEqual(events[-1]['response']['output'][0]['content'][0]['logprobs'], tokens)

    def test_failures(self):
        self.model.then(upstream.error(500, 'boom'), upstream.error(429, 'slow down'))
        self.assert_openai_error(self.respond(stream=True), 502)
        self.assert_openai_error(self.respond(), 429)
        begun = upstream.STREAM_HEAD + upstream.chunk(upstream.event({'content': 'so far'}))
        self.model.then(upstream.then_reset(begun))
        events = self.events()
        self.assertEqual([event['type'] for event in events[-2:]], ['error', 'response.failed'])
        self.assertTrue(events[-2]['message'])
        self.assertEqual(events[-1]['response']['status'], 'failed')
        self.assertEqual(events[-1]['response']['error']['code'], 'server_error')
        self.assertEqual(events[-1]['response']['output'][0]['content'][0]['text'], 'so far')

    def test_a_silent_model_is_waited_for(self):
        """The header and heartbeats go out; the events come with the first word."""
        import threading
        go_on = threading.Event()
        self.model.then(upstream.stream([lambda: go_on.wait(30), {'content': 'late'}]))
        with client.Raw(self.port) as raw:
            raw.post(RESPONSES, {'model': 'support', 'input': 'Hi', 'stream': True})
            raw.read_until(b'still here')
            go_on.set()
            self.assertIn(b'"sequence_number":0', raw.read_until(b'response.completed'))

    def test_the_client_goes(self):
        self.model.then(upstream.then_wait(
            upstream.STREAM_HEAD + upstream.chunk(upstream.event({'content': 'so far'}))))
        with client.Raw(self.port) as raw:
            raw.post(RESPONSES, {'model': 'support', 'input': 'Hi', 'stream': True})
            raw.read_until(b'so far')
        self.assertTrue(self.model.requests[0].gone.wait(10))

    def test_wrong_fields(self):
        self.bad('input', None)
        self.bad('input', [])
        self.bad('input[0].type', [{'type': 'computer_call_output', 'output': {}}])
        self.bad('input[0].role', [{'role': 'king', 'content': 'x'}])
        self.bad('input[0].content', [{'role': 'user'}])
        self.bad('input[0].content[0].image_url',
                 [{'role': 'user', 'content': [{'type': 'input_image', 'file_id': 'file-1'}]}])
        self.bad('input[0].call_id', [{'type': 'function_call_output', 'output': 'x'}])
        self.bad('temperature', temperature=3)
        self.bad('max_output_tokens', max_output_tokens='many')
        self.bad('stream', stream='yes')
        self.bad('store', store='yes')
        self.bad('tools[0].type', tools=[{'type': 'web_search'}])
        self.bad('tools[0].name', tools=[{'type': 'function'}])
        self.bad('tool_choice', tool_choice={'type': 'web_search_preview'})
        self.bad('text.format.type', text={'format': {'type': 'xml'}})
        self.bad('text.format.schema', text={'format': {'type': 'json_schema', 'name': 'n'}})
        self.bad('background', background=True)
        self.bad('prompt', prompt={'id': 'pmpt_1'})
        self.bad('instructions', instructions=7)
        self.bad('metadata', metadata=[])
        error = self.assert_openai_error(self.respond(model='nope'), 404)
        self.assertEqual(error['code'], 'model_not_found')

    def test_errors_of_the_path(self):
        for method, path, status in (('GET', RESPONSES, 405), ('PUT', '/v1/responses/x', 405),
                                     ('POST', '/v1/responses/x/input_items', 405),
                                     ('GET', '/v1/responses/resp_x', 404),
                                     ('GET', '/v1/embeddings', 405)):
            with self.subTest(path=path):
                self.assert_openai_error(self.request(method, path), status)
        self.assert_openai_error(
            self.request('POST', RESPONSES, b'{"model": ', {'Content-Type': 'application/json'}), 400)
        self.assert_openai_error(
            self.request('POST', RESPONSES, b'x' * (2 << 20), {'Content-Type': 'application/json'}),
            413)


class Ignored(ResponsesCase):
    """What a model of another dialect makes nothing of is named, also to pages of elsewhere."""
    ORIGIN = {'Origin': 'https://app.example.com'}

    def test_foreign_model(self):
        for answer in (self.post('/v1/chat/completions', {
                'model': 'foreign', 'verbosity': 'low', 'frob': 1,
                'messages': [{'role': 'user', 'content': 'Hi'}]}, headers=self.ORIGIN),
                       self.post(RESPONSES, {'model': 'foreign', 'input': 'Hi', 'frob': 1,
                                             'text': {'verbosity': 'low'}}, headers=self.ORIGIN)):
            self.assertEqual(answer.status, 200, answer)
            names = answer.headers['patchbay-ignored'].split(', ')
            self.assertEqual(sorted(names), ['frob', 'verbosity'])
            self.assertIn('Patchbay-Ignored', answer.headers['access-control-expose-headers'])

    def test_own_dialect(self):
        answer = self.post('/v1/chat/completions', {
            'model': 'support', 'verbosity': 'low', 'frob': 1,
            'messages': [{'role': 'user', 'content': 'Hi'}]})
        self.assertNotIn('patchbay-ignored', answer.headers)
        self.assertEqual((self.asked()['verbosity'], self.asked()['frob']), ('low', 1))


class Embeddings(ServerCase):
    CONFIG = 'responses.yaml'

    def embed(self, texts, **more):
        return self.post('/v1/embeddings', dict({'model': 'words', 'input': texts}, **more))

    def test_floats(self):
        answer = self.embed(['a dog', 'a puppy', 'the tax office'])
        self.assertEqual(answer.status, 200, answer)
        body = answer.json()
        self.assertEqual((body['object'], body['model']), ('list', 'words'))
        self.assertEqual([(item['object'], item['index']) for item in body['data']],
                         [('embedding', 0), ('embedding', 1), ('embedding', 2)])
        dog, puppy, tax = (item['embedding'] for item in body['data'])
        self.assertEqual(len(dog), 256)
        self.assertAlmostEqual(math.hypot(*dog), 1, places=5)
        self.assertGreater(sum(x * y for x, y in zip(dog, puppy)),
                           sum(x * y for x, y in zip(dog, tax)) + 0.1)
        self.assertGreater(body['usage']['prompt_tokens'], 5)
        self.assertEqual(body['usage']['prompt_tokens'], body['usage']['total_tokens'])

    def test_long_texts_are_counted_whole(self):
        words = self.embed('a dog ' * 3000).json()['usage']['prompt_tokens']
        self.assertAlmostEqual(words, 6000, delta=20)

    def test_base64(self):
        floats = self.embed('a dog').json()['data'][0]['embedding']
        packed = self.embed('a dog', encoding_format='base64').json()['data'][0]['embedding']
        self.assertEqual(list(struct.unpack('<256f', base64.b64decode(packed, validate=True))),
                         [struct.unpack('f', struct.pack('f', number))[0] for number in floats])

    def test_dimensions(self):
        self.assertEqual(self.embed('a dog', dimensions=256).status, 200)
        error = self.assert_openai_error(self.embed('a dog', dimensions=128), 400)
        self.assertEqual(error['param'], 'dimensions')
        self.assertIn('256', error['message'])

    def test_wrong_fields(self):
        for more, param in (({'texts': None}, 'input'), ({'texts': []}, 'input'),
                            ({'texts': ''}, 'input'), ({'texts': ['a', 7]}, 'input[1]'),
                            ({'texts': [[1, 2]]}, 'input[0]'), ({'texts': ['a', '']}, 'input[1]'),
                            ({'texts': 'a', 'encoding_format': 'hex'}, 'encoding_format'),
                            ({'texts': 'a', 'encoding_format': 1}, 'encoding_format'),
                            ({'texts': 'a', 'dimensions': 'many'}, 'dimensions'),
                            ({'texts': ['a'] * 2049}, 'input')):
            with self.subTest(more=str(more)[:60]):
                error = self.assert_openai_error(self.embed(**more), 400)
                self.assertEqual(error['param'], param, error)
        error = self.assert_openai_error(self.embed('a', model='support'), 404)
        self.assertEqual(error['code'], 'model_not_found')

    def test_models(self):
        self.assertEqual([model['id'] for model in self.get('/v1/models').json()['data']],
                         ['support', 'talk', 'foreign', 'thinker', 'words'])
        self.assertEqual(self.get('/v1/models/words').json()['object'], 'model')
