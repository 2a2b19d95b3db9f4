#!/usr/bin/env python3
"""How good is retrieval? Recall, MRR and nDCG over files of questions, for any configuration.

    answers.py --build build/release                  the table of the README (fetches two packages)
    answers.py --build … --minilm                     with the full model as reference, some minutes
    answers.py --build … --config my.yaml --pipeline support --questions my.jsonl [--set PATH=VALUE]

A file of questions has a JSON object a line: {"question": …, "gold": [{"document": …, "heading": …,
"text": …}]}. A passage is gold when all that is given fits: the end of its document's name, a part of its
heading, a part of its text. What is measured are the sources of a reply in their order, so the pipeline's
`retrieve` says `sources: all`."""
import argparse
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
PACKAGES = {'git-doc': ('git', 'usr/share/doc/git-doc', r'[^/]+\.html'),
            'debian-policy': ('policy', 'usr/share/doc/debian-policy/policy.html',
                              r'(ch|ap)-[^/]+\.html')}
QUESTIONS = [os.path.join(HERE, name) for name in ('git.jsonl', 'policy.jsonl')]
PIPELINES = ['keyword', 'vector', 'hybrid', 'hybrid-20', 'hybrid-35', 'hybrid-50', 'hybrid-65',
             'hybrid-rerank']
CUTS = (1, 3, 5, 10)


def plain(text):
    return re.sub(r'\s+', ' ', text).strip().lower()


# --- the documents --------------------------------------------------------------------------------

