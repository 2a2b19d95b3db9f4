"""A supervisor and its workers: commands on the running server, respawns, reloads, what is said of it."""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from harness import client, server, upstream

CONFIG = """\
host:
  workers: 2
  log: {level: info, format: json}
llms:
  main: {use: openai, base_url: "${UPSTREAM}", model: MODEL, api_key: !file secret}
pipelines:
  support:
    stages:
      - generate: {llm: main}
transports:
  web: {use: http, listen: "127.0.0.1:0", pipelines: [support]}
"""


class Tree(unittest.TestCase):
    """A server of its own for each test, with a configuration that the test edits."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='patchbay-workers-')
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.config = os.path.join(self.folder, 'patchbay.yaml')
        self.data = os.path.join(self.folder, 'data')
        self.model = upstream.Upstream()
        self.addCleanup(self.model.close)
        self.env = {'UPSTREAM': self.model.url}
        self.write('secret', 'first-secret\n')
        self.configure()
        self.server = None

    def tearDown(self):
        if self.server and self.server.process.poll() is None:
            self.assertEqual(self.server.stop(), 0, self.server.said[-4000:])

    def write(self, name, text):
        with open(os.path.join(self.folder, name), 'w', encoding='utf-8') as file:
            file.write(text)

    def configure(self, text=CONFIG, model='scripted'):
        self.write('patchbay.yaml', text.replace('MODEL', model))

    def serve(self, *arguments):
        self.server = server.Server(self.config, env=self.env, data_dir=self.data,
                                    arguments=arguments, workers=None)
        self.port = self.server.port
        return self.server

    def patchbay(self, command, *arguments):
        return server.run(command, *arguments, '-c', self.config, '--data-dir', self.data,
                          env=self.env)

    def good(self, done, code=0):
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout

    def live(self):
        return json.loads(self.good(self.patchbay('inspect', '--live', '--json')))

    def workers(self, state='serving'):
        return {worker['worker']: worker for worker in self.live()['workers']
                if worker['state'] == state}

    def wait(self, what, condition):
        until = time.monotonic() + server.PATIENCE
        while not (found := condition()):
            self.assertLess(time.monotonic(), until, f'{what}:\n{self.server.output()[-4000:]}')
            time.sleep(0.01)
        return found

    def wait_respawn(self, pid):
        def both():
            workers = self.workers()
            return len(workers) == 2 and pid not in [w['pid'] for w in workers.values()] and workers
        return self.wait('there are not two workers again', both)

    def asked_model(self):
        """The model's name in the next turn's request."""
        answer = client.request(self.port, 'POST', '/v1/turns', {'message': 'Hi'})
        self.assertEqual(answer.status, 200, answer)
        return self.model.requests[-1].json()['model']


class Workers(Tree):
    def test_two_serve_and_the_text_says_where(self):
        self.serve()
        self.wait_both_serve()
        said = self.server.output()
        self.assertEqual(said.count('answers at'), 1, 'once, not by each worker')
        self.assertIn(f'http://127.0.0.1:{self.port}/v1/chat/completions', said)
        self.assertIn(f'Stop it with Ctrl-C, or: kill {self.server.process.pid}\n', said)

    def wait_both_serve(self):
        workers = self.wait('two workers', lambda: len(w := self.workers()) == 2 and w)
        self.assertEqual(set(workers), {1, 2})
        self.assertEqual(self.asked_model(), 'scripted')
        return workers

    def test_a_killed_worker_is_replaced_and_named(self):
        self.serve()
        dead = self.workers()[1]['pid']
        os.kill(dead, signal.SIGKILL)
        for _ in range(10):
            self.assertEqual(self.asked_model(), 'scripted')
        after = self.wait_respawn(dead)
        self.assertNotEqual(after[1]['pid'], dead)
        self.assertEqual(after[1]['generation'], 1)
        ends = [line for line in self.server.log() if f'pid {dead},' in line['message']]
        self.assertEqual(len(ends), 1, ends)
        self.assertIn('SIGKILL', ends[0]['message'])
        self.assertEqual(ends[0]['worker'], 1)
        self.assertEqual(ends[0]['level'], 'error')

    def test_a_worker_has_a_session_of_its_own(self):
        """Ctrl-C in the terminal reaches the supervisor only, and a worker's children can be found."""
        self.serve()
        pid = self.workers()[1]['pid']
        self.assertEqual(os.getsid(pid), pid)

    def test_a_respawned_worker_runs_the_configuration_of_its_generation(self):
        self.serve()
        self.configure(model='edited')
        self.write('secret', 'second-secret\n')
        pids = [worker['pid'] for worker in self.workers().values()]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            self.wait_respawn(pid)
        for _ in range(6):
            self.assertEqual(self.asked_model(), 'scripted')
            self.assertEqual(self.model.requests[-1].headers['authorization'],
                             'Bearer first-secret')

    def test_terminated_workers_come_back(self):
        """Only the supervisor stops a service."""
        self.serve()
        pid = self.workers()[2]['pid']
        os.kill(pid, signal.SIGTERM)
        self.wait_respawn(pid)

    def test_stop_says_it_and_waits(self):
        self.serve()
        pids = [worker['pid'] for worker in self.workers().values()]
        self.assertIn(f'pid {self.server.process.pid}', self.good(self.patchbay('stop')))
        self.assertEqual(self.server.process.wait(server.PATIENCE), 0)
        for pid in pids:
            self.assertFalse(os.path.exists(f'/proc/{pid}'))
        done = self.patchbay('stop')
        self.assertEqual(done.returncode, 14)
        self.assertIn('no server runs', done.stderr)

    def test_stop_lets_turns_end(self):
        self.serve()
        released = []
        self.model.then(upstream.stream([{'content': 'a'}, lambda: self.wait('release', lambda: released),
                                         {'content': 'b'}]))
        with client.Raw(self.port) as raw:
            raw.post('/v1/turns', {'message': 'Hi', 'stream': True})
            raw.read_until(b'"a"')
            stopping = subprocess.Popen([server.BINARY, 'stop', '-c', self.config, '--data-dir',
                                         self.data], env=server.environment(self.env),
                                        stdout=subprocess.DEVNULL)
            self.server.wait_log('letting 1 turns end')
            self.assertIsNone(stopping.poll())
            released.append(True)
            self.assertIn(b'event: done', raw.read_all())
        self.assertEqual(stopping.wait(server.PATIENCE), 0)
        self.assertEqual(self.server.process.wait(server.PATIENCE), 0)

    def test_a_second_server_is_refused(self):
        self.serve()
        done = self.patchbay('serve', '--port', '0')
        self.assertEqual(done.returncode, 6, done.stderr)
        self.assertIn(f'process {self.server.process.pid}', done.stderr)
        self.assertEqual(self.asked_model(), 'scripted')

    def test_start_fails_as_one(self):
        """The sentence once, and nobody is left."""
        self.configure(CONFIG.replace('"127.0.0.1:0"', '"192.0.2.1:80", insecure: true'))
        done = self.patchbay('serve')
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(done.stderr.count('192.0.2.1:80'), 1, done.stderr)
        self.assertIn('patchbay: transports.web', done.stderr)

    def test_broken_configuration_at_the_start(self):
        self.configure(CONFIG.replace('llm: main', 'llm: mian'))
        done, checked = self.patchbay('serve'), self.patchbay('check')
        self.assertEqual(done.returncode, checked.returncode)
        self.assertIn(checked.stdout.strip(), done.stderr)

    def test_logs_are_reopened_by_all(self):
        log = os.path.join(self.folder, 'server.log')
        self.serve('--set', f'host.log.file={log}')
        os.rename(log, log + '.1')
        self.server.signal(signal.SIGUSR1)
        self.wait('the log is not reopened', lambda: os.path.exists(log))
        dead = self.workers()[1]['pid']
        os.kill(dead, signal.SIGKILL)
        self.wait_respawn(dead)

        def whole():
            with open(log, encoding='utf-8') as file:
                text = file.read()
            return f'pid {dead},' in text and 'listening on' in text
        self.wait('supervisor and worker write to the new file', whole)

    def test_live(self):
        self.serve()
        text = self.good(self.patchbay('inspect', '--live'))
        self.assertIn(f'pid {self.server.process.pid}, generation 1, serving', text)
        self.assertRegex(text, r'(?m)^1 +1 +\d+ +serving ')
        self.assertRegex(text, r'(?m)^2 +1 +\d+ +serving ')
        self.assertRegex(text, rf'listener +transports.web on 127.0.0.1:0 \(port {self.port}\)')
        live = self.live()
        self.assertEqual(live['quarantine'], [])
        self.assertGreater(live['workers'][0]['memory_bytes'], 1 << 20)
        with client.Raw(self.port):
            self.wait('a connection is counted', lambda: sum(
                worker['connections'] for worker in self.live()['workers']) == 1)

    def test_workers_auto_is_at_least_two(self):
        self.configure(CONFIG.replace('workers: 2', 'workers: auto'))
        self.serve()
        count = max(2, len(os.sched_getaffinity(0)))
        self.assertIn(len(self.live()['workers']), range(2, count + 1))


