"""Plays scenarios of a Python client, all in one process: each line of the input is {"play", "api", "base",
"key"}, each line of the output what the scenario told, or {"raised"}. A line "now" is for a scenario that waits.
"""
import asyncio
import inspect
import json
import sys
import traceback


async def line():
    """The next line of the input, without holding the loop."""
    return await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


async def value(thing):
    return await thing if inspect.isawaitable(thing) else thing


async def items(stream):
    """The same loop over what is sync and what is not."""
    if hasattr(stream, '__aiter__'):
        async for each in stream:
            yield each
    else:
        for each in stream:
            yield each


async def cancelled(call):
    """What became of a call that is cancelled when the test says so."""
    task = asyncio.ensure_future(call)
    await line()
    task.cancel()
    try:
        await task
    except asyncio.CancelledError as error:
        return {'name': type(error).__name__}
    return None


def failure(error):
    """What a client tells of a failure, under the names that most of them use."""
    return {'name': type(error).__name__, 'status': getattr(error, 'status_code', None),
            'code': getattr(error, 'code', None), 'message': str(error)}


async def main(scenarios):
    out, sys.stdout = sys.stdout, sys.stderr  # some clients print
    print('{}', file=out, flush=True)
    while given := await line():
        wanted = json.loads(given)
        try:
            told = await scenarios(wanted)
        except Exception:  # the test shows it
            told = {'raised': traceback.format_exc()}
        print(json.dumps(told), file=out, flush=True)


def play(scenarios):
    """scenarios: an async function of what is wanted."""
    asyncio.run(main(scenarios))
