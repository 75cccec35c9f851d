"""Two hundred strings that nobody should have to be afraid of."""

from __future__ import annotations

MEGABYTE = 1_000_000

_CONTROL = [f"A{chr(code)}B" for code in (*range(0x20), *range(0x7F, 0xA0))]
_BIDI = [f"A{chr(c)}B" for c in (0x61C, *range(0x200B, 0x2010), *range(0x202A, 0x202F))]
_BIDI += [f"A{chr(code)}B" for code in (*range(0x2060, 0x2070), 0xFEFF)]
_LINES = ["A\u2028B", "A\u2029B", "A\x0bB\x0cC", "\n", "\r\n", "\n\n\n", "A\n", "\nA"]
_BROKEN = ["\ud800", "\udfff", "\ud83d\ude00", "A\udc80B", "\ufffe", "\uffff"]
_BROKEN += ["\U0010ffff", "\U000e0001", "\ufff9a\ufffab\ufffb", "é", "日本", "😀" * 9]
_TERMINAL = [
    *("\x1b[2J", "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x1b]8;;http://x\x1b\\"),
    *(
        "\x1b[1A\x1b[2K",
        "\x9b31m",
        "\x1bc",
        "\x1b(0",
        "A\x08\x08\x08ok",
        "\x1bP1\x1b\\",
    ),
]
_MARKUP = [
    *("<script>alert(1)</script>", "</script><script>alert(1)</script>", "<b>", "<"),
    *("</title><script>1</script>", "<img src=x onerror=alert(1)>", "<!--", "-->", ">"),
    *("]]>", "<![CDATA[", "<?xml version='1.0'?>", "<!DOCTYPE x [<!ENTITY e 'x'>]>"),
    *("&lt;script&gt;", "&#60;", "&", "&e;", "</text></svg>", "<svg onload=alert(1)>"),
    *("</desc>", "</failure>", "</testcase>", "javascript:alert(1)", "url(http://x)"),
    *('" onload="alert(1)', "' onload='alert(1)", "<a href=http://x>", "</style>"),
]
_CODE = [
    *('"', "'", '"""', "'''", "`", "```", "\\", "\\\\", '\\"', '"""\nimport os\n"""'),
    *("\\N{BULLET", "\\u12", "\\x", "\\U0011ffff", "*/", "/*", "//", "--", "#", ";"),
    *("${HOME}", "$(id)", "`id`", "; rm -rf x", "| cat", "%s%n", "{0}", "{page}", "{{"),
    *("}}", "{message}", "{mm.__class__}", "@TITLE@", "@DATA@", "@SCRIPT@", "=cmd()"),
    *("__proto__", "constructor", "null", "true", "NaN", "-1", "0x", "../../etc", "/"),
]
_OURS = [
    *("end", "end 1", "title: x", "scenario: mp", "? mmu:insert 2 1", "litmus x", "|"),
    *("fork", "participant P0", "A\n    P0->>P1: x", "A%%{init: {}}%%", "Note over P0"),
    *("...", "<- the cut", "frame 1", "A[0] = 1", "A[0]", "[", "]", "A:B", "A.B", ","),
    *("irq:cpu0", "cpu0", "mm", "VIOLATION", "the run is over", "A/B/C", "A, B", " A "),
]
_LONG = [
    *("x" * MEGABYTE, "<" * MEGABYTE, "\x1b" * MEGABYTE, "\n" * MEGABYTE),
    *("😀" * (MEGABYTE // 4), '"' * MEGABYTE, "a b " * (MEGABYTE // 4), "x" * 65),
]

STRINGS = [
    *(*_CONTROL, *_BIDI, *_LINES, *_BROKEN, *_TERMINAL),
    *(*_MARKUP, *_CODE, *_OURS, *_LONG),
]
