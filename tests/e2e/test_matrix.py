"""Every dialect that clients speak before every service that speaks one of its own: what translates, and
what becomes of what does not. TABLE says it for people too: plugins/http/README.md has it as it is here.
"""
import dataclasses
import os
import sys
import unittest
import unittest.mock

from harness import dialects_in, dialects_out, server
from harness.case import ServerCase
from harness.dialects_out import Said

PNG = 'iVBORw0KGgo='
PDF = 'JVBERi0xLjQK'
USER = ('user', 'text', 'Hello?')
SCHEMA = {'type': 'object', 'properties': {'a': {'type': 'string'}}, 'required': ['a'],
          'additionalProperties': False}
CALLS = (('call_1', 'weather', {'city': 'Ulm'}), ('call_2', 'time', {}))
SIGNATURES = {'openai': 'U0lH', 'anthropic': 'U0lH', 'gemini': 'gemini:U0lH'}


def rounds(thinking=()):
    """A round of two calls side by side, and their results."""
    return [USER, *thinking, ('assistant', 'text', 'Let me see.'),
            *(('assistant', 'call', call) for call in CALLS), ('user', 'result', ('call_1', 'sunny')),
            ('user', 'result', ('call_2', 'noon')), ('user', 'text', 'And?')]


def signed(signature):
    return rounds([('assistant', 'thinking', ('hm', signature))])


# What is sent: a conversation (or what makes one of the service's name) and parameters.
REQUESTS = {
    'text': ([USER], {}),
    'system message, history': ([('system', 'text', 'Be brief.'), USER, ('assistant', 'text', 'Hi.'),
                                 ('user', 'text', 'More.')], {}),
    'image, base64': ([USER, ('user', 'image', PNG)], {}),
    'image, URL': ([USER, ('user', 'image_url', 'https://example.com/a.png')], {}),
    'PDF': ([USER, ('user', 'file', PDF)], {}),
    'audio': ([USER, ('user', 'audio', 'AAAA')], {}),
    'tools, one forced': ([USER], {'tools': ['weather', 'time'], 'tool_choice': 'weather'}),
    'one call at a time': ([USER], {'tools': ['weather'], 'parallel_tool_calls': False}),
    'calls and results': (rounds(), {'tools': ['weather', 'time']}),
    'signed thinking': (lambda out: signed(SIGNATURES[out]), {}),
    'signed by another service': (lambda out: signed('other:U0lH'), {}),
    'temperature': ([USER], {'temperature': 0.5}),
    'longest answer': ([USER], {'max_tokens': 77}),
    'stop texts': ([USER], {'stop': ['END']}),
    'seed': ([USER], {'seed': 7}),
    'presence penalty': ([USER], {'presence_penalty': 1}),
    'JSON schema': ([USER], {'response_format': SCHEMA}),
    'effort': ([USER], {'reasoning_effort': 'low'}),
    'user': ([USER], {'user': 'someone'}),
    'logprobs': ([USER], {'logprobs': True}),
    '`top_k`': ([USER], {'top_k': 3}),
}
# Of these only the parameter counts, not the conversation; and the name that Patchbay-Ignored has.
IGNORED = {'signed thinking': 'thinking', 'signed by another service': 'thinking',
           'one call at a time': 'parallel_tool_calls', 'presence penalty': 'presence_penalty',
           'user': 'user', 'seed': 'seed', 'logprobs': 'logprobs', '`top_k`': 'top_k'}

# What the model says, and the member of Said that must arrive.
REPLIES = {
    'said: text': (Said('Hello there.'), 'text'),
    'said: thinking': (Said('Hi.', 'hm'), 'thinking'),
    'said: its signature': (Said('Hi.', 'hm', 'U0lH'), 'signature'),
    'said: calls side by side': (Said('Wait.', calls=CALLS, finish='tool_calls'), 'calls'),
    'finish: stop': (Said('Hi.'), 'finish'),
    'finish: length': (Said('Hi.', finish='length'), 'finish'),
    'finish: calls': (Said(calls=CALLS, finish='tool_calls'), 'finish'),
    'finish: filter': (Said('Hi.', finish='filter'), 'finish'),
    'usage, cached, reasoning': (Said('Hi.'), 'usage'),
    'said: logprobs': (Said('Hi.', logprobs=(('Hi', -0.5), ('.', -1))), 'logprobs'),
}
# (status of the service, status of ours)
ERRORS = {'error: 400': (400, 400), 'error: 401': (401, 503), 'error: 429, Retry-After': (429, 429),
          'error: 500': (500, 502), 'error: overloaded': ('overloaded', 503)}

