"""Responses that are stored, and models that want back what they signed."""
from harness import upstream
from test_responses import CALL, RESPONSES, TOOL, ResponsesCase


class Stored(ResponsesCase):
    """What a pipeline with history keeps, and going on from it."""

    def talk(self, said='Hello?', /, **more):
        return self.good(said, model='talk', **more)

    def roles(self, at=-1):
        return [(message['role'], message['content']) for message in self.asked(at)['messages']]

    def test_going_on(self):
        first = self.talk('My name is Ann.', instructions='Be brief.')
        self.assertRegex(first['id'], '^resp_[0-9a-f]{64}$')
        self.assertIs(first['store'], True)
        second = self.talk('What is my name?', previous_response_id=first['id'])
        self.assertEqual(second['previous_response_id'], first['id'])
        self.assertEqual(self.roles(), [('user', 'My name is Ann.'),
                                        ('assistant', 'Hello from the model.'),
                                        ('user', 'What is my name?')])
        self.assertEqual(second['id'][:37], first['id'][:37])
        # From the first once more: a copy of the conversation up to there.
        third = self.talk('And now?', previous_response_id=first['id'])
        self.assertEqual(self.roles(), [('user', 'My name is Ann.'),
                                        ('assistant', 'Hello from the model.'),
                                        ('user', 'And now?')])
        self.assertNotEqual(third['id'][:37], first['id'][:37])
        # And the first branch is as it was.
        self.talk('Still there?', previous_response_id=second['id'])
        self.assertEqual(len(self.roles()), 5)

    def test_get(self):
        made = self.talk('Keep this.')
        answer = self.get(f'{RESPONSES}/{made["id"]}')
        self.assertEqual(answer.status, 200, answer)
        read = answer.json()
        for name in ('id', 'object', 'status', 'model', 'output', 'error', 'store', 'usage'):
            self.assertEqual(read[name], made[name], name)
        self.assertLessEqual(abs(read['created_at'] - made['created_at']), 1)

    def test_input_items(self):
        made = self.talk([{'role': 'user', 'content': 'One.'}, {'role': 'user', 'content': 'Two.'}])
        path = f'{RESPONSES}/{made["id"]}/input_items'
        page = self.get(path + '?order=asc').json()
        self.assertEqual([item['content'][0] for item in page['data']],
                         [{'type': 'input_text', 'text': 'One.'},
                          {'type': 'input_text', 'text': 'Two.'}])
        self.assertEqual((page['first_id'], page['last_id'], page['has_more']),
                         (page['data'][0]['id'], page['data'][1]['id'], False))
        page = self.get(path + '?limit=1').json()
        self.assertEqual((page['data'][0]['content'][0]['text'], page['has_more']), ('Two.', True))
        page = self.get(f'{path}?limit=1&after={page["last_id"]}').json()
        self.assertEqual((page['data'][0]['content'][0]['text'], page['has_more']), ('One.', False))
        for query in ('limit=0', 'limit=x', 'order=up', 'after=nope'):
            self.assert_openai_error(self.get(f'{path}?{query}'), 400)

    def test_delete(self):
        made = self.talk('Forget this.')
        path = f'{RESPONSES}/{made["id"]}'
        answer = self.request('DELETE', path)
        self.assertEqual((answer.status, answer.json()),
                         (200, {'id': made['id'], 'object': 'response', 'deleted': True}))
        self.assert_openai_error(self.get(path), 404)
        self.assert_openai_error(self.request('DELETE', path), 404)
        error = self.assert_openai_error(
            self.respond(model='talk', previous_response_id=made['id']), 400)
        self.assertEqual(error['code'], 'previous_response_not_found')

    def test_tools_over_two_responses(self):
        self.model.then(upstream.completion(None, tool_calls=[CALL]))
        first = self.talk('Weather in Bern?', tools=[TOOL])
        second = self.talk([{'type': 'function_call_output', 'call_id': 'call_7',
                             'output': 'Sunny.'}], previous_response_id=first['id'], tools=[TOOL])
        self.assertEqual(second['status'], 'completed')
        asked = self.asked(1)['messages']
        self.assertEqual([message['role'] for message in asked], ['user', 'assistant', 'tool'])
        self.assertEqual(asked[1]['tool_calls'], [CALL])
        items = self.get(f'{RESPONSES}/{second["id"]}/input_items').json()['data']
        self.assertEqual([(item['type'], item['output']) for item in items],
                         [('function_call_output', 'Sunny.')])

    def test_item_references(self):
        """Clients name items that were answered instead of sending them."""
        self.model.then(upstream.completion('I ask.', tool_calls=[CALL]))
        first = self.talk('Weather in Bern?', tools=[TOOL])
        names = [{'type': 'item_reference', 'id': item['id']} for item in first['output']]
        rest = [{'role': 'user', 'content': 'Weather in Bern?'}, *names,
                {'type': 'function_call_output', 'call_id': 'call_7', 'output': 'Sunny.'}]
        self.talk(rest, tools=[TOOL])
        asked = self.asked(1)['messages']
        self.assertEqual(asked[1], {'role': 'assistant', 'content': 'I ask.', 'tool_calls': [CALL]})
        self.assertEqual(asked[2]['role'], 'tool')

    def test_stream_is_stored(self):
        events = self.events(model='talk')
        whole = events[-1]['response']
        self.assertEqual(self.get(f'{RESPONSES}/{whole["id"]}').json()['output'], whole['output'])

    def test_conversation(self):
        made = self.respond(model='talk')
        conversation = made.headers['patchbay-conversation']
        named = 'conv_' + conversation.replace('-', '')
        for name in (named, {'id': conversation}):
            answer = self.talk('Go on.', conversation=name)
            self.assertEqual(answer['id'][5:37], conversation.replace('-', ''))
        self.assertEqual(len(self.roles()), 5)

    def test_refusals(self):
        made = self.talk()
        unstored = self.good(store=False, model='talk')
        self.assertRegex(unstored['id'], '^resp_[0-9a-f]{32}$')
        self.assertIs(unstored['store'], False)
        self.model.requests.clear()
        self.assert_openai_error(self.get(f'{RESPONSES}/{unstored["id"]}'), 404)
        self.bad('previous_response_id', model='support', previous_response_id=made['id'])
        for name in (unstored['id'], 'resp_' + '0' * 64, 'nonsense', 'resp_'):
            error = self.bad('previous_response_id', model='talk', previous_response_id=name)
            self.assertEqual(error['code'], 'previous_response_not_found')
        self.bad('store', model='talk', store=False, previous_response_id=made['id'])
        self.bad('conversation', model='talk', conversation='x')
        self.bad('input[0].id', [{'type': 'item_reference', 'id': unstored['output'][0]['id']}])
        self.bad('input[0].id', [{'type': 'item_reference', 'id': 'msg_' + '0' * 66}])


