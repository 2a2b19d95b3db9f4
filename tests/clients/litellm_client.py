"""LiteLLM as a library, as applications use it: as a client of OpenAI's two interfaces and of Anthropic's."""
import json

import litellm
import player
from player import items, value
from pydantic import BaseModel

SAID = [{'role': 'user', 'content': 'Weather in Bern?'}]
CITY = {'type': 'object', 'properties': {'city': {'type': 'string'}}, 'required': ['city']}
WEATHER = {'name': 'weather', 'description': 'Tells the weather.', 'parameters': CITY}


class Trip(BaseModel):
    city: str
    days: int


class Completions:
    """The same calls for both dialects: the library translates."""

    def __init__(self, wanted):
        self.way, _, self.kind = wanted['api'].rpartition(' ')
        self.create = litellm.acompletion if self.way else litellm.completion
        base = wanted['base'] + ('' if self.kind == 'anthropic' else '/v1')
        self.options = {'api_base': base, 'api_key': wanted['key'], 'max_retries': 0, 'timeout': 60}

    async def ask(self, model='support', **options):
        return await value(self.create(model=f'{self.kind}/{model}', messages=options.pop('messages', SAID),
                                       **{**self.options, **options}))

    async def plain(self, **options):
        said = await self.ask(temperature=0.5, **options)
        return {'text': said.choices[0].message.content, 'finish': said.choices[0].finish_reason,
                'usage': [said.usage.prompt_tokens, said.usage.completion_tokens]}

    async def pieces(self, **options):
        stream = await self.ask(stream=True, **options)
        async for chunk in items(stream if self.way else iter_of(stream)):
            yield chunk

    async def stream(self):
        told = {'pieces': []}
        async for chunk in self.pieces(stream_options={'include_usage': True}):
            for choice in chunk.choices:
                told['pieces'] += filter(None, [choice.delta.content])
                told['finish'] = choice.finish_reason or told.get('finish')
            if usage := getattr(chunk, 'usage', None):
                told['usage'] = [usage.prompt_tokens, usage.completion_tokens]
        return told

    async def answer_calls(self, ask):
        said, asked = list(SAID), []
        while True:
            message = (await ask(messages=said, tools=[{'type': 'function', 'function': WEATHER}])
                       ).choices[0].message
            if not message.tool_calls:
                return {'text': message.content, 'asked': asked}
            said.append(message.model_dump())
            for call in message.tool_calls:
                asked.append(json.loads(call.function.arguments))
                said.append({'role': 'tool', 'tool_call_id': call.id, 'content': 'Sunny, 23 degrees.'})

    async def tools(self):
        return await self.answer_calls(self.ask)

    async def stream_tools(self):
        """What an application puts together by itself."""
        async def ask(**options):
            text, calls = '', {}
            async for chunk in self.pieces(**options):
                text += chunk.choices[0].delta.content or ''
                for part in chunk.choices[0].delta.tool_calls or ():
                    call = calls.setdefault(part.index, {'id': part.id, 'type': 'function', 'function': {
                        'name': part.function.name, 'arguments': ''}})
                    call['function']['arguments'] += part.function.arguments or ''
            message = litellm.Message(content=text or None, tool_calls=list(calls.values()) or None)
            return litellm.ModelResponse(choices=[litellm.Choices(message=message)])
        return await self.answer_calls(ask)

    async def structured(self):
        said = await self.ask(response_format=Trip)
        return Trip.model_validate_json(said.choices[0].message.content).model_dump()

    async def unknown(self):
        return await caught(self.plain(model='nope'))

    async def failing(self):
        return await caught(self.plain())

    async def retries(self):
        return await self.plain(num_retries=2)

    async def text_of(self):
        async for chunk in self.pieces():
            yield chunk.choices[0].delta.content or ''

    async def broken(self):
        texts = []

        async def read():
            async for text in self.text_of():
                texts.append(text)
        told = await caught(read())
        return {**(told or {}), 'text': ''.join(texts)}

    async def cancel(self):
        stream = await self.ask(stream=True)
        async for chunk in items(stream if self.way else iter_of(stream)):
            if text := chunk.choices[0].delta.content:
                break
        await close(stream)
        return {'text': text}

    async def cancel_waiting(self):
        return await player.cancelled(self.plain())

    async def embeddings(self):
        made = await litellm.aembedding(model='openai/words', input=['a dog', 'a cat'], **self.options)
        return {'vectors': [[each['embedding'] for each in made.data]]}


def iter_of(stream):
    """Of a thing that says it is sync and async, the former."""
    yield from stream


async def close(stream):
    """As the library's own documentation has it where a stream is left: aclose, or what it wraps."""
    if hasattr(stream, 'aclose'):
        return await stream.aclose()
    inner = stream.completion_stream
    return await value(getattr(inner, 'response', inner).close())


async def caught(call):
    try:
        await call
    except Exception as error:  # its classes are many
        return player.failure(error)
    return None


async def scenarios(wanted):
    return await getattr(Completions(wanted), wanted['play'])()


if __name__ == '__main__':
    player.play(scenarios)
