"""Haystack's OpenAI generators and embedder, as applications use them, over chat completions and responses."""
import openai
import player
from haystack.components.agents import Agent
from haystack.components.embedders import OpenAITextEmbedder
from haystack.components.generators.chat import OpenAIChatGenerator, OpenAIResponsesChatGenerator
from haystack.dataclasses import ChatMessage
from haystack.tools import create_tool_from_function
from haystack.utils import Secret
from player import value
from pydantic import BaseModel

SAID = [ChatMessage.from_user('Weather in Bern?')]


class Trip(BaseModel):
    city: str
    days: int


class Enough(Exception):
    """The application wants no more."""


class Scenarios:
    def __init__(self, wanted):
        self.way, _, self.kind = wanted['api'].rpartition(' ')
        self.options = {'api_base_url': wanted['base'] + '/v1', 'max_retries': 0,
                        'api_key': Secret.from_token(wanted['key'])}
        self.made = []

    def generator(self, **options):
        kind = OpenAIResponsesChatGenerator if self.kind == 'responses' else OpenAIChatGenerator
        options = {'model': 'talk' if self.kind == 'responses' else 'support', **self.options,
                   'generation_kwargs': {'temperature': 0.5}, **options}
        self.made.append(kind(**options))
        return self.made[-1]

    async def run(self, thing, **options):
        return await value((thing.run_async if self.way else thing.run)(**options))

    async def reply(self, **options):
        return (await self.run(self.generator(**options), messages=SAID))['replies'][0]

    async def close(self):
        for each in self.made:
            await value(each.close_async() if self.way else each.close())

    def heard(self, hear):
        """A callback of the right kind."""
        async def later(piece):
            hear(piece)
        return later if self.way else hear

    @staticmethod
    def told(reply):
        usage = reply.meta['usage']
        return {'finish': 'stop' if reply.meta.get('status') == 'completed' else reply.meta['finish_reason'],
                'usage': [usage.get('prompt_tokens', usage.get('input_tokens')),
                          usage.get('completion_tokens', usage.get('output_tokens'))]}

    async def plain(self):
        reply = await self.reply()
        return {'text': reply.text, **self.told(reply)}

    async def stream(self):
        pieces = []
        more = {'stream_options': {'include_usage': True}} if self.kind == 'chat' else {}
        reply = await self.reply(generation_kwargs=more, streaming_callback=self.heard(
            lambda piece: pieces.extend(filter(None, [piece.content]))))
        return {'pieces': pieces, **self.told(reply)}

    async def tools(self, **options):
        """The agent of the framework runs the tool and asks again."""
        asked = []

        def weather(city: str) -> str:
            """Tells the weather."""
            asked.append({'city': city})
            return 'Sunny, 23 degrees.'
        agent = Agent(chat_generator=self.generator(**options),
                      tools=[create_tool_from_function(weather)])
        done = await self.run(agent, messages=SAID)
        return {'text': done['last_message'].text, 'asked': sorted(asked, key=lambda each: each['city'])}

    async def stream_tools(self):
        return await self.tools(streaming_callback=self.heard(lambda piece: None))

    async def structured(self):
        name = 'text_format' if self.kind == 'responses' else 'response_format'
        reply = await self.reply(generation_kwargs={name: Trip})
        return Trip.model_validate_json(reply.text).model_dump()

    async def unknown(self):
        return await caught(self.reply(model='nope'))

    async def failing(self):
        return await caught(self.reply())

    async def retries(self):
        return {'text': (await self.reply(max_retries=2)).text}

    async def broken(self):
        pieces = []
        told = await caught(self.reply(streaming_callback=self.heard(
            lambda piece: pieces.append(piece.content or ''))))
        return {**(told or {}), 'text': ''.join(pieces)}

    async def cancel(self):
        pieces = []

        def hear(piece):
            pieces.append(piece.content)
            if piece.content:
                raise Enough
        try:
            await self.reply(streaming_callback=self.heard(hear))
        except Enough:
            return {'text': pieces[-1]}
        return None

    async def cancel_waiting(self):
        return await player.cancelled(self.reply())

    async def embeddings(self):
        embedder = OpenAITextEmbedder(model='words', **self.options)
        return {'vectors': [[(await self.run(embedder, text='a dog'))['embedding']]]}


async def caught(call):
    try:
        await call
    except openai.APIError as error:
        return player.failure(error)
    return None


async def scenarios(wanted):
    mine = Scenarios(wanted)
    try:
        return await getattr(mine, wanted['play'])()
    finally:
        await mine.close()


if __name__ == '__main__':
    player.play(scenarios)
