"""What a model is shown: within its budget, what matters first, the same for the same file."""

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streaming_code_generator.core.messages import ProviderDescription
from streaming_code_generator.core.placement.target import code_target, selection_target
from streaming_code_generator.core.prompt.build import CodeTask
from streaming_code_generator.core.prompt.choose_context import (
    ContextQuery,
    around,
    choose_context,
    scope_headers,
)
from streaming_code_generator.core.prompt.compose import (
    Prompt,
    PromptProfile,
    SelectionTooLongError,
    compose,
    profile_of,
)
from streaming_code_generator.core.prompt.definitions import (
    MOST_LINES_BESIDE,
    definitions_in,
    find_definitions,
    likely_files,
    related_pieces,
)
from streaming_code_generator.core.prompt.file_pieces import (
    MOST_LINES_READ,
    FileSnapshot,
    is_longer,
    within_reach,
)
from streaming_code_generator.core.syntax import GRAMMARS, syntax_tree
from streaming_code_generator.core.tokens import FALLBACK_ENCODING, load_counter
from streaming_code_generator.lsp.documents import files
from streaming_code_generator.lsp.documents.files import WorkspaceReader


def count(text: str) -> int:
    return load_counter(FALLBACK_ENCODING)(text)


def file(path: str, text: str, language_id: str = "python") -> FileSnapshot:
    lines = tuple(text.split("\n"))
    return FileSnapshot(uri=f"file:///w/{path}", path=path, language_id=language_id, lines=lines)


def long_file(path: str, functions: int, word: str = "thing") -> FileSnapshot:
    body = "\n\n".join(
        f"def {word}_{n}(first, second):\n    total = first * {n} + second\n    return total"
        for n in range(functions)
    )
    return file(path, f"import os\nimport {word}s\n\n\n{body}\n")


def prompt_at(  # noqa: PLR0913 - what prompts differ in
    snapshot: FileSnapshot,
    line: int,
    *,
    budget: int = 2_000,
    instruction: str = "add it",
    is_small: bool = False,
    language_id: str = "python",
    others: tuple[FileSnapshot, ...] = (),
    named: tuple[FileSnapshot, ...] = (),
) -> Prompt:
    task = CodeTask(instruction=instruction, language_id=language_id)
    query = ContextQuery(
        file=snapshot,
        first_line=line,
        last_line=line,
        instruction=instruction,
        opened=others,
        named=named,
    )
    profile = PromptProfile(context_tokens=budget, is_small=is_small)
    return compose(task, query, code_target(snapshot.lines, (line, 0)), profile, count)


def text_of(prompt: Prompt) -> str:
    return "\n".join(message.content for message in prompt.messages)


DEFINED = {
    "python": ("class Store:\n    x = 1\n\nLIMIT = 3", {"Store", "LIMIT"}),
    "javascript": ("export function area(w) {\n  return w;\n}\nconst big = 1;", {"area", "big"}),
    "typescript": ("export interface Shape {\n  w: number;\n}\ntype A = string;", {"Shape", "A"}),
    "go": ("func (s *Store) Save(n int) error {\n\treturn nil\n}", {"Save"}),
    "rust": ("pub(crate) fn area(w: u8) -> u8 {\n    w\n}\npub struct S {\n}", {"area", "S"}),
    "c": ("#define LIMIT 3\nstatic int area(int w, int h)\n{\n    return w;\n}", {"LIMIT", "area"}),
    "java": (
        "public final class Store {\n    public int size(int n) {\n    }\n}",
        {"size"},
    ),
    "sql": ("CREATE TABLE IF NOT EXISTS people (\n  id int\n);", {"people"}),
    "shellscript": ("backup() {\n  cp a b\n}", {"backup"}),
    "ruby": ("class Store\n  def save\n    1\n  end\nend", {"Store", "save"}),
}


@pytest.mark.parametrize("language_id", DEFINED)
def test_definitions_are_found_in_many_languages(language_id: str) -> None:
    text, names = DEFINED[language_id]
    assert names <= {found.name for found in definitions_in(tuple(text.split("\n")))}


@pytest.mark.parametrize("language_id", DEFINED)
def test_definitions_are_found_by_grammars_too(language_id: str) -> None:
    text, names = DEFINED[language_id]
    assert names <= {found.name for found in definitions_in(tuple(text.split("\n")), language_id)}


