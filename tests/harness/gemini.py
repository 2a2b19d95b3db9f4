"""Answers for harness.upstream as Gemini's API gives them, whole or as a stream."""
import json

from harness import upstream


def reply(*parts, finish='STOP', model='scripted-1', logprobs=None, **usage):
    """Content of these parts; a stream brings each in an event of its own."""
    totals = {'promptTokenCount': 20, 'candidatesTokenCount': 9, **usage}

    def response(some, **more):
        candidate = {'content': {'role': 'model', 'parts': list(some)}, 'index': 0, **more}
        if logprobs and any('text' in part for part in some):
            candidate['logprobsResult'] = logprobs
        return {'candidates': [candidate], 'usageMetadata': totals, 'modelVersion': model}

    def answer(connection, request):
        if 'streamGenerateContent' not in request.path:
            return upstream.whole(200, response(parts, finishReason=finish))(connection, request)
        connection.sendall(upstream.STREAM_HEAD)
        for each in [response([part]) for part in parts] + [response([], finishReason=finish)]:
            connection.sendall(upstream.chunk(f'data: {json.dumps(each)}\r\n\r\n'.encode()))
        connection.sendall(b'0\r\n\r\n')
        return None
    return answer


def error(status, message, headers=(), **more):
    return upstream.whole(status, {'error': {'code': status, 'message': message, **more}}, headers)
