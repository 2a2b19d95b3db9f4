"""Vercel's AI SDK and LangChain for Node against the real server. Of each the last release that takes Node 18;
recorded/ has what their latest ones send."""
import os
import unittest

import packages
import playing
from harness import upstream


class Node(playing.Clients):
    PLAYER = None

    @classmethod
    def setUpClass(cls):
        place = packages.node_with(cls.PLAYER, 'player.mjs')
        cls.COMMAND = ('node', os.path.join(place, cls.PLAYER))
        super().setUpClass()

    def test_embeddings(self):
        self.assertEqual({len(vector) for vector in self.play('embeddings')['vectors'][0]}, {256})


class AiSdk(Node):
    PLAYER = 'ai_sdk.mjs'
    APIS = ('chat', 'responses', 'compatible')
    WRONG_KEY = 'AI_APICallError', 401
    UNKNOWN = 'AI_APICallError', 404
    SLOW = 'AI_APICallError', 429
    BROKEN = {'chat': 'server_error', 'responses': 'error', 'compatible': 'server_error'}
    CANCELLED = 'AbortError'

    @playing.for_each_api
    def test_object(self, api):
        self.model.then(upstream.completion('{"city":"Bern","days":3}'))
        self.assertEqual(self.play('object', api), {'city': 'Bern', 'days': 3})


class LangChain(Node):
    PLAYER = 'langchain.mjs'
    APIS = ('chat', 'responses')
    BROKEN = {'chat': 'APIError', 'responses': None}  # it does not look at response.failed
    CANCELLED = 'AbortError'


CASES = (AiSdk, LangChain)


def load_tests(loader, _tests, _pattern):
    suite = unittest.TestSuite()
    for case in CASES:
        suite.addTests(loader.loadTestsFromTestCase(case))
    return suite