@pytest.mark.parametrize("language_id", GRAMMARS)
def test_each_grammar_of_the_extra_can_be_used(language_id: str) -> None:
    pytest.importorskip("tree_sitter")
    assert syntax_tree(["x"], language_id)


@pytest.mark.parametrize(
    ("language_id", "text", "names"),
    [
        ("python", 'def real():\n    """\ndef fake():\n    """\n    return 1', ["real"]),
        ("javascript", "/*\nfunction fake() {\n}\n*/\nfunction real() {\n}", ["real"]),
        ("typescript", "const x = `\nfunction fake() {\n}\n`\nfunction real() {\n}", ["x", "real"]),
        ("go", "/*\nfunc fake() {\n}\n*/\nfunc real() {\n}", ["real"]),
        ("shellscript", "cat <<END\nfake() {\n}\nEND\nreal() {\n}", ["real"]),
        ("csharp", "/*\nclass Fake {\n}\n*/\nclass Real {\n}", ["Real"]),
    ],
)
def test_what_only_looks_like_a_definition_is_none(
    language_id: str, text: str, names: list[str]
) -> None:
    pytest.importorskip("tree_sitter")
    found = definitions_in(tuple(text.split("\n")), language_id)
    assert [definition.name for definition in found] == names


def test_grammar_knows_where_a_body_ends_that_is_not_indented() -> None:
    pytest.importorskip("tree_sitter")
    text = "// Adds up.\nfunction total(items) {\nlet sum = 0;\nreturn sum;\n}\ntotal([]);"
    found, local = definitions_in(tuple(text.split("\n")), "javascript")
    assert (found.first, found.end, local.owner) == (0, 5, "total")


def test_grammar_knows_whose_a_method_is() -> None:
    pytest.importorskip("tree_sitter")
    lines = ("export class Cart {", "total(): number {", "return 1;", "}", "}")
    owners = {found.name: found.owner for found in definitions_in(lines, "typescript")}
    assert owners == {"Cart": "", "total": "Cart"}


def test_a_definition_has_its_decorators_its_body_and_its_end() -> None:
    lines = "import os\n\n@cached\ndef area(\n    w,\n) -> int:\n    x = 1\n\n    return x\n\ny = 2"
    found, *_ = definitions_in(tuple(lines.split("\n")))
    assert (found.first, found.end) == (2, 9)


def test_a_call_or_a_comparison_is_no_definition() -> None:
    assert definitions_in(("    return area(w)", "if x == 1:", "x <= 3", "print(x)")) == ()


def test_the_headers_of_the_scopes_around_a_line_are_found() -> None:
    text = "class Store:\n    x = 1\n\n    def save(self):\n        a = 1\n        \n\ndef g(): ..."
    lines = text.split("\n")
    assert [lines[n].strip() for n in scope_headers(lines, 5)] == [
        "class Store:",
        "def save(self):",
    ]


@settings(max_examples=30, deadline=None)
@given(st.integers(150, 3_000), st.integers(0, 200), st.integers(0, 60))
def test_a_prompt_is_never_longer_than_its_budget(budget: int, line: int, functions: int) -> None:
    mine = long_file("mine.py", 60)
    others = (long_file("b.py", functions), long_file("a.py", 40, "item"))
    prompt = prompt_at(mine, line, budget=budget, others=others, named=(long_file("c.py", 9),))
    assert sum(count(message.content) for message in prompt.messages) <= budget
    assert sum(piece.tokens for piece in prompt.pieces) <= budget


def test_more_budget_shows_more() -> None:
    mine, others = long_file("mine.py", 60), (long_file("a.py", 60), long_file("b.py", 60))
    small, large = (prompt_at(mine, 90, budget=b, others=others) for b in (600, 6_000))
    assert small.tokens > 400
    assert large.tokens > 2 * small.tokens


def test_a_selection_that_cannot_fit_is_refused_with_the_figure() -> None:
    mine = long_file("mine.py", 60)
    query = ContextQuery(file=mine, first_line=0, last_line=200)
    placement = selection_target(mine.lines, (0, 0), (200, 0))
    profile = PromptProfile(context_tokens=400, is_small=False)
    with pytest.raises(SelectionTooLongError, match=r"has \d{3} tokens.* 400 .*contextTokens"):
        compose(CodeTask(instruction="x"), query, placement, profile, count)