class Reload(Tree):
    def test_a_changed_configuration_is_taken(self):
        self.serve()
        before = [worker['pid'] for worker in self.workers().values()]
        self.configure(model='changed')
        self.assertIn('generation 2 serves', self.good(self.patchbay('reload')))
        for _ in range(6):
            self.assertEqual(self.asked_model(), 'changed')
        self.wait('the old workers end', lambda: not [p for p in before if os.path.exists(f'/proc/{p}')])
        self.assertEqual({w['generation'] for w in self.live()['workers']}, {2})
        self.assertEqual(self.server.output().count('answers at'), 1)

    def test_a_broken_one_is_refused_and_told(self):
        self.serve()
        pids = [worker['pid'] for worker in self.workers().values()]
        self.configure(CONFIG.replace('llm: main', 'llm: mian'))
        done = self.patchbay('reload')
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r'patchbay.yaml:\d+:\d+: pipelines.support.stages\[0\]')
        self.assertIn("'main'", done.stderr)
        self.assertEqual(pids, [worker['pid'] for worker in self.workers().values()])
        self.assertEqual(self.asked_model(), 'scripted')
        self.assertIn('generation 1 goes on', self.server.output())
        self.assertIn('pipelines.support.stages[0]', self.server.output())
        self.configure(model='mended')
        self.good(self.patchbay('reload'))
        self.assertEqual(self.asked_model(), 'mended')

    def test_one_that_does_not_start_is_refused_and_told(self):
        self.serve()
        pids = [worker['pid'] for worker in self.workers().values()]
        self.configure(CONFIG + '  other: {use: http, listen: "192.0.2.1:80", insecure: true, '
                                'pipelines: [support]}\n')
        done = self.patchbay('reload')
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('192.0.2.1:80', done.stderr)
        self.assertIn('The running generation goes on', done.stderr)
        self.assertEqual(self.asked_model(), 'scripted')
        self.wait('the new workers end', lambda: len(self.live()['workers']) == 2)
        self.assertEqual(sorted(pids), sorted(w['pid'] for w in self.workers().values()))

    def test_by_signal(self):
        self.serve()
        self.configure(model='signalled')
        self.server.signal(signal.SIGHUP)
        self.server.wait_log('generation 2 serves')
        self.assertEqual(self.asked_model(), 'signalled')

    def test_running_turns_end_on_the_old_generation(self):
        self.serve()
        released = []
        self.model.then(upstream.stream([{'content': 'a'}, lambda: self.wait('release', lambda: released),
                                         {'content': 'b'}]))
        with client.Raw(self.port) as raw:
            raw.post('/v1/turns', {'message': 'Hi', 'stream': True})
            raw.read_until(b'"a"')
            self.configure(model='next')
            self.good(self.patchbay('reload'))
            self.assertEqual(self.asked_model(), 'next')
            self.assertEqual(sorted(w['generation'] for w in self.live()['workers'])[0], 1)
            released.append(True)
            # the answer was begun before: one more request may come, and its answer says so
            raw.read_until(b'0\r\n\r\n')
            raw.received = b''
            raw.post('/v1/turns', {'message': 'Hi'})
            answer = raw.answer()
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.headers['connection'].lower(), 'close')
        self.wait('the old generation ends',
                  lambda: {w['generation'] for w in self.live()['workers']} == {2})

    def test_at_most_three_generations(self):
        """The fourth one's start drains the first: its turn has the drain time, the others all time."""
        self.configure(CONFIG.replace('workers: 2', 'workers: 1\n  drain_timeout: 100ms'))
        self.serve()
        released = []
        raws = []
        for _ in range(3):
            self.model.then(upstream.stream([{'content': 'a'}, lambda: self.wait('release', lambda: released),
                                             {'content': 'b'}]))
            raws.append(client.Raw(self.port))
            self.addCleanup(raws[-1].socket.close)
            raws[-1].post('/v1/turns', {'message': 'Hi', 'stream': True})
            raws[-1].read_until(b'"a"')
            self.good(self.patchbay('reload'))
        self.assertIn(b'event: error', raws[0].read_all())
        self.wait('the first generation ends', lambda: sorted(
            w['generation'] for w in self.live()['workers']) == [2, 3, 4])
        released.append(True)
        for raw in raws[1:]:
            raw.read_until(b'event: done')

    def test_another_number_of_workers(self):
        self.serve()
        self.configure(CONFIG.replace('workers: 2', 'workers: 3'))
        said = self.good(self.patchbay('reload'))
        self.assertIn('3 workers', said)
        self.assertEqual(len(self.workers()), 3, self.live())

    def test_commands_at_once_all_get_an_answer(self):
        self.serve()
        running = [subprocess.Popen([server.BINARY, 'reload', '-c', self.config, '--data-dir', self.data],
                                    env=server.environment(self.env), stdout=subprocess.PIPE, text=True)
                   for _ in range(8)]
        for process in running:
            said = process.communicate(timeout=server.PATIENCE)[0]
            self.assertEqual(process.returncode, 0)
            self.assertRegex(said, r'generation \d+ serves')

    def test_without_a_server(self):
        for command in ('reload', 'upgrade', 'diff'):
            done = self.patchbay(command)
            self.assertEqual(done.returncode, 14, done.stdout)
            self.assertIn('no server runs', done.stderr)


