"""A comment at the cursor, or above it, is found and says what is wanted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming_code_generator.core.placement.comments import (
    LINE_LIMIT,
    Comment,
    comment_at_or_above,
)


def found(text: str, line: int, language_id: str = "python") -> Comment | None:
    return comment_at_or_above(text.splitlines(keepends=True), line, language_id)


def said(text: str, line: int = 0, language_id: str = "python") -> str | None:
    comment = found(text, line, language_id)
    return comment.text if comment else None


ONE_LINE = [
    ("python", "# do it"),
    ("javascript", "// do it"),
    ("javascriptreact", "{/* do it */}"),
    ("typescriptreact", "/* do it */"),
    ("c", "/* do it */"),
    ("cpp", "//! do it"),
    ("csharp", "/// do it"),
    ("go", "// do it"),
    ("rust", "/// do it"),
    ("ruby", "# do it"),
    ("php", "// do it"),
    ("php", "# do it"),
    ("swift", "// do it"),
    ("kotlin", "/** do it */"),
    ("scala", "// do it"),
    ("lua", "--[[ do it ]]"),
    ("lua", "-- do it"),
    ("sql", "-- do it"),
    ("shellscript", "# do it"),
    ("powershell", "<# do it #>"),
    ("perl", "# do it"),
    ("r", "#' do it"),
    ("julia", "#= do it =#"),
    ("haskell", "-- | do it"),
    ("haskell", "{- do it -}"),
    ("elixir", "# do it"),
    ("erlang", "%% do it"),
    ("clojure", ";; do it"),
    ("lisp", "#| do it |#"),
    ("emacs-lisp", ";;; do it"),
    ("html", "<!-- do it -->"),
    ("vue", "<!-- do it -->"),
    ("svelte", "<!-- do it -->"),
    ("css", "/* do it */"),
    ("scss", "// do it"),
    ("yaml", "# do it"),
    ("toml", "# do it"),
    ("ini", "; do it"),
    ("dockerfile", "# do it"),
    ("makefile", "# do it"),
    ("latex", "% do it"),
    ("markdown", "<!-- do it -->"),
    ("vim", '" do it'),
    ("zig", "//! do it"),
    ("nim", "#[ do it ]#"),
    ("dart", "// do it"),
    ("fortran", "! do it"),
    ("matlab", "% do it"),
    ("ocaml", "(* do it *)"),
    ("fsharp", "// do it"),
    ("terraform", "# do it"),
    ("proto", "// do it"),
    ("graphql", "# do it"),
    ("bat", "REM do it"),
    ("vb", "' do it"),
    ("plaintext", "# do it"),
    ("plaintext", "// do it"),
    ("a-language-nobody-knows", "# do it"),
    ("a-language-nobody-knows", "-- do it"),
    ("", "/* do it */"),
]


@pytest.mark.parametrize(("language_id", "line"), ONE_LINE)
def test_a_comment_of_every_language_says_what_is_wanted(language_id: str, line: str) -> None:
    assert said(f"  {line}\n\n", 1, language_id) == "do it"


def test_a_comment_has_a_place() -> None:
    assert found("x = 1\n\n    # do it\n    # now\n\n", 4) == Comment(
        text="do it\nnow", first_line=2, last_line=3, indent="    "
    )


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r", ""])
def test_line_endings_do_not_matter(ending: str) -> None:
    lines = ["# do" + ending, "# it" + ending, ending]
    assert comment_at_or_above(lines, 2, "python") == Comment(
        text="do\nit", first_line=0, last_line=1, indent=""
    )


@pytest.mark.parametrize("line", [0, 1, 2])
def test_a_run_of_line_comments_is_one_from_any_of_its_lines(line: int) -> None:
    assert said("# one\n#   - two\n# three\nx = 1\n", line) == "one\n  - two\nthree"


@pytest.mark.parametrize(
    "text",
    [
        "# one\n  # other\n",
        "# one\n\n# other\n",
        "x = 1  # one\n# other\n",
        '"""one"""\n# other\n',
        '"""one"""\n"""other"""\n',
    ],
)
def test_a_run_ends_where_a_comment_is_of_another_sort(text: str) -> None:
    assert said(text, len(text.splitlines()) - 1) == "other"


@pytest.mark.parametrize(("blank_lines", "text"), [(0, "do it"), (3, "do it"), (4, None)])
def test_only_a_few_blank_lines_may_be_in_between(blank_lines: int, text: str | None) -> None:
    assert said("# do it\n" + "\n" * blank_lines + "x = 1\n", blank_lines + 1) == text


def test_code_in_between_hides_a_comment() -> None:
    assert said("# do it\nx = 1\n\n", 2) is None


def test_a_trailing_comment_counts_on_its_own_line() -> None:
    assert found("    x = 1  # make it 2\n", 0) == Comment(
        text="make it 2", first_line=0, last_line=0, indent="    ", code_before="    x = 1  "
    )


def test_a_trailing_comment_above_does_not_count() -> None:
    assert said("x = 1  # make it 2\n\n", 1) is None


def test_a_block_comment_before_code_does_not_count() -> None:
    assert said("/* one */ foo();\n", 0, "c") is None


BLOCK = "/**\n * Adds.\n *\n *   indented\n * @return the sum\n */\nint add();\n"


@pytest.mark.parametrize("line", [0, 2, 5, 6])
def test_a_block_comment_is_read_from_any_of_its_lines(line: int) -> None:
    comment = found(BLOCK, line, "java")
    assert comment == Comment(
        text="Adds.\n\n  indented\n@return the sum", first_line=0, last_line=5, indent=""
    )


def test_stars_that_are_a_list_stay() -> None:
    assert said("/*\nDo:\n* this\n* that\n*/\n", 0, "c") == "Do:\n* this\n* that"


@pytest.mark.parametrize("line", [1, 3, 6, 7])
def test_a_docstring_counts_in_python(line: int) -> None:
    text = 'def f():\n    """Add.\n\n    Like so:\n        1\n\n    """\n    \n'
    comment = found(text, line)
    assert comment == Comment(
        text="Add.\n\nLike so:\n    1", first_line=1, last_line=6, indent="    "
    )


def test_a_string_that_is_a_value_is_no_docstring() -> None:
    assert said('x = """do it\n# do that\n"""\n', 1) is None


