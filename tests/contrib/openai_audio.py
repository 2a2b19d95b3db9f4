"""OpenAI's official Python client speaks, has it written down again, and meets errors: openai_audio.py BASE."""
import io
import json
import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1], api_key='any', max_retries=0)
told = {}


def heard(wav, name='order.wav', **more):
    return client.audio.transcriptions.create(model='whisper-1', file=(name, wav), **more)


def failure(call):
    try:
        call()
    except openai.APIStatusError as error:
        return [type(error).__name__, error.status_code, error.param, str(error.message)]
    return None


def speech(**more):
    wanted = {'model': 'tts-1', 'voice': 'alloy', 'input': 'Go forward ten meters.', 'response_format': 'wav'}
    return client.audio.speech.create(**{**wanted, **more})


wav = speech().read()
told['wav'] = len(wav)
told['pcm'] = len(speech(response_format='pcm').content)
with client.audio.speech.with_streaming_response.create(model='tts-1', voice='alloy', input='Go forward. ' * 40,
                                                        response_format='wav') as response:
    told['pieces'] = sum(1 for _ in response.iter_bytes(4096))
told['text'] = heard(wav).text
told['seconds'] = heard(wav).usage.seconds
told['plain'] = heard(wav, response_format='text')
told['srt'] = heard(wav, response_format='srt')
verbose = heard(io.BytesIO(wav), response_format='verbose_json', timestamp_granularities=['segment'], language='en')
told['verbose'] = [verbose.language, verbose.duration, verbose.segments[0].text, verbose.segments[0].end]
told['voice'] = failure(lambda: speech(voice='nobody'))
told['model'] = failure(lambda: speech(model='gpt-4o-mini-tts'))
told['mp3'] = failure(lambda: speech(response_format='mp3'))
told['mute'] = failure(lambda: speech(model='whisper-1'))
told['type'] = failure(lambda: heard(b'ID3 and so on', 'song.mp3'))
told['damaged'] = failure(lambda: heard(wav[:30]))
told['language'] = failure(lambda: heard(wav, language='de'))
print(json.dumps(told))