class Diff(Tree):
    def test_nothing(self):
        self.serve()
        self.assertEqual(self.good(self.patchbay('diff')), '')

    def test_what_a_reload_would_change(self):
        self.serve()
        self.configure(CONFIG.replace('- generate', '- sanitize: {}\n      - generate') +
                       'services: {}\n', model='changed')
        self.write('secret', 'second-secret\n')
        said = self.good(self.patchbay('diff'), 1)
        self.assertRegex(said, r'(?m)^- llms.main.model: scripted  \(.*patchbay.yaml:5:\d+\)$')
        self.assertRegex(said, r'(?m)^\+ llms.main.model: changed  \(.*patchbay.yaml:5:\d+\)$')
        self.assertRegex(said, r'(?m)^\+ pipelines.support.stages\[0\]: ')
        self.assertRegex(said, r'(?m)^~ llms.main.api_key: a secret, changed')
        self.assertNotIn('-secret', said)
        rows = json.loads(self.good(self.patchbay('diff', '--json'), 1))
        changed = {row['path']: row for row in rows}
        self.assertEqual(changed['llms.main.model']['before'], 'scripted')
        self.assertEqual(changed['llms.main.model']['after'], 'changed')
        self.assertTrue(changed['llms.main.api_key']['secret'])
        self.assertNotIn('before', changed['llms.main.api_key'])
        self.assertEqual(changed['pipelines.support.stages[0]']['change'], 'added')
        self.good(self.patchbay('reload'))
        self.assertEqual(self.good(self.patchbay('diff')), '')

    def test_another_file(self):
        self.serve()
        other = os.path.join(self.folder, 'other.yaml')
        self.write('other.yaml', CONFIG.replace('MODEL', 'other'))
        self.assertIn('+ llms.main.model: other', self.good(self.patchbay('diff', other), 1))

    def test_from_another_folder(self):
        """Paths are those of the server, wherever the command runs."""
        self.serve()
        done = subprocess.run([server.BINARY, 'diff', '--data-dir', self.data],
                              env=server.environment(self.env), cwd=self.folder, capture_output=True,
                              text=True, timeout=server.PATIENCE, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, ''), done.stderr)

    def test_two_files_without_a_server(self):
        other = os.path.join(self.folder, 'other.yaml')
        self.write('other.yaml', CONFIG.replace('MODEL', 'other'))
        self.assertIn('+ llms.main.model: other', self.good(self.patchbay('diff', other), 1))
        self.assertEqual(self.good(self.patchbay('diff', self.config)), '')

    def test_a_broken_one(self):
        self.serve()
        self.configure(CONFIG.replace('llm: main', 'llm: mian'))
        done = self.patchbay('diff')
        self.assertEqual(done.returncode, 2)
        self.assertIn("'mian'", done.stderr)


