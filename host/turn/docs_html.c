/* docs_html.c - what all pages have: text that is escaped, the frame, the style, and the policy that lets the
 * page's own style and script run and nothing else. */
#include "turn/docs.h"

#include <patchbay/secret.h>

static const char style[] =
    ":root{color-scheme:light dark;--ink:#1d2330;--soft:#5b6474;--line:#d9dee7;--paper:#fff;--shade:#f4f6f9;"
    "--link:#0b57c4;--get:#0b6b3a;--post:#0b57c4;--patch:#8a5300;--delete:#b3261e}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e4e8ef;--soft:#a0a9b8;--line:#343b48;--paper:#14171d;"
    "--shade:#1d222b;--link:#82b1ff;--get:#6fd19a;--post:#82b1ff;--patch:#f0b45c;--delete:#ff8a80}}"
    "*{box-sizing:border-box}html{scroll-padding-top:1rem}"
    "body{margin:0;font:16px/1.55 system-ui,sans-serif;color:var(--ink);background:var(--paper)}"
    "a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}"
    ":focus-visible{outline:2px solid var(--link);outline-offset:2px}"
    ".skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:1rem;background:var(--paper);padding:.5rem}"
    "code,pre,.path{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.875em}"
    "code{background:var(--shade);border-radius:4px;padding:.1em .3em;overflow-wrap:anywhere}"
    "pre{background:var(--shade);border:1px solid var(--line);border-radius:8px;padding:.8rem 1rem;"
    "overflow-x:auto;line-height:1.45}pre code{background:none;padding:0;overflow-wrap:normal}"
    ".frame{display:grid;grid-template-columns:17rem minmax(0,1fr);max-width:84rem;margin:0 auto}"
    "nav{position:sticky;top:0;height:100vh;overflow-y:auto;padding:1.2rem 1rem;border-right:1px solid "
    "var(--line);font-size:.9rem}nav h2{font-size:.8rem;letter-spacing:.04em;color:var(--soft);"
    "margin:1.1rem 0 .2rem}nav ul{list-style:none;margin:0;padding:0}nav li a{display:block;padding:.12rem 0;"
    "overflow-wrap:anywhere}"
    "main{padding:1.5rem 2.5rem 5rem}main.alone{max-width:46rem;margin:0 auto}"
    "h1{font-size:1.8rem;line-height:1.25;margin:.2rem 0 .6rem}h2.noun{margin:3rem 0 .5rem;padding-bottom:.3rem;"
    "border-bottom:1px solid var(--line)}h3{margin:0;font-size:1.15rem}h4{margin:1.1rem 0 .3rem;font-size:.95rem}"
    "article{border:1px solid var(--line);border-radius:10px;padding:1.1rem 1.3rem;margin:1rem 0}"
    ".call{display:flex;gap:.6rem;align-items:baseline;flex-wrap:wrap;margin:.35rem 0 .5rem}"
    ".method{font-weight:700;font-size:.8rem}.GET{color:var(--get)}.POST,.PUT{color:var(--post)}"
    ".PATCH{color:var(--patch)}.DELETE{color:var(--delete)}.soft{color:var(--soft);font-size:.9rem}"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.92rem}"
    "th,td{text-align:left;vertical-align:top;padding:.35rem .8rem .35rem 0;border-top:1px solid var(--line)}"
    "thead th{border-top:0;color:var(--soft);font-weight:600;font-size:.85rem}td p{margin:0}"
    "td:first-child{white-space:nowrap}.need{color:var(--delete);font-size:.8rem}"
    "input[type=search]{width:100%;font:inherit;padding:.4rem .6rem;border:1px solid var(--line);"
    "border-radius:8px;background:var(--shade);color:inherit}[hidden]{display:none!important}"
    "@media(max-width:50rem){.frame{display:block}nav{position:static;height:auto;max-height:40vh;"
    "border-right:0;border-bottom:1px solid var(--line)}main{padding:1rem}td:first-child{white-space:normal}}"
    "details{margin:.6rem 0}summary{cursor:pointer;color:var(--soft);font-size:.92rem}.about{font-weight:600;"
    "margin:.2rem 0}"
    "@media print{nav{display:none}.frame{display:block}article{break-inside:avoid}}";

