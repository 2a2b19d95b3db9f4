#!/usr/bin/env python3
"""The embedded vector store beside sqlite-vec, hnswlib and FTS5: the rows of the README's table.

python3 tests/bench/knowledge/knowledge.py --build BUILD [--size 100000] [--data clustered static minilm]
"""

import argparse
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(__file__))
try:
    import numpy as np

    import data as source
except ImportError as missing:
    sys.exit(f"skipped: {missing}; pip install numpy")

EFS = (10, 15, 20, 30, 40, 60, 80, 120, 160, 240, 320, 480, 640, 1000, 2000)
COMMON = {"what", "that", "this", "with", "from", "have", "your", "will", "when", "which", "they"}


def module(name, package):
    try:
        return __import__(name)
    except ImportError:
        print(f"skipped: {name} is not installed (pip install {package})")
        return None


def questions(texts, count=source.QUERIES):
    """Three words of one passage each."""
    random = np.random.default_rng(11)
    out = []
    while len(out) < count:
        words = re.findall(r"[a-z]{4,12}", texts[random.integers(len(texts))].lower())
        words = [word for word in words if word not in COMMON]
        if len(set(words)) >= 3:
            out.append(" ".join(random.choice(sorted(set(words)), 3, replace=False)))
    return out


def ours(program, vectors, queries, texts, asked, options="", keep=None):
    folder = keep or tempfile.mkdtemp(prefix="patchbay-bench-")
    place = tempfile.mkdtemp(prefix="patchbay-data-")
    try:
        vectors.tofile(os.path.join(place, "vectors.f32"))
        queries.tofile(os.path.join(place, "queries.f32"))
        for name, lines in (("texts", texts), ("questions", asked)):
            with open(os.path.join(place, name + ".jsonl"), "w") as file:
                file.writelines(json.dumps(line) + "\n" for line in lines)
        command = [program, "run", folder, place, str(vectors.shape[1]), options] + (["hybrid"] if asked else [])
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    finally:
        shutil.rmtree(place)
        if not keep:
            shutil.rmtree(folder)


def tuned(program, vectors, queries, truth, at_least=0.99):
    """The least probes that reach the recall, as hnswlib gets the least ef."""
    with tempfile.TemporaryDirectory(prefix="patchbay-bench-") as folder:
        for probes in (4, 6, 8, 12, 16, 24, 32, 64, 128, 256):
            mine = ours(program, vectors, queries, [], [], f", probes: {probes}", folder)
            mine["probes"] = probes
            mine["recall"] = source.recall(mine["vector"]["found"], truth)
            if mine["recall"] >= at_least:
                break
    return mine


def sqlite_vec(program, vectors, queries):
    """Milliseconds a query, in the same SQLite; None: it is not there."""
    library = module("sqlite_vec", "sqlite-vec")
    if not library:
        return None
    with tempfile.TemporaryDirectory(prefix="patchbay-data-") as place:
        vectors.tofile(os.path.join(place, "vectors.f32"))
        queries.tofile(os.path.join(place, "queries.f32"))
        command = [program.replace("bench_knowledge", "bench_sqlite_vec"), library.loadable_path(),
                   place, str(vectors.shape[1])]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)["ms"]


def graph(vectors, name):
    """hnswlib's index and the seconds that making it took; kept in the folder, as it takes minutes."""
    library = module("hnswlib", "hnswlib")
    if not library:
        return None, 0
    index = library.Index("ip", vectors.shape[1])
    if os.path.exists(name + ".json"):
        index.load_index(name, max_elements=len(vectors))
        with open(name + ".json") as file:
            return index, json.load(file)["built_s"]
    index.init_index(len(vectors), M=16, ef_construction=200)
    began = time.monotonic()
    index.add_items(vectors, num_threads=2)
    built = time.monotonic() - began
    index.save_index(name)
    with open(name + ".json", "w") as file:
        json.dump({"built_s": built}, file)
    return index, built


def graph_search(index, queries, truth, efs=EFS, **how):
    """The least ef that reaches the recall, with its milliseconds a query."""
    for ef in efs:
        index.set_ef(ef)
        began = time.process_time()
        found = [index.knn_query(query, 10, num_threads=1, **how)[0][0] for query in queries]
        took = (time.process_time() - began) / len(queries) * 1000
        reached = source.recall(found, truth)
        if reached >= 0.99:
            break
    return {"ef": ef, "ms": took, "recall": reached}


def graph_filtered(index, queries, below, truth, ef, count=50):
    """With its own filter, a function of Python: first as the index is set, then with the least ef that
    reaches the recall under this filter."""
    def keep(label):
        return label // 10 % 100 < below

    some, wanted = queries[:count], truth[:count]
    graph_search(index, some, wanted, (ef,), filter=keep)  # what it reads is near then
    return (graph_search(index, some, wanted, (ef, ef * 2, ef * 4, ef * 8), filter=keep),
            graph_search(index, some, wanted, filter=keep))


def full_text(texts, asked):
    db = sqlite3.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE f USING fts5(t, tokenize = 'porter unicode61 remove_diacritics 2')")
    db.executemany("INSERT INTO f(t) VALUES (?)", ((text,) for text in texts))
    db.execute("INSERT INTO f(f) VALUES ('optimize')")
    found = []
    began = time.process_time()
    for question in asked:
        rows = db.execute("SELECT rowid FROM f WHERE f MATCH ? ORDER BY rank LIMIT 10",
                          (" OR ".join(question.split()),)).fetchall()
        found.append([row[0] - 1 for row in rows])
    return (time.process_time() - began) / len(asked) * 1000, found