class Plugins(Tree):
    """A plugin folder of the test's own."""

    def setUp(self):
        super().setUp()
        self.plugins = os.path.join(self.folder, 'plugins')
        os.mkdir(self.plugins)
        self.file = os.path.join(server.BUILD, 'plugins', 'openai.so')
        self.text = CONFIG + f'plugins: {{path: ["{self.plugins}"]}}\n'
        self.configure(self.text)

    def installed(self):
        return os.path.join(self.plugins, 'openai.so')

    def test_install_and_reload(self):
        said = self.good(self.patchbay('plugin', 'install', self.file))
        self.assertRegex(said, r'^openai \S+ is installed as \S+/openai.so\n')
        self.assertIn('patchbay reload', said)
        self.serve()
        with open(f'/proc/{self.workers()[1]["pid"]}/maps', encoding='ascii') as maps:
            self.assertIn(self.installed(), maps.read())
        inode = os.stat(self.installed()).st_ino
        said = self.good(self.patchbay('plugin', 'install', self.file))
        self.assertRegex(said, r'\(before: \S+\)')
        self.assertNotEqual(os.stat(self.installed()).st_ino, inode, 'renamed, not written over')
        self.assertEqual(os.listdir(self.plugins), ['openai.so'])
        said = self.good(self.patchbay('diff'), 1)
        self.assertIn('openai.so was replaced', said)
        self.assertEqual(self.asked_model(), 'scripted')
        self.good(self.patchbay('reload'))
        self.assertEqual(self.asked_model(), 'scripted')
        self.assertEqual(self.good(self.patchbay('diff')), '')

    def test_to_a_folder(self):
        other = os.path.join(self.folder, 'other')
        self.good(self.patchbay('plugin', 'install', self.file, '--to', other))
        self.assertEqual(os.listdir(other), ['openai.so'])

    def test_what_is_no_plugin(self):
        done = self.patchbay('plugin', 'install', self.config)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(os.listdir(self.plugins), [])

    def test_a_folder_that_others_may_write(self):
        os.chmod(self.plugins, 0o777)
        done = self.patchbay('plugin', 'install', self.file)
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertEqual(os.listdir(self.plugins), [])
        os.chmod(self.plugins, 0o755)

    def test_changed_in_place(self):
        self.good(self.patchbay('plugin', 'install', self.file))
        self.serve()
        os.utime(self.installed())  # the inode's change time tells; its code is the same
        self.assertIn('changed in place', self.good(self.patchbay('diff'), 1))
        done = self.patchbay('check')
        self.assertIn('changed in place', done.stdout + done.stderr)
        self.assertEqual(done.returncode, 0)


