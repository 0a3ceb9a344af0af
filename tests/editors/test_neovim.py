"""The plug-in and the language server in a real Neovim: what people do, and what comes of it."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from neovim_editor import PLUGIN, Neovim, is_running, wait_until
from neovim_model import Model, Script

pytest_plugins = ["neovim_fixtures"]

COMMAND = ":StreamingCodeGenerator "
ADD = ["```python\n", "def add(a, b):\n", "    return a + b\n", "```\n"]
ADD_CODE = "def add(a, b):\n    return a + b\n"


def _generated(editor: Neovim, count: int = 1) -> None:
    editor.wait_until(
        lambda: sum("Generated" in message for message in editor.messages) >= count,
        "the final totals",
    )


def _type(editor: Neovim, keys: str, shown: str) -> None:
    editor.keys(keys)
    editor.wait_until(lambda: shown in editor.text, f"{shown!r} to be typed")


def _arrived(editor: Neovim, text: str) -> None:
    editor.wait_until(lambda: text in editor.text, f"{text!r} to arrive")


def test_code_comes_to_the_cursor(editor: Neovim, model: Model, tmp_path: Path) -> None:
    model.on("add two numbers", ADD).release_all()
    editor.open(tmp_path / "a.py", "import os\n\n\nprint(add(1, 2))\n")

    editor.keys("jj" + COMMAND + "generate add two numbers<CR>")
    _generated(editor)

    assert editor.text == f"import os\n\n{ADD_CODE}print(add(1, 2))\n"


def test_at_the_last_character_of_a_line_code_comes_behind_it(
    editor: Neovim, model: Model, tmp_path: Path
) -> None:
    model.on("a name", ["```\n", "größe", "\n```\n"]).release_all()
    editor.open(tmp_path / "a.txt", "the é\n")

    editor.keys("$" + COMMAND + "generate a name<CR>")
    _generated(editor)

    assert editor.text == "the égröße\n"


def test_the_totals_are_told_at_the_end(editor: Neovim, model: Model, tmp_path: Path) -> None:
    model.on("totals", ADD).release_all()
    editor.open(tmp_path / "a.py", "\n")

    editor.keys(COMMAND + "generate totals<CR>")
    _generated(editor)

    [message] = editor.messages
    assert message.startswith("Generated 14 tokens (10 prompt + 4 completion) in ")


def test_the_prompt_is_asked_for(editor: Neovim, model: Model, tmp_path: Path) -> None:
    script = model.on("asked for", ADD)
    script.release_all()
    editor.open(tmp_path / "a.py", "\n")

    editor.keys(COMMAND + "generate<CR>asked for<CR>")
    _generated(editor)

    assert len(script.requests) == 1


def test_a_prompt_that_is_escaped_asks_for_nothing(editor: Neovim, tmp_path: Path) -> None:
    editor.open(tmp_path / "a.py", "one\n")

    editor.keys(COMMAND + "generate<CR>half a prompt<Esc>Gotyped<Esc>")
    _arrived(editor, "typed")

    assert editor.text == "one\ntyped\n"
    assert editor.messages == []


@pytest.mark.parametrize(
    "prompt",
    ["say \"hi\" and 'bye'", "two | bars", "line one\nline two", "100% é 🙂 \\n $HOME <CR>", "`a`"],
)
def test_a_prompt_arrives_as_it_was_given(
    editor: Neovim, model: Model, tmp_path: Path, prompt: str
) -> None:
    script = model.on(prompt, ADD)
    script.release_all()
    editor.open(tmp_path / "a.py", "\n")

    editor.lua("require('streaming_code_generator').generate({ prompt = ... })", prompt)
    _generated(editor)

    assert len(script.requests) == 1


def test_quotes_and_bars_may_stand_on_the_command_line(
    editor: Neovim, model: Model, tmp_path: Path
) -> None:
    script = model.on("""say "hi" | it's % # fine""", ADD)
    script.release_all()
    editor.open(tmp_path / "a.py", "\n")

    editor.keys(COMMAND + """generate say "hi" | it's % # fine<CR>""")
    _generated(editor)

    assert len(script.requests) == 1


