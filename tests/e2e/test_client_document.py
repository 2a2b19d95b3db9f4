"""clients/typescript/openapi.json is what a server with every service answers. It is written anew by

    PATCHBAY_TEST_WRITE=1 python3 tests/run.py --build BUILD e2e -k client_document
"""
import json
import os

from harness import server
from harness.case import ServerCase

DOCUMENT = os.path.join(server.ROOT, 'clients', 'typescript', 'openapi.json')


class ClientDocument(ServerCase):
    CONFIG = 'everything.yaml'

    def test_is_current(self):
        served = json.dumps(self.get('/openapi.json').json(), indent=1, ensure_ascii=False) + '\n'
        if os.environ.get('PATCHBAY_TEST_WRITE'):
            with open(DOCUMENT, 'w', encoding='utf-8') as file:
                file.write(served)
        with open(DOCUMENT, encoding='utf-8') as file:
            self.assertTrue(file.read() == served,
                            'operations changed: write the document anew, as this file says')
