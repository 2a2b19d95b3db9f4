"""POST /v1/chat/completions and GET /v1/models, as the OpenAI dialect speaks them."""
import json

from harness import client, upstream
from harness.case import COMPLETIONS, ServerCase


class OpenAIDialect(ServerCase):
    CONFIG = 'turns.yaml'

    def stream(self, **more):
        body = dict({'model': 'support', 'stream': True,
                     'messages': [{'role': 'user', 'content': 'Hi'}]}, **more)
        answer = self.post(COMPLETIONS, body)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.headers['content-type'].split(';')[0], 'text/event-stream')
        events = [data for _, data, _ in answer.events()]
        self.assertEqual(events[-1], '[DONE]')
        return events[:-1]

    def test_plain(self):
        answer = self.chat('What is 2 + 2?')
        self.assertEqual(answer.status, 200, answer)
        body = answer.json()
        self.assertEqual(body['object'], 'chat.completion')
        self.assertEqual(body['model'], 'support')
        choice = body['choices'][0]
        self.assertEqual(choice['index'], 0)
        self.assertEqual(choice['finish_reason'], 'stop')
        self.assertEqual(choice['message']['role'], 'assistant')
        self.assertEqual(choice['message']['content'], 'Hello from the model.')
        self.assertEqual(body['usage']['prompt_tokens'], 11)
        self.assertEqual(body['usage']['completion_tokens'], 7)
        self.assertEqual(body['usage']['total_tokens'], 18)
        self.assertTrue(answer.headers['x-patchbay-turn'])

    def test_what_the_model_was_asked(self):
        self.chat('What is 2 + 2?', temperature=0.25, max_tokens=99, seed=7, frob={'a': [1]})
        asked = self.model.requests[0]
        self.assertEqual((asked.method, asked.path), ('POST', '/v1/chat/completions'))
        self.assertEqual(asked.headers['authorization'], 'Bearer sk-planted-secret-of-upstream')
        self.assertEqual(asked.headers['content-type'].split(';')[0], 'application/json')
        body = asked.json()
        self.assertEqual(body['model'], 'scripted')
        self.assertEqual(body['messages'], [{'role': 'user', 'content': 'What is 2 + 2?'}])
        self.assertEqual(body['temperature'], 0.25)
        self.assertEqual(body['max_tokens'], 99)
        self.assertEqual(body['seed'], 7)
        self.assertEqual(body['frob'], {'a': [1]})

    def test_streaming(self):
        chunks = self.stream()
        self.assertTrue(all(chunk['object'] == 'chat.completion.chunk' for chunk in chunks))
        self.assertEqual(len({chunk['id'] for chunk in chunks}), 1)
        deltas = [chunk['choices'][0]['delta'] for chunk in chunks]
        self.assertEqual(deltas[0]['role'], 'assistant')
        self.assertEqual(''.join(delta.get('content') or '' for delta in deltas),
                         'Hello from the model.')
        reasons = [chunk['choices'][0]['finish_reason'] for chunk in chunks]
        self.assertEqual([reason for reason in reasons if reason], ['stop'])
        self.assertTrue(all('usage' not in chunk or not chunk['usage'] for chunk in chunks))

    def test_streaming_with_usage(self):
        chunks = self.stream(stream_options={'include_usage': True})
        self.assertEqual(chunks[-1]['choices'], [])
        self.assertEqual(chunks[-1]['usage']['total_tokens'], 18)
        self.assertTrue(all(chunk['usage'] is None for chunk in chunks[:-1]), chunks)

    def test_stream_arrives_as_it_comes(self):
        """The first word is there while the model still thinks about the second."""
        import threading
        go_on = threading.Event()
        self.model.then(upstream.stream([{'role': 'assistant', 'content': 'first '},
                                         lambda: go_on.wait(30), {'content': 'second'}]))
        with client.Raw(self.port) as raw:
            raw.post(COMPLETIONS, {'model': 'support', 'stream': True,
                                   'messages': [{'role': 'user', 'content': 'Hi'}]})
            self.assertNotIn(b'second', raw.read_until(b'first '))
            go_on.set()
            raw.read_until(b'[DONE]')

    def test_tool_round_trip(self):
        """Tools of the client pass through: the call out, the result in."""
        call = {'id': 'call_7', 'type': 'function',
                'function': {'name': 'weather', 'arguments': '{"city": "Bern", "days": 3}'}}
        tools = [{'type': 'function', 'function': {
            'name': 'weather', 'description': 'Tells the weather.',
            'parameters': {'type': 'object', 'properties': {'city': {'type': 'string'}}}}}]
        for stream in (False, True):
            with self.subTest(stream=stream):
                self.model.requests.clear()
                self.model.then(upstream.completion(None, tool_calls=[call]))
                first = [{'role': 'user', 'content': 'Weather in Bern?'}]
                if stream:
                    deltas = [chunk['choices'][0]['delta'] for chunk in
                              self.stream(messages=first, tools=tools)]
                    parts = [part for delta in deltas for part in delta.get('tool_calls', ())]
                    self.assertEqual((parts[0]['id'], parts[0]['function']['name']),
                                     ('call_7', 'weather'))
                    arguments = ''.join(part['function'].get('arguments', '') for part in parts)
                    self.assertEqual(json.loads(arguments), {'city': 'Bern', 'days': 3})
                else:
                    answer = self.chat(messages=first, tools=tools).json()
                    self.assertEqual(answer['choices'][0]['finish_reason'], 'tool_calls')
                    self.assertIsNone(answer['choices'][0]['message']['content'])
                    self.assertEqual(answer['choices'][0]['message']['tool_calls'], [call])
                self.assertEqual(self.model.requests[0].json()['tools'], tools)
                rest = first + [{'role': 'assistant', 'content': None, 'tool_calls': [call]},
                                {'role': 'tool', 'tool_call_id': 'call_7', 'content': 'Sunny.'}]
                answer = self.chat(messages=rest, tools=tools)
                self.assertEqual(answer.status, 200, answer)
                self.assertEqual(self.model.requests[1].json()['messages'], rest)

    TOKENS = [{'token': 'Hi', 'logprob': -0.5, 'bytes': [72, 105],
               'top_logprobs': [{'token': 'Ho', 'logprob': -1.5, 'bytes': None}]}]

    def test_logprobs_pass_through(self):
        def answer(connection, request):
            if not request.json().get('stream'):
                return upstream.whole(200, {'model': 'm', 'choices': [{
                    'index': 0, 'message': {'role': 'assistant', 'content': 'Hi'},
                    'finish_reason': 'stop', 'logprobs': {'content': self.TOKENS}}]})(
                        connection, request)
            event = json.loads(upstream.event({'content': 'Hi'})[6:])
            event['choices'][0]['logprobs'] = {'content': self.TOKENS}
            data = b'data: ' + json.dumps(event).encode() + b'\n\n'
            connection.sendall(upstream.STREAM_HEAD + upstream.chunk(data) + upstream.chunk(data) +
                               upstream.chunk(upstream.event({}, 'stop') + b'data: [DONE]\n\n') +
                               b'0\r\n\r\n')
        self.model.then(answer, answer)
        choice = self.chat(logprobs=True, top_logprobs=1).json()['choices'][0]
        self.assertEqual(choice['logprobs'], {'content': self.TOKENS, 'refusal': None})
        asked = self.model.requests[0].json()
        self.assertEqual((asked['logprobs'], asked['top_logprobs']), (True, 1))
        choices = [chunk['choices'][0] for chunk in self.stream(logprobs=True)]
        self.assertEqual([choice['logprobs']['content'] for choice in choices[:2]],
                         [self.TOKENS] * 2)
        self.assertEqual(''.join(choice['delta'].get('content', '') for choice in choices), 'HiHi')

    def test_signed_thinking_makes_the_round_trip(self):
        """What a model's service wants back comes out, whole and streamed, and goes in again."""
        blocks = [{'type': 'thinking', 'thinking': 'I think.', 'signature': 'sealed=='},
                  {'type': 'redacted_thinking', 'data': 'hidden=='}]
        call = {'id': 'call_7', 'type': 'function',
                'function': {'name': 'weather', 'arguments': '{}'},
                'extra_content': {'google': {'thought_signature': 'signed=='}}}
        message = {'role': 'assistant', 'content': None, 'reasoning_content': 'I think.',
                   'thinking_blocks': blocks, 'tool_calls': [call]}
        self.model.then(upstream.completion(None, **{
            name: message[name] for name in ('reasoning_content', 'thinking_blocks', 'tool_calls')}))
        told = self.chat().json()['choices'][0]['message']
        self.assertEqual({name: told[name] for name in message}, message)
        self.model.then(upstream.stream([
            {'reasoning_content': 'I '}, {'reasoning_content': 'think.'},
            {'thinking_blocks': [dict(blocks[0], thinking='')]}, {'thinking_blocks': blocks[1:]},
            {'tool_calls': [dict(call, index=0)]}], finish='tool_calls'))
        deltas = [chunk['choices'][0]['delta'] for chunk in self.stream()]
        self.assertEqual([block for delta in deltas for block in delta.get('thinking_blocks', ())],
                         blocks)
        self.assertEqual([part.get('extra_content') for delta in deltas
                          for part in delta.get('tool_calls', ())], [call['extra_content']])
        self.model.requests.clear()
        self.chat(messages=[{'role': 'user', 'content': 'Hi'}, message,
                            {'role': 'tool', 'tool_call_id': 'call_7', 'content': 'Sunny.'}])
        self.assertEqual(self.model.requests[0].json()['messages'][1], message)

    def test_all_at_once(self):
        """Everything in one chunk, with bytes that grow when they are written anew."""
        calls = [{'index': at, 'id': f'call_{at}', 'type': 'function',
                  'function': {'name': 'f', 'arguments': '{}'},
                  'extra_content': {'google': {'thought_signature': 'signed\x7f' * 40}}}
                 for at in range(12)]
        delta = {'reasoning_content': 'Hm.', 'content': 'Hi', 'tool_calls': calls,
                 'thinking_blocks': [{'type': 'thinking', 'signature': f's{at}'} for at in range(9)]}
        event = json.loads(upstream.event(delta)[6:])
        event['choices'][0]['logprobs'] = {'content': self.TOKENS * 50}

        def answer(connection, _request):
            connection.sendall(
                upstream.STREAM_HEAD +
                upstream.chunk(b'data: ' + json.dumps(event, ensure_ascii=False).encode() + b'\n\n') +
                upstream.chunk(upstream.event({}, 'tool_calls') + b'data: [DONE]\n\n') +
                b'0\r\n\r\n')
        self.model.then(answer)
        choices = [chunk['choices'][0] for chunk in self.stream(logprobs=True)]
        parts = [part for choice in choices for part in choice['delta'].get('tool_calls', ())]
        self.assertEqual(parts, calls)
        [text] = [choice for choice in choices if 'content' in choice['delta']]
        self.assertEqual(text['logprobs']['content'], self.TOKENS * 50)
        blocks = [block['signature'] for choice in choices
                  for block in choice['delta'].get('thinking_blocks', ())]
        self.assertEqual(blocks[0], 's0')

    def test_wrong_types_name_their_field(self):
        for more, param in (
                ({'n': 2}, 'n'), ({'audio': {'voice': 'x'}}, 'audio'),
                ({'logit_bias': []}, 'logit_bias'), ({'service_tier': 1}, 'service_tier'),
                ({'response_format': {'type': 'json_schema', 'json_schema': {}}},
                 'response_format.json_schema.name'),
                ({'tool_choice': 'maybe'}, 'tool_choice'), ({'top_logprobs': 21}, 'top_logprobs'),
                ({'messages': [{'role': 'user', 'content': [{'type': 'file', 'file': {}}]}]},
                 'messages[0].content[0].file.file_data'),
                ({'messages': [{'role': 'assistant', 'thinking_blocks': 1}]},
                 'messages[0].thinking_blocks')):
            with self.subTest(param=param):
                self.assertEqual(self.assert_openai_error(self.chat(**more), 400)['param'], param)

    def test_parts_of_a_message_pass_through(self):
        parts = [{'type': 'text', 'text': 'What is this?'},
                 {'type': 'image_url', 'image_url': {'url': 'data:image/png;base64,AAAA'}}]
        self.assertEqual(self.chat(parts).status, 200)
        self.assertEqual(self.model.requests[0].json()['messages'][0]['content'], parts)

    def test_unicode_survives(self):
        text = 'Grüße, 世界 🎉 "quoted" \\ back\n\ttab \u0001'
        self.model.then(upstream.completion(text), upstream.completion(text))
        self.assertEqual(self.chat(text).json()['choices'][0]['message']['content'], text)
        self.assertEqual(self.model.requests[0].json()['messages'][0]['content'], text)
        deltas = [chunk['choices'][0]['delta'] for chunk in self.stream()]
        self.assertEqual(''.join(delta.get('content') or '' for delta in deltas), text)

    def test_models(self):
        answer = self.get('/v1/models')
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.json()['object'], 'list')
        self.assertEqual([model['id'] for model in answer.json()['data']],
                         ['support', 'impatient', 'down', 'careful', 'hasty'])
        one = self.get('/v1/models/%73upport')
        self.assertEqual((one.status, one.json()['id']), (200, 'support'), one)
        self.assert_openai_error(self.get('/v1/models/a%2Fb'), 404)

    def test_fallback(self):
        self.model.then(upstream.error(503, 'overloaded'))
        answer = self.chat(model='careful')
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(len(self.model.requests), 2)

    def test_head_and_options(self):
        answer = self.request('HEAD', '/v1/models')
        self.assertEqual((answer.status, answer.body), (200, b''))
        answer = self.request('OPTIONS', '/v1/chat/completions')
        self.assertEqual(answer.status, 204)
        self.assertIn('POST', answer.headers['allow'])

    def test_pipelined_requests(self):
        """Two requests in one write are answered in order on one connection."""
        body = json.dumps({'model': 'support', 'messages': [{'role': 'user', 'content': 'a'}]})
        one = (f'POST {COMPLETIONS} HTTP/1.1\r\nHost: localhost\r\n'
               f'Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}')
        with client.Raw(self.port) as raw:
            raw.send((one + one).encode())
            self.assertEqual([raw.answer().status for _ in range(2)], [200, 200])

    def test_a_kept_connection_serves_many(self):
        before = self.model.connections
        with client.Raw(self.port) as raw:
            for _ in range(20):
                raw.post(COMPLETIONS, {'model': 'support',
                                       'messages': [{'role': 'user', 'content': 'a'}]})
                self.assertEqual(raw.answer().status, 200)
        self.assertLessEqual(self.model.connections - before, 1)
