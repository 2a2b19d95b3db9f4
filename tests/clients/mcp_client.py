"""What applications do with the official Python client, mcp_client.py [--newer] SCENARIO…

MCP_URL and MCP_KEY say whom to ask. Prints one line of JSON that a test judges.
"""
import asyncio
import json
import os
import sys

import httpx2
from mcp import MCPError
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

URL = os.environ['MCP_URL']


def plain(model):
    return model.model_dump(mode='json', by_alias=True, exclude_none=True)


async def failure(call):
    try:
        return plain(await call)
    except MCPError as error:
        return {'code': error.error.code, 'message': error.error.message}


async def pages(fetch, member):
    everything, cursor = [], None
    while True:
        page = await fetch(cursor=cursor)
        everything += [plain(each) for each in getattr(page, member)]
        cursor = page.next_cursor
        if not cursor:
            return everything


async def tour(client):
    tools = await pages(client.list_tools, 'tools')
    await client.send_ping()
    return {
        'version': client.protocol_version, 'server': client.server_info.name,
        'instructions': client.instructions, 'capabilities': plain(client.server_capabilities),
        'tools': tools,
        'collections': plain(await client.call_tool(
            'collections_create', {'name': f'parcels-{os.getpid()}', 'description': 'Post.'})),
        'wrong': plain(await client.call_tool('documents_list', {'limit': 9999})),
        'unknown': await failure(client.call_tool('nope')),
    }


async def documents(client):
    resources = await pages(client.list_resources, 'resources')
    contents = [plain((await client.read_resource(each['uri'])).contents[0]) for each in resources]
    templates = (await client.list_resource_templates()).resource_templates
    return {'resources': resources, 'contents': contents,
            'templates': [plain(each) for each in templates],
            'missing': await failure(client.read_resource('patchbay://documents/no'))}


async def prompts(client):
    from mcp_types import PromptReference
    completed = await client.complete(PromptReference(name='review'), {'name': 'tone', 'value': 's'})
    return {'prompts': [plain(each) for each in (await client.list_prompts()).prompts],
            'completed': completed.completion.values,
            'filled': plain(await client.get_prompt('review', {'text': 'Hi', 'tone': 'strict'})),
            'missing': await failure(client.get_prompt('review', {}))}


logged = []


async def note_log(params):
    logged.append(params.data)


async def ask(client):
    progress = []

    async def note(done, total, message):
        progress.append({'progress': done, 'message': message})
    await client.list_tools()
    await client.set_logging_level('debug')
    answer = await client.call_tool('ask_support', {'message': 'Hello?'}, progress_callback=note)
    first = await client.call_tool('ask_diary', {'message': 'One'})
    second = await client.call_tool('ask_diary', {
        'message': 'Two', 'conversation': first.structured_content['conversation']})
    return {'answer': plain(answer), 'progress': progress, 'logged': logged, 'first': plain(first),
            'second': plain(second)}


async def fail(client):
    return {'answer': plain(await client.call_tool('ask_support', {'message': 'Hi'}))}


async def cancel(client):
    """The test lets the model say something, then it is silent. The client tells the server when the
    waiting call is cancelled."""
    heard = asyncio.Event()

    async def note(_done, _total, message):
        if message == 'so far':
            heard.set()
    asking = asyncio.create_task(
        client.call_tool('ask_support', {'message': 'Hi'}, progress_callback=note))
    await heard.wait()
    asking.cancel()
    try:
        await asking
    except asyncio.CancelledError:
        await client.send_ping()
        return {'heard': 'so far', 'name': 'CancelledError'}
    return {'heard': 'so far'}


SCENARIOS = {each.__name__: each for each in (tour, documents, prompts, ask, fail, cancel)}


async def main(names, mode):
    headers = {'Authorization': f'Bearer {os.environ["MCP_KEY"]}'}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        async with Client(streamable_http_client(URL, http_client=http), mode=mode,
                          logging_callback=note_log) as client:
            return {name: await SCENARIOS[name](client) for name in names}


def told(names):
    mode = 'auto' if names[0] == '--newer' else 'legacy'
    try:
        return asyncio.run(main([name for name in names if name in SCENARIOS], mode))
    except Exception as error:  # what the client raises for a key that is not taken
        return {'name': type(error).__name__, 'message': str(error)}


print(json.dumps(told(sys.argv[1:])))
