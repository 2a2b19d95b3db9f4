"""corpus - real English text of Debian packages: what distil.py fits on, what quality.py asks.

    mkdir debs corpus && cd debs && apt-get download $(python3 ../corpus.py packages)
    for deb in *.deb; do dpkg-deb -x $deb ../corpus/${deb%%_*}; done

Nothing is installed. The packages of HELD_OUT are never fitted on: quality.py asks about them.
"""
import gzip
import html.parser
import pathlib
import random
import re
import sys

FITTED = '''anarchism apache2-doc bash-doc cmake-doc debian-handbook
debian-kernel-handbook debian-policy developers-reference dict-gcide fortunes gimp-help-en git-doc
gnuplot-doc harden-doc libboost1.81-doc linux-doc-6.1 maint-guide maxima-doc
nodejs-doc octave-doc openjdk-17-doc postgresql-doc-15 python-django-doc r-doc-html rust-doc
sqlite3-doc vim-doc wordnet-base'''.split()
DICTIONARIES = 'dict-gcide wordnet-base'.split()
HELD_OUT = 'debian-faq debian-reference-en perl-doc python3.11-doc'.split()
FOREIGN = re.compile(r'[./-](ar|bg|ca|cs|da|de|el|es|eu|fa|fi|fr|gl|hr|hu|id|it|ja|ko|lt|lv|nb|nl|nn'
                     r'|pl|pt|pt-br|pt_BR|ro|ru|sk|sl|sr|sv|ta|te|th|tr|uk|vi|zh|zh-[a-zA-Z]+'
                     r'|zh_[A-Z]+|(?!en)[a-z]{2}-[A-Z]{2})(\.html|/|\.txt|$)')
BLOCKS = {'p', 'li', 'dd', 'td', 'th', 'pre', 'blockquote', 'div', 'section', 'table', 'tr', 'body'}
HEADS = {'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'title', 'dt'}
SKIPPED = {'script', 'style', 'nav', 'head'}


class Sections(html.parser.HTMLParser):
    """(heading, text) in the order of the page; `dt` is a heading of its own."""

    def __init__(self):
        super().__init__()
        self.found, self.text, self.title, self.skip, self.head = [], [], '', 0, None

    def handle_starttag(self, tag, attributes):
        classes = dict(attributes).get('class') or ''
        if tag in SKIPPED and tag != 'head':
            self.skip += 1
        elif tag in HEADS and tag != 'dt':
            self.end()
            self.head = []
        elif tag in BLOCKS or tag in ('br', 'dt'):
            self.text.append('\n')
        if tag == 'a' and 'headerlink' in classes and self.head is not None:
            self.text.append('\0')

    def handle_endtag(self, tag):
        if tag in SKIPPED and tag != 'head':
            self.skip = max(0, self.skip - 1)
        elif tag in HEADS and tag != 'dt' and self.head is not None:
            self.title, self.head = words(''.join(self.head)).strip(' ¶#'), None
        elif tag in BLOCKS:
            self.text.append('\n')

    def handle_data(self, data):
        if not self.skip:
            (self.text if self.head is None else self.head).append(data)

    def end(self):
        text = '\n'.join(filter(None, map(words, ''.join(self.text).split('\n'))))
        if text:
            self.found.append((self.title, text))
        self.text = []


def words(text):
    return ' '.join(text.split())


def read(path):
    data = path.read_bytes()
    if path.suffix in ('.gz', '.dz'):
        data = gzip.decompress(data)
    return data.decode('utf-8', 'replace')


def of_html(text):
    reader = Sections()
    reader.feed(text)
    reader.end()
    return reader.found


def of_lines(text):
    """Plain text, POD, reStructuredText: paragraphs; the markup of a word is left to be learnt."""
    return [('', words(part)) for part in re.split(r'\n\s*\n', text)]


def of_pod(text):
    """(heading, text) of =head1 and =head2."""
    found, title, lines = [], '', []
    for part in re.split(r'\n\s*\n', text):
        head = re.match(r'=head[12]\s+(.*)', part, re.S)
        if head:
            found.append((title, '\n'.join(lines)))
            title, lines = words(plain_pod(head[1])), []
        elif not part.startswith('='):
            lines.append(words(plain_pod(part)))
    found.append((title, '\n'.join(lines)))
    return [(title, text) for title, text in found if text]


def plain_pod(text):
    text = re.sub(r'X<[^<>]*>', '', text)
    for _ in range(3):
        text = re.sub(r'\b[BCEFILSXZ]<+\s*([^<>]*?)\s*>+', r'\1', text)
    return text


def of_wordnet(text):
    """`… words … | gloss; "example"` to "word, word: gloss"."""
    for line in text.splitlines():
        if line.startswith(' ') or '|' not in line:
            continue
        fields, gloss = line.split('|', 1)
        fields = fields.split()
        names = [fields[4 + 2 * i].replace('_', ' ') for i in range(int(fields[3], 16))]
        yield '', ', '.join(names) + ': ' + gloss.strip()


def sections(path):
    """(heading, text) of one file, or nothing when it is of no kind that is read."""
    name = path.name.removesuffix('.gz')
    if name.startswith('data.') and 'wordnet' in str(path):
        return of_wordnet(read(path))
    if name.endswith(('.html', '.htm')):
        return of_html(read(path))
    if name.endswith('.pod'):
        return of_pod(read(path))
    if name.endswith(('.txt', '.rst', '.md', '.dz')) or 'games/fortunes' in str(path):
        return of_lines(read(path))
    return []


def passages(text, least=40, most=110):
    """Paragraphs put together, or cut between sentences, to passages of `least` to `most` words."""
    held = []
    for part in re.split(r'\n|(?<=[.!?]) +(?=[A-Z])', text):
        part = part.split()
        while len(part) > most:
            held, part = [*held, *part[:most - len(held)]], part[most - len(held):]
            yield ' '.join(held)
            held = []
        if held and len(held) + len(part) > most:
            yield ' '.join(held)
            held = []
        held += part
        if len(held) >= least and part and part[-1].endswith(('.', '!', '?', ':')):
            yield ' '.join(held)
            held = []
    if held:
        yield ' '.join(held)


def is_english(text):
    """Mostly letters, and some of the words that English cannot do without."""
    letters = sum(c.isascii() and c.isalpha() or c == ' ' for c in text)
    return letters > 0.7 * len(text)


def texts(corpus, seed=1, most=4500, files_most=2500):
    """(package, text): passages and headings to fit on, each once, at most `most` of a package
    and three times as many of a dictionary; in a random order."""
    chosen, seen = [], set()
    draw = random.Random(seed)
    for package in FITTED:
        found = []
        files = sorted(path for path in (pathlib.Path(corpus) / package).rglob('*')
                       if path.is_file() and not path.is_symlink() and not FOREIGN.search(str(path)))
        draw.shuffle(files)
        for path in files[:files_most]:
            for title, text in sections(path):
                for part in (title, *passages(text)):
                    key = words(part.lower())
                    if len(key) > 12 and key not in seen and is_english(part):
                        seen.add(key)
                        found.append((package, part))
        share = 3 * most if package in DICTIONARIES else most
        chosen += draw.sample(found, min(len(found), share))
    draw.shuffle(chosen)
    return chosen


if __name__ == '__main__':
    if sys.argv[1:] == ['packages']:
        print(*FITTED, *HELD_OUT)
    else:
        from collections import Counter
        everything = texts(sys.argv[1])
        print(Counter(package for package, _ in everything).most_common())
        for package, text in random.Random(7).sample(everything, 12):
            print(f'[{package}] {text[:160]}')
