"""Telling what was written for people from what was written for machines."""

import pytest

from streaming_code_generator.core.extract.wording import reads_like_prose, starts_like_code

PROSE = [
    "Sure!",
    "Sure, here is the function:",
    "Certainly! Here's a Python function `add(a, b)` that adds two numbers:",
    "Here\u2019s an example (in Python):",
    "Below is the code.",
    "To solve this, we first sort the list.",
    "This function takes two numbers and returns their sum.",
    "I'm sorry, but I can't help with that.",
    "Okay, the user wants a function that adds.",
    "We need to output only code.",
    "Use the add(a, b) function to add the numbers.",
    "## Explanation",
    "**Solution:**",
    "1. First, we read the file.",
    "- The function adds.",
    "Hier ist die Funktion:",
    "Voici la fonction demand\u00e9e.",
    "\u4ee5\u4e0b\u662f\u4ee3\u7801:",
    "\u0412\u043e\u0442 \u0444\u0443\u043d\u043a\u0446\u0438\u044f:",
]
CODE = [
    "def add(a, b):",
    "import os",
    "from os import path",
    "return a + b",
    "a, b):",
    "for a in the_list:",
    "while True:",
    "if a is not None and b in c:",
    "x: int = 1",
    "sure = True",
    "ok, err := f()",
    "i += 1",
    'print("Here is the output of your code:")',
    'console.log("This is what you have.");',
    "# This function adds two numbers that you have.",
    "// Here is what we need to do.",
    "-- The user wants all of these rows.",
    '"""Return the sum of the two numbers."""',
    "<p>This is the text that you want.</p>",
    "<?php",
    "#!/bin/sh",
    "#include <stdio.h>",
    "@dataclass",
    "SELECT name FROM users WHERE age > 3",
    "public static void main(String[] args) {",
    "fn main() {",
    "class Foo < Bar",
    "else",
    "}",
    "{",
    "    This is indented and you need it",
    "the_user.is_here()",
    "",
    "pip install requests",
    "\ud800",
]


@pytest.mark.parametrize("line", PROSE)
def test_prose_reads_like_prose(line: str) -> None:
    assert reads_like_prose(line)


@pytest.mark.parametrize("line", CODE)
def test_code_does_not_read_like_prose(line: str) -> None:
    assert not reads_like_prose(line)


@pytest.mark.parametrize("line", PROSE)
def test_no_beginning_of_prose_is_taken_for_code(line: str) -> None:
    assert not any(starts_like_code(line[:end]) for end in range(len(line) + 1))


@pytest.mark.parametrize(
    "beginning",
    ["def add(", "x = 1", "print(", "@data", "    x", "const x = 1", "self.x[0] += 2", "<div"],
)
def test_code_without_doubt_is_known_by_its_first_characters(beginning: str) -> None:
    assert starts_like_code(beginning)
    assert starts_like_code(beginning + " is what we need")
