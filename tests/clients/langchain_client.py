"""LangChain's OpenAI models for Python, as applications use them, over chat completions and responses."""
import openai
import player
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from player import items, value
from pydantic import BaseModel


class Trip(BaseModel):
    """Where somebody goes."""
    city: str
    days: int


@tool
def weather(city: str) -> str:
    """Tells the weather."""
    return f'Sunny, 23 degrees. ({city})'


class Scenarios:
    def __init__(self, wanted):
        way, _, kind = wanted['api'].rpartition(' ')
        self.way = 'a' if way else ''
        self.options = {'base_url': wanted['base'] + '/v1', 'api_key': wanted['key'], 'max_retries': 0}
        self.chat = {'temperature': 0.5, 'model': 'talk' if kind == 'responses' else 'support',
                     'use_responses_api': kind == 'responses', 'stream_usage': True,
                     'use_previous_response_id': kind == 'responses', **self.options}

    def of(self, runnable, name):
        """invoke or stream of something, or ainvoke and astream."""
        return getattr(runnable, self.way + name)

    async def invoke(self, said='Weather in Bern?', **options):
        return await value(self.of(ChatOpenAI(**{**self.chat, **options}), 'invoke')(said))

    @staticmethod
    def end(metadata):
        status = metadata.get('finish_reason') or metadata.get('status')
        return 'stop' if status == 'completed' else status

    async def plain(self):
        said = await self.invoke()
        return {'text': said.text, 'finish': self.end(said.response_metadata), 'usage': [
            said.usage_metadata['input_tokens'], said.usage_metadata['output_tokens']]}

    async def stream(self):
        whole, pieces = None, []
        async for piece in items(self.of(ChatOpenAI(**self.chat), 'stream')('Hi')):
            pieces += filter(None, [piece.text])
            whole = piece if whole is None else whole + piece
        return {'pieces': pieces, 'finish': self.end(whole.response_metadata), 'usage': [
            whole.usage_metadata['input_tokens'], whole.usage_metadata['output_tokens']]}

    async def answer_calls(self, ask):
        said, asked = [HumanMessage('Weather in Bern?')], []
        while True:
            answer = await ask(said)
            if not answer.tool_calls:
                return {'text': answer.text, 'asked': asked}
            said.append(answer)
            for call in answer.tool_calls:
                asked.append(call['args'])
                said.append(ToolMessage(tool_call_id=call['id'],
                                        content=await value(self.of(weather, 'invoke')(call['args']))))

    async def tools(self):
        able = ChatOpenAI(**self.chat).bind_tools([weather])
        return await self.answer_calls(lambda said: value(self.of(able, 'invoke')(said)))

    async def stream_tools(self):
        able = ChatOpenAI(**self.chat).bind_tools([weather])

        async def ask(said):
            whole = None
            async for piece in items(self.of(able, 'stream')(said)):
                whole = piece if whole is None else whole + piece
            return whole
        return await self.answer_calls(ask)

    async def structured(self):
        chain = ChatOpenAI(**self.chat).with_structured_output(Trip)
        return (await value(self.of(chain, 'invoke')('Where to?'))).model_dump()

    async def unknown(self):
        return await caught(self.invoke(model='nope'))

    async def failing(self):
        return await caught(self.invoke())

    async def retries(self):
        return {'text': (await self.invoke(max_retries=2)).text}

    async def broken(self):
        text = ''
        try:
            async for piece in items(self.of(ChatOpenAI(**self.chat), 'stream')('Hi')):
                text += piece.text
        except (openai.APIError, ValueError) as error:  # the latter for a response that failed
            return {**player.failure(error), 'text': text}
        return {'text': text}

    async def cancel(self):
        stream = self.of(ChatOpenAI(**self.chat), 'stream')('Hi')
        async for piece in items(stream):
            if piece.text:
                break
        await (stream.aclose() if self.way else value(stream.close()))
        return {'text': piece.text}

    async def cancel_waiting(self):
        return await player.cancelled(self.invoke())

    async def embeddings(self):
        # Without the check of lengths, which fetches the vocabulary of OpenAI's models.
        made = OpenAIEmbeddings(model='words', check_embedding_ctx_length=False, **self.options)
        return {'vectors': [await value(self.of(made, 'embed_documents')(['a dog', 'a cat'])),
                            [await value(self.of(made, 'embed_query')('a dog'))]]}



async def caught(call):
    try:
        await call
    except openai.APIStatusError as error:
        return {**player.failure(error), 'after': error.response.headers.get('retry-after')}
    return None


async def scenarios(wanted):
    return await getattr(Scenarios(wanted), wanted['play'])()


if __name__ == '__main__':
    player.play(scenarios)
