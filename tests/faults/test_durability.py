"""The power fails again and again under load, and all that was not synced is gone: what was
acknowledged is there, once and whole; and what the model was asked.

    PATCHBAY_TEST_CUTS=300   so many power failures (30)
    PATCHBAY_TEST_SEED=7     the same moments and losses again, as far as processes allow that
"""
import json
import os
import random
import time
import unittest

from harness import client, server
from ledger import faults, interrupted
from preload import unsynced
from traffic import Traffic, reply_of
from tree import Service

LONG = True
CUTS = int(os.environ.get('PATCHBAY_TEST_CUTS', '30'))
SEED = int(os.environ.get('PATCHBAY_TEST_SEED', time.time_ns() % 1000000))
HERE = os.path.dirname(os.path.abspath(__file__))


class PowerLoss(unittest.TestCase):
    CONFIG = os.path.join(HERE, 'kept.yaml')

    def setUp(self):
        print(f'PATCHBAY_TEST_SEED={SEED}', flush=True)
        self.random = random.Random(SEED)
        self.traffic = Traffic(seed=SEED)
        self.addCleanup(self.traffic.close)
        self.disk = unsynced.Disk(server.BUILD, delay_us=300)
        self.addCleanup(self.disk.close)
        self.service = Service(self.CONFIG, self.disk.folder,
                               dict(self.disk.environment(server.BINARY),
                                    UPSTREAM=self.traffic.url))
        self.addCleanup(self.service.kill_all)

    @property
    def database(self):
        return os.path.join(self.disk.folder, 'patchbay.db')

    def cut(self, round_number):
        """Every third time the disk keeps a random part of what was not synced."""
        self.service.kill_all()
        self.traffic.hush()
        self.disk.cut(self.random if round_number % 3 == 2 else None)

    def assert_kept(self, when):
        self.assertEqual(faults(self.database, self.traffic.turns)[:10], [], when)
        self.assertEqual(self.traffic.strange[:5], [], when)

    def assert_same_turn_again(self):
        """A key that was used before gives the turn that it gave, whose model is not asked again."""
        keyed = [turn for turn in self.traffic.acknowledged() if turn.key and
                 not json.loads(turn.body)['stream']]
        for turn in self.random.sample(keyed, min(3, len(keyed))):
            answer = client.request(self.service.port, 'POST', '/v1/turns', turn.body,
                                    {'Idempotency-Key': turn.key,
                                     'Content-Type': 'application/json'})
            self.assertEqual(answer.status, 200, answer)
            told = answer.json()
            self.assertEqual((told['id'], told['message']['id'], told['message']['text']),
                             (turn.id, turn.reply, reply_of(turn.word)))

    def assert_streams_go_on(self, since):
        """Of a turn with a key every event that its client saw is still there, and it has an end."""
        cut_off = [turn for turn in list(self.traffic.turns.values())[since:]
                   if turn.key and turn.id and turn.seen and not turn.acknowledged]
        for turn in self.random.sample(cut_off, min(3, len(cut_off))):
            answer = client.request(self.service.port, 'GET', f'/v1/turns/{turn.id}/events')
            self.assertEqual(answer.status, 200, answer)
            events = answer.events()
            text = ''.join(data['delta'] for name, data, _ in events if name == 'text')
            self.assertTrue(text.startswith(turn.seen), (turn.seen[-80:], text[-80:]))
            self.assertTrue(reply_of(turn.word).startswith(text), text[-80:])
            self.assertIn(events[-1][0], ('error', 'done'), events[-1])
        return len(cut_off)

    def test_all_that_was_acknowledged_is_there(self):
        streams = since = 0
        for number in range(CUTS):
            self.service.start()
            streams += self.assert_streams_go_on(since)
            since = len(self.traffic.turns)
            self.traffic.go(self.service.port)
            # at first while tables are made, then anywhere
            self.traffic.wait_acknowledged(0 if number == 0 else self.random.randrange(300))
            time.sleep(self.random.random() * 0.05)
            self.cut(number)
            self.assert_kept(f'after cut {number}')
            if number % 50 == 49:
                print(f'{number + 1} cuts', flush=True)
        self.service.start()
        self.assert_same_turn_again()
        self.assertEqual(self.service.stop(), 0)
        self.assert_kept('at the end')
        told = interrupted(self.database)
        self.assertNotIn(1, told, 'a reply still runs though nobody is there')
        print(f'{CUTS} cuts, {len(self.traffic.acknowledged())} turns acknowledged, '
              f'ends {self.traffic.ends()}, replies by status {told}, {streams} kept streams cut',
              flush=True)
        self.assertGreater(len(self.traffic.acknowledged()), CUTS * 20)

    def test_without_syncs_it_would_be_lost(self):
        """The counter-proof: a disk that does not sync fails the same check."""
        self.service.env['UNSYNCED_DEAF'] = '1'
        self.traffic.go(self.service.start())
        self.traffic.wait_acknowledged(300)
        self.cut(0)
        self.assertNotEqual(faults(self.database, self.traffic.turns), [])


if __name__ == '__main__':
    unittest.main()
