"""One thing of each noun, made over HTTP: for tests that are generated from openapi.json."""
import itertools
import json

numbers = itertools.count(1)

FORM = 'x-things-boundary'


def _conversation(ask):
    made = ask('POST', '/v1/conversations/import', {'conversations': [{
        'title': 'A thing', 'pipeline': 'talk', 'messages': [
            {'role': 'user', 'text': 'Hi'}, {'role': 'assistant', 'text': 'Hello.'}]}]})
    return {'id': made['items'][0]['id']}


def _message(ask):
    conversation = _conversation(ask)['id']
    listed = ask('GET', f'/v1/conversations/{conversation}/messages')
    return {'id': conversation, 'message': listed['messages'][0]['id']}


def _turn(ask):
    return {'id': ask('POST', '/v1/turns', {'pipeline': 'talk', 'message': 'Hi', 'detach': True})['id']}


def _key(ask):
    return {'id': ask('POST', '/v1/keys', {'name': f'thing-{next(numbers)}',
                                           'scopes': ['pipelines.read']})['id']}


def _collection(ask):
    return {'name': ask('POST', '/v1/collections', {'name': f'things-{next(numbers)}'})['name']}


def _document(ask):
    text = f'Thing number {next(numbers)} is written down here.\n'
    made = ask('POST', f'/v1/documents?name=thing-{next(numbers)}.txt', text.encode(),
               {'Content-Type': 'text/plain'})
    return {'id': made['documents'][0]['id']}


def _job(ask):
    document = _document(ask)['id']
    return {'id': ask('GET', f'/v1/jobs?document={document}')['jobs'][0]['id']}


def _response(ask):
    return {'id': ask('POST', '/v1/responses', {'model': 'talk', 'input': 'Hi'})['id']}


# noun of the operation's id: makes one, and returns the values of its path's variables.
MAKERS = {
    'conversations': _conversation,
    'messages': _message,
    'turns': _turn,
    'keys': _key,
    'collections': _collection,
    'documents': _document,
    'jobs': _job,
    'responses': _response,
}
# What all tenants share, and why.
SHARED = {
    'problems.get': 'kinds of problems',
    'models.get': 'pipelines that are offered to everybody',
    'replies.forget': 'names a pipeline; what is forgotten is the own tenant\'s',
}


def asker(request, headers):
    """ask(method, path, body) as MAKERS want it: fails the test unless it went well."""
    def ask(method, path, body=None, more=None):
        answer = request(method, path, body, headers={**headers, **(more or {})})
        assert answer.status < 300, f'{method} {path}: {answer}'
        return json.loads(answer.body) if answer.body else None
    return ask


def operations(document):
    """(method, path, operation) of a document."""
    for path, item in document['paths'].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def variables(operation):
    return [each['name'] for each in operation['parameters'] if each['in'] == 'path']