/* Hides what has not all of the words; "/" goes to the field. */
static const char filter[] =
    "const field=document.getElementById('find'),told=document.getElementById('told');"
    "document.getElementById('search').hidden=false;"
    "const items=[...document.querySelectorAll('[data-find]')];"
    "const groups=[...document.querySelectorAll('[data-group]')];"
    "function look(){const words=field.value.toLowerCase().split(/\\s+/).filter(Boolean);let shown=0;"
    "for(const item of items){item.hidden=!words.every(word=>item.dataset.find.includes(word));"
    "if(!item.hidden&&item.tagName==='ARTICLE')shown++}"
    "for(const group of groups)group.hidden=!group.querySelector('[data-find]:not([hidden])');"
    "told.textContent=words.length?shown+' found':''}"
    "field.addEventListener('input',look);"
    "document.addEventListener('keydown',event=>{if(event.key==='/'&&document.activeElement!==field){"
    "event.preventDefault();field.focus()}"
    "if(event.key==='Escape'&&document.activeElement===field){field.value='';look()}});";

/* --- text ------------------------------------------------------------------------------------- */

void html_text(pb_buf *buf, pb_str text)
{
    size_t from = 0;

    for (size_t i = 0; i < text.size; i++) {
        pb_str entity = text.data[i] == '<'    ? pb_lit("&lt;")
                        : text.data[i] == '>'  ? pb_lit("&gt;")
                        : text.data[i] == '&'  ? pb_lit("&amp;")
                        : text.data[i] == '"'  ? pb_lit("&quot;")
                        : text.data[i] == '\'' ? pb_lit("&#39;")
                                               : (pb_str){0};
        if (!entity.size)
            continue;
        pb_buf_add(buf, pb_str_slice(text, from, i - from));
        pb_buf_add(buf, entity);
        from = i + 1;
    }
    pb_buf_add(buf, pb_str_slice(text, from, text.size));
}

void html_line(pb_buf *buf, pb_str text)
{
    bool code = false;

    while (text.size) {
        size_t tick = pb_str_find(text, '`');
        html_text(buf, pb_str_slice(text, 0, tick));
        if (tick == text.size)
            break;
        code = !code;
        pb_buf_add(buf, code ? pb_lit("<code>") : pb_lit("</code>"));
        text = pb_str_slice(text, tick + 1, text.size);
    }
    if (code)
        pb_buf_add(buf, pb_lit("</code>"));
}

void html_prose(pb_buf *buf, pb_str text)
{
    while (text.size) {
        size_t end = 0;
        while (end < text.size && !pb_str_starts(pb_str_slice(text, end, 2), pb_lit("\n\n")))
            end++;
        pb_buf_add(buf, pb_lit("<p>"));
        html_line(buf, pb_str_slice(text, 0, end));
        pb_buf_add(buf, pb_lit("</p>"));
        text = pb_str_slice(text, end + 2, text.size);
    }
}

/* --- frame ------------------------------------------------------------------------------------ */

void html_begin(pb_buf *buf, pb_str title)
{
    pb_buf_add(buf, pb_lit("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
                           "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
                           "<link rel=\"icon\" href=\"data:,\"><title>"));
    html_text(buf, title);
    pb_buf_add(buf, pb_lit("</title><style>"));
    pb_buf_add(buf, pb_str_of(style));
    pb_buf_add(buf, pb_lit("</style></head><body>"));
}

void html_end(pb_buf *buf, bool script)
{
    if (script) {
        pb_buf_add(buf, pb_lit("<script>"));
        pb_buf_add(buf, pb_str_of(filter));
        pb_buf_add(buf, pb_lit("</script>"));
    }
    pb_buf_add(buf, pb_lit("</body></html>\n"));
}

/* 'sha256-…' of a style or script. */
static void add_hash(pb_buf *buf, pb_str text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t sum[33] = {0};

    pb_sha256((pb_bytes){(const uint8_t *)text.data, text.size}, sum);
    pb_buf_add(buf, pb_lit("'sha256-"));
    for (size_t i = 0; i < 33; i += 3) {
        uint32_t group = (uint32_t)sum[i] << 16 | (uint32_t)sum[i + 1] << 8 | sum[i + 2];
        for (int shift = 18; shift >= 0; shift -= 6)
            pb_buf_byte(buf, i == 30 && !shift ? '=' : digits[group >> shift & 63]);
    }
    pb_buf_add(buf, pb_lit("'"));
}

pb_status html_answer(pb_content *out, pb_str page, bool script)
{
    pb_buf policy = {0};
    pb_header *header = PB_NEW(pb_header);

    pb_buf_add(&policy, pb_lit("default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
                               "frame-ancestors 'none'; style-src "));
    add_hash(&policy, pb_str_of(style));
    if (script) {
        pb_buf_add(&policy, pb_lit("; script-src "));
        add_hash(&policy, pb_str_of(filter));
    }
    if (!header || policy.failed)
        return PB_NO_MEMORY;
    *header = (pb_header){pb_lit("Content-Security-Policy"), pb_buf_str(&policy)};
    out->headers = header;
    out->header_count = 1;
    out->type = pb_lit("text/html; charset=utf-8");
    out->body = page;
    return PB_OK;
}
