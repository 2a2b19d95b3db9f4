"""POST /v1/messages, its count of tokens, and models, as the Anthropic dialect speaks them."""
import json
import threading

from harness import client, upstream
from harness.anthropic import reply
from harness.case import ServerCase

MESSAGES = '/v1/messages'
COUNT = '/v1/messages/count_tokens'
PNG = 'iVBORw0KGgo='
PDF = 'JVBERi0xLjQK'
WEATHER = {'name': 'weather', 'description': 'Tells the weather.',
           'input_schema': {'type': 'object', 'properties': {'city': {'type': 'string'}},
                            'required': ['city']}}


def assembled(events):
    """The message that a stream tells, put together by the rules: what breaks them raises."""
    message, opened, ended = None, None, False
    for name, data, _ in events:
        assert not ended, f'{name} behind the end'
        assert data['type'] == name, (name, data)
        if name == 'ping':
            continue
        if name == 'message_start':
            assert message is None
            message = data['message']
            assert message['content'] == [] and message['stop_reason'] is None, message
            continue
        assert message is not None, f'{name} before message_start'
        if name == 'content_block_start':
            assert opened is None, 'a block begins within another'
            assert data['index'] == len(message['content']), data
            opened = data['content_block']
            opened['partial'] = ''
            message['content'].append(opened)
        elif name == 'content_block_delta':
            assert opened is not None and data['index'] == len(message['content']) - 1, data
            add_delta(opened, data['delta'])
        elif name == 'content_block_stop':
            assert opened is not None and data['index'] == len(message['content']) - 1, data
            partial = opened.pop('partial')
            if opened['type'] == 'tool_use' and partial:
                opened['input'] = json.loads(partial)
            opened = None
        elif name == 'message_delta':
            assert opened is None and message['stop_reason'] is None
            message.update(data['delta'], usage=data['usage'])
            message.update({key: data[key] for key in ('sources', 'patchbay') if key in data})
        elif name == 'message_stop':
            assert message['stop_reason'], 'no message_delta'
            ended = True
        else:
            raise AssertionError(f'{name} is no event of a message')
    assert ended, 'the stream has no end'
    return message


def add_delta(block, delta):
    kinds = {'text_delta': ('text', 'text'), 'thinking_delta': ('thinking', 'thinking'),
             'signature_delta': ('thinking', 'signature'), 'input_json_delta': ('tool_use', 'partial')}
    kind, member = kinds[delta['type']]
    assert block['type'] == kind, (block, delta)
    assert delta['type'] == 'signature_delta' or not block.get('signature'), 'behind the signature'
    block[member] += delta['partial_json' if member == 'partial' else member]


class Case(ServerCase):
    CONFIG = 'messages.yaml'
    HEADERS = {'X-Api-Key': 'planted-key-of-alice-0123456789', 'anthropic-version': '2023-06-01'}

    def ask(self, content='Hello?', headers=None, **more):
        body = {'model': 'support', 'max_tokens': 100,
                'messages': [{'role': 'user', 'content': content}]}
        body.update(more)
        return self.post(MESSAGES, {key: value for key, value in body.items() if value is not None},
                         headers=headers)

    def told(self, stream, *content, **more):
        """The message, whole or put together from its stream."""
        answer = self.ask(*content, stream=stream, **more)
        self.assertEqual(answer.status, 200, answer)
        if not stream:
            self.assertEqual(answer.headers['content-type'].split(';')[0], 'application/json')
            return answer.json()
        self.assertEqual(answer.headers['content-type'].split(';')[0], 'text/event-stream')
        return assembled(answer.events())

    def asked(self, at=-1):
        return self.model.requests[at].json()

    def assert_error(self, answer, status, kind):
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers['content-type'].split(';')[0], 'application/json', answer)
        error = answer.json()
        self.assertEqual((error['type'], error['error']['type']), ('error', kind), error)
        self.assertTrue(error['error']['message'], error)
        self.assertTrue(error['request_id'], error)
        self.assertEqual(answer.headers['request-id'], error['request_id'])
        return error['error']


