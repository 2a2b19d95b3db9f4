"""The rows of bench.py about turns that are stored: what they cost, what they take from the
throughput, what a second worker brings, and that none of it grows with what is stored."""
import json
import os
import sqlite3
import urllib.request
import uuid

import rig as rigs

FLIGHT = 64  # turns at once


def converse(rig, server, count=FLIGHT, turns=3):
    """Begins so many conversations; returns the file of their ids."""
    path = f'{rig.folder}/conversations-{server.port}'
    ids = []
    for _ in range(count):
        known = 'new'
        for _ in range(turns):
            request = urllib.request.Request(
                f'http://127.0.0.1:{server.port}{rigs.PATH}', method='POST',
                data=json.dumps({'model': 'full', 'messages': [
                    {'role': 'user', 'content': 'How do I write a plugin?'}]}).encode(),
                headers={'Authorization': f'Bearer {rigs.KEY}', 'Patchbay-Conversation': known,
                         'Content-Type': 'application/json'})
            with urllib.request.urlopen(request, timeout=30) as answer:
                known = answer.headers['Patchbay-Conversation']
        ids.append(known)
    with open(path, 'w', encoding='ascii') as file:
        file.write(''.join(f'{known}\n' for known in ids))
    return path


def groups(server):
    """(commits, writes that they held) so far."""
    figures = {}
    for line in rigs.get(server, '/metrics').splitlines():
        name, _, value = line.rpartition(' ')
        figures[name.partition('{')[0]] = value
    return (float(figures['patchbay_database_groups_total']),
            float(figures['patchbay_database_writes_total']))


def measured(rig, server, requests, **options):
    """(CPU in us of one turn, turns a second), everything warm."""
    rig.load(server, requests=min(requests, 2000), connections=FLIGHT, **options)
    before = server.cpu_ns()
    told = rig.load(server, requests=requests, connections=FLIGHT, **options)
    return ((server.cpu_ns() - before) / 1000 / told['answered'],
            told['answered'] / told['seconds'])


