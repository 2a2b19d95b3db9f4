"""What real clients once sent (tests/clients/recorded/), sent again: the answers have the same shape, and
the model is asked the same. PATCHBAY_GOLDEN=write takes what comes now as right."""
import glob
import json
import os

from harness import recorded, server
from harness.case import ServerCase

FOLDER = os.path.join(server.ROOT, 'tests', 'clients', 'recorded')


class Recorded(ServerCase):
    CONFIG = 'responses.yaml'
    maxDiff = 4000

    def test_all(self):
        paths = sorted(glob.glob(os.path.join(FOLDER, '*', '*.json')))
        paths = [path for path in paths if os.path.basename(path) != 'client.json']
        self.assertGreater(len(paths), 20)
        for path in paths:
            with self.subTest(os.path.relpath(path, FOLDER)):
                with open(path, encoding='utf-8') as file:
                    recording = json.load(file)
                self.assertTrue(recording['exchanges'])
                played = recorded.play(self.port, self.model, recording)
                if os.environ.get('PATCHBAY_GOLDEN') == 'write':
                    recorded.write(path, played)
                for was, now in zip(recording['exchanges'], played['exchanges']):
                    self.assertEqual(now['answer'], was['answer'])
                    self.assertEqual(now['asked'], was['asked'])
