"""Texts that a stranger could choose as a name, a reply or an error, each aimed at something that obeys.

A line that is added is pushed through every command and every sink.
"""

from __future__ import annotations

__all__ = ["CORPUS"]

CORPUS = (
    # rich
    "[/foo]",
    "[bold]x[/bold] [link=https://evil.example]y[/link] [red",
    ":smile: :warning:",
    # terminals
    "\x1b[2J\x1b[1;1Hcleared",
    "\x1b]52;c;ZXZpbA==\x07clipboard",
    "\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\",
    "\x1bP+q544e\x1b\\ \x9b31m \x07 \x08\x08 \x7f",
    "one\rtwo\x0bthree\x0cfour\x85five\u2028six",
    # services that run jobs
    "::error file=a.py,line=1::pwned",
    "\n::set-output name=x::1\n  ::add-mask::a",
    "##[error]pwned ##vso[task.complete result=Succeeded] ##teamcity[buildStop]",
    # Markdown
    "![i](https://evil.example/i.png) [l](https://evil.example) <img src=x onerror=alert(1)>",
    "@octocat @org/team #1 GH-1 https://evil.example www.evil.example a@b.example",
    "` `` | a | **b** __c__ ~~d~~ \\ <!-- x --> &lt; </details>",
    "# head\n- item\n> quote\n```\ncode",
    # spreadsheets
    '=HYPERLINK("https://evil.example")',
    "\n=1+1",
    " \t+1",
    "＝1+1",
    "\u3000@SUM(1)",
    "'-1",
    "\u200b=1",
    # what turns or hides text
    "user\u202etxt.exe",
    "\u2066a\u2069 \ufeff b\u200bc \U000e0041",
    "\ud800 \udfff",
    "\x00 nul",
    # XML and HTML
    "]]> </testcase> <![CDATA[ &amp; \x01",
    "</script><script>alert(1)</script>",
    # paths and shells
    "../../etc/passwd; rm -rf ~ $(id)",
    "-rf --help",
    "x" * 3000,
    "",
    " ",
)