class Replies(Case):
    def test_plain(self):
        answer = self.ask('What is 2 + 2?')
        self.assertEqual(answer.status, 200, answer)
        body = answer.json()
        self.assertEqual(body['content'],
                         [{'type': 'text', 'text': 'Hello from the model.', 'citations': None}])
        self.assertEqual((body['type'], body['role'], body['model']),
                         ('message', 'assistant', 'support'))
        self.assertEqual((body['stop_reason'], body['stop_sequence'], body['stop_details']),
                         ('end_turn', None, None))
        self.assertEqual((body['usage']['input_tokens'], body['usage']['output_tokens']), (11, 7))
        turn = answer.headers['x-patchbay-turn']
        self.assertEqual((body['id'], body['patchbay']['turn']), ('msg_' + turn, turn))
        self.assertEqual(answer.headers['request-id'], answer.headers['x-request-id'])

    def test_streaming_tells_the_same(self):
        whole, stream = self.told(False), self.told(True)
        for message in (whole, stream):
            del message['id'], message['patchbay']['turn']
        self.assertEqual(whole, stream)

    def test_stop_reasons(self):
        for finish, reason in (('stop', 'end_turn'), ('length', 'max_tokens'),
                               ('content_filter', 'refusal')):
            for stream in (False, True):
                with self.subTest(finish=finish, stream=stream):
                    self.model.then(upstream.stream([{'content': 'x'}], finish=finish) if stream
                                    else upstream.whole(200, {'choices': [{
                                        'index': 0, 'finish_reason': finish,
                                        'message': {'role': 'assistant', 'content': 'x'}}]}))
                    message = self.told(stream)
                    self.assertEqual(message['stop_reason'], reason)
                    self.assertEqual((message['stop_details'] or {}).get('type'),
                                     'refusal' if reason == 'refusal' else None)

    def test_a_stop_sequence(self):
        """Whole, streamed and kept."""
        for stream, headers in ((False, {}), (True, {}), (True, {'Idempotency-Key': 'stopped'})):
            self.model.then(reply({'type': 'text', 'text': 'x'}, stop='stop_sequence'))
            message = self.told(stream, model='claude', stop_sequences=['END'], headers=headers)
            self.assertEqual((message['stop_reason'], message['stop_sequence']),
                             ('stop_sequence', 'END'))

    def test_usage_counts_what_was_cached_apart(self):
        for stream in (False, True):
            self.model.then(reply({'type': 'text', 'text': 'x'}))
            usage = self.told(stream, model='claude')['usage']
            self.assertEqual((usage['input_tokens'], usage['cache_read_input_tokens'],
                              usage['cache_creation_input_tokens'], usage['output_tokens']),
                             (20, 5, 0, 9))

    def test_all_blocks(self):
        """Thinking, thinking that is hidden, text and calls, in the order in which they come."""
        blocks = [{'type': 'thinking', 'thinking': 'Let me see.', 'signature': 'c2lnbmVk'},
                  {'type': 'redacted_thinking', 'data': 'aGlkZGVu'},
                  {'type': 'text', 'text': 'I look it up: "ß" 🎉'},
                  {'type': 'thinking', 'thinking': 'Both.', 'signature': 'c2lnbmVkMg=='},
                  {'type': 'tool_use', 'id': 'toolu_1', 'name': 'weather', 'input': {'city': 'Bern'}},
                  {'type': 'tool_use', 'id': 'toolu_2', 'name': 'now', 'input': {}}]
        for stream in (False, True):
            with self.subTest(stream=stream):
                self.model.then(reply(*blocks, stop='tool_use'))
                message = self.told(stream, model='claude')
                self.assertEqual(message['stop_reason'], 'tool_use')
                for block in message['content']:
                    block.pop('citations', None)
                self.assertEqual(message['content'], blocks)

    def test_thinking_without_a_signature(self):
        """Of a model of another dialect; what comes back goes to none as signed."""
        for stream in (False, True):
            self.model.then(upstream.stream([{'reasoning_content': 'Let me see.'},
                                             {'content': 'Four.'}]) if stream
                            else upstream.completion('Four.', reasoning_content='Let me see.'))
            message = self.told(stream)
            self.assertEqual(message['content'][0],
                             {'type': 'thinking', 'thinking': 'Let me see.', 'signature': ''})
            self.model.then(reply({'type': 'text', 'text': 'x'}))
            self.told(stream, model='claude', messages=[
                {'role': 'user', 'content': '2 + 2?'},
                {'role': 'assistant', 'content': message['content']},
                {'role': 'user', 'content': 'Sure?'}])
            self.assertEqual(self.asked()['messages'][1]['content'],
                             [{'type': 'text', 'text': 'Four.'}])

    def test_calls_that_interleave_are_put_in_line(self):
        def piece(index, arguments, **more):
            return {'tool_calls': [{'index': index, **more, 'function': dict(
                {'arguments': arguments}, **({'name': 'weather'} if more else {}))}]}
        self.model.then(upstream.stream([
            {'content': 'Both: '}, piece(0, '{"city": "Be', id='call_a'),
            piece(1, '{"city"', id='call_b'), piece(0, 'rn } \\""}'), piece(1, ': "Rom"}'),
            piece(2, '', id='call_c')], finish='tool_calls'))
        message = self.told(True, tools=[WEATHER])
        self.assertEqual([block.get('input', block.get('text')) for block in message['content']],
                         ['Both: ', {'city': 'Bern } "'}, {'city': 'Rom'}, {}])
        self.assertEqual([block['id'] for block in message['content'][1:]],
                         ['call_a', 'call_b', 'call_c'])

    def test_input_that_is_no_object(self):
        call = {'id': 'call_1', 'type': 'function', 'function': {'name': 'f', 'arguments': '{"a": '}}
        self.model.then(upstream.completion(None, tool_calls=[call]))
        self.assertEqual(self.told(False)['content'], [
            {'type': 'tool_use', 'id': 'call_1', 'name': 'f', 'input': {'INVALID_JSON': '{"a": '}}])

    def test_a_stream_arrives_as_it_comes(self):
        go_on = threading.Event()
        self.model.then(upstream.stream([{'content': 'first '}, lambda: go_on.wait(30),
                                         {'content': 'second'}]))
        with client.Raw(self.port) as raw:
            self.send(raw)
            self.assertNotIn(b'second', raw.read_until(b'first '))
            self.assertNotIn(b'second', raw.read_until(b'event: ping'))
            go_on.set()
            raw.read_until(b'event: message_stop')

    def test_a_silent_model_shows_the_message_and_pings(self):
        go_on = threading.Event()
        self.model.then(upstream.stream([lambda: go_on.wait(30), {'content': 'late'}]))
        with client.Raw(self.port) as raw:
            self.send(raw)
            said = raw.read_until(b'event: ping')
            self.assertIn(b'event: message_start', said)
            self.assertNotIn(b'content_block', said)
            go_on.set()
            raw.read_until(b'event: message_stop')

    def send(self, raw, **more):
        headers = ''.join(f'{name}: {value}\r\n' for name, value in self.HEADERS.items())
        raw.post(MESSAGES, dict({'model': 'support', 'max_tokens': 9, 'stream': True, 'messages': [
            {'role': 'user', 'content': 'Hi'}]}, **more), headers)

    def test_who_leaves_takes_the_model_along(self):
        begun = upstream.STREAM_HEAD + upstream.chunk(upstream.event({'content': 'so far'}))
        for more in ({}, {'stream': False}):
            self.model.then(upstream.then_wait(begun))
            with client.Raw(self.port) as raw:
                self.send(raw, **more)
                asked = self.model.arrived.get(timeout=30)
                if not more:
                    raw.read_until(b'so far')
            self.assertTrue(asked.gone.wait(30))

    def test_kept_by_its_key(self):
        """The same key, the same message; also where one asks for it as a stream, with its thinking."""
        for stream in (False, True):
            headers = {'Idempotency-Key': f'messages-{stream}'}
            blocks = [{'type': 'thinking', 'thinking': 'Hm.', 'signature': 'c2ln'},
                      {'type': 'text', 'text': 'once'}]
            self.model.then(reply(*blocks))
            first, again = (self.told(stream, model='claude', headers=headers) for _ in range(2))
            self.assertEqual(first, again)
            self.assertEqual(first['content'][0], blocks[0])
            other = self.ask('Other', stream=stream, model='claude', headers=headers)
            self.assert_error(other, 422, 'invalid_request_error')

    def test_conversations(self):
        answer = self.ask('My name is Ada.', model='talk',
                          headers={'Patchbay-Conversation': 'new'})
        self.assertEqual(answer.status, 200, answer)
        conversation = answer.headers['patchbay-conversation']
        self.told(True, 'Who am I?', model='talk', metadata={'conversation': conversation})
        self.assertEqual([message['content'] for message in self.asked()['messages']],
                         ['My name is Ada.', 'Hello from the model.', 'Who am I?'])
        wrong = self.ask(model='talk', metadata={'conversation': 7})
        self.assertIn('metadata.conversation',
                      self.assert_error(wrong, 400, 'invalid_request_error')['message'])