class Thinking(ResponsesCase):
    """A model that signs what it thinks gets it back: from what is stored, from items, and from messages
    of chat completions."""
    THOUGHT = {'type': 'thinking', 'thinking': 'I think.', 'signature': 'sealed=='}
    USE = {'type': 'tool_use', 'id': 'call_7', 'name': 'weather', 'input': {'city': 'Bern'}}
    RESULT = {'type': 'function_call_output', 'call_id': 'call_7', 'output': 'Sunny.'}

    def setUp(self):
        super().setUp()
        def say(content, stop):
            return upstream.whole(200, {
                'id': 'msg_1', 'type': 'message', 'role': 'assistant', 'model': 'm',
                'content': content, 'stop_reason': stop,
                'usage': {'input_tokens': 3, 'output_tokens': 5}})
        self.model.then(say([self.THOUGHT, self.USE], 'tool_use'),
                        say([{'type': 'text', 'text': 'Sunny.'}], 'end_turn'))

    def assert_came_back(self):
        [first] = [message for message in self.asked(1)['messages']
                   if message['role'] == 'assistant']
        self.assertEqual(first['content'], [self.THOUGHT, self.USE])

    def test_stored(self):
        first = self.good('Weather?', model='thinker', tools=[TOOL])
        self.assertEqual([item['type'] for item in first['output']], ['reasoning', 'function_call'])
        self.assertEqual(first['output'][0]['encrypted_content'], 'sealed==')
        self.good([self.RESULT], model='thinker', tools=[TOOL], previous_response_id=first['id'])
        self.assert_came_back()

    def test_items(self):
        asked = [{'role': 'user', 'content': 'Weather?'}]
        first = self.good(asked, model='thinker', tools=[TOOL], store=False)
        self.good([*asked, *first['output'], self.RESULT], model='thinker', tools=[TOOL], store=False)
        self.assert_came_back()

    def test_messages(self):
        tools = [{'type': 'function', 'function': {
            name: TOOL[name] for name in ('name', 'description', 'parameters')}}]
        asked = [{'role': 'user', 'content': 'Weather?'}]
        first = self.chat(model='thinker', messages=asked, tools=tools).json()
        message = first['choices'][0]['message']
        self.assertEqual(message['thinking_blocks'], [self.THOUGHT])
        self.chat(model='thinker', tools=tools, messages=[
            *asked, message, {'role': 'tool', 'tool_call_id': 'call_7', 'content': 'Sunny.'}])
        self.assert_came_back()
