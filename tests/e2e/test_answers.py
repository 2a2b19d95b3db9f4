"""The quickstart answers from its own manuals: forty questions with the place that must be cited, fifteen
that they do not answer, and the same pipeline with a model."""
import glob
import json
import os
import re
import time
import unittest

from harness import client, server, upstream

HERE = os.path.dirname(os.path.abspath(__file__))
QUICKSTART = os.path.join('config', 'quickstart.yaml')
NOTHING = 'I found no answer to that in the documents.'


def questions(name):
    with open(os.path.join(HERE, 'answers', f'{name}.jsonl'), encoding='utf-8') as file:
        return [json.loads(line) for line in file]


def manuals():
    """How many files the quickstart's source `manuals` has."""
    with open(os.path.join(server.ROOT, QUICKSTART), encoding='utf-8') as file:
        include, exclude = (re.search(rf'{name}: (\[.*\])', text).group(1)
                            for text in [file.read()] for name in ('include', 'exclude'))
    found = {path for pattern in json.loads(include)
             for path in glob.glob(pattern, root_dir=server.ROOT)}
    return len(found - set(json.loads(exclude)))


def cited(gold, sources):
    """Is one of the places among the sources?"""
    return any(source['document'] == place['document'] and
               place['heading'].lower() in source.get('heading', '').lower()
               for place in gold for source in sources)


class Indexed(unittest.TestCase):
    """The quickstart with two workers, once its manuals are found."""
    ENVIRONMENT = {}

    @classmethod
    def setUpClass(cls):
        cls.server = server.Server(QUICKSTART, env=cls.ENVIRONMENT)
        cls.wait()

    @classmethod
    def wait(cls):
        """Until every document of the manuals is ready."""
        until = time.monotonic() + server.PATIENCE * 2
        wanted, counted = {'ready': manuals()}, None
        while time.monotonic() < until:
            answer = client.request(cls.server.port, 'GET', '/v1/collections/manuals')
            counted = answer.json().get('documents', {}) if answer.status == 200 else answer.status
            if counted == wanted:
                return
            time.sleep(0.05)
        raise AssertionError(f'the manuals are {counted}, not {wanted}\n{cls.server.output()[-4000:]}')

    @classmethod
    def tearDownClass(cls):
        code = cls.server.stop()
        if code != 0:
            raise AssertionError(f'serve ended with {code}:\n{cls.server.said[-6000:]}')

    def turn(self, message, **more):
        answer = client.request(self.server.port, 'POST', '/v1/turns',
                                dict({'message': message}, **more))
        self.assertEqual(answer.status, 200, answer)
        return answer.json()

    def completion(self, text, **more):
        return client.request(self.server.port, 'POST', '/v1/chat/completions', dict(
            {'model': 'support', 'messages': [{'role': 'user', 'content': text}]}, **more))


