#!/usr/bin/env python3
"""Prints what a turn costs, beside nginx and a byte relay, in one run:

    bench.py --build build/release [ROW…]      without rows: all but the soaks

rows: turn https latency burst first-token slow memory memory-tls idle start large hold large-hold
      portkey switch full durable workers flat soak soak-kept
One line per figure: ours, the others, the ratio, and the columns *first* and *goal* that it should
reach. Times depend on the machine, ratios hardly.
"""
import argparse
import os
import signal
import statistics
import subprocess
import sys
import time

import durable
import rig as rigs

ROUNDS = 3


class Report:
    """Prints figures and remembers whether each met its first column."""

    def __init__(self):
        self.met = self.missed = self.skipped = 0

    def ratio(self, name, unit, figures, first, goal):
        """figures: name → value, with 'patchbay' and 'nginx' among them."""
        ratio = figures['patchbay'] / figures['nginx']
        parts = '  '.join(f'{who} {value:.2f}' for who, value in figures.items())
        self.line(name, f'{parts} {unit}', f'÷ nginx {ratio:.2f}', ratio, (first, goal))

    def at_least(self, name, figures, first, goal):
        """A ratio that is better the higher it is."""
        ratio = figures['patchbay'] / figures['portkey']
        parts = '  '.join(f'{who} {value:.0f}' for who, value in figures.items())
        self.line(name, f'{parts} a second', f'x portkey {ratio:.0f}', -ratio, (-first, -goal))

    def at_least_value(self, name, value, first, goal):
        self.line(name, f'patchbay {value:.2f}', '', -value, (-first, -goal))

    def value(self, name, unit, figures, first, goal):
        parts = '  '.join(f'{who} {value:.2f}' for who, value in figures.items())
        self.line(name, f'{parts} {unit}', '', figures['patchbay'], (first, goal))

    def line(self, name, parts, ratio, value, columns):
        first, goal = columns
        good = value <= first
        self.met += good
        self.missed += not good
        verdict = 'goal met' if value <= goal else 'first met' if good else 'FIRST MISSED'
        print(f'{name:<34} {parts}  {ratio}  (first {abs(first):g}, goal {abs(goal):g}: {verdict})',
              flush=True)


def median_of(servers, measure):
    """measure(server) for each in turn, ROUNDS times; the medians."""
    seen = {name: [] for name in servers}
    for _ in range(ROUNDS):
        for name, server in servers.items():
            seen[name].append(measure(server))
    return {name: statistics.median(values) for name, values in seen.items()}


def cpu_us(rig, server, requests, **options):
    """Microseconds of CPU per request, connections already warm."""
    rig.load(server, requests=min(requests, 2000), **options)
    before = server.cpu_ns()
    told = rig.load(server, requests=requests, **options)
    return (server.cpu_ns() - before) / 1000 / told['answered']


def fleet(rig, relay=True, stream=False, **model):
    """The model, and everyone in front of it."""
    upstream = rig.mock(**model)
    servers = {'patchbay': rig.patchbay(upstream), 'nginx': rig.nginx(upstream, stream=stream)}
    if relay and not upstream.tls:
        servers['relay'] = rig.relay(upstream)
    return upstream, servers


def turn(rig, report):
    _, servers = fleet(rig)
    figures = median_of(servers, lambda server: cpu_us(rig, server, 40000, connections=64))
    report.ratio('CPU per pass-through turn', 'us', figures, 1.5, 1.0)


def https(rig, report):
    _, servers = fleet(rig, tls=True)
    figures = median_of(servers, lambda server: cpu_us(rig, server, 30000, connections=64))
    report.ratio('CPU per turn, https upstream', 'us', figures, 1.8, 1.1)


def added(rig, servers, upstream, figure, **options):
    """What each adds to a time of the upstream alone, microseconds."""
    everyone = dict(servers, alone=upstream)
    for server in everyone.values():
        rig.load(server, **dict(options, requests=200))
    figures = median_of(everyone, lambda server: rig.load(server, **options)[figure])
    return {name: figures[name] - figures['alone'] for name in servers}


def latency(rig, report):
    upstream, servers = fleet(rig)
    figures = added(rig, servers, upstream, 'p50_us', requests=5000)
    report.ratio('added p50 latency, 1 connection', 'us', figures, 1.5, 1.0)


