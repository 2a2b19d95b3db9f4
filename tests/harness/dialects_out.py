"""What a model says, in the words of each service; and what a service was asked, in our words.

A conversation is a list of (role, kind, value): ('user', 'text', 'Hi'), ('user', 'image', base64),
('assistant', 'call', (id, name, arguments)), ('user', 'result', (id, text)),
('assistant', 'thinking', (text, signature)).
"""
import dataclasses
import json

from harness import anthropic, gemini, upstream


@dataclasses.dataclass
class Said:
    text: str = ''
    thinking: str = ''
    signature: str = ''
    calls: tuple = ()  # of (id, name, arguments)
    finish: str = 'stop'
    usage: tuple = (20, 9, 5, 3)  # input, output, of them from the cache, of them reasoning
    logprobs: tuple = ()  # of (token, logprob)


class OpenAI:
    name = 'openai'
    finishes = {'stop': 'stop', 'length': 'length', 'tool_calls': 'tool_calls',
                'filter': 'content_filter'}

    @classmethod
    def answer(cls, said):
        message = {'role': 'assistant', 'content': said.text or None}
        if said.thinking:
            message['reasoning_content'] = said.thinking
        if said.signature:
            message['thinking_blocks'] = [{'type': 'thinking', 'thinking': said.thinking,
                                           'signature': said.signature}]
        if said.calls:
            message['tool_calls'] = [
                {'index': at, 'id': call, 'type': 'function',
                 'function': {'name': name, 'arguments': json.dumps(arguments)}}
                for at, (call, name, arguments) in enumerate(said.calls)]
        of_input, of_output, cached, reasoning = said.usage
        usage = {'prompt_tokens': of_input, 'completion_tokens': of_output,
                 'total_tokens': of_input + of_output,
                 'prompt_tokens_details': {'cached_tokens': cached},
                 'completion_tokens_details': {'reasoning_tokens': reasoning}}
        logprobs = {'content': [{'token': token, 'logprob': value, 'bytes': None,
                                 'top_logprobs': []} for token, value in said.logprobs]}
        finish = cls.finishes[said.finish]
        more = {'logprobs': logprobs} if said.logprobs else {}

        def answer(connection, request):
            if not request.json().get('stream'):
                return upstream.whole(200, {
                    'model': 'scripted-1', 'usage': usage, 'choices': [
                        {'index': 0, 'message': message, 'finish_reason': finish, **more}]})(
                            connection, request)
            connection.sendall(upstream.STREAM_HEAD)
            for choice in ({'delta': message, **more}, {'delta': {}, 'finish_reason': finish}):
                connection.sendall(upstream.chunk(b'data: ' + json.dumps(
                    {'model': 'scripted-1', 'choices': [{'index': 0, **choice}]}).encode() + b'\n\n'))
            connection.sendall(upstream.chunk(b'data: ' + json.dumps(
                {'choices': [], 'usage': usage}).encode() + b'\n\ndata: [DONE]\n\n') + b'0\r\n\r\n')
            return None
        return answer

    error = staticmethod(upstream.error)
    overloaded = 503

    @staticmethod
    def asked(body):
        said = []
        for message in body['messages']:
            role, content = message['role'], message.get('content')
            if role == 'tool':
                said.append(('user', 'result', (message['tool_call_id'], content)))
                continue
            for block in message.get('thinking_blocks', ()):
                said.append((role, 'thinking', (block['thinking'], block['signature'])))
            parts = content if isinstance(content, list) else [{'type': 'text', 'text': content}]
            said += [(role, *OpenAI.part(part)) for part in parts if part.get('text') != '']
            for call in message.get('tool_calls', ()):
                said.append((role, 'call', (call['id'], call['function']['name'],
                                            json.loads(call['function']['arguments']))))
        params = {name: body[name] for name in body if name not in ('model', 'messages', 'stream',
                                                                     'stream_options')}
        if 'max_completion_tokens' in params:
            params['max_tokens'] = params.pop('max_completion_tokens')
        if isinstance(params.get('stop'), str):
            params['stop'] = [params['stop']]
        if 'response_format' in params:
            params['response_format'] = params['response_format']['json_schema']['schema']
        if isinstance(params.get('tool_choice'), dict):
            params['tool_choice'] = params['tool_choice']['function']['name']
        if 'tools' in params:
            params['tools'] = [tool['function']['name'] for tool in params['tools']]
        return [entry for entry in said if entry[2] is not None], params

    @staticmethod
    def part(part):
        if part['type'] == 'image_url':
            url = part['image_url']['url']
            return ('image', url.split(',')[1]) if url.startswith('data:') else ('image_url', url)
        if part['type'] == 'file':
            return 'file', part['file']['file_data'].split(',')[1]
        if part['type'] == 'input_audio':
            return 'audio', part['input_audio']['data']
        return 'text', part['text']


