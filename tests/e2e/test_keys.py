"""Who is let in, and whose turn is whose."""
from harness.case import COMPLETIONS, ServerCase

ALICE = {'Authorization': 'Bearer planted-key-of-alice-0123456789'}
BOB = {'X-Api-Key': 'planted-key-of-bob-0123456789'}


class Keys(ServerCase):
    CONFIG = 'keys.yaml'
    BODY = {'model': 'support', 'messages': [{'role': 'user', 'content': 'a'}]}

    def test_without_a_key(self):
        error = self.assert_openai_error(self.post(COMPLETIONS, self.BODY), 401)
        self.assertEqual(error['code'], 'invalid_api_key')
        answer = self.turn('a')
        self.assert_problem(answer, 401, 'unauthenticated')
        self.assertIn('Bearer', answer.headers['www-authenticate'])
        self.assertEqual(self.model.requests, [])

    def test_with_a_wrong_key(self):
        for key in ('Bearer wrong', 'Bearer ', 'Basic YTpi', 'planted-key-of-alice-0123456789x',
                    'Bearer planted-key-of-alice-012345678', 'Bearer \xff'):
            answer = self.post(COMPLETIONS, self.BODY, headers={'Authorization': key})
            self.assertEqual(answer.status, 401, (key, answer))

    def test_with_a_key(self):
        for headers in (ALICE, BOB):
            answer = self.post(COMPLETIONS, self.BODY, headers=headers)
            self.assertEqual(answer.status, 200, answer)

    def test_a_turn_belongs_to_who_asked(self):
        turn = self.post('/v1/turns', {'message': 'a'}, headers=ALICE).json()['id']
        self.assertEqual(self.get(f'/v1/turns/{turn}', headers=ALICE).status, 200)
        self.assert_problem(self.get(f'/v1/turns/{turn}', headers=BOB), 404)
        self.assert_problem(self.get(f'/v1/turns/{turn}'), 401)
        self.assertNotIn(turn, self.get('/v1/turns', headers=BOB).body.decode())

    def test_health_is_public(self):
        for path in ('/healthz', '/readyz', '/metrics'):
            self.assertEqual(self.get(path).status, 200, path)

    def test_keys_are_in_no_output(self):
        self.post(COMPLETIONS, self.BODY, headers=ALICE)
        said = self.get('/v1/config', headers=ALICE).body.decode()
        self.assertNotIn('planted-key', said)
        self.assertNotIn('planted-key', self.server.output())
