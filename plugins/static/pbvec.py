"""pbvec - writes and reads the model file of the static embedder. model.h describes its bytes.

Reader is also the reference that the plugin's tests compare with: the vector of a text is made
from the same file by other means (the model's own tokenizer, numpy).
"""
import hashlib
import struct

import numpy

MAGIC, VERSION = b'PBVEC\r\n\x1a', 1
HEADER = struct.Struct('<8sIIIIIIQ64s24x')  # 128 bytes; the digest of all that precedes ends the file
KEEP, DROP, SPACE, ALONE, FIRST = 0, 1, 2, 3, 16
PAGE, PAGES = 256, 0x110000 // 256


def characters(tokenizer):
    """What becomes of every character, found out by asking the tokenizer itself: the index of each
    page of 256, the pages, and the texts that characters are replaced with."""
    normalizer, splitter = tokenizer.normalizer, tokenizer.pre_tokenizer
    pool, places, pages, numbers, index = bytearray(), {}, [], {}, []
    for first in range(0, 0x110000, PAGE):
        page = []
        for code in range(first, first + PAGE):
            page.append(action(code, normalizer, splitter, pool, places))
        page = numpy.array(page, '<u2').tobytes()
        if page not in numbers:
            numbers[page] = len(pages)
            pages.append(page)
        index.append(numbers[page])
    return numpy.array(index, '<u2').tobytes(), b''.join(pages), bytes(pool)


def action(code, normalizer, splitter, pool, places):
    if 0xd800 <= code < 0xe000:
        return DROP
    if 0xac00 <= code < 0xd7a4:  # Hangul: taken apart by rule
        return KEEP
    char = chr(code)
    text = normalizer.normalize_str(f'a{char}b')
    parts = [part for part, _ in splitter.pre_tokenize_str(text)]
    alone = len(parts) == 3
    if parts == ['a', 'b']:
        return SPACE
    if parts == ['ab']:
        return DROP
    new = parts[1] if alone else parts[0][1:-1]
    if not alone and len(parts) != 1:
        raise SystemExit(f'U+{code:04X} becomes {parts}: the format cannot say that')
    if new == char:
        return ALONE if alone else KEEP
    if new not in places:
        places[new] = len(pool)
        data = new.encode()
        pool += bytes([len(data)]) + data
    return FIRST + 2 * places[new] + alone


def write(path, name, tokens, rows, tokenizer):
    """tokens: list of texts; rows: float array, one row of any length each; 0 for "[UNK]"."""
    scales = numpy.abs(rows).max(axis=1) / 127
    codes = numpy.rint(rows / numpy.where(scales, scales, 1)[:, None]).astype(numpy.int8)
    text = [token.encode() for token in tokens]
    places = numpy.cumsum([0] + [len(token) for token in text])
    index, pages, pool = characters(tokenizer)
    text = b''.join(text)
    body = (scales.astype('<f4').tobytes() + places.astype('<u4').tobytes() + index + pages
            + pool + text)
    body += bytes(-(HEADER.size + len(body)) % 64) + codes.tobytes()
    size = HEADER.size + len(body) + 32
    head = HEADER.pack(MAGIC, VERSION, rows.shape[1], len(tokens), len(text), len(pages) // 512,
                       len(pool), size, name.encode())
    data = head + body
    path.write_bytes(data + hashlib.sha256(data).digest())


class Reader:
    def __init__(self, path):
        data = path.read_bytes()
        (magic, version, self.dimensions, count, text, pages, pool, size,
         name) = HEADER.unpack_from(data)
        if (magic, version, size) != (MAGIC, VERSION, len(data)) or \
                hashlib.sha256(data[:-32]).digest() != data[-32:]:
            raise ValueError(f'{path} is damaged')
        self.name = name.rstrip(b'\0').decode()
        self.scales = numpy.frombuffer(data, '<f4', count, HEADER.size)
        at = HEADER.size + 4 * count
        places = numpy.frombuffer(data, '<u4', count + 1, at)
        at += 4 * (count + 1) + 2 * PAGES + 2 * PAGE * pages + pool
        words = data[at:at + text]
        self.ids = {words[places[i]:places[i + 1]].decode(): i for i in range(count)}
        at += text
        at += -at % 64
        self.codes = numpy.frombuffer(data, numpy.int8, count * self.dimensions, at)
        self.codes = self.codes.reshape(count, self.dimensions)

    def rows(self):
        return self.codes.astype(numpy.float32) * self.scales[:, None]

    def vector(self, tokens):
        """The unit vector of a text that a tokenizer made these tokens of."""
        ids, counts = numpy.unique([self.ids[token] for token in tokens], return_counts=True)
        ids = ids.astype(int)
        weights = self.scales[ids] * numpy.sqrt(counts)
        total = (self.codes[ids] * weights[:, None]).sum(axis=0)
        size = numpy.linalg.norm(total)
        return total / size if size else total