NO_COMMENT = [
    ("python", "x = '# no'"),
    ("python", 'x = "it\'s # no"'),
    ("python", "x = 'a \\' # no'"),
    ("javascript", 'url = "http://no"'),
    ("javascript", "x = `// no`"),
    ("javascript", "x = `a\n// no\n`"),
    ("yaml", "url: http://no#no"),
    ("shellscript", "echo $# ${#no} no#no"),
    ("latex", r"5\% no"),
    ("css", "a { background: url(http://no) }"),
    ("go", "x := `\n// no\n`"),
    ("a-language-nobody-knows", "http://no"),
    ("dockerfile", "RUN x # no"),
    ("json", '{"a": "// no"}'),
]


@pytest.mark.parametrize(("language_id", "text"), NO_COMMENT)
def test_what_only_contains_a_mark_is_no_comment(language_id: str, text: str) -> None:
    lines = text.splitlines()
    assert [comment_at_or_above(lines, line, language_id) for line in range(len(lines))] == [
        None
    ] * len(lines)


APOSTROPHES = [
    ("rust", "fn f<'a>(x: &'a str) {} // it's this"),
    ("matlab", "x = a'; % it's this"),
    ("lisp", "(quote 'a) ; it's this"),
    ("haskell", "f' = g -- it's this"),
    ("python", "x = 'a' # it's this"),
]


@pytest.mark.parametrize(("language_id", "line"), APOSTROPHES)
def test_an_apostrophe_hides_no_comment(language_id: str, line: str) -> None:
    assert said(line, 0, language_id) == "it's this"


FOR_TOOLS = [
    ("python", "#!/usr/bin/env python"),
    ("python", "# -*- coding: utf-8 -*-"),
    ("python", "x = y  # type: ignore"),
    ("python", "x = y  # noqa: F401"),
    ("javascript", "// eslint-disable-next-line no-console"),
    ("javascript", "/* eslint no-console: 0 */"),
    ("typescript", "// @ts-expect-error"),
    ("csharp", "// #region A"),
    ("go", "//go:build linux"),
    ("shellscript", "# shellcheck disable=SC1"),
    ("python", "# ----------"),
    ("python", "#"),
]


@pytest.mark.parametrize(("language_id", "line"), FOR_TOOLS)
def test_what_speaks_to_tools_is_no_prompt(language_id: str, line: str) -> None:
    assert said(line + "\n", 0, language_id) is None


def test_what_speaks_to_tools_is_left_out_of_a_prompt() -> None:
    assert said("#!/bin/sh\n# do it\n# shellcheck disable=SC1\n", 1, "sh") == "do it"


def test_rules_around_a_comment_are_left_out() -> None:
    assert said("########\n# do it\n# ------\n", 1) == "do it"


def test_a_comment_far_down_in_a_long_document_is_found() -> None:
    lines = ["x = 1\n"] * 50_000 + ["# do it\n", "\n"]
    assert comment_at_or_above(lines, 50_001, "python") == Comment(
        text="do it", first_line=50_000, last_line=50_000, indent=""
    )


def test_a_line_of_megabytes_is_not_read_to_its_end() -> None:
    lines = ["x" * LINE_LIMIT * 500 + " # far\n", "# near\n"]
    assert comment_at_or_above(lines, 0, "python") is None
    assert comment_at_or_above(lines, 1, "python") is not None


@pytest.mark.parametrize("line", [-1, 0, 5])
def test_a_line_outside_the_document_is_the_nearest_one(line: int) -> None:
    assert said("# do it", line) == "do it"
    assert comment_at_or_above([], line, "python") is None


SNIPPETS = st.lists(
    st.sampled_from([*"#/*-;'\"`{}<!>=\n\r \\", '"""', "/*", "*/", "word", "<!--", "-->", "\u2028"])
).map("".join)


@given(
    SNIPPETS,
    st.integers(-1, 20),
    st.sampled_from(["python", "c", "lua", "html", "haskell", "vim", "ruby", "matlab", "?"]),
)
def test_any_text_has_a_comment_inside_it_or_none(text: str, line: int, language_id: str) -> None:
    lines = text.split("\n")
    comment = comment_at_or_above(lines, line, language_id)
    if comment is not None:
        assert 0 <= comment.first_line <= comment.last_line < len(lines)
        assert comment.text.strip()
        assert lines[comment.first_line].startswith(comment.indent)