def row(figure, value, unit, ratio="", first=""):
    print(f"| {figure} | {value:.4g} {unit} | {ratio} | {first} |", flush=True)


def times(ratio, first, more=True):
    met = ratio >= first if more else ratio <= first
    return f"{ratio:.2f}", f"{first} {'met' if met else 'MISSED'}"


def measure(arguments, name, vectors, queries, texts):
    print(f"\n### {name}: {len(vectors):,} × {vectors.shape[1]}\n\n| figure | value | ÷ | first |\n|---|---|---|---|")
    asked = questions(texts) if texts else []
    truth = source.truth(vectors, queries)
    number = np.arange(len(vectors)) // 10 % 100
    ten = source.truth(vectors, queries, mask=number < 10)
    one = source.truth(vectors, queries, mask=number < 1)
    mine = ours(arguments.program, vectors, queries, texts, asked)
    recall = source.recall(mine["vector"]["found"], truth)
    size = vectors.size / 1e9
    share = size / (mine["vector"]["ms"] / 1000) / mine["bandwidth"]
    row("loaded, durable", mine["load_s"], "s")
    row("first search, indexes the rest", mine["first_s"], "s")
    row("search, from call to answer", mine["vector"]["wall_ms"], "ms")
    row(f"search, recall {recall:.4f}", 1000 / mine["vector"]["ms"], "/s")
    row("share of the memory bandwidth", share, f"of {mine['bandwidth']:.1f} GB/s")
    if len(vectors) <= 120_000:
        theirs = sqlite_vec(arguments.program, vectors, queries)
        if theirs:
            row("sqlite-vec", 1000 / theirs, "/s", *times(theirs / mine["vector"]["ms"], 10))
    index, built = (None, 0) if arguments.no_graph else graph(
        vectors, os.path.join(arguments.cache, f"{name}-{len(vectors)}.hnsw"))
    best = index and graph_search(index, queries, truth)
    for below, key, wanted in ((10, "tenth", ten), (1, "hundredth", one)):
        reached = source.recall(mine[key]["found"], wanted)
        row(f"filtered to {below} %, recall {reached:.4f}", 1000 / mine[key]["ms"], "/s")
        if best:
            for theirs, how in zip(graph_filtered(index, queries, below, wanted, best["ef"]),
                                   ("as it is set", "the least")):
                row(f"hnswlib, filtered to {below} %, ef {theirs['ef']}, {how}, recall {theirs['recall']:.4f}",
                    1000 / theirs["ms"], "/s", *times(theirs["ms"] / mine[key]["ms"], 10))
    if len(vectors) >= 200_000:
        mine = tuned(arguments.program, vectors, queries, truth)
        row(f"search, probes {mine['probes']}, recall {mine['recall']:.4f}", 1000 / mine["vector"]["ms"], "/s")
    if best:
        row(f"hnswlib, ef {best['ef']}, recall {best['recall']:.4f}, built in {built:.0f} s",
            1000 / best["ms"], "/s", *(times(best["ms"] / mine["vector"]["ms"], 0.5)
                                       if len(vectors) >= 200_000 else ()))
    if asked:
        words(mine, texts, asked)


def words(mine, texts, asked):
    took, found = full_text(texts, asked)
    agree = source.recall(mine["keyword"]["found"], np.array([f + [-1] * (10 - len(f)) for f in found]))
    row(f"FTS5, three words (the first ten agree by {agree:.2f})", took, "ms")
    row("keyword search", mine["keyword"]["ms"], "ms", f"{mine['keyword']['ms'] / took:.2f}")
    row("hybrid search", mine["hybrid"]["ms"], "ms", *times(mine["hybrid"]["ms"] / took, 1.5, False))
    row("a plain SQLite commit", mine["plain_ms"], "ms")
    row("the same through plugin sqlite", mine["through_ms"], "ms",
        f"{mine['through_ms'] / mine['plain_ms']:.2f}")
    row("durable insert of one passage", mine["insert_ms"], "ms",
        *times(mine["insert_ms"] / mine["plain_ms"], 2, False))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True, help="a Release build")
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--data", nargs="*", default=["clustered", "static", "minilm"])
    parser.add_argument("--no-graph", action="store_true", help="without hnswlib, which builds for minutes")
    parser.add_argument("--minilm", type=int, default=20_000, help="how many texts the full model gets")
    parser.add_argument("--cache", default=os.path.join(tempfile.gettempdir(), "patchbay-knowledge"))
    arguments = parser.parse_args()
    arguments.program = os.path.join(arguments.build, "tests/bench/bench_knowledge")
    if not os.path.exists(arguments.program):
        sys.exit(f"build it first: ninja -C {arguments.build} bench_knowledge bench_sqlite_vec")
    os.makedirs(arguments.cache, exist_ok=True)
    size = arguments.size + source.QUERIES
    texts = source.texts(arguments.cache, size)
    for name in arguments.data:
        if name == "clustered":
            vectors = source.cached(arguments.cache, f"clustered-{size}", lambda: source.clustered(size))
            measure(arguments, name, *source.split(vectors), [])
        elif name == "static":
            vectors = source.static(arguments.cache, size, arguments.program)
            known = np.linalg.norm(vectors, axis=1) > 0.5
            vectors, texts = vectors[known], [t for t, k in zip(texts, known) if k]
            measure(arguments, name, *source.split(vectors), texts[:len(vectors) - source.QUERIES])
        else:
            vectors = source.minilm(arguments.cache, arguments.minilm)
            measure(arguments, name, *source.split(vectors), [])


if __name__ == "__main__":
    main()