class Anthropic:
    name = 'anthropic'
    finishes = {'stop': 'end_turn', 'length': 'max_tokens', 'tool_calls': 'tool_use',
                'filter': 'refusal'}

    @classmethod
    def answer(cls, said):
        blocks = []
        if said.thinking:
            blocks.append({'type': 'thinking', 'thinking': said.thinking,
                           'signature': said.signature})
        if said.text:
            blocks.append({'type': 'text', 'text': said.text})
        blocks += [{'type': 'tool_use', 'id': call, 'name': name, 'input': arguments}
                   for call, name, arguments in said.calls]
        of_input, of_output, cached, reasoning = said.usage
        return anthropic.reply(*blocks, stop=cls.finishes[said.finish],
                               input_tokens=of_input - cached, cache_read_input_tokens=cached,
                               output_tokens=of_output,
                               output_tokens_details={'thinking_tokens': reasoning})

    @staticmethod
    def error(status, message, headers=()):
        return upstream.whole(status, {'type': 'error', 'error': {'type': 'x', 'message': message}},
                              headers)

    overloaded = 529

    @staticmethod
    def asked(body):
        system = body.get('system', ())
        said = [('system', 'text', block['text'])
                for block in ([{'text': system}] if isinstance(system, str) else system)]
        for message in body['messages']:
            content = message['content']
            blocks = [{'type': 'text', 'text': content}] if isinstance(content, str) else content
            said += [(message['role'], *Anthropic.block(block)) for block in blocks]
        params = {ours: body[name] for ours, name in
                  (('temperature', 'temperature'), ('max_tokens', 'max_tokens'),
                   ('stop', 'stop_sequences'), ('top_k', 'top_k')) if name in body}
        output, choice = body.get('output_config', {}), body.get('tool_choice', {})
        if 'user_id' in body.get('metadata', {}):
            params['user'] = body['metadata']['user_id']
        if 'format' in output:
            params['response_format'] = output['format']['schema']
        if 'effort' in output:
            params['reasoning_effort'] = output['effort']
        if 'tools' in body:
            params['tools'] = [tool['name'] for tool in body['tools']]
        if choice.get('type') == 'tool':
            params['tool_choice'] = choice['name']
        if choice.get('disable_parallel_tool_use'):
            params['parallel_tool_calls'] = False
        return said, params

    @staticmethod
    def block(block):
        source = block.get('source', {})
        if block['type'] == 'image':
            return ('image_url', source['url']) if source['type'] == 'url' else ('image',
                                                                                  source['data'])
        if block['type'] == 'document':
            return 'file', source['data']
        if block['type'] == 'thinking':
            return 'thinking', (block['thinking'], block['signature'])
        if block['type'] == 'tool_use':
            return 'call', (block['id'], block['name'], block['input'])
        if block['type'] == 'tool_result':
            content = block['content']
            return 'result', (block['tool_use_id'],
                              content if isinstance(content, str) else content[0]['text'])
        return 'text', block['text']


class Gemini:
    name = 'gemini'
    finishes = {'stop': 'STOP', 'length': 'MAX_TOKENS', 'tool_calls': 'STOP', 'filter': 'SAFETY'}

    @classmethod
    def answer(cls, said):
        parts = [{'text': said.thinking, 'thought': True}] if said.thinking else []
        if said.text:
            parts.append({'text': said.text})
        if said.signature:
            parts.append({'text': '', 'thoughtSignature': said.signature})
        parts += [{'functionCall': {'id': call, 'name': name, 'args': arguments}}
                  for call, name, arguments in said.calls]
        of_input, of_output, cached, reasoning = said.usage
        chosen = [{'token': token, 'logProbability': value} for token, value in said.logprobs]
        return gemini.reply(*parts, finish=cls.finishes[said.finish],
                            logprobs={'chosenCandidates': chosen} if chosen else None,
                            promptTokenCount=of_input, cachedContentTokenCount=cached,
                            candidatesTokenCount=of_output - reasoning, thoughtsTokenCount=reasoning)

    error = staticmethod(gemini.error)
    overloaded = 503

    @staticmethod
    def asked(body):
        said = [('system', 'text', part['text'])
                for part in body.get('systemInstruction', {}).get('parts', ())]
        for content in body['contents']:
            role = 'assistant' if content['role'] == 'model' else 'user'
            said += [(role, *Gemini.part(part)) for part in content['parts']]
        config = body['generationConfig']
        params = {ours: config[name] for ours, name in
                  (('temperature', 'temperature'), ('max_tokens', 'maxOutputTokens'),
                   ('stop', 'stopSequences'), ('seed', 'seed'), ('logprobs', 'responseLogprobs'),
                   ('presence_penalty', 'presencePenalty'),
                   ('response_format', 'responseJsonSchema')) if name in config}
        if 'thinkingLevel' in config.get('thinkingConfig', {}):
            params['reasoning_effort'] = config['thinkingConfig']['thinkingLevel']
        if 'tools' in body:
            params['tools'] = [one['name'] for one in body['tools'][0]['functionDeclarations']]
        calling = body.get('toolConfig', {}).get('functionCallingConfig', {})
        if 'allowedFunctionNames' in calling:
            params['tool_choice'] = calling['allowedFunctionNames'][0]
        return said, params

    @staticmethod
    def part(part):
        data = part.get('inlineData', {})
        if data:
            kind = {'image': 'image', 'audio': 'audio'}.get(data['mimeType'].split('/')[0], 'file')
            return kind, data['data']
        if 'fileData' in part:
            return 'image_url', part['fileData']['fileUri']
        if 'functionCall' in part:
            call = part['functionCall']
            return 'call', (call['id'], call['name'], call['args'])
        if 'functionResponse' in part:
            result = part['functionResponse']
            return 'result', (result['id'], result['response']['output'])
        if 'thoughtSignature' in part and not part['text']:
            return 'thinking', (None, 'gemini:' + part['thoughtSignature'])
        return 'text', part['text']


ALL = (OpenAI, Anthropic, Gemini)