# Of each dialect in (native, chat, responses, messages) and, in its cell, each service (openai, anthropic,
# gemini): what becomes of it.
#   yes      it arrives                 named    it is left out, and Patchbay-Ignored says so
#   refused  4xx with a sentence        -        there is no word for it
EVERYWHERE = ('yes yes yes',) * 4
TABLE = {
    'text': EVERYWHERE,
    'system message, history': ('- - -', 'yes yes yes', 'yes yes yes', 'yes yes yes'),
    'image, base64': EVERYWHERE,
    'image, URL': EVERYWHERE,
    'PDF': EVERYWHERE,
    'audio': ('yes refused yes', 'yes refused yes', '- - -', '- - -'),
    'tools, one forced': EVERYWHERE,
    'one call at a time': ('yes yes named', 'yes yes named', 'yes yes named', 'yes yes named'),
    'calls and results': ('- - -', 'yes yes yes', 'yes yes yes', 'yes yes yes'),
    'signed thinking': ('- - -', 'yes yes yes', 'named yes yes', 'named yes yes'),
    'signed by another service': ('- - -', 'yes named named', 'named named named', 'named named named'),
    'temperature': EVERYWHERE,
    'longest answer': EVERYWHERE,
    'stop texts': ('yes yes yes', 'yes yes yes', '- - -', 'yes yes yes'),
    'seed': ('yes named yes', 'yes named yes', '- - -', '- - -'),
    'presence penalty': ('yes named yes', 'yes named yes', '- - -', '- - -'),
    'JSON schema': EVERYWHERE,
    'effort': EVERYWHERE,
    'user': ('yes yes named', 'yes yes named', 'yes yes named', 'yes yes named'),
    'logprobs': ('yes named yes', 'yes named yes', 'yes named yes', '- - -'),
    '`top_k`': ('refused refused refused', 'yes named named', 'named named named', 'named yes named'),
    'said: text': EVERYWHERE,
    'said: thinking': EVERYWHERE,
    'said: its signature': ('- - -', 'yes yes yes', 'yes yes yes', 'yes yes yes'),
    'said: calls side by side': EVERYWHERE,
    'finish: stop': EVERYWHERE,
    'finish: length': EVERYWHERE,
    'finish: calls': EVERYWHERE,
    'finish: filter': EVERYWHERE,
    'usage, cached, reasoning': EVERYWHERE,
    'said: logprobs': ('- - -', 'yes - yes', 'yes - yes', '- - -'),
    'error: 400': EVERYWHERE,
    'error: 401': EVERYWHERE,
    'error: 429, Retry-After': EVERYWHERE,
    'error: 500': EVERYWHERE,
    'error: overloaded': EVERYWHERE,
}


def cell(words):
    """One cell for people."""
    words = words.split()
    if len(set(words)) == 1:
        return {'-': '–'}.get(words[0], words[0])
    names = [out.name for out in dialects_out.ALL]
    of = {word: [name for name, each in zip(names, words) if each == word] for word in words}
    return '; '.join(f'{", ".join(some)}: {"–" if word == "-" else word}' for word, some in of.items())


def rendered():
    lines = ['| | native | chat completions | responses | messages |', '|---|---|---|---|---|']
    lines += [f'| {row} | ' + ' | '.join(map(cell, cells)) + ' |' for row, cells in TABLE.items()]
    return '\n'.join(lines) + '\n'


def broken(out):
    """An answer that ends with the piece that begins the text."""
    def answer(connection, request):
        pieces = []
        out.answer(Said('Hello there.'))(unittest.mock.Mock(sendall=pieces.append), request)
        for piece in pieces:
            connection.sendall(piece)
            if b'Hel' in piece:
                return False
        raise AssertionError(f'no text: {pieces}')
    return answer


def matches(sent, arrived):
    """Thinking may come back as its signature alone."""
    role, kind, value = sent
    if kind != 'thinking':
        return sent == arrived
    return arrived[:2] == (role, kind) and arrived[2][1] == value[1] and \
        arrived[2][0] in (None, value[0])