class Requests(Case):
    """What reaches a model, of the other dialect and of the same."""

    def sent(self, **more):
        answer = self.ask(**more)
        self.assertEqual(answer.status, 200, answer)
        return self.asked(), answer.headers.get('patchbay-ignored', '')

    def claude(self, **more):
        self.model.then(reply({'type': 'text', 'text': 'x'}))
        return self.sent(model='claude', **more)

    def test_parameters(self):
        body, ignored = self.sent(
            temperature=0.25, top_p=0.5, stop_sequences=['END', 'STOP'], max_tokens=99,
            metadata={'user_id': 'u-7'}, system='Be kind.', tool_choice={'type': 'any',
                                                                         'disable_parallel_tool_use': True},
            tools=[WEATHER], output_config={'effort': 'low', 'format': {
                'type': 'json_schema', 'schema': {'type': 'object'}}})
        self.assertEqual((body['temperature'], body['top_p'], body['stop'], body['max_tokens']),
                         (0.25, 0.5, ['END', 'STOP'], 99))
        self.assertEqual((body['user'], body['reasoning_effort']), ('u-7', 'low'))
        self.assertEqual((body['tool_choice'], body['parallel_tool_calls']), ('required', False))
        self.assertEqual(body['tools'], [{'type': 'function', 'function': {
            'name': 'weather', 'description': 'Tells the weather.',
            'parameters': WEATHER['input_schema']}}])
        self.assertEqual(body['response_format']['json_schema']['schema'], {'type': 'object'})
        self.assertEqual(body['messages'][0], {'role': 'system', 'content': 'Be kind.'})
        self.assertEqual(ignored, '')
        for choice, expected in (({'type': 'auto'}, 'auto'), ({'type': 'none'}, 'none'),
                                 ({'type': 'tool', 'name': 'weather'}, {
                                     'type': 'function', 'function': {'name': 'weather'}})):
            body, _ = self.sent(tools=[WEATHER], tool_choice=choice)
            self.assertEqual(body['tool_choice'], expected)
            self.assertNotIn('parallel_tool_calls', body)

    FOREIGN = {'top_k': 5, 'service_tier': 'auto', 'container': 'c_1', 'inference_geo': 'eu',
               'thinking': {'type': 'enabled', 'budget_tokens': 1024},
               'cache_control': {'type': 'ephemeral'}, 'mcp_servers': [{'type': 'url', 'url': 'x'}]}

    def test_what_only_this_dialect_has(self):
        body, ignored = self.sent(**self.FOREIGN, headers={'anthropic-beta': 'a-1, b-2'})
        self.assertEqual({name.strip() for name in ignored.split(',')},
                         {*self.FOREIGN, 'anthropic_beta'})
        self.assertFalse(set(self.FOREIGN) & set(body))
        body, ignored = self.claude(**self.FOREIGN, headers={'anthropic-beta': 'a-1, b-2'})
        self.assertEqual({name: body[name] for name in self.FOREIGN}, self.FOREIGN)
        self.assertEqual(ignored, '')
        self.assertNotIn('anthropic_beta', body)
        self.assertEqual(self.model.requests[-1].headers['anthropic-beta'].replace(' ', ''),
                         'a-1,b-2')

    def test_tools_of_the_service(self):
        tools = [dict(WEATHER, cache_control={'type': 'ephemeral'}),
                 {'type': 'web_search_20250305', 'name': 'web_search', 'max_uses': 2}]
        body, ignored = self.sent(tools=tools)
        self.assertEqual([tool['function']['name'] for tool in body['tools']], ['weather'])
        self.assertEqual(ignored, 'anthropic_tools')
        body, ignored = self.claude(tools=tools)
        self.assertEqual((body['tools'], ignored), (tools, ''))

    CONTENT = [
        {'type': 'text', 'text': 'What is this?', 'cache_control': {'type': 'ephemeral'}},
        {'type': 'image', 'source': {'type': 'base64', 'media_type': 'image/png', 'data': PNG}},
        {'type': 'image', 'source': {'type': 'url', 'url': 'https://example.com/a.png'}},
        {'type': 'document', 'title': 'Report', 'source': {
            'type': 'base64', 'media_type': 'application/pdf', 'data': PDF}},
        {'type': 'document', 'title': 'Note', 'context': 'Of May.', 'source': {
            'type': 'text', 'media_type': 'text/plain', 'data': 'Buy milk.'}},
        {'type': 'document', 'source': {'type': 'content', 'content': [
            {'type': 'text', 'text': 'A chart.'},
            {'type': 'image', 'source': {'type': 'url', 'url': 'https://example.com/b.png'}}]}},
        {'type': 'search_result', 'title': 'Plugins', 'source': 'https://example.com/p',
         'content': [{'type': 'text', 'text': 'A plugin does one thing.'}]}]

    def test_every_block_of_a_user(self):
        body, _ = self.sent(content=self.CONTENT)
        self.assertEqual(body['messages'][0]['content'], [
            {'type': 'text', 'text': 'What is this?'},
            {'type': 'image_url', 'image_url': {'url': 'data:image/png;base64,' + PNG}},
            {'type': 'image_url', 'image_url': {'url': 'https://example.com/a.png'}},
            {'type': 'file', 'file': {'filename': 'Report',
                                      'file_data': 'data:application/pdf;base64,' + PDF}},
            {'type': 'text', 'text': 'Note\n\nOf May.\n\nBuy milk.'},
            {'type': 'text', 'text': 'A chart.'},
            {'type': 'image_url', 'image_url': {'url': 'https://example.com/b.png'}},
            {'type': 'text', 'text': 'Plugins\nhttps://example.com/p\n\nA plugin does one thing.'}])
        body, _ = self.claude(content=self.CONTENT)
        self.assertEqual(body['messages'], [{'role': 'user', 'content': self.CONTENT}])

    def test_system(self):
        system = [{'type': 'text', 'text': 'Be kind.', 'cache_control': {'type': 'ephemeral'}},
                  {'type': 'text', 'text': 'Be short.'}]
        body, _ = self.sent(system=system)
        self.assertEqual(body['messages'][0],
                         {'role': 'system', 'content': 'Be kind.\n\nBe short.'})
        body, _ = self.claude(system=system)
        self.assertEqual(body['system'], system)
        body, _ = self.sent(messages=[{'role': 'user', 'content': 'a'},
                                      {'role': 'system', 'content': 'Now be brief.'},
                                      {'role': 'user', 'content': 'b'}])
        self.assertEqual([message['role'] for message in body['messages']],
                         ['user', 'system', 'user'])

    def test_tool_round_trip(self):
        calls = [{'type': 'thinking', 'thinking': 'Two.', 'signature': 'c2ln'},
                 {'type': 'text', 'text': 'I ask.'},
                 {'type': 'tool_use', 'id': 'toolu_1', 'name': 'weather', 'input': {'city': 'Bern'}},
                 {'type': 'tool_use', 'id': 'toolu_2', 'name': 'weather', 'input': {'city': 'Rom'}}]
        results = [{'type': 'tool_result', 'tool_use_id': 'toolu_1', 'content': [
                        {'type': 'text', 'text': 'Sunny.'}, {'type': 'text', 'text': '23 degrees.'}]},
                   {'type': 'tool_result', 'tool_use_id': 'toolu_2', 'content': 'no such city',
                    'is_error': True},
                   {'type': 'text', 'text': 'And now?'}]
        messages = [{'role': 'user', 'content': 'Weather?'},
                    {'role': 'assistant', 'content': calls}, {'role': 'user', 'content': results}]
        body, _ = self.sent(messages=messages, tools=[WEATHER])
        roles = [message['role'] for message in body['messages']]
        self.assertEqual(roles, ['user', 'assistant', 'tool', 'tool', 'user'])
        said = body['messages'][1]
        self.assertEqual([json.loads(call['function']['arguments']) for call in said['tool_calls']],
                         [{'city': 'Bern'}, {'city': 'Rom'}])
        self.assertNotIn('Two.', json.dumps(said))
        self.assertEqual([(message['tool_call_id'], message['content'])
                          for message in body['messages'][2:4]],
                         [('toolu_1', 'Sunny.\n\n23 degrees.'), ('toolu_2', 'Error: no such city')])
        self.assertEqual(body['messages'][4]['content'], 'And now?')
        body, _ = self.claude(messages=messages, tools=[WEATHER])
        self.assertEqual(body['messages'], messages)

    def test_blocks_of_the_services_own_tools(self):
        """They go to a model of this dialect as they are; another one refuses what it cannot see."""
        content = [{'type': 'text', 'text': 'Look:'}, {'type': 'container_upload', 'file_id': 'f_1'},
                   {'type': 'image', 'source': {'type': 'file', 'file_id': 'f_2'}}]
        body, _ = self.claude(content=content)
        self.assertEqual(body['messages'][0]['content'], content)
        self.assert_error(self.ask(content), 415, 'invalid_request_error')