def burst(rig, report):
    _, servers = fleet(rig)
    figures = median_of(servers, lambda server: cpu_us(rig, server, 15000, connections=64,
                                                       stream=True))
    report.ratio('CPU per burst stream (66 events)', 'us', figures, 1.5, 0.8)


def first_token(rig, report):
    upstream, servers = fleet(rig, stream=True, gap=1, tokens=6)
    figures = added(rig, servers, upstream, 'first_p50_us', requests=1000, stream=True)
    report.ratio('added time to first token', 'us', figures, 1.5, 1.0)


def held_tokens(rig, server, seconds=4):
    """Microseconds of CPU per token while 1000 streams run."""
    process = rig.hold(server, connections=1000)
    tokens, cpu = rigs.events_of(process), server.cpu_ns()
    time.sleep(seconds)
    tokens, cpu = rigs.events_of(process) - tokens, server.cpu_ns() - cpu
    rig.stop(process)
    return cpu / 1000 / tokens


def slow(rig, report):
    for gap in (20, 200):
        _, servers = fleet(rig, stream=True, gap=gap, tokens=1000000)
        figures = median_of(servers, lambda server: held_tokens(rig, server))
        report.ratio(f'CPU per token, 1000 streams, {gap} ms', 'us', figures, 2.0, 1.0)
        rig.stop_all()


def held_memory(rig, server, streams=5000):
    """kB that each open stream takes."""
    rig.load(server, requests=200, connections=8)
    before = server.memory_kb()
    process = rig.hold(server, connections=streams)
    figure = (server.memory_kb() - before) / streams
    rig.stop(process)
    return figure


def memory(rig, report, tls=False):
    upstream = rig.mock(gap=1000, tokens=1000000)
    figures = {'patchbay': held_memory(rig, rig.patchbay(upstream, tls=tls)),
               'nginx': held_memory(rig, rig.nginx(upstream, stream=True, tls=tls))}
    if not tls:
        figures['relay'] = held_memory(rig, rig.relay(upstream))
    name = 'memory per open stream, TLS' if tls else 'memory per open stream'
    report.value(name, 'kB', figures, 64 if tls else 32, 40 if tls else 14)


def memory_tls(rig, report):
    memory(rig, report, tls=True)


def quickstart(rig):
    """Starts the quickstart; returns the server and how long it took to get ready, ms."""
    root = os.path.dirname(os.path.dirname(rigs.HERE))
    port = rigs.free_port()
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith('OPENAI_')}
    begun = time.monotonic()
    process = rig.spawn([f'{rig.build}/patchbay', 'serve', '-c', f'{root}/config/quickstart.yaml',
                         '--data-dir', f'{rig.folder}/quickstart', '--port', str(port),
                         '--set', 'host.workers=1'], rig.own, stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL, env=environment)
    server = rigs.Server(process, port)
    return server, (rigs.wait_ready(server) - begun) * 1000


def start(rig, report):
    times = []
    for _ in range(5):
        server, took = quickstart(rig)
        times.append(took)
        rig.stop(server.process)
    report.value('start to ready, quickstart', 'ms', {'patchbay': statistics.median(times)},
                 200, 50)


def idle(rig, report):
    server, _ = quickstart(rig)
    rig.load(server, requests=1, model='support')
    report.value('idle memory after a turn', 'MB', {'patchbay': server.memory_kb() / 1024}, 20, 8)


def large(rig, report):
    upstream, servers = fleet(rig)
    figures = added(rig, servers, upstream, 'p50_us', requests=300, body_size=500000)
    report.value('added latency, 500 kB request', 'ms',
                 {name: value / 1000 for name, value in figures.items()}, 5, 1)


def switch(rig, report):
    told = subprocess.run(['taskset', '-c', str(rig.own), rig.program('switch')], check=True,
                          capture_output=True, text=True).stdout
    report.value('coroutine switch', 'ns', {'patchbay': float(told)}, 50, 20)


