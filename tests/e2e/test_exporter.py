"""What `patchbay new exporter` writes, in a server with two workers: what happened is in its file, once."""
import json
import os
import subprocess
import tempfile
import unittest

from harness import client, server

CONFIG = '''host: {workers: 2, log: {format: json}}
plugins: {path: [plugins]}
exporters: {file: {use: lines}}
llms: {script: {use: replay, replies: [{text: hi}]}}
pipelines: {p: {stages: [{generate: {llm: script}}]}}
transports: {web: {use: http, listen: "127.0.0.1:0", pipelines: [p]}}
'''
TURN = '0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a%02d'
TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
CALLER = '00f067aa0ba902b7'


class Exporter(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix='patchbay-exporter-')
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        template = os.path.join(server.ROOT, 'sdk', 'template', 'exporter', 'NAME.c')
        source = os.path.join(cls.folder, 'lines.c')
        with open(template, encoding='utf-8') as file:
            text = file.read().replace('@NAME@', 'lines').replace('@ID@', 'lines')
        with open(source, 'w', encoding='utf-8') as file:
            file.write(text)
        os.mkdir(os.path.join(cls.folder, 'plugins'))
        subprocess.run(['gcc', '-O1', '-shared', '-fPIC', '-fvisibility=hidden', '-I',
                        os.path.join(server.ROOT, 'sdk', 'include'), source, '-o',
                        os.path.join(cls.folder, 'plugins', 'lines.so')], check=True)
        cls.config = os.path.join(cls.folder, 'patchbay.yaml')
        with open(cls.config, 'w', encoding='utf-8') as file:
            file.write(CONFIG)

    def serve(self, *arguments):
        self.data = tempfile.mkdtemp(prefix='data-', dir=self.folder)
        served = server.Server(self.config, data_dir=self.data, workers=None, arguments=arguments)
        self.addCleanup(lambda: served.process.poll() is None and served.kill())
        return served

    def lines(self):
        with open(os.path.join(self.data, 'records.jsonl'), encoding='utf-8') as file:
            return [json.loads(line) for line in file]

    def test_turns_and_operations_of_all_workers_appear_once(self):
        served = self.serve()
        turns = []
        for number in range(20):  # connections of their own, so both workers answer some
            answer = client.request(served.port, 'POST', '/v1/turns', {'pipeline': 'p', 'message': 'a secret'},
                                    {'traceparent': f'00-{TRACE}-{CALLER}-01'})
            self.assertEqual(answer.status, 200, answer)
            turns.append(answer.json()['id'])
            answer = client.request(served.port, 'DELETE', '/v1/turns/' + TURN % number)
            self.assertEqual(answer.status, 404, answer)
        self.assertEqual(served.stop(), 0, served.said)  # what waits is handed over first
        self.assertNotIn('"level":"error"', served.said)
        lines = self.lines()
        self.assertNotIn('secret', json.dumps(lines))
        spans = [line for line in lines if 'span' in line]
        self.assertEqual(sorted(span['turn'] for span in spans if span['kind'] == 'turn'), sorted(turns))
        self.assertEqual(len(spans), 3 * len(turns))  # the turn, its stage, its model
        self.assertEqual(len({span['span'] for span in spans}), len(spans))
        for span in spans:
            self.assertEqual(span['trace'], TRACE)
            if span['kind'] == 'turn':
                self.assertEqual(span['parent'], CALLER)
            else:
                self.assertIn(span['parent'], {at['span'] for at in spans if at['turn'] == span['turn']})
        audit = [line for line in lines if 'action' in line]
        self.assertEqual(sorted(line['object'] for line in audit), [TURN % number for number in range(20)])
        for line in audit:
            self.assertEqual((line['action'], line['status'], line['remote'][:4]),
                             ('turns.cancel', 'not_found', '127.'), line)

    def test_an_operator_sees_what_is_lost_and_what_is_refused(self):
        served = self.serve('--set', 'host.limits.cleanup=200ms')  # to hand over when it stops
        os.mkdir(os.path.join(self.data, 'records.jsonl'))  # the file is in the way
        self.assertEqual(client.request(served.port, 'DELETE', '/v1/turns/' + TURN % 1).status, 404)
        client.request(served.port, 'POST', '/v1/turns', {'pipeline': 'p', 'message': 'hi'})
        served.wait_log('took no audit records: ')
        figures = client.request(served.port, 'GET', '/metrics').body.decode()
        self.assertRegex(figures, r'patchbay_exporter_dropped_total\{instance="file"\} 0\n')
        self.assertRegex(figures, r'patchbay_exporter_failures_total\{instance="file"\} [1-9]')
        self.assertRegex(figures, r'patchbay_exporter_waiting\{instance="file"\} [1-9]')
        self.assertEqual(served.stop(), 0, served.said)
        self.assertIn("audit record that the exporter 'file' did not take", served.said)
        self.assertIn('turns.cancel', served.said)


if __name__ == '__main__':
    unittest.main()