def test_code_comes_below_the_comment_that_asks_for_it(
    editor: Neovim, model: Model, tmp_path: Path
) -> None:
    model.on("add two things", ADD).release_all()
    editor.open(tmp_path / "a.py", "# add two things\n\nx = 1\n")

    editor.keys(COMMAND + "comment<CR>")
    _generated(editor)

    assert editor.text.startswith("# add two things\ndef add(a, b):\n    return a + b\n")
    assert editor.text.endswith("\nx = 1\n")


def test_the_servers_code_action_does_the_same(
    editor: Neovim, model: Model, tmp_path: Path
) -> None:
    model.on("by code action", ADD).release_all()
    editor.open(tmp_path / "a.py", "# by code action\n\nx = 1\n")
    editor.command("StreamingCodeGenerator status")
    editor.wait_until(lambda: "generations" in editor.text, "the server")
    editor.command("close")

    editor.lua("vim.lsp.buf.code_action({ apply = true })")
    _generated(editor)

    assert "# by code action\ndef add(a, b):\n    return a + b\n" in editor.text


def test_a_user_event_tells_of_every_step(editor: Neovim, model: Model, tmp_path: Path) -> None:
    model.on("with events", ADD).release_all()
    editor.lua("""
    _G.updates = {}
    vim.api.nvim_create_autocmd('User', {
      pattern = 'StreamingCodeGeneratorUpdate',
      callback = function(event)
        local update = event.data.update
        table.insert(_G.updates, { update.id, update.state })
      end,
    })""")
    editor.open(tmp_path / "a.py", "\n")

    editor.keys(COMMAND + "generate with events<CR>")
    _generated(editor)

    updates = editor.lua("return _G.updates")
    generation = next(updated for updated, state in updates if state == "running")
    states = [state for updated, state in updates if updated == generation]  # not those of before
    assert (states[0], states[-1]) == ("running", "completed")


def test_selected_lines_are_replaced(editor: Neovim, model: Model, tmp_path: Path) -> None:
    model.on("make it good", ADD).release_all()
    editor.open(tmp_path / "a.py", "before\nbad one\nbad two\nafter\n")

    editor.keys("jVj" + COMMAND + "generate make it good<CR>")
    _generated(editor)

    assert editor.text == f"before\n{ADD_CODE}after\n"


def test_a_selection_within_a_line_is_replaced_to_the_character(
    editor: Neovim, model: Model, tmp_path: Path
) -> None:
    model.on("a better word", ["```\n", "🙂 good", "\n```\n"]).release_all()
    editor.open(tmp_path / "a.txt", "é one béé two\n")

    editor.keys("wwve" + COMMAND + "generate a better word<CR>")
    _generated(editor)

    assert editor.text == "é one 🙂 good two\n"


def test_the_visual_mapping_generates_for_the_selection(
    editor: Neovim, model: Model, tmp_path: Path
) -> None:
    model.on("by mapping", ADD).release_all()
    editor.open(tmp_path / "a.py", "before\nbad\nafter\n")
    editor.command("xmap gs <Plug>(streaming-code-generator-generate)")

    editor.keys("jVgsby mapping<CR>")
    _generated(editor)

    assert editor.text == f"before\n{ADD_CODE}after\n"


def test_a_cancelled_generation_stops_where_it_is(
    editor: Neovim, model: Model, tmp_path: Path
) -> None:
    script = model.on("to be cancelled", ADD)
    editor.open(tmp_path / "a.py", "\n")
    editor.keys(COMMAND + "generate to be cancelled<CR>")
    script.release(2)
    _arrived(editor, "def add(a, b):")

    editor.keys(COMMAND + "cancel<CR>")
    editor.wait_until(lambda: editor.messages, "word of the cancel")
    editor.wait_until(script.was_left, "the model's request to be closed")
    script.release_all()

    assert "return" not in editor.text
    assert "Generated" not in editor.messages[0]