def test_a_request_without_any_context_is_sent_whatever_the_budget() -> None:
    assert "add it" in text_of(prompt_at(long_file("mine.py", 20), 9, budget=0))


def test_of_a_long_file_headers_imports_and_the_nearest_lines_are_shown() -> None:
    mine = long_file("mine.py", 400)
    text = text_of(prompt_at(mine, 800))
    assert "import things" in text
    assert "def thing_199(" in text
    assert "def thing_50(" not in text


def test_a_definition_from_another_file_is_shown_before_the_file_itself() -> None:
    other = file("geometry.py", "import x\n\ndef area(w, h):\n    return w * h\n" + "y = 1\n" * 500)
    mine = file("mine.py", "from geometry import area\n\n\n\n" + "z = 2\n" * 20)
    prompt = prompt_at(mine, 2, others=(other,))
    text = text_of(prompt)
    assert text.index("return w * h") < text.index("from geometry import area")
    assert "definition of `area`" in {piece.why for piece in prompt.pieces}


def test_other_files_stand_in_the_order_of_their_paths() -> None:
    named = tuple(file(path, f"{path[0]} = 1") for path in ("c.py", "a.py", "b.py"))
    prompt = prompt_at(long_file("aa.py", 9), 5, named=named)
    assert [piece.file.path for piece in prompt.pieces] == ["a.py", "b.py", "c.py", "aa.py"]


@pytest.mark.parametrize("lines", [(5, 60), (40, 44), (10, 190)])
@pytest.mark.parametrize("budget", [2_000, 6_000])
def test_two_requests_in_one_file_share_most_of_their_prompts(
    lines: tuple[int, int], budget: int
) -> None:
    mine = long_file("mine.py", 50 if budget > 2_000 else 30)
    others = tuple(long_file(f"o{n}.py", 40, f"word{n}") for n in range(5))
    one, other = (
        text_of(prompt_at(mine, line, budget=budget, others=others, instruction=f"do {line}"))
        for line in lines
    )
    common = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    assert common >= 0.8 * max(len(one), len(other))


@pytest.mark.parametrize("lines", [(1_601, 1_610), (1_605, 1_660), (1_650, 1_602)])
@pytest.mark.parametrize("budget", [2_000, 6_000])
def test_two_requests_near_each_other_in_a_long_file_share_most_of_their_prompts(
    lines: tuple[int, int], budget: int
) -> None:
    mine = long_file("mine.py", 600)
    others = tuple(long_file(f"o{n}.py", 40, f"word{n}") for n in range(5))
    one, other = (
        text_of(prompt_at(mine, line, budget=budget, others=others, instruction=f"do {line}"))
        for line in lines
    )
    common = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    assert common >= 0.8 * max(len(one), len(other))


def test_a_small_model_is_shown_an_example_and_what_encloses_the_place() -> None:
    mine = file("mine.py", "SECRET = 1\n\nclass Store:\n    def save(self):\n        \n")
    prompt = prompt_at(mine, 4, budget=400, is_small=True)
    assert [message.role for message in prompt.messages] == ["system", "user", "assistant", "user"]
    assert "def save(self):" in prompt.messages[-1].content
    assert "SECRET" not in text_of(prompt)


def test_a_small_model_is_shown_the_tables_that_a_query_may_be_about() -> None:
    text = "CREATE TABLE pets (\n  name TEXT\n);\nINSERT INTO pets VALUES ('Rex');\n\n"
    prompt = prompt_at(file("a.sql", text), 4, budget=400, is_small=True, language_id="sql")
    assert "CREATE TABLE pets (\n  name TEXT\n);" in prompt.messages[-1].content
    assert "Rex" not in text_of(prompt)
    assert "SELECT" in prompt.messages[2].content


@pytest.mark.parametrize(
    ("name", "model", "endpoint", "tokens", "is_small"),
    [
        ("embedded", "smollm2-135m-instruct", "", 400, True),
        ("embedded", "qwen2.5-coder-7b", "", 2_000, False),
        ("openai", "qwen2.5-coder-0.5b", "http://127.0.0.1:8080/v1", 2_000, True),
        ("openai", "gpt-4.1-mini", "https://api.openai.com/v1", 6_000, False),
    ],
)
def test_how_a_model_is_asked_goes_by_its_name_and_place(
    name: str, model: str, endpoint: str, tokens: int, *, is_small: bool
) -> None:
    description = ProviderDescription(name=name, model=model, endpoint=endpoint, reason="")
    profile = profile_of(description, None)
    assert (profile.context_tokens, profile.is_small) == (tokens, is_small)
    assert profile_of(description, 77).context_tokens == 77