class Answers(Indexed):
    def test_questions_with_an_answer(self):
        missed = []
        for entry in questions('answered'):
            said = self.turn(entry['question'])
            if not cited(entry['gold'], said['sources']):
                places = [(one['document'], one.get('heading')) for one in said['sources']]
                missed.append(f'{entry["question"]}\n  cited: {places}\n'
                              f'  {said["message"]["text"][:200]!r}')
            for source in said['sources']:
                self.assertIn(f'[{source["index"]}]', said['message']['text'], entry)
        self.assertEqual(missed, [], '\n'.join(missed))

    def test_questions_without_an_answer(self):
        for entry in questions('unanswered'):
            with self.subTest(entry['question']):
                said = self.turn(entry['question'])
                self.assertEqual((said['message']['text'], said['sources']), (NOTHING, []))

    def test_there_are_enough_of_them(self):
        self.assertGreaterEqual(len({one['question'] for one in questions('answered')}), 40)
        self.assertGreaterEqual(len({one['question'] for one in questions('unanswered')}), 15)

    def test_the_first_thing_to_try(self):
        """The curl of the README, streamed: text with [1], then structured sources."""
        answer = self.completion('How do I write a plugin?', stream=True)
        self.assertEqual(answer.status, 200, answer)
        lines = [line[6:] for line in answer.body.decode().splitlines() if line.startswith('data: ')]
        self.assertEqual(lines[-1], '[DONE]')
        chunks = [json.loads(line) for line in lines[:-1]]
        pieces = [choice['delta'].get('content') or '' for chunk in chunks
                  for choice in chunk['choices']]
        self.assertGreater(sum(1 for piece in pieces if piece), 3, 'it streams')
        text = ''.join(pieces)
        self.assertIn('[1]', text)
        self.assertIn('plugin', text)
        told = [chunk for chunk in chunks if chunk.get('sources')]
        self.assertEqual(len(told), 1, chunks[-1])
        self.assertIs(told[0], chunks[-1])
        sources = told[0]['sources']
        self.assertEqual(sources[0]['index'], 1)
        self.assertIn('sdk/README.md', [source['document'] for source in sources])
        for source in sources:
            self.assertLessEqual({'document', 'document_id', 'collection', 'heading', 'lines',
                                  'score', 'quote', 'passage'}, set(source), source)
            self.assertEqual(source['collection'], 'manuals')
            self.check_place(source)
        self.assertEqual(chunks[-1]['patchbay']['llm'], 'quotes')

    def check_place(self, source):
        """The quote stands in those lines of that file, but for marks that the extractor drops."""
        with open(os.path.join(server.ROOT, source['document']), encoding='utf-8') as file:
            lines = file.read().splitlines()
        first, last = source['lines']
        self.assertTrue(1 <= first <= last <= len(lines), source)

        def words(text):
            return ''.join(char for char in text if char.isalnum())
        self.assertIn(words(source['quote'])[:40], words('\n'.join(lines[first - 1:last])), source)
        self.assertTrue(0 < source['score'] <= 1, source)

    def test_not_streamed(self):
        told = self.completion('How do I write a plugin?').json()
        self.assertIn('[1]', told['choices'][0]['message']['content'])
        self.assertEqual(told['choices'][0]['finish_reason'], 'stop')
        self.assertTrue(told['sources'])
        self.assertGreater(told['usage']['prompt_tokens'], 100)

    def test_a_question_that_leans_on_another(self):
        first = self.turn('How do I make an API key?')
        second = self.turn('and how do I revoke it?', conversation=first['conversation'])
        self.assertIn('plugins/api-key/README.md',
                      [source['document'] for source in second['sources']], second)

    def test_what_is_dropped_into_the_folder(self):
        folder = os.path.join(self.server.folder.name, 'data', 'documents')
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, 'zebras.txt'), 'w', encoding='utf-8') as file:
            file.write('Zebras sleep standing up. Zebras eat mostly grass.\n')
        until = time.monotonic() + server.PATIENCE
        while time.monotonic() < until:
            said = self.turn('What do zebras eat?')
            if said['sources']:
                break
            time.sleep(0.05)
        self.assertIn('Zebras eat mostly grass.', said['message']['text'])
        self.assertEqual(said['sources'][0]['document'], 'zebras.txt')

    def test_greetings(self):
        self.assertIn('I answer questions', self.turn('Hello!')['message']['text'])


class WithAModel(Indexed):
    """The model is asked with the passages; while it is away the quotes answer."""
    MORE = {}

    @classmethod
    def setUpClass(cls):
        cls.model = upstream.Upstream()
        cls.ENVIRONMENT = {'OPENAI_BASE_URL': cls.model.url, 'OPENAI_API_KEY': 'sk-x', **cls.MORE}
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.model.close()

    def test_it_gets_the_passages(self):
        said = self.turn('How do I write a plugin?')
        self.assertEqual(said['message']['text'], 'Hello from the model.')
        self.assertEqual(said['answered_by']['llm'], 'main')
        self.assertFalse(said['answered_by']['fallback'])
        self.assertEqual(said['sources'], [], 'it cited none')
        system = self.model.requests[-1].json()['messages'][0]['content']
        self.assertRegex(system, r'\[\d+\] sdk/README\.md')
        self.assertIn('cite the passage', system)
        said = self.turn('What is the capital of France?')
        self.assertEqual(said['status'], 'done')

    def test_quotes_answer_while_it_is_away(self):
        for status in (503, 429):
            self.model.then(upstream.error(status, 'busy'))
            said = self.turn('How do I write a plugin?')
            self.assertEqual(said['answered_by']['llm'], 'quotes')
            self.assertTrue(said['answered_by']['fallback'])
            self.assertIn('sdk/README.md', [source['document'] for source in said['sources']])


class WithASlowModel(WithAModel):
    """It takes the question and says nothing."""
    MORE = {'OPENAI_TIMEOUT': '300ms'}

    def test_it_gets_the_passages(self):
        self.model.then(upstream.then_wait())
        said = self.turn('How do I write a plugin?')
        self.assertEqual(said['answered_by']['llm'], 'quotes')
        self.assertTrue(said['answered_by']['fallback'])
        self.assertIn('[1]', said['message']['text'])


if __name__ == '__main__':
    unittest.main()