def test_cancel_means_the_generation_at_the_cursor(
    editor: Neovim, model: Model, tmp_path: Path
) -> None:
    upper, lower = model.on("upper one", ADD), model.on("lower one", ADD)
    editor.open(tmp_path / "a.py", "top\n\nmiddle\n\nbottom\n")
    editor.keys("j" + COMMAND + "generate upper one<CR>")
    editor.keys("G{" + COMMAND + "generate lower one<CR>")
    upper.release(2)
    lower.release(2)
    editor.wait_until(lambda: editor.text.count("def add") == 2, "both to begin")
    editor.wait_until(lambda: len(_marks(editor)) == 2, "both to be known")

    editor.keys("gg/def add<CR>" + COMMAND + "cancel<CR>")
    editor.wait_until(upper.was_left, "the upper model's request to be closed")
    lower.release_all()
    _generated(editor)

    assert editor.text == f"top\ndef add(a, b):\nmiddle\n{ADD_CODE}bottom\n"


def test_cancel_with_a_bang_means_all_buffers(editor: Neovim, model: Model, tmp_path: Path) -> None:
    scripts = [model.on(f"number {number}", ADD) for number in range(2)]
    for number, script in enumerate(scripts):
        editor.open(tmp_path / f"{number}.py", "\n")
        editor.keys(COMMAND + f"generate number {number}<CR>")
        script.release(2)
        _arrived(editor, "def add")
    editor.command("enew")

    editor.command("StreamingCodeGenerator! cancel")

    for script in scripts:
        editor.wait_until(script.was_left, "the model's request to be closed")


def test_cancel_says_when_there_is_nothing_to_cancel(editor: Neovim, tmp_path: Path) -> None:
    editor.open(tmp_path / "a.py", "\n")

    editor.command("StreamingCodeGenerator cancel")

    assert editor.messages == ["No generation runs in this buffer."]


def test_cancel_with_a_bang_says_when_nothing_runs_and_starts_no_server(
    model: Model, tmp_path: Path
) -> None:
    with Neovim(tmp_path, environment=model.environment) as editor:
        editor.command("StreamingCodeGenerator! cancel")

        assert editor.messages == ["No generation runs."]
        assert editor.server_pids == []


@pytest.mark.parametrize("command", ["accept", "remove", "retry"])
def test_what_needs_a_generation_starts_no_server(tmp_path: Path, command: str) -> None:
    with Neovim(tmp_path) as editor:
        editor.command(f"StreamingCodeGenerator {command}")

        assert editor.messages == ["No generation: the server does not run for this buffer."]
        assert editor.server_pids == []


def test_of_generations_that_touch_the_cursor_is_on_the_later_one(editor: Neovim) -> None:
    ids = editor.lua(
        """
        local highlight = require('streaming_code_generator.highlight')
        vim.api.nvim_buf_set_lines(0, 0, -1, false, { 'one', 'two', 'three' })
        local function show(id, first, last)
          local range = { start = { line = first, character = 0 } }
          range['end'] = { line = last, character = 0 }
          local update = { id = id, range = range, state = 'running', message = '', tokens = 0 }
          highlight.show(0, update, 'utf-8')
        end
        local found = {}
        for number = 1, 8 do
          show('g' .. number, number % 2, 2)
          found[number] = highlight.at(0, 1)
        end
        highlight.clear()
        return found
        """
    )

    assert ids == [f"g{number}" for number in range(1, 9)]


def test_one_undo_takes_a_generation_back(editor: Neovim, model: Model, tmp_path: Path) -> None:
    script = model.on("undo me", ADD)
    editor.open(tmp_path / "a.py", "one\ntwo\n")
    editor.keys("otyped<Esc>" + COMMAND + "generate undo me<CR>")
    for expected in ("", "def add", "return"):
        script.release()
        _arrived(editor, expected)
    script.release_all()
    _generated(editor)

    editor.press("u")

    assert editor.text == "one\ntyped\ntwo\n"


def test_undo_while_it_runs_cancels_it(editor: Neovim, model: Model, tmp_path: Path) -> None:
    script = model.on("undone midway", ADD)
    editor.open(tmp_path / "a.py", "one\n")
    editor.keys("o<Esc>" + COMMAND + "generate undone midway<CR>")
    script.release(2)
    _arrived(editor, "def add")

    editor.press("u")
    editor.wait_until(script.was_left, "the model's request to be closed")
    editor.wait_until(lambda: editor.messages, "word of the end")

    assert editor.text == "one\n\n"