def fetch(folder):
    """The manuals of two Debian packages, as a folder of HTML. Fetched once."""
    docs = os.path.join(folder, 'docs')
    for package, (name, place, pattern) in PACKAGES.items():
        if os.path.isdir(os.path.join(docs, name)):
            continue
        work = tempfile.mkdtemp(dir=folder)
        try:
            subprocess.run(['apt-get', 'download', '-q', package], cwd=work, check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            file, = os.listdir(work)
            subprocess.run(['dpkg', '-x', file, 'x'], cwd=work, check=True)
        except (OSError, subprocess.CalledProcessError) as failure:
            raise SystemExit(f'skipped: the Debian package {package} cannot be had: {failure}')
        source, wanted = os.path.join(work, 'x', place), os.path.join(work, name)
        os.makedirs(wanted)
        for entry in sorted(os.listdir(source)):
            if re.fullmatch(pattern, entry):
                shutil.copy(os.path.join(source, entry), wanted)
        os.makedirs(docs, exist_ok=True)
        os.rename(wanted, os.path.join(docs, name))
        shutil.rmtree(work)
    return docs


# --- the server -----------------------------------------------------------------------------------

class Served:
    """A configuration that runs, its documents ready. Through the harness of the tests."""

    def __init__(self, build, config, env, settings):
        os.environ['PATCHBAY_BUILD'] = os.path.abspath(build)
        sys.path.insert(0, os.path.join(ROOT, 'tests'))
        from harness import client, server
        self.client = client
        arguments = [part for setting in settings for part in ('--set', setting)]
        self.server = server.Server(config, env=env, arguments=arguments)
        self.texts = {}

    def get(self, path):
        answer = self.client.request(self.server.port, 'GET', path, timeout=120)
        if answer.status != 200:
            raise SystemExit(f'GET {path}: {answer}')
        return answer.json()

    def wait(self):
        """Until nothing waits to be made into passages, and what there is stayed the same a while."""
        begun, same, before = time.monotonic(), 0, None
        while same < 10:
            time.sleep(0.2)
            counts = [self.get('/v1/collections/' + one['name']).get('documents', {})
                      for one in self.get('/v1/collections')['collections']]
            busy = sum(one.get('queued', 0) + one.get('processing', 0) for one in counts)
            same = same + 1 if counts == before and not busy and any(counts) else 0
            before = counts
        return time.monotonic() - begun

    def text(self, source):
        """The whole passage behind a source, where there are operations to ask; else its quote."""
        document = source.get('document_id')
        if document not in self.texts:
            found, first = {}, 0
            while document:
                page = self.client.request(self.server.port, 'GET',
                                           f'/v1/documents/{document}/chunks?first={first}')
                if page.status != 200:
                    break
                told = page.json()
                found.update((one['id'], one['text']) for one in told['chunks'])
                first = told.get('next')
                if first is None:
                    break
            self.texts[document] = found
        return self.texts[document].get(source.get('passage'), source.get('quote', ''))

    def ask(self, pipeline, question):
        body = {'message': question}
        if pipeline:
            body['pipeline'] = pipeline
        answer = self.client.request(self.server.port, 'POST', '/v1/turns', body, timeout=600)
        if answer.status != 200:
            raise SystemExit(f'{pipeline}: {question}: {answer}')
        told = answer.json()
        return told['sources'], told['timing']['total_ms']

    def stop(self):
        self.server.stop()


# --- the figures ----------------------------------------------------------------------------------

def fits(served, gold, source):
    document = source.get('document', '')
    if 'document' in gold and document != gold['document'] and \
            not document.endswith('/' + gold['document']):
        return False
    if 'heading' in gold and plain(gold['heading']) not in plain(source.get('heading', '')):
        return False
    return 'text' not in gold or plain(gold['text']) in plain(
        served.text(source) + ' ' + source.get('heading', ''))


def ranks_of(served, entry, sources):
    """For each gold passage the place of the first source that is it, from 1, or None."""
    return [next((at for at, source in enumerate(sources, 1) if fits(served, gold, source)), None)
            for gold in entry['gold']]


def measure(served, pipeline, entries, misses=None):
    total = dict.fromkeys([f'recall@{k}' for k in CUTS] + ['MRR', 'nDCG@10', 'ms'], 0.0)
    for entry in entries:
        sources, took = served.ask(pipeline, entry['question'])
        ranks = ranks_of(served, entry, sources)
        found = sorted(rank for rank in ranks if rank)
        for k in CUTS: # one of several places is enough for an answer
            total[f'recall@{k}'] += any(rank <= k for rank in found)
        total['MRR'] += 1 / found[0] if found else 0
        gain = sum(1 / math.log2(rank + 1) for rank in found[:1] if rank <= 10)
        total['nDCG@10'] += gain
        total['ms'] += took
        if misses is not None and not any(rank <= 5 for rank in found):
            misses.append((entry['question'], found[:1], [
                (one.get('document'), one.get('heading')) for one in sources[:3]]))
    return {name: value / len(entries) for name, value in total.items()}


def print_row(name, figures):
    cells = [f'{figures[f"recall@{k}"]:.2f}' for k in CUTS]
    print(f'| {name} | ' + ' | '.join(cells + [f'{figures["MRR"]:.3f}', f'{figures["nDCG@10"]:.3f}',
                                               f'{figures["ms"]:.1f}']) + ' |', flush=True)


def run(options, name, config, env, pipelines):
    served = Served(options.build, config, env, options.set)
    try:
        took = served.wait()
        print(f'({name}: documents ready after {took:.1f} s)', file=sys.stderr)
        entries = [json.loads(line) for path in options.questions or QUESTIONS
                   for line in open(path, encoding='utf-8') if line.strip()]
        for pipeline in pipelines:
            misses = [] if options.misses else None
            print_row(f'{name} {pipeline}'.strip(), measure(served, pipeline, entries, misses))
            for miss in misses or []:
                print('   ', *miss, file=sys.stderr)
    finally:
        served.stop()


def reference(options, docs):
    """The full model, served beside."""
    script = os.path.join(HERE, 'embeddings.py')
    model = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    try:
        url = model.stdout.readline().strip()
        if not url:
            print('skipped: the reference, see above', file=sys.stderr)
            return
        run(options, 'minilm', os.path.join(HERE, 'minilm.yaml'),
            {'ANSWERS_DOCS': docs, 'ANSWERS_EMBEDDINGS': url},
            options.pipeline or ['vector', 'hybrid'])
    finally:
        model.terminate()
        model.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', default=os.path.join(ROOT, 'build', 'release'))
    parser.add_argument('--config', help='another configuration than the two beside this file')
    parser.add_argument('--pipeline', action='append', help='of it; may be given several times')
    parser.add_argument('--questions', action='append', help='a file of questions; also several')
    parser.add_argument('--set', action='append', default=[], help='as for patchbay serve')
    parser.add_argument('--minilm', action='store_true', help='the full model too')
    parser.add_argument('--misses', action='store_true', help='tell what was not among the first five')
    parser.add_argument('--cache', default=os.path.expanduser('~/.cache/patchbay-answers'))
    options = parser.parse_args()

    print('| | ' + ' | '.join(f'recall@{k}' for k in CUTS) + ' | MRR | nDCG@10 | ms |')
    print('|---|' + '---:|' * (len(CUTS) + 3))
    if options.config:
        run(options, '', options.config, dict(os.environ), options.pipeline or [None])
        return
    os.makedirs(options.cache, exist_ok=True)
    docs = fetch(options.cache)
    run(options, 'static', os.path.join(HERE, 'static.yaml'), {'ANSWERS_DOCS': docs},
        options.pipeline or PIPELINES)
    if options.minilm:
        reference(options, docs)


if __name__ == '__main__':
    main()
