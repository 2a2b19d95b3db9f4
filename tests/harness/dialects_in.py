"""A conversation (see dialects_out) in the words of each dialect that clients speak, and a reply in ours.

ask(...) gives the path and body of a request, or None where the dialect has no word for something.
heard(...) gives a Said.
"""
import json

from harness.dialects_out import Said

PDF = 'data:application/pdf;base64,'


def grouped(conversation):
    """(role, [(kind, value)]) of each message: a result stands alone, the system too."""
    messages = []
    for role, kind, value in conversation:
        alone = kind == 'result' or role == 'system'
        if alone or not messages or messages[-1][0] != role or messages[-1][1][0][0] == 'result':
            messages.append((role, []))
        messages[-1][1].append((kind, value))
    return messages


def renamed(params, names):
    """None where a parameter has no name."""
    if any(name not in names for name in params):
        return None
    return {names[name]: value for name, value in params.items()}


def schema_format(schema):
    return {'type': 'json_schema', 'json_schema': {'name': 'out', 'schema': schema}}


def functions(names):
    return [{'type': 'function', 'function': {'name': name, 'parameters': {'type': 'object'}}}
            for name in names]


def deltas(events, name, member='delta'):
    return ''.join(data[member] for event, data, _ in events if event == name)


class Native:
    name = 'native'

    @staticmethod
    def ask(pipeline, conversation, params, stream):
        parts = []
        for role, kind, value in conversation:
            if role != 'user' or kind == 'result':
                return None
            parts.append({'text': {'type': 'text', 'text': value},
                          'image': {'type': 'image', 'mime': 'image/png', 'content': value},
                          'image_url': {'type': 'image', 'url': value},
                          'file': {'type': 'file', 'mime': 'application/pdf', 'content': value},
                          'audio': {'type': 'audio', 'mime': 'audio/wav', 'content': value}}[kind])
        params = dict(params)
        if 'response_format' in params:
            params['response_format'] = schema_format(params['response_format'])
        if 'tools' in params:
            params['tools'] = functions(params['tools'])
        if 'tool_choice' in params:
            params['tool_choice'] = functions([params['tool_choice']])[0]
        return '/v1/turns', {'pipeline': pipeline, 'message': parts, 'stream': stream,
                             'overrides': params}

    @staticmethod
    def heard(answer, stream):
        body = answer.json() if not stream else None
        if stream:
            events = answer.events()
            assert events[-1][0] == 'done', events[-1]
            body = events[-1][1]
            body['message'].update(text=deltas(events, 'text'), thinking=deltas(events, 'thinking'),
                                   tool_calls=[data for event, data, _ in events
                                               if event == 'tool.call'])
        usage, message = body['usage'], body['message']
        return Said(message.get('text', ''), message.get('thinking', ''), calls=tuple(
            (call['id'], call['name'], json.loads(call['arguments']))
            for call in message.get('tool_calls', ())),
                    finish=message['finish'].replace('content_filter', 'filter'),
                    usage=(usage['input_tokens'], usage['output_tokens'], usage['cached_tokens'],
                           usage['reasoning_tokens']))

    @staticmethod
    def sentence(body):
        return body['detail']


