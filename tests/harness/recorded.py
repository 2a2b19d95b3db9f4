"""Exchanges that real clients had with the server, as files: the requests as they were sent, and what
is expected of the answers and asked of the model, with names in place of ids and times.

A name is given to an id when it is first seen in an answer, so a later request that carries the id is
written with the name and sent with the id of this time.
"""
import copy
import gzip
import http.client
import json
import re

from harness import client, upstream

ID = re.compile(r'\b(?:(?:resp|msg|rs|fc|fco|conv|toolu)_[0-9a-f]{32,72}|(?:chatcmpl-|msg_)?[0-9a-f]{8}'
                r'-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\b')
ISO = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ')
TIMES = {'created', 'created_at', 'completed_at'}
# What is of one machine, or secret, or made by the connection.
LEFT_OUT = re.compile(r'host|connection|content-length|transfer-encoding|authorization|x-api-key|cookie|'
                      r'traceparent|x-stainless-(os|arch|runtime.*|timeout)|sec-fetch-mode')


class Names:
    def __init__(self):
        self.names = {}

    def name(self, text):
        """With names for all ids, new ones too."""
        return ID.sub(lambda found: self.names.setdefault(
            found.group(0), f'<id {len(self.names) + 1}>'), text)

    def known(self, value):
        """With names for the ids that were seen before; others are the client's own."""
        return self._map(value, lambda text: ID.sub(
            lambda found: self.names.get(found.group(0), found.group(0)), text))

    def ids(self, value):
        """The other way round."""
        ids = {name: each for each, name in self.names.items()}
        return self._map(value, lambda text: re.sub(
            r'<id \d+>', lambda found: ids.get(found.group(0), found.group(0)), text))

    def _map(self, value, change):
        if isinstance(value, dict):
            return {key: self._map(each, change) for key, each in value.items()}
        if isinstance(value, list):
            return [self._map(each, change) for each in value]
        return change(value) if isinstance(value, str) else value

    def normal(self, value, key=None):
        if isinstance(value, dict):
            return {name: self.normal(each, name) for name, each in value.items()}
        if isinstance(value, list):
            if len(value) > 64 and all(isinstance(each, float) for each in value):
                return f'<{len(value)} numbers>'
            return [self.normal(each) for each in value]
        if key in TIMES and (isinstance(value, int) or ISO.fullmatch(str(value))):
            return '<time>'
        if key == 'request_id':
            return '<request>' if value else value
        if key == 'embedding' and isinstance(value, str):
            return f'<{len(value)} characters of base64>'
        return self.name(value) if isinstance(value, str) else value


def model_answer(spec):
    """["completion", text], ["calls", [name, arguments] …], ["error", status, sentence]."""
    kind, *rest = spec
    if kind == 'completion':
        return upstream.completion(rest[0])
    if kind == 'calls':
        calls = [{'id': f'call_{at}', 'type': 'function',
                  'function': {'name': name, 'arguments': arguments}}
                 for at, (name, arguments) in enumerate(rest)]
        return upstream.completion(None, tool_calls=calls)
    if kind == 'error':
        return upstream.error(rest[0], rest[1])
    raise ValueError(f'{kind} is no answer of a model')


def keep_headers(headers):
    return {name.lower(): value for name, value in headers.items()
            if not LEFT_OUT.fullmatch(name.lower())}


def expectation(status, headers, body, names):
    """What an answer is, without what is another every time."""
    kind = (headers.get('content-type') or '').split(';')[0]
    if headers.get('content-encoding') == 'gzip':
        body = gzip.decompress(body)
    expected = {'status': status, 'type': kind}
    if kind == 'text/event-stream':
        events = list(client.parse_events(body))
        expected['events'] = [[event, names.normal(data)] for event, data, _ in events]
    elif body:
        expected['body'] = names.normal(json.loads(body))
    return expected


def send(port, request):
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=30)
    body = request.get('body')
    data = None if body is None else json.dumps(body).encode()
    try:
        connection.request(request['method'], request['path'], data, request['headers'])
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def play(port, model, recording):
    """Sends the requests of a recording again; the recording as it is now."""
    names, played = Names(), copy.deepcopy(recording)
    for spec in recording['model']:
        model.then(model_answer(spec))
    for exchange in played['exchanges']:
        before = len(model.requests)
        answer = send(port, names.ids(exchange['request']))
        exchange['answer'] = expectation(*answer, names)
        exchange['asked'] = [names.normal(names.known(each.json()))
                             for each in model.requests[before:]]
    return played


def write(path, recording):
    with open(path, 'w', encoding='utf-8') as file:
        json.dump(recording, file, indent=1, ensure_ascii=False, sort_keys=False)
        file.write('\n')
