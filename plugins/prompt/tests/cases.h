/* cases.h - templates and what becomes of them: those of the mustache specification 1.4 for
 * comments, delimiters, interpolation, inverted, sections, and our own limits. Rendered prompts are
 * trimmed, so are the expectations. */
#ifndef TEST_PROMPT_CASES_H
#define TEST_PROMPT_CASES_H

struct template_case {
    const char *text, *variables, *expected;
};

static const struct template_case cases[] = {
    /* comments */
    {"12345{{! Comment Block! }}67890", "{}", "1234567890"},
    {"12345{{!\n  multi\n  line\n}}67890\n", "{}", "1234567890"},
    {"Begin.\n{{! Comment Block! }}\nEnd.\n", "{}", "Begin.\nEnd."},
    {"Begin.\n  {{! Indented }}\nEnd.\n", "{}", "Begin.\nEnd."},
    {"|\r\n{{! Standalone }}\r\n|", "{}", "|\r\n|"},
    {"  {{! I'm Still Standalone }}\n!", "{}", "!"},
    {"!\n  {{! I'm Still Standalone }}", "{}", "!"},
    {"Begin.\n{{!\nSomething\n}}\nEnd.\n", "{}", "Begin.\nEnd."},
    {"  12 {{! 34 }}\n.", "{}", "12 \n."},
    {"12345 {{! x }} 67890", "{}", "12345  67890"},
    {"a: {{! b }}{{! c }}\n.", "{}", "a: \n."},
    /* delimiters */
    {"{{=<% %>=}}(<%text%>)", "{\"text\": \"Hey!\"}", "(Hey!)"},
    {"({{=[ ]=}}[text])", "{\"text\": \"It worked!\"}", "(It worked!)"},
    {"[\n{{#s}}\n  {{d}}\n  |d|\n{{/s}}\n\n{{= | | =}}\n|#s|\n  {{d}}\n  |d|\n|/s|\n]",
     "{\"s\": true, \"d\": \"I\"}", "[\n  I\n  |d|\n\n  {{d}}\n  I\n]"},
    {"[\n{{^s}}\n  {{d}}\n{{/s}}\n\n{{= | | =}}\n|^s|\n  |d|\n|/s|\n]",
     "{\"s\": false, \"d\": \"I\"}", "[\n  I\n\n  I\n]"},
    {"| {{=@ @=}} |", "{}", "|  |"},
    {".{{=@ @=}}\n", "{}", "."},
    {"Begin.\n{{=@ @=}}\nEnd.\n", "{}", "Begin.\nEnd."},
    {"Begin.\n  {{=@ @=}}\nEnd.\n", "{}", "Begin.\nEnd."},
    {"|\r\n{{= @ @ =}}\r\n|", "{}", "|\r\n|"},
    {"  {{=@ @=}}\n=", "{}", "="},
    {"=\n  {{=@ @=}}", "{}", "="},
    {"|{{= @   @ =}}|", "{}", "||"},
    {"{{=<%\n%>=}}<%{ text }%><%& text %>", "{\"text\": \"&\"}", "&&"},
    /* interpolation */
    {"Hello from {Mustache}!", "{}", "Hello from {Mustache}!"},
    {"\"{{a}} {{{a}}} {{& a }}\"", "{\"a\": 1.21}", "\"1.21 1.21 1.21\""},
    {"I ({{no}}) am ({{{no}}}) {{& no}}", "{\"no\": null}", "I () am ()"},
    {"I ({{no}}) am", "{}", "I () am"},
    {"{{yes}} {{not}}", "{\"yes\": true, \"not\": false}", "true false"},
    {"{{p.name}}{{#p}}{{name}}{{/p}}", "{\"p\": {\"name\": \"Joe\"}}", "JoeJoe"},
    {"{{a.b.c.d.e.name}}", "{\"a\": {\"b\": {\"c\": {\"d\": {\"e\": {\"name\": \"Phil\"}}}}}}",
     "Phil"},
    {"({{a.b.c}})", "{\"a\": {}}", "()"},
    {"({{a.b.c.name}})", "{\"a\": {\"b\": {}}, \"c\": {\"name\": \"Jim\"}}", "()"},
    {"{{#a}}{{b.c.name}}{{/a}}",
     "{\"a\": {\"b\": {\"c\": {\"name\": \"Phil\"}}}, \"b\": {\"c\": {\"name\": \"Wrong\"}}}",
     "Phil"},
    {"({{#a}}{{b.c}}{{/a}})", "{\"a\": {\"b\": {}}, \"b\": {\"c\": \"ERROR\"}}", "()"},
    {"({{a.b.c}})", "{\"a\": {\"b\": \"ERROR\"}}", "()"},
    {"| {{s}} | {{{s}}} | {{&s}} |", "{\"s\": \"---\"}", "| --- | --- | --- |"},
    {".\n  {{s}}\n.", "{\"s\": \"---\"}", ".\n  ---\n."},
    {"|{{ s }}|{{{ s }}}|{{& s }}|", "{\"s\": \"---\"}", "|---|---|---|"},
    {"{{a}}", "{\"a\": \"{{b}}\", \"b\": \"no template again\"}", "{{b}}"},
    {"{{a}} {{b}}", "{\"a\": [1, \"x\"], \"b\": {\"c\": null}}", "[1,\"x\"] {\"c\":null}"},
    {"{{a}} } }} }}}", "{\"a\": 1}", "1 } }} }}}"},
    /* inverted sections */
    {"\"{{^b}}This should be rendered.{{/b}}\"", "{\"b\": false}", "\"This should be rendered.\""},
    {"\"{{^b}}no{{/b}}\"", "{\"b\": true}", "\"\""},
    {"\"{{^b}}yes{{/b}}\"", "{\"b\": null}", "\"yes\""},
    {"\"{{^b}}no{{/b}}\"", "{\"b\": {\"name\": \"Joe\"}}", "\"\""},
    {"\"{{^b}}no{{/b}}\"", "{\"b\": [{\"n\": 1}]}", "\"\""},
    {"\"{{^b}}yes{{/b}}\"", "{\"b\": []}", "\"yes\""},
    {"\"{{^b}}yes{{/b}}\"", "{}", "\"yes\""},
    {"\"{{^b}}yes{{/b}}\"", "{\"b\": \"\"}", "\"yes\""},
    {"\"{{^b}}no{{/b}}\"", "{\"b\": 0}", "\"\""},
    {"{{^b}}\n* first\n{{/b}}\n* {{two}}\n{{^b}}\n* third\n{{/b}}\n",
     "{\"b\": false, \"two\": \"second\"}", "* first\n* second\n* third"},
    {"| A {{^b}}B {{^b}}C{{/b}} D{{/b}} E |", "{\"b\": false}", "| A B C D E |"},
    {"({{^a.b.c}}Not Here{{/a.b.c}})", "{\"a\": {}}", "(Not Here)"},
    {"|\r\n{{^b}}\r\n{{/b}}\r\n|", "{\"b\": false}", "|\r\n|"},
    {"|{{^ b }}={{/ b }}|", "{\"b\": false}", "|=|"},
    /* sections */
    {"\"{{#b}}This should be rendered.{{/b}}\"", "{\"b\": true}", "\"This should be rendered.\""},
    {"\"{{#b}}no{{/b}}\"", "{\"b\": false}", "\"\""},
    {"\"{{#b}}no{{/b}}\"", "{\"b\": null}", "\"\""},
    {"\"{{#c}}Hi {{name}}.{{/c}}\"", "{\"c\": {\"name\": \"Joe\"}}", "\"Hi Joe.\""},
    {"\"{{#sec}}{{a}}, {{b}}, {{c.d}}{{/sec}}\"",
     "{\"a\": \"foo\", \"b\": \"wrong\", \"sec\": {\"b\": \"bar\"}, \"c\": {\"d\": \"baz\"}}",
     "\"foo, bar, baz\""},
    {"\"{{#foo}}{{.}} is {{foo}}{{/foo}}\"", "{\"foo\": \"bar\"}", "\"bar is bar\""},
    {"\"{{#list}}{{item}}{{/list}}\"", "{\"list\": [{\"item\": 1}, {\"item\": 2}, {\"item\": 3}]}",
     "\"123\""},
    {"\"{{#list}}Yay lists!{{/list}}\"", "{\"list\": []}", "\"\""},
    {"{{#b}}\n* first\n{{/b}}\n* {{two}}\n{{#b}}\n* third\n{{/b}}\n",
     "{\"b\": true, \"two\": \"second\"}", "* first\n* second\n* third"},
    {"| A {{#b}}B {{#b}}C{{/b}} D{{/b}} E |", "{\"b\": true}", "| A B C D E |"},
    {"{{#tops}}{{#middles}}{{tname.lower}}{{mname}}.{{#bottoms}}{{tname.upper}}{{mname}}{{bname}}."
     "{{/bottoms}}{{/middles}}{{/tops}}",
     "{\"tops\": [{\"tname\": {\"upper\": \"A\", \"lower\": \"a\"}, \"middles\": [{\"mname\": "
     "\"1\","
     "\"bottoms\": [{\"bname\": \"x\"}, {\"bname\": \"y\"}]}]}]}",
     "a1.A1x.A1y."},
    {"\"{{#list}}({{.}}){{/list}}\"", "{\"list\": [\"a\", 1, 2.5]}", "\"(a)(1)(2.5)\""},
    {"\"{{#list}}({{#.}}{{.}}{{/.}}){{/list}}\"", "{\"list\": [[1, 2], [\"a\"]]}", "\"(12)(a)\""},
    {"\"{{#a.b.c}}Here{{/a.b.c}}\"", "{\"a\": {\"b\": {\"c\": true}}}", "\"Here\""},
    {"({{#a.b.c}}Here{{/a.b.c}})", "{\"a\": {}}", "()"},
    {"{{#list}}{{^last}}{{n}}, {{/last}}{{#last}}{{n}}{{/last}}{{/list}}",
     "{\"list\": [{\"n\": 1}, {\"n\": 2, \"last\": true}]}", "1, 2"},
    /* white space around sections */
    {"| {{#b}}\t|\t{{/b}} | ", "{\"b\": true}", "| \t|\t |"},
    {"| {{#b}} {{! Important Whitespace }}\n {{/b}} | ", "{\"b\": true}", "|  \n  |"},
    {".{{#b}}YES{{/b}}\n {{#b}}GOOD{{/b}}\n", "{\"b\": true}", ".YES\n GOOD"},
    {"| This Is\n{{#b}}\n|\n{{/b}}\n| A Line\n", "{\"b\": true}", "| This Is\n|\n| A Line"},
    {"| This Is\n  {{#b}}\n|\n  {{/b}}\n| A Line\n", "{\"b\": true}", "| This Is\n|\n| A Line"},
    {"|\r\n{{#b}}\r\n{{/b}}\r\n|", "{\"b\": true}", "|\r\n|"},
    {"  {{#b}}\n#{{/b}}\n/", "{\"b\": true}", "#\n/"},
    {"#{{#b}}\n/\n  {{/b}}", "{\"b\": true}", "#\n/"},
    {"{{#a}}{{#b}}\nx\n{{/b}}{{/a}}\n.", "{\"a\": true, \"b\": true}", "x\n\n."},
    {"|{{# b }}={{/ b }}|", "{\"b\": true}", "|=|"},
};