class Chat:
    name = 'chat'

    @staticmethod
    def part(kind, value):
        return {'text': {'type': 'text', 'text': value},
                'image': {'type': 'image_url', 'image_url': {'url': f'data:image/png;base64,{value}'}},
                'image_url': {'type': 'image_url', 'image_url': {'url': value}},
                'file': {'type': 'file', 'file': {'filename': 'a.pdf', 'file_data': f'{PDF}{value}'}},
                'audio': {'type': 'input_audio', 'input_audio': {'data': value, 'format': 'wav'}}}[kind]

    @classmethod
    def message(cls, role, content):
        if content[0][0] == 'result':
            call, text = content[0][1]
            return {'role': 'tool', 'tool_call_id': call, 'content': text}
        message = {'role': role}
        parts = [cls.part(kind, value) for kind, value in content if kind not in ('call', 'thinking')]
        message['content'] = parts if role == 'user' else ''.join(part['text'] for part in parts)
        blocks = [{'type': 'thinking', 'thinking': value[0], 'signature': value[1]}
                  for kind, value in content if kind == 'thinking']
        calls = [{'id': value[0], 'type': 'function', 'function': {
            'name': value[1], 'arguments': json.dumps(value[2])}}
                 for kind, value in content if kind == 'call']
        if blocks:
            message['thinking_blocks'] = blocks
        if calls:
            message['tool_calls'] = calls
        return message

    @classmethod
    def ask(cls, pipeline, conversation, params, stream):
        params = dict(params)
        if 'response_format' in params:
            params['response_format'] = schema_format(params['response_format'])
        if 'tools' in params:
            params['tools'] = functions(params['tools'])
        if 'tool_choice' in params:
            params['tool_choice'] = {'type': 'function', 'function': {'name': params['tool_choice']}}
        return '/v1/chat/completions', dict(
            params, model=pipeline, stream=stream, **({'stream_options': {'include_usage': True}}
                                                      if stream else {}),
            messages=[cls.message(role, content) for role, content in grouped(conversation)])

    @staticmethod
    def assembled(events):
        """A completion, put together from its chunks."""
        message, choice, usage = {'content': '', 'tool_calls': []}, {}, None
        for _, data, _ in events:
            if data == '[DONE]':
                break
            usage = data.get('usage') or usage
            for one in data['choices']:
                choice['finish_reason'] = one['finish_reason']
                if one.get('logprobs'):
                    choice['logprobs'] = one['logprobs']
                delta = one['delta']
                for name in ('content', 'reasoning_content'):
                    message[name] = message.get(name, '') + (delta.get(name) or '')
                message.setdefault('thinking_blocks', []).extend(delta.get('thinking_blocks', ()))
                for call in delta.get('tool_calls', ()):
                    if call['index'] == len(message['tool_calls']):
                        message['tool_calls'].append(call)
                    else:
                        known = message['tool_calls'][call['index']]['function']
                        known['arguments'] += call['function']['arguments']
        return {'choices': [dict(choice, message=message)], 'usage': usage}

    @classmethod
    def heard(cls, answer, stream):
        body = cls.assembled(answer.events()) if stream else answer.json()
        choice, usage = body['choices'][0], body['usage']
        message = choice['message']
        blocks = [block for block in message.get('thinking_blocks') or () if block.get('signature')]
        tokens = (choice.get('logprobs') or {}).get('content') or ()
        return Said(message['content'] or '', message.get('reasoning_content') or '',
                    blocks[-1]['signature'] if blocks else '',
                    tuple((call['id'], call['function']['name'],
                           json.loads(call['function']['arguments']))
                          for call in message.get('tool_calls') or ()),
                    choice['finish_reason'].replace('content_filter', 'filter'),
                    (usage['prompt_tokens'], usage['completion_tokens'],
                     usage['prompt_tokens_details']['cached_tokens'],
                     usage['completion_tokens_details']['reasoning_tokens']),
                    tuple((token['token'], token['logprob']) for token in tokens))

    @staticmethod
    def sentence(body):
        return body['error']['message']


class Responses:
    name = 'responses'

    @staticmethod
    def items(role, content):
        parts = []
        for kind, value in content:
            if kind == 'result':
                yield {'type': 'function_call_output', 'call_id': value[0], 'output': value[1]}
            elif kind == 'call':
                yield {'type': 'function_call', 'call_id': value[0], 'name': value[1],
                       'arguments': json.dumps(value[2])}
            elif kind == 'thinking':
                yield {'type': 'reasoning', 'id': 'rs_1', 'encrypted_content': value[1],
                       'summary': [{'type': 'summary_text', 'text': value[0]}]}
            elif kind == 'audio':
                yield None
            else:
                parts.append({
                    'text': {'type': 'output_text' if role == 'assistant' else 'input_text',
                             'text': value},
                    'image': {'type': 'input_image', 'image_url': f'data:image/png;base64,{value}'},
                    'image_url': {'type': 'input_image', 'image_url': value},
                    'file': {'type': 'input_file', 'filename': 'a.pdf',
                             'file_data': f'{PDF}{value}'}}[kind])
        if parts:
            yield {'type': 'message', 'role': role, 'content': parts}

    @classmethod
    def ask(cls, pipeline, conversation, params, stream):
        body = renamed(params, {'temperature': 'temperature', 'max_tokens': 'max_output_tokens',
                                'user': 'user', 'parallel_tool_calls': 'parallel_tool_calls',
                                'tools': 'tools', 'tool_choice': 'tool_choice',
                                'reasoning_effort': 'reasoning', 'response_format': 'text',
                                'logprobs': 'include', 'top_k': 'top_k'})
        items = []
        for role, content in grouped(conversation):
            of_message = list(cls.items(role, content))
            items += sorted((item for item in of_message), key=lambda item: (
                item is not None and {'reasoning': 0, 'message': 1}.get(item['type'], 2)))
        if body is None or None in items:
            return None
        if 'reasoning' in body:
            body['reasoning'] = {'effort': body['reasoning']}
        if 'text' in body:
            body['text'] = {'format': {'type': 'json_schema', 'name': 'out', 'schema': body['text']}}
        if 'include' in body:
            body['include'] = ['message.output_text.logprobs']
        if 'tools' in body:
            body['tools'] = [{'type': 'function', 'name': name, 'parameters': {'type': 'object'}}
                             for name in body['tools']]
        if 'tool_choice' in body:
            body['tool_choice'] = {'type': 'function', 'name': body['tool_choice']}
        return '/v1/responses', dict(body, model=pipeline, stream=stream, input=items, store=False,
                                     include=[*body.get('include', ()), 'reasoning.encrypted_content'])

    @staticmethod
    def heard(answer, stream):
        body = answer.json() if not stream else None
        if stream:
            events = answer.events()
            body = events[-1][1]['response']
        said = Said()
        for item in body['output']:
            if item['type'] == 'reasoning':
                said.thinking += ''.join(part['text'] for part in item['summary'])
                said.signature = item.get('encrypted_content') or said.signature
            elif item['type'] == 'function_call':
                said.calls += ((item['call_id'], item['name'], json.loads(item['arguments'])),)
            else:
                said.text += ''.join(part['text'] for part in item['content'])
                said.logprobs += tuple((token['token'], token['logprob']) for part in item['content']
                                       for token in part.get('logprobs') or ())
        if stream:
            assert deltas(events, 'response.output_text.delta') == said.text, events
            assert deltas(events, 'response.reasoning_summary_text.delta') == said.thinking, events
        why = (body.get('incomplete_details') or {}).get('reason')
        said.finish = {'max_output_tokens': 'length', 'content_filter': 'filter'}.get(
            why, 'tool_calls' if said.calls else 'stop')
        usage = body['usage']
        said.usage = (usage['input_tokens'], usage['output_tokens'],
                      usage['input_tokens_details']['cached_tokens'],
                      usage['output_tokens_details']['reasoning_tokens'])
        return said

    sentence = Chat.sentence


