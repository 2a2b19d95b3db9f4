"""Compares what the database holds with what was acknowledged: nothing missing, nothing twice, no
half message."""
import contextlib
import fcntl
import os
import shutil
import sqlite3
import tempfile

from traffic import question_of, reply_of

USER, ASSISTANT = 1, 2
DONE, RUNNING = 0, 1
MESSAGES = '''
    SELECT hex(c.uuid), m.seq, hex(m.uuid), m.role, m.status, m.text
    FROM messages m JOIN conversations c ON c.id = m.conversation ORDER BY c.id, m.seq'''


def plain(uuid):
    return uuid.replace('-', '').upper() if uuid else uuid


@contextlib.contextmanager
def opened(path, live):
    """The database that somebody serves from, or a copy of one that nobody has open: reading the file
    itself would move its log into it."""
    with tempfile.TemporaryDirectory(prefix='patchbay-ledger-') as folder:
        for end in () if live else ('', '-wal', '-journal'):
            if os.path.exists(path + end):
                shutil.copyfile(path + end, os.path.join(folder, 'copy.db' + end))
        database = sqlite3.connect(path if live else os.path.join(folder, 'copy.db'), timeout=60,
                                   isolation_level=None)
        try:
            yield database
        finally:
            database.close()


def read(path, live):
    with opened(path, live) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE name = 'messages'").fetchall()
        return (database.execute('PRAGMA integrity_check').fetchone()[0],
                database.execute(MESSAGES).fetchall() if tables else [])


def faults(path, turns, live=False):
    """Every way in which the database contradicts the log of turns; an empty list is good."""
    if not os.path.exists(path):
        return [] if not any(turn.asked for turn in turns.values()) else ['the database is gone']
    sound, rows = read(path, live)
    found = [] if sound == 'ok' else [f'the database is broken: {sound}']
    questions, replies, expected, word = {}, {}, {}, None
    for conversation, seq, uuid, role, status, text in rows:
        expected[conversation] = expected.get(conversation, 0) + 1
        if seq != expected[conversation]:
            found.append(f'{conversation}: message {seq} stands where {expected[conversation]} should')
            expected[conversation] = seq
        if role == USER:
            word = text.split(' ', 1)[0]
            if word not in turns or text != question_of(word):
                found.append(f'{conversation} {seq}: a half question: {text[:60]!r} ({len(text)})')
            if word in questions:
                found.append(f'{word} is kept twice')
            questions[word] = conversation
        elif role == ASSISTANT:
            whole = reply_of(word or '')
            if status == DONE and text != whole or not whole.startswith(text):
                found.append(f'{conversation} {seq}: half a reply to {word}: {text[-60:]!r} '
                             f'({len(text)} of {len(whole)}, status {status})')
            if word in replies:
                found.append(f'{word} has two replies')
            replies[word] = (conversation, uuid, status)
    for turn in list(turns.values()):
        found += judge(turn, questions.get(turn.word), replies.get(turn.word))
    return found


def judge(turn, question, reply):
    if turn.asked and not question:
        yield f'{turn.word}: the model was asked, and the question is not there'
    if not turn.acknowledged:
        return
    if not question:
        yield f'{turn.word} was acknowledged, and the question is not there'
    elif question != plain(turn.conversation):
        yield f'{turn.word} is kept in conversation {question}, not {turn.conversation}'
    if not reply:
        yield f'{turn.word} was acknowledged, and the reply is not there'
    elif reply[2] != DONE:
        yield f'{turn.word} was acknowledged, and its reply has status {reply[2]}'
    elif turn.reply and reply[1] != plain(turn.reply):
        yield f'the reply to {turn.word} is {reply[1]}, acknowledged was {turn.reply}'


def interrupted(path):
    """How many replies nobody goes on with, and how many still run."""
    with opened(path, False) as database:
        return dict(database.execute('SELECT status, count(*) FROM messages GROUP BY status'))