def test_a_file_that_fits_is_shown_whole() -> None:
    (piece,) = around(long_file("mine.py", 5), (3, 3), 2_000, count)
    assert (piece.first, piece.why) == (0, "this file")


def test_choosing_takes_a_bounded_number_of_counts() -> None:
    counted: list[int] = []

    def noting(text: str) -> int:
        counted.append(len(text))
        return len(text) // 3

    others = tuple(long_file(f"o{n}.py", 125, f"word{n}") for n in range(20))
    mine = long_file("mine.py", 125)
    query = ContextQuery(file=mine, first_line=200, last_line=200, opened=others)
    choose_context(query, 6_000, noting)
    assert len(counted) < 250
    assert sum(counted) < 400_000


def test_of_a_large_workspace_only_files_are_read_that_may_define_what_is_used() -> None:
    mine = file("shop/cart.py", "from shop.prices import net\n\nclass Cart(UserStore):\n    pass\n")
    paths = [
        "lib/user_store.py",
        "lib/__init__.py",
        "shop/__init__.py",
        "shop/prices.py",
        "shop/orders.py",
        *(f"generated/part_{n}.py" for n in range(1_000)),
    ]

    likely = likely_files(mine, "use the tariff", [*paths, "rates/tariff.py"])

    assert likely == [
        "shop/prices.py",
        "shop/__init__.py",
        "lib/user_store.py",
        "rates/tariff.py",
        "shop/orders.py",
    ]


def test_a_workspace_that_takes_long_to_list_is_listed_by_several_requests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LISTING_S", -1.0)  # a folder for each request
    for name in ("a.py", "one/b.py", "one/two/c.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x = 1\n")
    reader = WorkspaceReader()

    known = [len(reader.files((tmp_path,), frozenset(), list)) for _ in range(4)]

    assert known == [1, 2, 3, 3]


def test_definitions_of_a_file_cost_by_its_length() -> None:
    def cost_s(count: int) -> float:
        lines = tuple(f"name_{number} = {number}" for number in range(count))
        started = time.process_time()
        assert len(find_definitions(lines, "python")) in {0, count}
        return time.process_time() - started

    cost_s(100)  # loads the grammar, where it is installed
    assert cost_s(16_000) < 40 * cost_s(2_000)


def test_of_a_long_file_only_what_is_near_the_place_is_read_for_what_it_defines() -> None:
    user = file("user.py", "class User:\n    pass\n")
    own = "class User:\n    pass\n"

    def found(text: str) -> list[str]:
        lines = text.count("\n") + 1
        pieces = related_pieces(file("a.py", text), (lines - 1, lines), "a user", [user])
        return [piece.file.path for piece in pieces]

    assert found(own + "x = 1\n" * (MOST_LINES_BESIDE + 1) + "User()") == ["user.py"]
    assert found(own + "x = 1\n" * (MOST_LINES_BESIDE - 3) + "User()") == []


def test_of_a_very_long_file_only_the_beginning_and_what_is_near_is_read_for_its_words() -> None:
    long = file("long.py", "\n".join(f"line_{number}" for number in range(100_000)))
    short = file("short.py", "\n" * (MOST_LINES_READ - 1))
    places = (0, 499, 600, 2_999, 50_000, 99_999)

    assert within_reach(short, 3) == short
    for place in places:
        read = within_reach(long, place).lines
        nearby = {f"line_{number}" for number in range(place - 900, place + 900)}
        assert {"line_0", "line_499"} | (nearby & set(long.lines)) <= set(read)
        assert len(read) == len(set(read)) <= MOST_LINES_READ


def test_lines_are_only_counted_until_they_are_seen_to_be_longer() -> None:
    assert not is_longer(["ab", "", "c"], 3)
    assert is_longer(["ab", "", "cd"], 3)
    assert is_longer(("x" for _ in iter(int, 1)), 1_000)  # they never end
