"""Keys written where nobody looks for them: none is printed, whatever else is wrong."""
import os
import tempfile
import unittest

from harness import server


class Planted(unittest.TestCase):
    def run_on(self, text, *command):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'c.yaml')
            with open(path, 'w', encoding='utf-8') as file:
                file.write(text)
            return server.run(*command, '-c', path)

    def assert_hidden(self, text, code):
        for command in (('show',), ('show', '--json'), ('check',), ('check', '--json')):
            done = self.run_on(text, *command)
            said = done.stdout + done.stderr
            self.assertEqual(done.returncode, code, said)
            self.assertNotIn('planted', said, command)

    def test_of_a_proxy(self):
        self.assert_hidden('llms: {main: {use: openai, model: m, '
                           'proxy: "http://me:planted@proxy:3128"}}\n', 0)

    def test_under_a_plugin_that_is_missing(self):
        self.assert_hidden('llms: {main: {use: gone, api_key: planted, more: [{token: planted}]}}\n'
                           'pipelines: {p: {stages: [gone: {password: planted}]}}\n', 2)

    def test_in_the_wrong_shape(self):
        self.assert_hidden('llms: {main: {use: openai, model: m, api_key: [planted], '
                           'headers: ["Authorization: planted"]}}\n', 2)

    def test_in_a_url(self):
        done = self.run_on('llms: {main: {use: openai, model: m, '
                           'base_url: "https://me:planted@models.example.com/v1"}}\n', 'check')
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn('llms.main.base_url: must not have a user name or password', done.stdout)
        self.assertNotIn('planted', done.stdout)
        done = self.run_on('llms: {main: {use: openai, model: m, '
                           'base_url: "https://models.example.com/v1/@me?"}}\n', 'check')
        self.assertEqual(done.returncode, 0, done.stdout)