def median(rounds, measure):
    seen = sorted(measure() for _ in range(rounds))
    return seen[len(seen) // 2]


def kept(rig, server):
    """(CPU, turns a second) in conversations that begin here: people's have some ten exchanges, not the
    thousands that a load would make of 64; what longer ones cost is told by `flat`."""
    return measured(rig, server, 10000, model='full', conversations=converse(rig, server))


def full(rig, report):
    upstream = rig.mock()
    server, nginx = rig.patchbay(upstream, config='bench-full'), rig.nginx(upstream)
    before = groups(server)
    figures = {
        'patchbay': median(5, lambda: kept(rig, server)[0]),
        'nginx': median(3, lambda: measured(rig, nginx, 40000)[0])}
    after = groups(server)
    commits, writes = after[0] - before[0], after[1] - before[1]
    report.ratio('CPU per full turn, 64 in flight', 'us', figures, 4.0, 2.0)
    print(f'{"":<34} {writes / commits:.1f} writes a commit', flush=True)


def durable(rig, report):
    upstream = rig.mock()
    server = rig.patchbay(upstream, config='bench-full')
    rounds = [(kept(rig, server)[1], measured(rig, server, 20000, model='plain')[1])
              for _ in range(7)]
    stored, none = (sorted(column)[3] for column in zip(*rounds))
    print(f'{"":<34} {stored:.0f} turns a second with history, {none:.0f} without', flush=True)
    lost = sorted(1 - with_it / without for with_it, without in rounds)[3]
    report.value('throughput lost by history', '%', {'patchbay': lost * 100}, 60, 40)


def workers(rig, report):
    """What two processors serve with two workers, against one with one: from the CPU time of a turn,
    because here the load and the model need a processor too."""
    upstream = rig.mock()
    one = rig.patchbay(upstream)
    two = rig.patchbay(upstream, workers=2, core=f'{rig.own},{rig.other}')
    alone = median(5, lambda: measured(rig, one, 30000)[0])
    shared = median(5, lambda: measured(rig, two, 30000)[0])
    print(f'{"":<34} {alone:.2f} us a turn in one worker, {shared:.2f} in two', flush=True)
    report.at_least_value('two workers, x one', 2 * alone / shared, 1.7, 1.9)


# --- flat ------------------------------------------------------------------------------------------

FILL = '''
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
INSERT INTO conversations (uuid, tenant, owner, title, pipeline, created, updated, next_seq)
SELECT randomblob(16), 'default', (SELECT owner FROM conversations LIMIT 1), 'Stored', 'full',
       1700000000000 + i, 1700000000000 + i, ? + 1 FROM n'''
SAY = '''
INSERT INTO messages (conversation, seq, uuid, tenant, owner, role, text, status, created)
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
SELECT c.id, n.i, randomblob(16), 'default', c.owner, 1 + (n.i + 1) % 2,
       'What was said long ago, in about as many words as people use.', 0, c.created + n.i
FROM conversations AS c JOIN n WHERE c.title = 'Stored' '''


def store(path, conversations, each):
    """Fills a database that nobody has open."""
    with sqlite3.connect(path) as database:
        database.execute(FILL, (conversations, each))
        database.execute(SAY, (each,))
        database.execute('UPDATE conversations_search SET upto = (SELECT max(id) FROM messages)')
    database.close()


def conversation_of(path, count):
    """Ids of conversations among those that were stored."""
    with sqlite3.connect(path) as database:
        rows = database.execute("SELECT uuid FROM conversations WHERE title = 'Stored' "
                                'ORDER BY id DESC LIMIT ?', (count,)).fetchall()
    database.close()
    return [str(uuid.UUID(bytes=row[0])) for row in rows]


def stored_turn(rig, upstream, conversations, each):
    """CPU of a turn in a database that holds so much already."""
    data = f'{rig.folder}/stored-{conversations}-{each}'
    server = rig.patchbay(upstream, config='bench-full', data=data)
    converse(rig, server, count=1, turns=1)
    rig.stop(server.process)
    store(f'{data}/bench.db', conversations, each)
    ids = f'{rig.folder}/ids-{conversations}'
    with open(ids, 'w', encoding='ascii') as file:
        known = conversation_of(f'{data}/bench.db', FLIGHT)
        file.write(''.join(f'{known[i % len(known)]}\n' for i in range(FLIGHT)))
    server = rig.patchbay(upstream, config='bench-full', data=data)
    size = os.path.getsize(f'{data}/bench.db')
    figure = median(3, lambda: measured(rig, server, 10000, model='full', conversations=ids)[0])
    rig.stop(server.process)
    return figure, size


def flat(rig, report):
    """10,000 conversations with 100 messages each against 64 with 10 each."""
    upstream = rig.mock()
    little, small = stored_turn(rig, upstream, FLIGHT, 10)
    much, large = stored_turn(rig, upstream, 10000, 100)
    print(f'{"":<34} {little:.2f} us a turn in {small >> 10} kB, {much:.2f} in {large >> 20} MB',
          flush=True)
    report.value('a turn where much is stored, x', '', {'patchbay': much / little}, 1.2, 1.0)


def soak_kept(rig, report):
    """Memory must not grow with what was stored, nor with streams that were cut off."""
    server = rig.patchbay(rig.mock(), config='bench-full')
    ids = converse(rig, server)

    def serve(turns, streams):
        rig.load(server, requests=turns, connections=FLIGHT, model='full', conversations=ids)
        rig.load(server, requests=streams, connections=FLIGHT, model='plain', stream=True, abort=True)

    serve(60000, 10000)
    before = server.memory_kb()
    serve(300000, 50000)
    rig.load(server, requests=1000, connections=FLIGHT, model='full', conversations=ids)
    report.value('growth, 300,000 kept turns', 'MB',
                 {'patchbay': (server.memory_kb() - before) / 1024}, 1, 0)


ROWS = {'full': full, 'durable': durable, 'workers': workers, 'flat': flat, 'soak-kept': soak_kept}
