"""OpenAI's official Python client (two generations) and the frameworks over it, against the real server."""
import os
import unittest

import packages
import playing

LONG = True


class Python(playing.Clients):
    """PLAYER and what it needs."""
    PLAYER = REQUIREMENTS = None

    @classmethod
    def setUpClass(cls):
        cls.COMMAND = (packages.python_with(cls.REQUIREMENTS), os.path.join(packages.HERE, cls.PLAYER))
        super().setUpClass()

    def test_embeddings(self):
        for vectors in self.play('embeddings', self.APIS[0])['vectors']:
            self.assertEqual({len(vector) for vector in vectors}, {256})


class OpenAI(Python):
    PLAYER, REQUIREMENTS = 'openai_client.py', 'openai_requirements.txt'
    APIS = ('chat', 'responses', 'async chat', 'async responses')
    SOME = {'test_cancel_while_waiting': ('async chat', 'async responses')}
    BROKEN = {'chat': 'APIError', 'responses': 'response.failed'}

    def test_models(self):
        self.assertEqual(self.play('models'), {'ids': ['support', 'talk', 'words'], 'one': 'support'})

    def test_embeddings(self):
        """Asked for base64, as the client does by itself, they are the numbers it gets otherwise."""
        usual, plain, short = self.play('embeddings')['vectors']
        self.assertEqual(len(usual), 2)
        for one, other in zip(sum(usual, []), sum(plain, [])):
            self.assertAlmostEqual(one, other, places=5)
        self.assertEqual([len(vector) for vector in short], [256, 256])


class OpenAI2(OpenAI):
    """The generation that the frameworks use."""
    REQUIREMENTS = 'frameworks_requirements.txt'


class LangChain(Python):
    PLAYER, REQUIREMENTS = 'langchain_client.py', 'frameworks_requirements.txt'
    APIS = ('chat', 'responses', 'async chat', 'async responses')
    SOME = {'test_cancel_while_waiting': ('async chat', 'async responses')}
    BROKEN = {'chat': 'APIError', 'responses': 'ValueError'}
    UNKNOWN = 'OpenAIModelNotFoundError', 404
    WRONG_KEY = 'OpenAIAuthenticationError', 401
    SLOW = 'OpenAIRateLimitError', 429


class Haystack(Python):
    PLAYER, REQUIREMENTS = 'haystack_client.py', 'frameworks_requirements.txt'
    APIS = ('chat', 'responses', 'async chat', 'async responses')
    SOME = {'test_cancel_while_waiting': ('async chat', 'async responses')}
    BROKEN = {'chat': 'APIError', 'responses': None}  # it does not look at response.failed


class LiteLLM(Python):
    PLAYER, REQUIREMENTS = 'litellm_client.py', 'frameworks_requirements.txt'
    APIS = ('openai', 'anthropic', 'async openai', 'async anthropic')
    SOME = {'test_cancel_while_waiting': ('async openai', 'async anthropic'),
            'test_structured': ('openai', 'async openai')}  # for the other it makes up a tool
    BROKEN = {'openai': 'MidStreamFallbackError', 'anthropic': 'MidStreamFallbackError'}


CASES = (OpenAI, OpenAI2, LangChain, Haystack, LiteLLM)


def load_tests(loader, _tests, _pattern):
    suite = unittest.TestSuite()
    for case in CASES:
        suite.addTests(loader.loadTestsFromTestCase(case))
    return suite