def holds_under(rig, server, loads, moments=1000):
    """The longest hold of the loop in each moment while these loads run, sorted, ms."""
    rigs.get(server, '/metrics')
    busy = [rig.spawn(['nice', '-n', '10'] +
                      rig.load_argv(server, dict(options, requests=10000000))[3:], rig.other,
                      stdout=subprocess.DEVNULL) for options in loads]
    holds = []
    for _ in range(moments):
        said = rigs.get(server, '/metrics')
        holds += [float(line.split()[1]) * 1000 for line in said.splitlines()
                  if line.startswith('patchbay_loop_hold_seconds{')]
        time.sleep(0.01)
    for process in busy:
        rig.stop(process)
    return sorted(holds)


def first_of_all(rig, config):
    """A server that comes before all else where that is allowed: what else the machine does is not
    its hold. (No real-time class: its threads would starve each other.)"""
    first = subprocess.run(['nice', '-n', '-20', 'true'], capture_output=True, text=True, check=False)
    return rig.patchbay(rig.mock(), config=config,
                        wrap=() if first.stderr else ('nice', '-n', '-20'))


def hold(rig, report):
    """How long the loop was away from its descriptors, while requests of all kinds are served, kept
    turns among them: the longest hold of each of a thousand moments, and of these the 99.9th
    percentile."""
    server = first_of_all(rig, 'bench-full')
    ids = durable.converse(rig, server, count=16)
    holds = holds_under(rig, server, ({'connections': 16, 'model': 'plain'},
                                      {'connections': 16, 'model': 'plain', 'stream': True},
                                      {'connections': 16, 'model': 'full', 'conversations': ids},
                                      {'connections': 2, 'model': 'plain', 'body_size': 500000}))
    report.value('longest hold of the loop, p99.9', 'ms',
                 {'patchbay': holds[int(len(holds) * 0.999) - 1]}, 5, 1)


def large_hold(rig, report):
    """The same of one 500 kB request after the other, and no other load."""
    holds = holds_under(rig, first_of_all(rig, 'bench'), [{'connections': 1, 'body_size': 500000}], 300)
    report.value('hold by a 500 kB request, p99', 'ms',
                 {'patchbay': holds[int(len(holds) * 0.99) - 1]}, 5, 1)


def portkey(rig, report):
    """Requests that one core serves in a second, from the CPU time of each: the load and the model
    on the other core would bound the faster one."""
    upstream = rig.mock()
    figures = {name: 1e6 / cpu_us(rig, server, requests, connections=64)
               for name, server, requests in (('portkey', rig.portkey(upstream), 3000),
                                              ('patchbay', rig.patchbay(upstream), 40000))}
    report.at_least('requests a core serves', figures, 40, 70)


def soak(rig, report):
    """Memory must not grow with what was served."""
    upstream = rig.mock()
    server = rig.patchbay(upstream)

    def serve(turns, streams):
        rig.load(server, requests=turns, connections=64)
        rig.load(server, requests=streams, connections=64, stream=True, abort=True)

    serve(50000, 20000)
    before = server.memory_kb()
    serve(1000000, 100000)
    rig.load(server, requests=1000, connections=64)
    report.value('growth, 1,000,000 turns, 100,000 cut', 'MB',
                 {'patchbay': (server.memory_kb() - before) / 1024}, 1, 0)


ROWS = {'turn': turn, 'https': https, 'latency': latency, 'burst': burst,
        'first-token': first_token, 'slow': slow, 'memory': memory, 'memory-tls': memory_tls,
        'idle': idle, 'start': start, 'large': large, 'hold': hold, 'large-hold': large_hold, 'portkey': portkey,
        'switch': switch, **durable.ROWS, 'soak': soak}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', required=True)
    parser.add_argument('rows', nargs='*')
    options = parser.parse_args()
    unknown = set(options.rows) - set(ROWS)
    if unknown:
        parser.error(f'no row is called {", ".join(sorted(unknown))}')
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    report = Report()
    for name in options.rows or [name for name in ROWS if not name.startswith('soak')]:
        with rigs.Rig(options.build) as rig:
            try:
                ROWS[name](rig, report)
            except rigs.Away as error:
                report.skipped += 1
                print(f'SKIPPED {name}: {error}', flush=True)
            except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
                report.missed += 1
                print(f'{name:<34} FAILED: {error}', flush=True)
    print(f'{report.met} passed, {report.missed} failed, {report.skipped} skipped')
    return 1 if report.missed else 0


if __name__ == '__main__':
    sys.exit(main())