def test_remove_takes_the_code_out_and_leaves_what_was_typed(
    editor: Neovim, model: Model, tmp_path: Path
) -> None:
    model.on("remove me", ADD).release_all()
    editor.open(tmp_path / "a.py", "one\nold\ntwo\n")
    editor.keys("jV" + COMMAND + "generate remove me<CR>")
    _generated(editor)
    editor.press("Gotyped<Esc>")

    editor.keys(COMMAND + "remove<CR>")
    editor.wait_until(lambda: "def add" not in editor.text, "the removal")

    assert editor.text == "one\nold\ntwo\ntyped\n"


def test_retry_puts_a_new_answer_in_the_old_ones_place(
    editor: Neovim, model: Model, tmp_path: Path
) -> None:
    model.on("try again", ["```\n", "first\n", "```\n"]).release_all()
    editor.open(tmp_path / "a.py", "one\n\ntwo\n")
    editor.keys("j" + COMMAND + "generate try again<CR>")
    _generated(editor)
    model.on("try again", ["```\n", "second\n", "```\n"]).release_all()

    editor.keys(COMMAND + "retry<CR>")
    _generated(editor, 2)

    assert editor.text == "one\nsecond\ntwo\n"


def test_an_accepted_generation_can_not_be_removed_any_more(
    editor: Neovim, model: Model, tmp_path: Path
) -> None:
    model.on("keep it", ADD).release_all()
    editor.open(tmp_path / "a.py", "\n")
    editor.keys(COMMAND + "generate keep it<CR>")
    _generated(editor)
    text = editor.text

    editor.keys(COMMAND + "accept<CR>" + COMMAND + "remove<CR>")
    editor.wait_until(lambda: len(editor.messages) > 1, "the refusal")

    assert editor.text == text


def test_two_at_once_do_not_mix(editor: Neovim, model: Model, tmp_path: Path) -> None:
    names = [f"word{n}" for n in range(20)]
    first = model.on("upper half", ["```\n", *(f"{name} up\n" for name in names), "```\n"])
    second = model.on("lower half", ["```\n", *(f"{name} down\n" for name in names), "```\n"])
    editor.open(tmp_path / "a.txt", "top\n\nmiddle\n\nbottom\n")
    editor.keys("j" + COMMAND + "generate upper half<CR>")
    editor.keys("G{" + COMMAND + "generate lower half<CR>")
    for _ in range(23):
        first.release()
        second.release()
    _generated(editor, 2)

    up, down = ("".join(f"{name} {way}\n" for name in names) for way in ("up", "down"))
    assert editor.text == f"top\n{up}middle\n{down}bottom\n"


def _stream_while(editor: Neovim, script: Script, typed: str) -> None:
    for character in typed:
        script.release()
        editor.keys(character)
    script.release_all()


def test_typing_meanwhile_elsewhere_loses_nothing(
    editor: Neovim, model: Model, tmp_path: Path
) -> None:
    lines = [f"line{n} = {n}\n" for n in range(40)]
    script = model.on("while I type", ["```\n", *lines, "```\n"])
    editor.open(tmp_path / "a.txt", "above\n\nbelow\n")
    editor.keys("j" + COMMAND + "generate while I type<CR>ggA ")
    typed = "the quick brown fox jumps over"

    _stream_while(editor, script, typed)
    editor.keys("<Esc>")
    _generated(editor)

    assert editor.text == f"above {typed}\n{''.join(lines)}below\n"


def test_it_goes_on_in_a_buffer_that_is_hidden(
    editor: Neovim, model: Model, tmp_path: Path
) -> None:
    script = model.on("out of sight", ADD)
    editor.open(tmp_path / "a.py", "one\n\ntwo\n")
    editor.keys("j" + COMMAND + "generate out of sight<CR>")
    script.release(2)
    _arrived(editor, "def add")

    editor.open(tmp_path / "b.py", "another\n")
    script.release_all()
    _generated(editor)

    assert editor.text == "another\n"
    editor.command(f"buffer {tmp_path / 'a.py'}")
    assert editor.text == f"one\n{ADD_CODE}two\n"
    editor.press("u")
    assert editor.text == "one\n\ntwo\n"


