"""fixtures - what the model's own tokenizer and numpy make of texts that are easily got wrong.

    python3 tests/fixtures.py      (after distil.py, which says what has to be installed)

Writes wordpiece.json: of each text the tokens, and eight numbers of its vector.
"""
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
import minilm  # noqa: E402
import pbvec  # noqa: E402

TEXTS = [
    '', ' ', '\t\r\n', 'a', 'the', 'Hello, World!', 'How do I write a plugin?',
    'unaffable unbelievably antidisestablishmentarianism', "don't can't it's John's",
    'snake_case camelCase kebab-case path/to/file.c', 'https://example.org/a?b=c&d=%20#e',
    'int main(void) { return 0; } /* nothing */', '$PATH ${HOME:-/root} <tag attr="x"/> `code` ~^|',
    '3.14159 1,000,000 0x7fff 1e-9 2024-02-29T12:34:56Z', 'ALL CAPS AND MiXeD',
    'café naïve résumé Ångström Zürich São Paulo', 'cafe\u0301 na\u0131ve \u212bngstro\u0308m',
    'İstanbul DİYARBAKIR ıIiİ', 'Straße GROẞ ß', 'ΑΒΓ άλφα Σίσυφος ΟΔΟΣ', 'Привет, МИР! Ёлка й',
    'שלום עולם', 'مرحبا بالعالم', 'हिन्दी में नमस्ते', 'สวัสดีชาวโลก', '中文分词和日本語のテスト',
    '東京タワーとカタカナ', '한국어 텍스트 값 각', '\uf900\uf901 compatibility \U0002f800', '\U00020000x\U0002a6d6',
    'ﬁne ﬂow Ⅷ ① ½ ℃ ™', 'ｆｕｌｌｗｉｄｔｈ　ＴＥＸＴ！', '≠ ≮ ≥ ∀x∈ℝ → ← ⇒', '“quotes” ‘single’ «guillemets» – — …',
    '\u00a0no\u00a0break\u2003space\u202f\u3000', 'zero\u200bwidth\u200djoin\ufeffbom\u00adsoft',
    'nul\x00bell\x07esc\x1bdel\x7f', 'replacement\ufffdcharacter', 'private\ue000use \U000f0000',
    '😀 emoji 👩\u200d👩\u200d👧\u200d👦 🇬🇧 ☕️ 👍🏽', 'e\u0300\u0301\u0302\u0303 z̸̢a̷l̶g̵o',
    'a' * 99, 'a' * 100, 'a' * 101, 'é' * 100, 'é' * 101, 'ß' * 101, 'x' * 1000 + ' y', '中' * 300,
    'word' * 25, 'qzxjqzxjq', 'ꙮ rare', '[UNK] [CLS] [PAD] [unused5] ##ing', '; · \u037e \u0387 \u1fef',
    'tab\tnewline\ncarriage\rline\u2028paragraph\u2029end\x0bvt\x0cff\x85nel', 'e\u0345 ᾳ ᾼ ǅ ŉ ẞ ΰ',
    '𝒜𝓁𝓅𝒽𝒶 𝟘𝟙', '\U0001e900\U0001e922 adlam', 'ⅰⅱ Ⓐⓑ', '٣٤٥ ۱۲۳ १२३', "rock'n'roll 'quoted'",
    '---- ==== ....', 'C++ C# .NET F#', 'a.b.c.d', 'systemd-networkd.service(8)', 'libpq.so.5',
    'Patchbay carries every chat turn through a pipeline of plugins.',
]


def main():
    tokenizer = minilm.tokenizer()
    model = pbvec.Reader(HERE.parent / 'minilm.pbvec')
    fixtures = []
    for text in TEXTS:
        # Special tokens in a text are looked for before all else there; here they are text.
        split = tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(text))
        tokens = [token.value for word, _ in split for token in tokenizer.model.tokenize(word)]
        vector = model.vector(tokens)
        at = range(0, model.dimensions, model.dimensions // 8)
        fixtures.append({'text': text, 'tokens': tokens,
                         'vector': [round(float(vector[i]), 6) for i in at]})
    lines = ',\n'.join(json.dumps(fixture) for fixture in fixtures)
    (HERE / 'wordpiece.json').write_text(f'[\n{lines}\n]\n')


main()