class Messages:
    name = 'messages'

    @staticmethod
    def block(kind, value):
        source = {'image': {'type': 'base64', 'media_type': 'image/png', 'data': value},
                  'image_url': {'type': 'url', 'url': value},
                  'file': {'type': 'base64', 'media_type': 'application/pdf', 'data': value}}
        if kind in source:
            return {'type': 'document' if kind == 'file' else 'image', 'source': source[kind]}
        if kind == 'thinking':
            return {'type': 'thinking', 'thinking': value[0], 'signature': value[1]}
        if kind == 'call':
            return {'type': 'tool_use', 'id': value[0], 'name': value[1], 'input': value[2]}
        if kind == 'result':
            return {'type': 'tool_result', 'tool_use_id': value[0], 'content': value[1]}
        return {'type': 'text', 'text': value}

    @classmethod
    def ask(cls, pipeline, conversation, params, stream):
        body = renamed(params, {'temperature': 'temperature', 'max_tokens': 'max_tokens',
                                'stop': 'stop_sequences', 'user': 'metadata', 'tools': 'tools',
                                'tool_choice': 'tool_choice', 'parallel_tool_calls': 'parallel',
                                'response_format': 'format', 'reasoning_effort': 'effort',
                                'top_k': 'top_k'})
        if body is None or any(kind == 'audio' for _, kind, _ in conversation):
            return None
        if 'metadata' in body:
            body['metadata'] = {'user_id': body['metadata']}
        if 'tools' in body:
            body['tools'] = [{'name': name, 'input_schema': {'type': 'object'}}
                             for name in body['tools']]
        choice = {'type': 'auto'}
        if 'tool_choice' in body:
            choice = {'type': 'tool', 'name': body['tool_choice']}
        if 'parallel' in body:
            choice['disable_parallel_tool_use'] = not body.pop('parallel')
        if choice != {'type': 'auto'}:
            body['tool_choice'] = choice
        if 'format' in body:
            body['output_config'] = {'format': {'type': 'json_schema', 'schema': body.pop('format')}}
        if 'effort' in body:
            body['output_config'] = {'effort': body.pop('effort')}
        messages = []
        for role, content in grouped(conversation):
            blocks = [cls.block(kind, value) for kind, value in content]
            if role == 'system':
                body.setdefault('system', []).extend(blocks)
            elif messages and messages[-1]['role'] == role:
                messages[-1]['content'] += blocks
            else:
                messages.append({'role': role, 'content': blocks})
        return '/v1/messages', {'max_tokens': 100, **body, 'model': pipeline, 'messages': messages,
                                'stream': stream}

    @staticmethod
    def assembled(events):
        """A message, put together from its events."""
        message = None
        for name, data, _ in events:
            if name == 'message_start':
                message = data['message']
            elif name == 'content_block_start':
                message['content'].append(dict(data['content_block'], partial=''))
            elif name == 'content_block_delta':
                block, delta = message['content'][-1], dict(data['delta'])
                del delta['type']
                for member, value in delta.items():
                    member = {'partial_json': 'partial'}.get(member, member)
                    block[member] = block.get(member, '') + value
            elif name == 'message_delta':
                message.update(data['delta'], usage=data['usage'])
        for block in message['content']:
            if block['type'] == 'tool_use':
                block['input'] = json.loads(block['partial'])
        return message

    @classmethod
    def heard(cls, answer, stream):
        body = cls.assembled(answer.events()) if stream else answer.json()
        said = Said()
        for block in body['content']:
            said.text += block.get('text', '')
            said.thinking += block.get('thinking', '')
            said.signature = block.get('signature') or said.signature
            if block['type'] == 'tool_use':
                said.calls += ((block['id'], block['name'], block['input']),)
        said.finish = {'end_turn': 'stop', 'max_tokens': 'length', 'tool_use': 'tool_calls',
                       'refusal': 'filter'}[body['stop_reason']]
        usage = body['usage']
        cached = usage['cache_read_input_tokens']
        said.usage = (usage['input_tokens'] + cached, usage['output_tokens'], cached,
                      (usage.get('output_tokens_details') or {}).get('thinking_tokens'))
        return said

    sentence = Chat.sentence


ALL = (Native, Chat, Responses, Messages)