@pytest.mark.parametrize("command", ["bdelete!", "bwipeout!"])
def test_closing_the_buffer_cancels_and_touches_nothing_else(
    editor: Neovim, model: Model, tmp_path: Path, command: str
) -> None:
    script = model.on("closed meanwhile", ADD)
    editor.open(tmp_path / "other.py", "other\n")
    editor.open(tmp_path / "a.py", "one\n")
    editor.keys("o<Esc>" + COMMAND + "generate closed meanwhile<CR>")
    script.release(2)
    _arrived(editor, "def add")

    editor.command(command)
    editor.wait_until(script.was_left, "the model's request to be closed")
    script.release_all()
    editor.wait_until(lambda: editor.messages, "word of the end")

    assert editor.text == "other\n"
    assert (tmp_path / "a.py").read_text() == "one\n"


def test_quitting_meanwhile_ends_the_server_and_the_request(model: Model, tmp_path: Path) -> None:
    script = model.on("quit meanwhile", ADD)
    with Neovim(tmp_path, environment=model.environment) as editor:
        editor.open(tmp_path / "a.py", "\n")
        editor.keys(COMMAND + "generate quit meanwhile<CR>")
        script.release(2)
        _arrived(editor, "def add")
        [server] = editor.server_pids

        editor.keys(":q!<CR>")
        editor.wait_for_exit()

        wait_until(lambda: not is_running(server), "the server to end")
        assert script.was_left()


def test_a_latin_1_file_stays_one(editor: Neovim, model: Model, tmp_path: Path) -> None:
    model.on("umlauts", ["```\n", "größe = 'é'\n", "```\n"]).release_all()
    path = tmp_path / "a.txt"
    editor.open(path, "straße é\n\nende\n".encode("latin-1"))
    assert editor.evaluate("&fileencoding") == "latin1"

    editor.keys("j" + COMMAND + "generate umlauts<CR>")
    _generated(editor)
    editor.command("write")

    assert path.read_bytes() == "straße é\ngröße = 'é'\nende\n".encode("latin-1")


def test_a_file_with_dos_line_ends_keeps_them(editor: Neovim, model: Model, tmp_path: Path) -> None:
    model.on("dos lines", ADD).release_all()
    path = tmp_path / "a.py"
    editor.open(path, "one\r\n\r\ntwo\r\n")
    assert editor.evaluate("&fileformat") == "dos"

    editor.keys("j" + COMMAND + "generate dos lines<CR>")
    _generated(editor)
    editor.command("write")

    assert path.read_bytes() == f"one\n{ADD_CODE}two\n".replace("\n", "\r\n").encode()


def test_a_buffer_without_a_name_works_too(editor: Neovim, model: Model) -> None:
    model.on("no name", ADD).release_all()
    editor.command("enew!")
    editor.keys("ione<CR><CR>two<Esc>k")

    editor.keys(COMMAND + "generate no name<CR>")
    _generated(editor)

    assert editor.text == f"one\n{ADD_CODE}two\n"


def test_the_growing_text_is_coloured_and_numbered(
    editor: Neovim, model: Model, tmp_path: Path
) -> None:
    script = model.on("in colour", ADD)
    editor.open(tmp_path / "a.py", "one\n\ntwo\n")
    editor.keys("j" + COMMAND + "generate in colour<CR>")
    script.release(2)
    _arrived(editor, "def add")

    editor.wait_until(lambda: _marks(editor) and _marks(editor)[0][3].get("end_row"), "the colour")
    [[_, row, _, details]] = _marks(editor)
    assert details["hl_group"] == "StreamingCodeGeneratorRunning"
    assert (row, details["end_row"]) == (1, 1)
    editor.wait_until(
        lambda: "tokens" in _marks(editor)[0][3]["virt_text"][0][0], "the number of tokens"
    )
    script.release_all()
    editor.wait_until(
        lambda: _marks(editor) and "hl_group" not in _marks(editor)[0][3], "it to fade"
    )


