"""quality - how well the distilled vectors find answers, beside the full model and keywords alone.

    python3 quality.py CORPUS [minilm.pbvec]

Questions are those that people asked: the headings of the FAQs of Perl, Python and Debian; and,
harder to tell apart, the headings of all sections of two manuals. The passage behind a heading is
what must be found among all passages of its set; the heading itself is not part of it. None of these
packages was fitted on. Also: how alike two passages are, as the vectors see it and as the full model
does (Spearman's correlation). CORPUS: see corpus.py.
"""
import pathlib
import re
import sqlite3
import sys

import numpy
from scipy.stats import spearmanr

import corpus
import minilm
import pbvec

ASKING = re.compile(r'^(how|what|why|where|when|who|which|is|are|can|does|do|i |my|should)\b|\?$', re.I)


def clean(title):
    return re.sub(r'^([A-Z]\.|\d)[\d.]*\s+|^Chapter \d+\.?\s*|["“”]', '', title).strip()


def files(folder, pattern):
    return sorted(pathlib.Path(folder).glob(pattern))


def sets(folder):
    """name → [(question, passage)]; a question is '' where only the passage matters."""
    faq = [*files(folder, 'perl-doc/usr/share/perl/*/pod/perlfaq[1-9].pod'),
           *files(folder, 'python3.11-doc/usr/share/doc/python3.11/html/faq/*.html'),
           *files(folder, 'debian-faq/usr/share/doc/debian/FAQ/*.en.html')]
    manuals = {
        'debian-reference': files(folder, 'debian-reference-en/usr/share/debian-reference/*.en.html'),
        'python': [*files(folder, 'python3.11-doc/usr/share/doc/python3.11/html/tutorial/*.html'),
                   *files(folder, 'python3.11-doc/usr/share/doc/python3.11/html/howto/*.html'),
                   *files(folder, 'python3.11-doc/usr/share/doc/python3.11/html/using/*.html')],
    }
    made = {'FAQs': pairs(faq, asked=True)}
    for name, paths in manuals.items():
        made['sections of ' + name] = pairs(paths, asked=False)
    return made


def pairs(paths, asked):
    found, seen = [], set()
    for path in paths:
        for title, text in corpus.sections(path):
            title = clean(title)
            parts = list(corpus.passages(text))[:8]
            if not parts or (parts[0].lower(), title) in seen:
                continue
            seen.add((parts[0].lower(), title))
            is_question = len(title.split()) > 2 and len(text.split()) > 20 and title not in seen \
                and (not asked or ASKING.search(title))
            if is_question:
                seen.add(title)
            found.append((title if is_question else '', parts))
    return found


def ranks(scores, owners, asked):
    """The place of the best passage of each asked section; sections, not passages, are counted."""
    places = []
    for row, owner in zip(scores, asked):
        best = {}
        for passage in numpy.argsort(-row, kind='stable'):
            if row[passage] == -numpy.inf:
                break
            best.setdefault(owners[passage], len(best))
            if owner in best:
                break
        places.append(best.get(owner, 10**9))
    return numpy.array(places)


def keywords(questions, passages):
    """BM25 of SQLite's FTS5 with the porter stemmer, any word of the question."""
    database = sqlite3.connect(':memory:')
    database.execute("CREATE VIRTUAL TABLE t USING fts5(text, tokenize = 'porter unicode61')")
    database.executemany('INSERT INTO t(rowid, text) VALUES (?, ?)', enumerate(passages))
    scores = numpy.full((len(questions), len(passages)), -numpy.inf)
    for row, question in enumerate(questions):
        asked = ' OR '.join(f'"{word}"' for word in re.findall(r'\w+', question))
        for number, score in database.execute(
                'SELECT rowid, -bm25(t) FROM t WHERE t MATCH ?', (asked,)):
            scores[row, number] = score
    return scores


def fused(*halves):
    """Reciprocal rank fusion of the best hundred of each."""
    total = numpy.full(halves[0].shape, -numpy.inf)
    for scores in halves:
        order = numpy.argsort(-scores, axis=1, kind='stable')[:, :100]
        for row, best in enumerate(order):
            best = best[scores[row, best] > -numpy.inf]
            old = total[row, best]
            total[row, best] = numpy.where(numpy.isinf(old), 0, old) + 1 / (60 + numpy.arange(len(best)))
    return total


class Static:
    def __init__(self, path):
        self.model, self.tokenizer = pbvec.Reader(path), minilm.tokenizer()

    def encode(self, texts):
        made = self.tokenizer.encode_batch(texts, add_special_tokens=False)
        return numpy.array([self.model.vector(encoding.tokens) for encoding in made])


class Full:
    def __init__(self):
        self.model, self.tokenizer = minilm.MiniLM(), minilm.tokenizer()

    def encode(self, texts):
        return self.model.encode([encoding.ids for encoding in self.tokenizer.encode_batch(texts)])


def measure(name, scores, owners, asked):
    place = ranks(scores, owners, asked)
    mrr = numpy.where(place < 10, 1 / (1 + place.clip(max=10)), 0).mean()
    print(f'| {name} | {(place < 1).mean():.3f} | {(place < 5).mean():.3f} '
          f'| {(place < 10).mean():.3f} | {mrr:.3f} |', flush=True)
    return mrr


def prepared(folder):
    """name → questions, passages, the section of each passage, the section of each question."""
    for name, sections in sets(folder).items():
        passages = [part for _, parts in sections for part in parts]
        owners = [number for number, (_, parts) in enumerate(sections) for _ in parts]
        asked = [number for number, (question, _) in enumerate(sections) if question]
        yield name, [sections[number][0] for number in asked], passages, owners, asked


def main(folder, path):
    embedders = {'static': Static(path), 'all-MiniLM-L6-v2': Full()}
    for name, questions, passages, owners, asked in prepared(folder):
        print(f'\n{name}: {len(questions)} questions, {len(passages)} passages\n\n'
              '| | first | in 5 | in 10 | MRR@10 |\n|---|---|---|---|---|')
        words = keywords(questions, passages)
        measure('keywords (BM25)', words, owners, asked)
        alike = []
        for title, embedder in embedders.items():
            vectors = embedder.encode(passages)
            scores = embedder.encode(questions) @ vectors.T
            measure(title, scores, owners, asked)
            measure(title + ' and keywords', fused(scores, words), owners, asked)
            draw = numpy.random.default_rng(1).integers(0, len(passages), (2, 20000))
            alike.append((vectors[draw[0]] * vectors[draw[1]]).sum(axis=1))
        print(f'\nSpearman of static and full: {spearmanr(*alike).statistic:.3f}', flush=True)


if __name__ == '__main__':
    main(sys.argv[1], pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else
                                   pathlib.Path(__file__).parent / 'minilm.pbvec'))