/* Templates that are refused, with the sentence. */
static const struct template_case refused[] = {
    {"a {{b", NULL, "line 1: a tag is opened with '{{' and not closed with '}}'"},
    {"a\n\n{{{b}}", NULL, "line 3: a tag is opened with '{{' and not closed with '}}}'"},
    {"a\n{{#b}}\nc", NULL, "line 2: the section 'b' is not closed"},
    {"a\n{{/b}}", NULL, "line 2: 'b' is closed here and was not opened last"},
    {"{{#a}}\n{{#b}}\n{{/a}}", NULL, "line 3: 'a' is closed here and was not opened last"},
    {"{{ }}", NULL, "line 1: a tag has no name"},
    {"{{#if admin}}x{{/if}}", NULL, "line 1: 'if admin' is no name: names have no spaces in them"},
    {"\n{{>part}}", NULL, "line 2: partials ({{>name}}) are not known here"},
    {"{{=<%=}}", NULL, "line 1: delimiters are set like {{=<% %>=}}, without '='"},
    {"{{=<% %> %>=}}", NULL, "line 1: delimiters are set like {{=<% %>=}}, without '='"},
    {"{{=a=b c=}}", NULL, "line 1: delimiters are set like {{=<% %>=}}, without '='"},
    {"{{=<% %>}}", NULL, "line 1: a tag begins with '=' and does not end with '='"},
    {"{{=}}", NULL, "line 1: a tag begins with '=' and does not end with '='"},
    {"{{=<% %>=}}<%{a%>", NULL, "line 1: a tag begins with '{' and does not end with '}'"},
};

#endif
