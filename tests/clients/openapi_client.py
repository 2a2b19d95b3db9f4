"""What test_openapi.py runs with the packages of openapi_requirements.txt.

    openapi_client.py valid DOCUMENT            is it an OpenAPI 3.1 document?
    openapi_client.py events DOCUMENT NAME      is each line of the input what the schema NAME says?
    openapi_client.py ask DOCUMENT URL          Schemathesis: KEY in the environment
"""
import json
import os
import sys

CHECKS = ('not_a_server_error,status_code_conformance,content_type_conformance,'
          'response_headers_conformance,response_schema_conformance')


def valid(document):
    from openapi_spec_validator import OpenAPIV31SpecValidator, validate
    validate(document, cls=OpenAPIV31SpecValidator)


def events(document, name):
    from jsonschema import Draft202012Validator
    judge = Draft202012Validator({'$ref': f'#/components/schemas/{name}',
                                  'components': document['components']})
    for line in sys.stdin:
        for error in judge.iter_errors(json.loads(line)):
            sys.exit(f'{line}: {error}')


def ask(url):
    config = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'schemathesis.toml')
    os.execv(sys.executable, [
        sys.executable, '-m', 'schemathesis.cli', '--config-file', config, 'run', sys.argv[2],
        '--url', url, '-H', 'Authorization: Bearer ' + os.environ['KEY'], '--checks', CHECKS,
        '--phases', 'examples,coverage,fuzzing', '--max-examples', '3', '--seed', '1',
        '--generation-database', 'none', '--continue-on-failure', '--no-shrink',
        '--request-timeout', '20', '--suppress-health-check', 'all', '--warnings', 'off'])


if __name__ == '__main__':
    with open(sys.argv[2], encoding='utf-8') as source:
        given = json.load(source)
    if sys.argv[1] == 'valid':
        valid(given)
    elif sys.argv[1] == 'events':
        events(given, sys.argv[3])
    else:
        ask(sys.argv[3])