class Migrate(Tree):
    def test_is_refused_beside_a_server(self):
        self.serve()
        done = self.patchbay('migrate')
        self.assertEqual(done.returncode, 6, done.stderr)
        self.assertIn(f'process {self.server.process.pid}', done.stderr)

    def test_tables_are_made_and_told(self):
        self.configure('databases: {main: {use: sqlite, path: patchbay.db}}\n'
                       'services: {conversations: {database: main}}\n' + CONFIG)
        os.mkdir(self.data)
        self.assertRegex(self.good(self.patchbay('migrate')), r'(?m)^main: conversations, step 1$')
        self.assertEqual(self.good(self.patchbay('migrate')),
                         'nothing to do; the tables are up to date\n')
        self.serve()


class Upgrade(Tree):
    """The program is replaced by another file of itself."""

    def serve_copy(self):
        program = os.path.join(self.folder, 'bin', 'patchbay')
        os.mkdir(os.path.dirname(program))
        self.install(program)
        for name in ('plugins', 'engines'):
            os.symlink(os.path.join(server.BUILD, name), os.path.join(self.folder, 'bin', name))
        self.before, server.BINARY = server.BINARY, program
        self.addCleanup(setattr, server, 'BINARY', self.before)
        self.serve()
        return program

    def install(self, program):
        shutil.copy(os.path.join(server.BUILD, 'patchbay'), program + '.new')
        os.rename(program + '.new', program)

    def test_same_process_new_program(self):
        program = self.serve_copy()
        pid, old = self.server.process.pid, os.stat(program).st_ino
        workers = [worker['pid'] for worker in self.workers().values()]
        self.install(program)
        self.assertNotEqual(os.stat(program).st_ino, old)
        said = self.good(self.patchbay('upgrade'))
        self.assertRegex(said, r'version \S+ now')
        self.assertIn('generation 2 serves', said)
        self.assertIsNone(self.server.process.poll())
        self.assertEqual(self.live()['pid'], pid)
        self.assertEqual(os.stat(f'/proc/{pid}/exe').st_ino, os.stat(program).st_ino)
        for worker in self.workers().values():
            self.assertEqual(os.stat(f'/proc/{worker["pid"]}/exe').st_ino, os.stat(program).st_ino)
            self.assertEqual(worker['generation'], 2)
        self.wait('the old workers end', lambda: not [p for p in workers if os.path.exists(f'/proc/{p}')])
        self.assertEqual(self.asked_model(), 'scripted')
        dead = self.workers()[1]['pid']
        os.kill(dead, signal.SIGKILL)
        self.wait_respawn(dead)
        self.good(self.patchbay('reload'))
        self.assertEqual(self.asked_model(), 'scripted')

    def test_a_bad_program_changes_nothing(self):
        program = self.serve_copy()
        pids = [worker['pid'] for worker in self.workers().values()]
        with open(program + '.new', 'w', encoding='ascii') as file:
            file.write('#!/bin/sh\necho this is something else\n')
        os.chmod(program + '.new', 0o755)
        os.rename(program + '.new', program)
        server.BINARY = self.before
        done = self.patchbay('upgrade')
        self.assertEqual(done.returncode, 8, done.stderr)
        self.assertIn('nothing was changed', done.stderr)
        self.assertEqual(pids, [worker['pid'] for worker in self.workers().values()])
        self.assertEqual(self.asked_model(), 'scripted')
        # a worker that dies meanwhile still gets the program that runs, not what lies there
        os.kill(pids[0], signal.SIGKILL)
        self.wait_respawn(pids[0])


class Help(unittest.TestCase):
    def test_every_command_has_an_example(self):
        for command in ('reload', 'stop', 'upgrade', 'diff', 'plugin', 'migrate', 'inspect'):
            said = server.run(command, '--help')
            self.assertEqual(said.returncode, 0)
            self.assertTrue(re.search(r'(?m)^example: patchbay ' + command, said.stdout), said.stdout)
