"""Answers for harness.upstream as Anthropic's API gives them, whole or as a stream."""
import json

from harness import upstream


def event(data):
    return upstream.chunk(f'event: {data["type"]}\ndata: {json.dumps(data)}\n\n'.encode())


# Of each type of block: where its text is, and what its deltas are called.
TEXTS = {'text': [('text', 'text', 'text')], 'redacted_thinking': [],
         'thinking': [('thinking', 'thinking', 'thinking'), ('signature', 'signature', 'signature')],
         'tool_use': [('input', 'input_json', 'partial_json')]}


def events_of(index, block):
    """The events of one block: its text in two halves, its signature in one piece."""
    texts = TEXTS[block['type']]
    empty = {member: {} if member == 'input' else '' for member, _, _ in texts}
    yield {'type': 'content_block_start', 'index': index, 'content_block': {**block, **empty}}
    for member, delta, name in texts:
        said = json.dumps(block[member]) if member == 'input' else block[member]
        half = len(said) // 2 if member != 'signature' else 0
        for part in filter(None, (said[:half], said[half:])):
            yield {'type': 'content_block_delta', 'index': index,
                   'delta': {'type': delta + '_delta', name: part}}
    yield {'type': 'content_block_stop', 'index': index}


def reply(*blocks, stop='end_turn', **usage):
    """A message of these blocks; a stop_sequence is "END"."""
    totals = {'input_tokens': 20, 'cache_read_input_tokens': 5, 'cache_creation_input_tokens': 0,
              'output_tokens': 9, **usage}
    ended = {'stop_reason': stop, 'stop_sequence': 'END' if stop == 'stop_sequence' else None}
    message = {'id': 'msg_1', 'type': 'message', 'role': 'assistant', 'model': 'scripted-1',
               'content': list(blocks), 'usage': totals, **ended}

    def answer(connection, request):
        if not request.json().get('stream'):
            return upstream.whole(200, message)(connection, request)
        begun = {**message, 'content': [], 'stop_reason': None, 'stop_sequence': None}
        connection.sendall(upstream.STREAM_HEAD + event({'type': 'message_start', 'message': begun}))
        for index, block in enumerate(blocks):
            for each in events_of(index, block):
                connection.sendall(event(each))
        connection.sendall(event({'type': 'message_delta', 'delta': ended, 'usage': {
            'output_tokens': totals['output_tokens']}}) + event({'type': 'message_stop'}) +
            b'0\r\n\r\n')
        return None
    return answer
