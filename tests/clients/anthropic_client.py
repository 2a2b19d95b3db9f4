"""What applications do with Anthropic's official Python client, some scenarios a run:

    anthropic_client.py SCENARIO...

ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY say whom to ask. Prints a line of JSON for each that a test judges.
"""
import json
import os
import sys

import anthropic

client = anthropic.Anthropic(max_retries=0, timeout=60)
ASKED = [{'role': 'user', 'content': 'How do I write a plugin?'}]
REQUEST = {'model': os.environ.get('MODEL', 'support'), 'max_tokens': 200, 'messages': ASKED}
TOOLS = [{'name': 'weather', 'description': 'Tells the weather.',
          'input_schema': {'type': 'object', 'properties': {'city': {'type': 'string'}},
                           'required': ['city']}}]


def plain_of(message):
    return message.model_dump(mode='json')


def failure(call):
    try:
        call()
    except anthropic.APIError as error:
        response = getattr(error, 'response', None)
        return {'name': type(error).__name__, 'status': getattr(error, 'status_code', None),
                'type': getattr(error, 'type', None), 'message': str(error),
                'request': getattr(error, 'request_id', None),
                'after': response.headers.get('retry-after') if response is not None else None}
    return None


def models():
    ids = [model.id for model in client.models.list(limit=1)]
    return {'ids': ids, 'one': client.models.retrieve(ids[0]).display_name}


def plain():
    message = client.messages.create(**REQUEST, extra_body={'temperature': 0.5})
    return {**plain_of(message), 'request': message._request_id}


def stream():
    with client.messages.create(**REQUEST, stream=True) as events:
        told = {'events': [event.type for event in events], 'text': '', 'blocks': []}
    with client.messages.stream(**REQUEST) as helper:
        for event in helper:
            if event.type == 'text':
                told['text'] += event.text
            elif event.type == 'content_block_stop':
                told['blocks'].append(event.content_block.type)
        return {**told, 'final': plain_of(helper.get_final_message()),
                'finalText': helper.get_final_text()}


def tools():
    """Asks, runs what the model wants run, and asks again with what it said, thinking and all."""
    messages, inputs = list(ASKED), []
    while True:
        with client.messages.stream(**{**REQUEST, 'messages': messages}, tools=TOOLS) as helper:
            message = helper.get_final_message()
        messages.append({'role': 'assistant', 'content': message.content})
        if message.stop_reason != 'tool_use':
            return {'inputs': inputs, 'text': message.content[-1].text}
        calls = [block for block in message.content if block.type == 'tool_use']
        inputs += [call.input for call in calls]
        messages.append({'role': 'user', 'content': [
            {'type': 'tool_result', 'tool_use_id': call.id, 'content': 'Sunny, 23 degrees.'}
            for call in calls]})


def runner():
    """The client's own helper, of its beta part: it sends ?beta=true and anthropic-beta."""
    inputs = []

    @anthropic.beta_tool
    def weather(city: str) -> str:
        """Tells the weather."""
        inputs.append({'city': city})
        return 'Sunny, 23 degrees.'

    message = client.beta.messages.tool_runner(**REQUEST, tools=[weather]).until_done()
    return {'inputs': inputs, 'text': message.content[-1].text}


def count():
    return plain_of(client.messages.count_tokens(model=REQUEST['model'], messages=ASKED, tools=TOOLS))


def unknown():
    return failure(lambda: client.messages.create(**{**REQUEST, 'model': 'nope'}))


def invalid():
    return failure(lambda: client.messages.create(**REQUEST, extra_body={'temperature': 5}))


def failing():
    return failure(lambda: client.messages.create(**REQUEST))


def broken_stream():
    text = ''

    def read():
        nonlocal text
        for event in client.messages.create(**REQUEST, stream=True):
            text += getattr(getattr(event, 'delta', None), 'text', '')
    return {**(failure(read) or {}), 'text': text}


def retries():
    message = client.with_options(max_retries=2).messages.create(**REQUEST)
    return {'text': message.content[0].text}


def cancel():
    text = ''
    with client.messages.stream(**REQUEST) as helper:
        for text in helper.text_stream:
            break
    return {'text': text}


for name in sys.argv[1:]:
    print(json.dumps(globals()[name]()))
