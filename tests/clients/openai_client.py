"""OpenAI's official Python client, as applications use it: its chat completions and responses, sync and async."""
import json

import openai
import player
from player import items, value
from pydantic import BaseModel

SAID = [{'role': 'user', 'content': 'Weather in Bern?'}]
CITY = {'type': 'object', 'properties': {'city': {'type': 'string'}}, 'required': ['city'],
        'additionalProperties': False}
WEATHER = {'name': 'weather', 'description': 'Tells the weather.', 'parameters': CITY, 'strict': True}
RESULT = 'Sunny, 23 degrees.'


class Trip(BaseModel):
    city: str
    days: int


class Chat:
    def __init__(self, client):
        self.client, self.create = client, client.chat.completions.create

    async def plain(self, model='support'):
        said = await value(self.create(model=model, messages=SAID, temperature=0.5))
        return {'text': said.choices[0].message.content, 'finish': said.choices[0].finish_reason,
                'usage': [said.usage.prompt_tokens, said.usage.completion_tokens]}

    async def stream(self):
        told = {'pieces': []}
        stream = await value(self.create(model='support', messages=SAID, stream=True,
                                         stream_options={'include_usage': True}))
        async for chunk in items(stream):
            for choice in chunk.choices:
                told['pieces'] += filter(None, [choice.delta.content])
                told['finish'] = choice.finish_reason
            if chunk.usage:
                told['usage'] = [chunk.usage.prompt_tokens, chunk.usage.completion_tokens]
        return told

    async def tools(self, parallel=True):
        said, asked = list(SAID), []
        while True:
            answer = await value(self.create(
                model='support', messages=said, parallel_tool_calls=parallel,
                tools=[{'type': 'function', 'function': WEATHER}]))
            message = answer.choices[0].message
            if not message.tool_calls:
                return {'text': message.content, 'asked': asked}
            said.append(message)
            for call in message.tool_calls:
                asked.append(json.loads(call.function.arguments))
                said.append({'role': 'tool', 'tool_call_id': call.id, 'content': RESULT})

    async def stream_tools(self):
        """The helper puts the pieces together, and knows when one is whole."""
        asked = []
        manager = self.client.chat.completions.stream(
            model='support', messages=SAID, tools=[{'type': 'function', 'function': WEATHER}])
        async with Entered(manager) as stream:
            async for event in items(stream):
                if event.type == 'tool_calls.function.arguments.done':
                    asked.append(event.parsed_arguments or json.loads(event.arguments))
            final = await value(stream.get_final_completion())
        return {'asked': asked, 'finish': final.choices[0].finish_reason}

    async def structured(self):
        said = await value(self.client.chat.completions.parse(
            model='support', messages=SAID, response_format=Trip))
        return said.choices[0].message.parsed.model_dump()

    async def cancel(self):
        stream = await value(self.create(model='support', messages=SAID, stream=True))
        async for chunk in items(stream):
            if text := chunk.choices[0].delta.content:
                break
        await value(stream.close())
        return {'text': text}

    async def broken(self):
        text = ''
        try:
            async for chunk in items(await value(self.create(model='support', messages=SAID,
                                                             stream=True))):
                text += chunk.choices[0].delta.content or ''
        except openai.APIError as error:
            return {**player.failure(error), 'text': text}
        return {'text': text}


class Entered:
    """`async with` for a manager of either kind."""

    def __init__(self, manager):
        self.manager = manager

    async def __aenter__(self):
        enter = getattr(self.manager, '__aenter__', None) or self.manager.__enter__
        return await value(enter())

    async def __aexit__(self, *error):
        leave = getattr(self.manager, '__aexit__', None) or self.manager.__exit__
        await value(leave(*error))