def _marks(editor: Neovim) -> Any:
    namespace = editor.api("create_namespace", "streaming_code_generator")
    return editor.api("buf_get_extmarks", 0, namespace, 0, -1, {"details": True})


def test_the_status_line_says_what_runs(editor: Neovim, model: Model, tmp_path: Path) -> None:
    statusline = "return require('streaming_code_generator').statusline()"
    script = model.on("status line", ADD)
    editor.open(tmp_path / "a.py", "\n")
    assert editor.lua(statusline) == ""
    editor.keys(COMMAND + "generate status line<CR>")
    script.release(2)

    editor.wait_until(lambda: "tokens" in editor.lua(statusline), "the status line")
    script.release_all()
    editor.wait_until(lambda: editor.lua(statusline) == "", "the status line to be empty again")


def test_an_error_of_the_endpoint_is_told(editor: Neovim, tmp_path: Path) -> None:
    editor.open(tmp_path / "a.py", "one\n")

    editor.keys(COMMAND + "generate what no script knows<CR>")
    editor.wait_until(
        lambda: any("No script for the prompt" in message for message in editor.messages),
        "the error",
    )

    assert editor.text == "one\n"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("StreamingCodeGenerator nonsense", 'There is no "nonsense"; there are accept'),
        ("StreamingCodeGenerator! accept", "accept takes no !."),
        ("1StreamingCodeGenerator cancel", "cancel takes no range."),
        ("StreamingCodeGenerator retry harder", "retry takes no prompt."),
    ],
)
def test_a_wrong_command_says_what_is_wrong(editor: Neovim, command: str, message: str) -> None:
    editor.command(command)

    assert message in editor.messages[0]


def test_subcommands_are_completed(editor: Neovim) -> None:
    complete = "getcompletion('StreamingCodeGenerator {}', 'cmdline')"

    assert editor.evaluate(complete.format("c")) == ["cancel", "comment"]
    assert len(editor.evaluate(complete.format(""))) == 9
    assert editor.evaluate(complete.format("generate c")) == []


def test_the_log_holds_the_response_and_then_the_totals(
    editor: Neovim, model: Model, tmp_path: Path
) -> None:
    model.on("to be logged", ADD).release_all()
    editor.open(tmp_path / "a.py", "\n")
    editor.keys(COMMAND + "generate to be logged<CR>")
    _generated(editor)

    editor.keys(COMMAND + "log<CR>")
    editor.wait_until(lambda: "```python" in editor.text, "the log")

    assert editor.text.rindex("return a + b") < editor.text.rindex("Generated 14 tokens")


def test_status_lists_generations_and_totals(editor: Neovim, model: Model, tmp_path: Path) -> None:
    model.on("to be listed", ADD).release_all()
    editor.open(tmp_path / "listed.py", "\n")
    editor.keys(COMMAND + "generate to be listed<CR>")
    _generated(editor)

    editor.keys(COMMAND + "status<CR>")
    editor.wait_until(lambda: "generations" in editor.text, "the status")

    assert editor.text.startswith("completed")
    assert "listed.py" in editor.text


def test_the_health_check_finds_server_and_model(editor: Neovim, tmp_path: Path) -> None:
    editor.open(tmp_path / "a.py", "\n")
    editor.keys(COMMAND + "status<CR>")
    editor.wait_until(lambda: "generations" in editor.text, "the status")

    editor.command("checkhealth streaming_code_generator")

    assert "OK The server is" in editor.text.replace("✅ ", "")
    assert "streaming-code-generator doctor" in editor.text
    assert "a-key-for-the-loopback" not in editor.text


def test_the_help_has_valid_tags_and_is_found(editor: Neovim, tmp_path: Path) -> None:
    documents = tmp_path / "plugin" / "doc"
    shutil.copytree(PLUGIN / "doc", documents)

    editor.command(f"helptags {documents}")
    editor.command(f"set runtimepath^={documents.parent}")
    editor.command("help streaming-code-generator")

    assert "*streaming-code-generator*" in editor.text
    tags = (documents / "tags").read_text().split()
    for reference in re.findall(r"\|(\S*streaming-code-generator\S*|:Streaming\S+)\|", editor.text):
        assert reference in tags