class Errors(Case):
    def message_of(self, status=400, kind='invalid_request_error', **more):
        return self.assert_error(self.ask(**more), status, kind)['message']

    def test_the_place_of_what_is_wrong(self):
        def block(block):
            return {'messages': [{'role': 'user', 'content': [block]}]}
        result = {'type': 'tool_result', 'tool_use_id': 't'}
        for more, place in (
                ({'max_tokens': None}, 'max_tokens'), ({'max_tokens': '9'}, 'max_tokens'),
                ({'model': 7}, 'model'), ({'messages': None}, 'messages'),
                ({'messages': []}, 'messages'), ({'messages': ['x']}, 'messages.0'),
                ({'messages': [{'role': 'tool', 'content': 'x'}]}, 'messages.0.role'),
                ({'messages': [{'role': 'user'}]}, 'messages.0.content'),
                ({'content': ''}, 'messages.0.content'),
                (block({'type': 'text', 'text': 5}), 'messages.0.content.0.text'),
                (block({'type': 'txt'}), 'messages.0.content.0.type'),
                (block('text'), 'messages.0.content.0.type'),
                (block({'type': 'image'}), 'messages.0.content.0.source.type'),
                (block({'type': 'image', 'source': {'type': 'base64', 'data': PNG}}),
                 'messages.0.content.0.source.media_type'),
                (block({'type': 'document', 'source': {'type': 'content', 'content': [{'type': 'x'}]}}),
                 'messages.0.content.0.source.content.0.type'),
                (block({'type': 'tool_use', 'id': 't', 'name': 'f', 'input': {}}),
                 'messages.0.content.0.type'),
                (block({'type': 'tool_result'}), 'messages.0.content.0.tool_use_id'),
                (block(dict(result, is_error='no')), 'messages.0.content.0.is_error'),
                (block(dict(result, content=[{'type': 'image', 'source': {'type': 'url'}}])),
                 'messages.0.content.0.content.0.source.url'),
                ({'messages': [{'role': 'assistant', 'content': [
                    {'type': 'tool_use', 'id': 't', 'name': 'f', 'input': '{}'}]}]},
                 'messages.0.content.0.input'),
                ({'messages': [{'role': 'assistant', 'content': [
                    {'type': 'thinking', 'thinking': 't'}]}]}, 'messages.0.content.0.signature'),
                ({'system': 7}, 'system'), ({'system': [{'type': 'image'}]}, 'system.0.type'),
                ({'temperature': 1.5}, 'temperature'), ({'top_p': 'x'}, 'top_p'),
                ({'top_k': 1.5}, 'top_k'), ({'stop_sequences': ['a', 1]}, 'stop_sequences.1'),
                ({'tools': {}}, 'tools'), ({'tools': [{'name': 'f'}]}, 'tools.0.input_schema'),
                ({'tools': [{'input_schema': {}}]}, 'tools.0.name'),
                ({'tool_choice': 'auto'}, 'tool_choice'),
                ({'tool_choice': {'type': 'tool'}}, 'tool_choice.name'),
                ({'tool_choice': {'type': 'auto', 'disable_parallel_tool_use': 1}},
                 'tool_choice.disable_parallel_tool_use'),
                ({'thinking': {'type': 'enabled'}}, 'thinking.budget_tokens'),
                ({'output_config': {'format': {'type': 'json_schema'}}}, 'output_config.format.schema'),
                ({'metadata': {'user_id': 5}}, 'metadata.user_id'), ({'stream': 'yes'}, 'stream')):
            with self.subTest(more):
                self.assertEqual(self.message_of(**more).split(': ')[0], place)
        self.assertEqual(self.model.requests, [])

    def test_all_that_is_wrong(self):
        error = self.assert_error(self.ask(temperature=5, top_p='x', max_tokens=None), 400,
                                  'invalid_request_error')
        self.assertEqual(error['message'], 'max_tokens: is missing (and 2 more)')
        self.assertEqual([each['field'] for each in error['details']['errors']],
                         ['max_tokens', 'temperature', 'top_p'])

    def test_a_thread_is_refused(self):
        """By the code that tells the official clients to send the whole conversation."""
        error = self.assert_error(self.ask(thread={'type': 'create'}), 400, 'invalid_request_error')
        self.assertEqual((error['details']['error_code'], error['details']['unsupported']),
                         ('thread_unsupported_request', []))
        self.assertTrue(error['message'].startswith('thread: '), error)
        self.assertEqual(self.ask(thread=None).status, 200)

    def test_errors_of_the_request(self):
        self.assertIn('nope', self.message_of(404, 'not_found_error', model='nope'))
        self.assert_error(self.post(MESSAGES, '{}', headers={'Content-Type': 'text/plain'}),
                          415, 'invalid_request_error')
        self.assert_error(self.post(MESSAGES, '[1', headers={'Content-Type': 'application/json'}),
                          400, 'invalid_request_error')
        self.assertEqual(self.message_of(413, 'request_too_large', content='x' * (1 << 20)) and 1, 1)
        answer = self.get(MESSAGES)
        self.assert_error(answer, 405, 'invalid_request_error')
        self.assertIn('POST', answer.headers['allow'])
        self.assert_error(self.get('/v1/messages/batches/x'), 404, 'not_found_error')

    def test_who_may(self):
        self.message_of(401, 'authentication_error', headers={'X-Api-Key': 'wrong'})
        bearer = {'X-Api-Key': '', 'Authorization': 'Bearer planted-key-of-alice-0123456789'}
        self.assertEqual(self.post(MESSAGES, {'model': 'support', 'max_tokens': 5, 'messages': [
            {'role': 'user', 'content': 'a'}]}, headers=bearer).status, 200)
        reader = {'X-Api-Key': 'planted-key-of-reader-0123456789'}
        self.message_of(403, 'permission_error', headers=reader)
        self.assertEqual(self.get('/v1/models', headers=reader).status, 200)

    def test_errors_of_the_model(self):
        for status, expected, kind in ((429, 429, 'rate_limit_error'), (500, 502, 'api_error'),
                                       (503, 503, 'overloaded_error'),
                                       (400, 400, 'invalid_request_error')):
            for stream in (False, True):
                self.model.then(upstream.error(status, 'because', ['Retry-After: 3']))
                answer = self.ask(stream=stream)
                self.assert_error(answer, expected, kind)
                if status == 429:
                    self.assertEqual(answer.headers['retry-after'], '3')

    def test_a_stream_that_breaks(self):
        begun = upstream.STREAM_HEAD + upstream.chunk(upstream.event({'content': 'so far'}))
        self.model.then(upstream.then_reset(begun))
        answer = self.ask(stream=True)
        events = answer.events()
        self.assertEqual([name for name, _, _ in events], [
            'message_start', 'content_block_start', 'content_block_delta', 'error'])
        error = events[-1][1]
        self.assertEqual((error['type'], error['error']['type']), ('error', 'api_error'))
        self.assertEqual(error['request_id'], answer.headers['request-id'])