class Responses(Chat):
    def __init__(self, client):
        super().__init__(client)
        self.create = client.responses.create

    async def plain(self, model='talk'):
        said = await value(self.create(model=model, input='Weather in Bern?', temperature=0.5))
        return {'text': said.output_text, 'finish': 'stop' if said.status == 'completed' else said.status,
                'usage': [said.usage.input_tokens, said.usage.output_tokens]}

    async def stream(self):
        told = {'pieces': []}
        async for event in items(await value(self.create(model='talk', input='Hi', stream=True))):
            if event.type == 'response.output_text.delta':
                told['pieces'].append(event.delta)
            elif event.type == 'response.completed':
                usage = event.response.usage
                told.update(finish='stop', usage=[usage.input_tokens, usage.output_tokens])
        return told

    async def tools(self, parallel=True):
        """The server keeps the conversation: only the results are sent."""
        said, before, asked = 'Weather in Bern?', openai.omit, []
        while True:
            answer = await value(self.create(
                model='talk', input=said, previous_response_id=before,
                tools=[{'type': 'function', **WEATHER}], parallel_tool_calls=parallel))
            calls = [item for item in answer.output if item.type == 'function_call']
            if not calls:
                return {'text': answer.output_text, 'asked': asked}
            asked += [json.loads(call.arguments) for call in calls]
            said, before = [{'type': 'function_call_output', 'call_id': call.call_id,
                             'output': RESULT} for call in calls], answer.id

    async def stream_tools(self):
        asked = []
        manager = self.client.responses.stream(model='talk', input='Hi',
                                               tools=[{'type': 'function', **WEATHER}])
        async with Entered(manager) as stream:
            async for event in items(stream):
                if event.type == 'response.function_call_arguments.done':
                    asked.append(json.loads(event.arguments))
            final = await value(stream.get_final_response())
        calls = [item for item in final.output if item.type == 'function_call']
        return {'asked': asked, 'finish': 'tool_calls' if calls else final.status}

    async def structured(self):
        said = await value(self.client.responses.parse(model='talk', input='Hi', text_format=Trip))
        return said.output_parsed.model_dump()

    async def cancel(self):
        stream = await value(self.create(model='talk', input='Hi', stream=True))
        async for event in items(stream):
            if event.type == 'response.output_text.delta':
                break
        await value(stream.close())
        return {'text': event.delta}

    async def broken(self):
        text = ''
        try:
            async for event in items(await value(self.create(model='talk', input='Hi', stream=True))):
                text += event.delta if event.type == 'response.output_text.delta' else ''
                if event.type == 'response.failed':
                    return {'text': text, 'name': 'response.failed',
                            'message': event.response.error.message}
        except openai.APIError as error:
            return {**player.failure(error), 'text': text}
        return {'text': text}


async def common(wanted, client, api):
    """What is no matter of the api."""
    name = wanted['play']
    if name in ('unknown', 'failing'):
        try:
            await api.plain(**({'model': 'nope'} if name == 'unknown' else {}))
        except openai.APIStatusError as error:
            return {**player.failure(error), 'after': error.response.headers.get('retry-after'),
                    'request': error.request_id}
    elif name == 'retries':
        api.create = type(api)(client.with_options(max_retries=2)).create
        return await api.plain()
    elif name == 'cancel_waiting':
        return await player.cancelled(api.plain())
    elif name == 'models':
        ids = [model.id async for model in items(client.models.list())]
        return {'ids': ids, 'one': (await value(client.models.retrieve(ids[0]))).id}
    elif name == 'embeddings':
        made = [await value(client.embeddings.create(model='words', input=['a dog', 'a cat'], **more))
                for more in ({}, {'encoding_format': 'float'}, {'dimensions': 256})]
        return {'vectors': [[each.embedding for each in one.data] for one in made]}
    return None


async def scenarios(wanted):
    way, _, kind = wanted['api'].rpartition(' ')
    make = openai.AsyncOpenAI if way == 'async' else openai.OpenAI
    client = make(base_url=wanted['base'] + '/v1', api_key=wanted['key'], max_retries=0, timeout=60)
    api = {'chat': Chat, 'responses': Responses}[kind](client)
    try:
        own = getattr(api, wanted['play'], None)
        return await own() if own else await common(wanted, client, api)
    finally:
        await value(client.close())


if __name__ == '__main__':
    player.play(scenarios)
