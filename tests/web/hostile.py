"""Names that somebody might give a class, a run or a data set, so that a page does something else than show them."""

_SCRIPTS = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg onload=alert(1)>",
    "<svg/onload=alert`1`>", "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "<iframe src=javascript:alert(1)>", "javascript:alert(1)", "<a href='javascript:alert(1)'>7</a>",
    "<body onpageshow=alert(1)>", "<details open ontoggle=alert(1)>",
    "<math><mtext><style><img src=x onerror=alert(1)></style>", "<input autofocus onfocus=alert(1)>",
    "<video><source onerror=alert(1)></video>", "<object data=javascript:alert(1)>",
    "<embed src=javascript:alert(1)>", "<style>*{display:none}</style>",
    "<style>@import 'http://127.0.0.1:9/x.css'</style>", "<base href=//evil.example/>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<form action=//evil.example><button>7</button></form>", "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>", "<!--><script>alert(1)</script-->",
    "--><script>alert(1)</script>", "]]><script>alert(1)</script>", "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>", "</script><script>alert(1)</script>", "'-alert(1)-'",
    '"-alert(1)-"', "`${alert(1)}`", "${alert(1)}", "{{constructor.constructor('alert(1)')()}}",
    '" onmouseover="alert(1)', "' onfocus='alert(1)' autofocus='", "' style='x:expression(alert(1))",
    "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e", "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)", "%3Cscript%3Ealert(1)%3C/script%3E",
    "<scr<script>ipt>alert(1)</scr</script>ipt>", "＜script＞alert(1)＜/script＞",
    "<x contenteditable onblur=alert(1)>", "<script src=//127.0.0.1:9/x.js></script>",
    "<script type=module>import '//evil.example'</script>", "<portal src=//evil.example>",
    "url(javascript:alert(1))", "data:text/html,<script>alert(1)</script>",
    "<isindex type=image src=1 onerror=alert(1)>",
)  # fmt: skip
_LETTERS = (
    "\u202egnp.exe", "\u2066abc\u2069", "\u200b", "\u200d", "\ufeff7", "a\u0300" * 40, "\u0600", "🐈",
    "👩‍👩‍👧‍👦", "🏳️‍🌈", "\U0010ffff", "\ufffd", "日本語", "العربية", "עברית", "\u3000", "\xa0", "\xad",
    "\x85", "\u2028", "\u2029", "\x00", "\x00<b>", "a\x00b", "\x1b[2J", "\x07", "\x7f", "\r\n", "\n", "\t",
    "a\nSet-Cookie: x=y", "\ud800", "\udfff", "\udcff\udcfe", "\ud83d", " ", "  7  ", "", ".", "..",
)  # fmt: skip
_OTHERS = (
    "7" * 10_000, "<b>" * 3_000, "W" * 80, "i" * 81, "🐈" * 500, "\u202e" * 300, "../" * 100 + "etc/passwd",
    "C:\\windows\\system32", "file:///etc/passwd", "http://evil.example", "//evil.example", "constructor",
    "__proto__", "prototype", "toString", "hasOwnProperty", "null", "undefined", "NaN", "Infinity", "-0",
    "1e999", "true", "[object Object]", "0", "-1", "${title}", "%s%s%n", "%00", "{0.__class__}", "{}", "[]",
    '""', "''", "\\", "\\\\", "\\x", "'; import os; '", "'''", '"""', "#", "?", "&a=b", "=1+1", "@SUM(A1)",
    "-- ", "' OR 1=1", "$(id)", "`id`", ";id", "|id", "<?php", "<%= 1 %>", "conv1", "input", "softmax1",
    "A" * 79 + "é", "\\u202e", "&amp;", "&nbsp;", "<", ">", "&", '"', "'", "`",
)  # fmt: skip
_CLOSING = tuple(f"{quote}{name}" for quote in ('">', "'>", "-->", "\\") for name in _SCRIPTS[:12])

NAMES = tuple(dict.fromkeys((*_SCRIPTS, *_LETTERS, *_OTHERS, *_CLOSING)))
