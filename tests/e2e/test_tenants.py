"""What belongs to one tenant is nowhere for another: generated from openapi.json, so that an operation that is
added is tested, or fails the test until somebody says how a thing of its noun is made."""
import re

from harness import things
from harness.case import ServerCase

ANNA = {'Authorization': 'Bearer planted-key-of-root-0123456789'}
EVE = {'Authorization': 'Bearer planted-key-of-eve-0123456789'}
UUID = re.compile('[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')


class Tenants(ServerCase):
    CONFIG = 'everything.yaml'

    def named(self):
        """The operations that name a thing in their path."""
        document = self.get('/openapi.json').json()
        return [each for each in things.operations(document)
                if things.variables(each[2]) and each[2]['operationId'] not in things.SHARED]

    def call(self, operation, method, path, values, headers):
        """With the example's body but for the ids in it, so that nothing but the thing can be missing."""
        for name, value in values.items():
            path = path.replace('{%s}' % name, value)
        body = None
        if 'requestBody' in operation:
            content = operation['requestBody']['content']['application/json']
            body = {name: value for name, value in content.get('example', {}).items()
                    if not UUID.fullmatch(str(value))}
        return self.request(method, path, body, headers=headers)

    def test_every_noun_can_be_made(self):
        nouns = {operation['operationId'].split('.')[0] for _, _, operation in self.named()}
        self.assertEqual(nouns - set(things.MAKERS), set(),
                         'tests/harness/things.py does not say how to make one')

    def test_another_tenant_finds_nothing(self):
        ask = things.asker(self.request, ANNA)
        tried = 0
        for method, path, operation in self.named():
            with self.subTest(operation['operationId']):
                values = things.MAKERS[operation['operationId'].split('.')[0]](ask)
                values = {name: values[name] for name in things.variables(operation)}
                foreign = self.call(operation, method, path, values, EVE)
                self.assertEqual(foreign.status, 404, foreign)
                for value in values.values():
                    self.assertNotIn(f'"{value}"', foreign.body.decode())
                own = self.call(operation, method, path, values, ANNA)
                self.assertNotIn(own.status, (401, 403, 404), own)
                tried += 1
        self.assertGreater(tried, 25)

    def test_another_tenant_lists_nothing(self):
        ask = things.asker(self.request, ANNA)
        made = {noun: make(ask) for noun, make in things.MAKERS.items()}
        document = self.get('/openapi.json').json()
        for method, path, operation in things.operations(document):
            verb = operation['operationId'].split('.')[1]
            if method != 'GET' or verb != 'list' or things.variables(operation):
                continue
            with self.subTest(operation['operationId']):
                listed = self.request('GET', path, headers=EVE)
                self.assertEqual(listed.status, 200, listed)
                for values in made.values():
                    for value in values.values():
                        self.assertNotIn(f'"{value}"', listed.body.decode())