class Matrix(ServerCase):
    CONFIG = 'matrix.yaml'

    def send(self, speaks, out, conversation, params, stream):
        """The answer, or None where the dialect has no word for it."""
        asked = speaks.ask(out.name, conversation, params, stream)
        return asked and self.post(*asked)

    def became_of_request(self, row, speaks, out, stream):
        conversation, params = REQUESTS[row]
        if callable(conversation):
            conversation = conversation(out.name)
        self.model.then(out.answer(Said('ok')))
        answer = self.send(speaks, out, conversation, params, stream)
        if answer is None:
            self.model.next.get()
            return '-'
        if answer.status != 200:
            self.model.next.get()
            self.assertTrue(400 <= answer.status < 500, answer)
            self.assertTrue(speaks.sentence(answer.json()), answer)
            return 'refused'
        self.assertEqual(speaks.heard(answer, stream).text, 'ok')
        said, given = out.asked(self.model.requests[-1].json())
        lost = [name for name, value in params.items() if given.get(name) != value]
        at = 0
        for entry in conversation:
            if at < len(said) and matches(entry, said[at]):
                at += 1
            else:
                lost.append(entry[1])
        if not lost and at == len(said):
            return 'yes'
        ignored = answer.headers.get('Patchbay-Ignored', '').split(', ')
        self.assertEqual((len(lost), at), (1, len(said)), (lost, said, given))
        self.assertIn(IGNORED.get(row), ignored, (lost, said, given))
        return 'named'

    def became_of_reply(self, row, speaks, out, stream):
        said, member = REPLIES[row]
        expected = said
        if out.name == 'gemini' and said.signature:
            expected = dataclasses.replace(said, signature='gemini:' + said.signature)
        self.model.then(out.answer(said))
        answer = self.send(speaks, out, [USER], {'tools': ['weather', 'time']}, stream)
        self.assertEqual(answer.status, 200, answer)
        heard = speaks.heard(answer, stream)
        self.assertEqual(heard.text, said.text)
        if getattr(heard, member) == getattr(expected, member):
            return 'yes'
        self.assertIn(getattr(heard, member), ('', ()), (row, heard))
        return '-'

    def became_of_error(self, row, speaks, out, stream):
        status, ours = ERRORS[row]
        retry = ['Retry-After: 7'] if status == 429 else []
        self.model.then(out.error(out.overloaded if status == 'overloaded' else status,
                                  'said by the service', headers=retry))
        answer = self.send(speaks, out, [USER], {}, stream)
        self.assertEqual(answer.headers.get('Retry-After'), '7' if retry else None, answer)
        self.assertEqual(answer.status, ours, answer)
        self.assertEqual('said by the service' in speaks.sentence(answer.json()), status == 400)
        return 'yes'

    def check(self, rows, became_of):
        for row in rows:
            for speaks, expected in zip(dialects_in.ALL, TABLE[row]):
                for out, word in zip(dialects_out.ALL, expected.split()):
                    for stream in (False, True):
                        with self.subTest(row, speaks=speaks.name, out=out.name, stream=stream):
                            self.assertEqual(became_of(row, speaks, out, stream), word)

    def test_requests(self):
        self.check(REQUESTS, self.became_of_request)

    def test_replies(self):
        self.check(REPLIES, self.became_of_reply)

    def test_errors(self):
        self.check(ERRORS, self.became_of_error)

    def test_an_answer_that_breaks_off(self):
        """Each dialect tells it in the middle of its stream."""
        for speaks in dialects_in.ALL:
            for out in dialects_out.ALL:
                with self.subTest(speaks=speaks.name, out=out.name):
                    self.model.then(broken(out))
                    answer = self.send(speaks, out, [USER], {}, True)
                    self.assertEqual(answer.status, 200, answer)
                    event, data, _ = answer.events()[-1]
                    self.assertIn(b'Hel', answer.body)
                    if speaks.name == 'responses':
                        self.assertEqual(event, 'response.failed', answer)
                        data = data['response']
                    self.assertIn('broke off', str(data.get('error') or data), answer)

    def test_who_comes_next(self):
        """What a service cannot do now another does; what it refuses is the client's to mend."""
        for first, second in (('anthropic', 'gemini'), ('gemini', 'anthropic')):
            outs = {out.name: out for out in dialects_out.ALL}
            for status, falls in ((outs[first].overloaded, True), (429, True), (500, True),
                                  (401, True), (400, False)):
                with self.subTest(first, status=status):
                    self.model.then(outs[first].error(status, 'no'))
                    if falls:
                        self.model.then(outs[second].answer(Said('the second')))
                    answer = self.post('/v1/turns', {'message': 'Hi', 'pipeline': f'{first}_first'})
                    self.assertEqual(answer.status, 200 if falls else 400, answer)
                    if falls:
                        self.assertEqual(answer.json()['message']['text'], 'the second')
                        self.assertTrue(answer.json()['answered_by']['fallback'])


class Written(unittest.TestCase):
    def test_every_row_is_in_the_table(self):
        self.assertEqual(list(TABLE), [*REQUESTS, *REPLIES, *ERRORS])

    def test_the_readme_says_the_same(self):
        path = os.path.join(server.ROOT, 'plugins', 'http', 'README.md')
        with open(path, encoding='utf-8') as file:
            self.assertIn(rendered(), file.read(), f'write this table there:\n{rendered()}')


if __name__ == '__main__':
    sys.stdout.write(rendered())
