"""What Pygments knows of a language, and when it is loaded."""

import asyncio

import pytest
from lsprotocol import types
from pygments.lexers import find_lexer_class_by_name

from streaming_code_generator.core import syntax
from streaming_code_generator.core.syntax import CodeSoFar, load_lexer
from streaming_code_generator.lsp.server import build_server
from streaming_code_generator.lsp.state import new_state
from streaming_code_generator.lsp.wire.document_messages import OpenedDocument
from streaming_code_generator.settings import SettingsSources


def is_compiled(language_id: str) -> bool:
    return "_tokens" in vars(find_lexer_class_by_name(language_id))


def test_a_lexer_that_was_loaded_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    # Another test of this process may have used it.
    monkeypatch.delattr(find_lexer_class_by_name("fortran"), "_tokens", raising=False)
    assert not is_compiled("fortran")

    load_lexer("fortran")

    assert is_compiled("fortran")


async def test_an_opened_document_has_its_lexer_compiled_in_a_thread() -> None:
    sources = SettingsSources.of_process()
    introduction = types.InitializeParams(capabilities=types.ClientCapabilities())
    state = new_state(build_server(), sources, None, introduction, "utf-16")
    document = OpenedDocument(uri="file:///sorted.adb", language_id="ada", text="")
    assert not is_compiled("ada")

    state.documents.opened(document)

    await asyncio.get_running_loop().shutdown_default_executor()
    assert is_compiled("ada")


@pytest.mark.parametrize(
    ("language_id", "code"),
    [
        ("cpp", 'void say() {\n    std::cout << "a" << b;\n}'),
        ("python", 'paths = glob("src/*.py")  # it is `x\n'),
        ("typescript", "const all = 1 << count;"),
        ("typescript", 'const files = ["src/**/*.ts"];'),
        ("javascript", "// it is `x\nconst text = '`';"),
        (
            "shellscript",
            "cat <<EOF\nall of it\nEOF\ncat <<-'END'\nand more\n\tEND\necho $((1 << 2))",
        ),
    ],
)
def test_code_that_has_nothing_open_by_its_language_is_not_read_by_a_lexer(
    monkeypatch: pytest.MonkeyPatch, language_id: str, code: str
) -> None:
    monkeypatch.setattr(syntax, "is_text_behind", lambda *_: pytest.fail("it was read"))

    assert not syntax.inside_text(code, language_id)


@pytest.mark.parametrize(
    ("language_id", "code"),
    [
        ("shellscript", "cat <<EOF\nall of it"),
        ("shellscript", "cat <<EOF\nall\nEOF\ncat <<EOF\nof it"),
        ("ruby", "text = <<~TEXT\n  all of it"),
        ("python", '"""Do it.\n'),
        ("cpp", "/* Do it.\n"),
        ("javascript", "const text = `all of it\n"),
    ],
)
def test_what_is_open_by_the_language_is_known(language_id: str, code: str) -> None:
    assert syntax.inside_text(code, language_id)


@pytest.mark.parametrize("language_id", ["javascript", "typescriptreact"])
@pytest.mark.parametrize(
    ("code", "is_open"),
    [
        ("const text = `it is ${name}\n", True),
        ("const text = `it is ${name}`;\n", False),
        ("const text = `a ${ {b: `c`}.b } d\n", True),
        ("const text = `a ${names.map((name) => {\n  return name;\n", False),
        ("const text = `a \\` b\n", True),
        ("const text = `// a ${b /* ` */} ' c`;\n", False),
        ("const tick = /`/;\nconst half = a / b / c; // `\n", False),
        ("const half = a / b; const text = `c / d\n", True),
        ("const any = /[/`]+/.test(text)\n", False),
        ("return /`/.test(text)\n", False),
        ("const text = 'a \\' ` b';\n", False),
        ("const files = 'src/**'; /* all of\n", True),
        ("const files = 'src/*'; // /* all of\n", False),
        ("<p>Don't {`it is`}</p>; const text = `a\n", True),
    ],
)
def test_a_script_is_inside_a_template_or_a_comment_or_not(
    monkeypatch: pytest.MonkeyPatch, language_id: str, code: str, *, is_open: bool
) -> None:
    monkeypatch.setattr(syntax, "is_text_behind", lambda *_: pytest.fail("it was read"))

    assert syntax.inside_text(code, language_id) is is_open


@pytest.mark.parametrize(
    ("language_id", "line", "opening"),
    [
        ("python", 'names = """a, b""".split()\n', 'text = """it is\n'),
        ("javascript", "const text = `a ${b} c`; // src/*\n", "const text = `it is\n"),
        ("cpp", "int a = 1; /* one */\n", "/* it is\n"),
        ("shellscript", "echo $((1 << 2))\n", "cat <<EOF\n"),
    ],
)
@pytest.mark.parametrize("count", [3, 499, 500, 501, 1_100])
def test_code_that_comes_in_lines_ends_where_it_ends_as_a_whole(
    language_id: str, line: str, opening: str, count: int
) -> None:
    code = CodeSoFar(language_id)
    for _ in range(count):
        code.append(line)
    is_open_before = code.is_inside_text()
    code.append(opening)
    code.append("  and more\n")

    assert not is_open_before
    assert code.is_inside_text()
    assert code.text == line * count + opening + "  and more\n"
    assert code.newest[-1] == "  and more\n"