class Others(Case):
    def count(self, content='', **more):
        body = dict({'model': 'support', 'messages': [{'role': 'user', 'content': content}]}, **more)
        answer = self.post(COUNT, body)
        self.assertEqual(answer.status, 200, answer)
        return answer.json()['input_tokens']

    def test_count_tokens(self):
        self.assertEqual(self.count('x' * 400), 104)
        self.assertEqual(self.count('x' * 400, system='y' * 40), 118)
        self.assertGreater(self.count('x' * 400, tools=[WEATHER]), 104 + 20)
        self.assertEqual(self.count([{'type': 'image', 'source': {
            'type': 'base64', 'media_type': 'image/png', 'data': PNG}}]), 1604)
        self.assertEqual(self.count(messages=[
            {'role': 'user', 'content': 'a'}, {'role': 'assistant', 'content': [
                {'type': 'tool_use', 'id': 't', 'name': 'f', 'input': {'a': 'b'}}]},
            {'role': 'user', 'content': [
                {'type': 'tool_result', 'tool_use_id': 't', 'content': 'okay'}]}]), 5 + 12 + 5)
        self.assertEqual(self.model.requests, [])
        self.assert_error(self.post(COUNT, {'model': 'nope', 'messages': [
            {'role': 'user', 'content': 'x'}]}), 404, 'not_found_error')
        self.assert_error(self.post(COUNT, {'model': 'support'}), 400, 'invalid_request_error')

    def test_models(self):
        models = self.get('/v1/models').json()
        self.assertEqual([model['id'] for model in models['data']], ['support', 'claude', 'talk'])
        self.assertEqual((models['has_more'], models['first_id'], models['last_id']),
                         (False, 'support', 'talk'))
        self.assertEqual(models['data'][0]['type'], 'model')
        self.assertRegex(models['data'][0]['created_at'], r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$')
        page = self.get('/v1/models?limit=1&after_id=support').json()
        self.assertEqual(([model['id'] for model in page['data']], page['has_more']),
                         (['claude'], True))
        page = self.get('/v1/models?limit=1&before_id=talk').json()
        self.assertEqual(([model['id'] for model in page['data']], page['has_more']),
                         (['claude'], True))
        self.assertEqual(self.get('/v1/models/support').json()['id'], 'support')
        self.assert_error(self.get('/v1/models/nope'), 404, 'not_found_error')
        self.assert_error(self.get('/v1/models?limit=0'), 400, 'invalid_request_error')

    def test_models_of_the_other_dialect_stay(self):
        headers = {'X-Api-Key': self.HEADERS['X-Api-Key']}
        answer = client.request(self.port, 'GET', '/v1/models', headers=headers)
        self.assertEqual(answer.json()['object'], 'list')
