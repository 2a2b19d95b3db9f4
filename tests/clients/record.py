#!/usr/bin/env python3
"""Records what a real client says to the server: record.py --build DIR CLIENT [SCENARIO …]

recorded/CLIENT/client.json tells what plays a scenario, and what the model answers in each: `script` is one
of this folder, with the packages of the client tests; `run` a command beside client.json, whose packages (the
latest, which the client tests cannot have with Node 18) come into build/recorded/CLIENT. A proxy between
client and server keeps the requests, and writes recorded/CLIENT/SCENARIO.json, which
tests/e2e/test_recorded.py plays without the client.
"""
import argparse
import http.client
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


class Proxy(http.server.ThreadingHTTPServer):
    def __init__(self, port):
        super().__init__(('127.0.0.1', 0), Handler)
        self.port, self.exchanges = port, []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def handle_any(self):
        length = int(self.headers.get('content-length', 0))
        body = self.rfile.read(length) if length else None
        connection = http.client.HTTPConnection('127.0.0.1', self.server.port, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() != 'host'}
        for name in headers:
            if name.lower() == 'accept-encoding':  # those that Python reads
                headers[name] = re.sub(r'(, )?\b(br|zstd)\b', '', headers[name])
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        data = answer.read()
        self.server.exchanges.append((self.command, self.path, headers, body,
                                      (answer.status, answer.headers, data)))
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in ('transfer-encoding', 'content-length', 'date', 'connection'):
                self.send_header(name, value)
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        connection.close()

    do_GET = do_POST = do_DELETE = do_PATCH = do_PUT = handle_any

    def log_message(self, *_):
        pass


def install(name, about):
    """The client's packages and files in a folder of their own."""
    folder = os.path.join(ROOT, 'build', 'recorded', name)
    os.makedirs(folder, exist_ok=True)
    for file in os.listdir(os.path.join(HERE, 'recorded', name)):
        if not file.endswith('.json'):
            shutil.copy(os.path.join(HERE, 'recorded', name, file), folder)
    if about.get('npm'):
        with open(os.path.join(folder, 'package.json'), 'w', encoding='utf-8') as file:
            json.dump({'private': True, 'type': 'module', 'dependencies': about['npm']}, file)
        subprocess.run(['npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund'], cwd=folder,
                       check=True)
    return folder


def tested(about):
    """The command of a script of this folder, and the versions that it runs with."""
    import packages
    script, wanted = about['script'], about['packages']
    if script.endswith('.mjs'):
        place = packages.node_with(script, 'player.mjs')
        with open(os.path.join(place, 'package.json'), encoding='utf-8') as file:
            versions = json.load(file)['dependencies']
        return ['node', os.path.join(place, script)], {name: versions[name] for name in wanted}
    with open(os.path.join(HERE, about['requirements']), encoding='utf-8') as file:
        versions = dict(re.findall(r'^([\w.-]+)==(.*)$', file.read(), re.MULTILINE))
    return ([packages.python_with(about['requirements']), os.path.join(HERE, script)],
            {name: versions[name] for name in wanted})


def play(folder, about, scenario, url):
    """`api scenario` is for a player, which reads what to play; others have it as an argument."""
    from playing import ALONE
    environment = dict(os.environ, BASE=url, OPENAI_API_KEY='none', ANTHROPIC_API_KEY='none',
                       ANTHROPIC_BASE_URL=url, **ALONE)
    api, _, name = scenario.rpartition(' ')
    wanted = json.dumps({'play': name, 'api': api, 'base': url, 'key': 'none'}) + '\n' if api else ''
    done = subprocess.run([*about['run'], *([] if api else [name])], cwd=folder, env=environment,
                          check=False, input=wanted, capture_output=True, text=True, timeout=120)
    print(f'{scenario}: {done.stdout.strip()[:300]}')
    if done.returncode or '"raised"' in done.stdout:
        print(done.stdout)
        raise SystemExit(f'{scenario} failed:\n{done.stderr[-4000:]}')


def record(name, about, scenario, folder, served):
    from harness import recorded
    model, port = served
    model.requests.clear()
    for spec in about['scenarios'][scenario]:
        model.then(recorded.model_answer(spec))
    with Proxy(port) as proxy:
        play(folder, about, scenario, f'http://127.0.0.1:{proxy.server_address[1]}')
        proxy.shutdown()
    names, exchanges = recorded.Names(), []
    for method, path, headers, body, answer in proxy.exchanges:
        request = {'method': method, 'path': path, 'headers': recorded.keep_headers(headers)}
        if body:
            request['body'] = json.loads(body)
        exchanges.append({'request': names.known(request),
                          'answer': recorded.expectation(*answer, names)})
    recording = {'client': about['versions'], 'scenario': scenario,
                 'model': about['scenarios'][scenario], 'exchanges': exchanges}
    model.requests.clear()
    recording = recorded.play(port, model, recording)  # adds what the model is asked
    recorded.write(os.path.join(HERE, 'recorded', name, f'{scenario.replace(" ", "_")}.json'), recording)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', default=os.path.join(ROOT, 'build', 'release'))
    parser.add_argument('client')
    parser.add_argument('scenario', nargs='*')
    options = parser.parse_args()
    os.environ['PATCHBAY_BUILD'] = os.path.abspath(options.build)
    sys.path[:0] = [os.path.join(ROOT, 'tests'), HERE]
    from harness import server, upstream
    with open(os.path.join(HERE, 'recorded', options.client, 'client.json'),
              encoding='utf-8') as file:
        about = json.load(file)
    folder = None
    if 'script' in about:
        about['run'], about['versions'] = tested(about)
    else:
        folder, about['versions'] = install(options.client, about), about['npm']
    model = upstream.Upstream()
    served = server.Server(os.path.join(ROOT, 'tests', 'e2e', 'responses.yaml'),
                           env={'UPSTREAM': model.url})
    try:
        for scenario in options.scenario or about['scenarios']:
            record(options.client, about, scenario, folder, (model, served.port))
    finally:
        served.stop()
        model.close()


if __name__ == '__main__':
    main()
