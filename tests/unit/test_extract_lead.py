"""Below a line that leads to it, code is told from prose, in many languages."""

import pytest

from streaming_code_generator.core.extract.filter import extract
from streaming_code_generator.core.extract.parts import CodeTarget

CODE = {
    "python": """
try:⏎    f()⏎except E:⏎    pass
raise ValueError(x)
del x[0]
lambda x: x
'''Return x.'''
[x for x in xs if x]
not x
xs[1:]
yield x
while True:⏎    pass
a, b = b, a
global x
""",
    "javascript": """
(() => 1)()
`${a}`;
await f()
new Foo()
// add⏎f();
const a = 1;
let a;
export default function f() {}
function f() {}
async function f() {}
module.exports = x;
a.b.c();
""",
    "typescript": """
interface A {⏎  b: string;⏎}
get x(): number {⏎  return 1;⏎}
type A = string;
enum A { B }
export class A {}
export const a = 1
declare module 'a';
abstract class A {}
private x = 1;
@Component({})⏎export class A {}
readonly x: number;
namespace A {}
""",
    "go": """
defer f()
import (⏎⇥"fmt"⏎)
x++
ch <- 1
func f() {}
type A struct {⏎}
var x int
x := 1
if err != nil {⏎}
for i := 0; i < 3; i++ {⏎}
package a
import "fmt"
""",
    "rust": """
#[derive(Debug)]⏎struct A;
where T: Clone,
fn f() {}
pub fn f() {}
impl A {}
struct A;
let x = 1;
use std::io;
match x {⏎}
pub struct A {⏎}
enum A {⏎}
trait A {}
""",
    "java": """
public class A {⏎}
int x = 1;
private int x;
@Override⏎public String toString() {⏎}
List<String> xs = new ArrayList<>();
for (int i = 0; i < 3; i++) {⏎}
if (a) {⏎}
System.out.println(1);
import java.util.*;
package a;
String s;
return 1;
""",
    "kotlin": """
val x = 1
data class A(val x: Int)
class A
sealed class A
typealias A = B
fun f() = 1
object A {⏎}
var x: Int = 1
when (x) {⏎}
suspend fun f() {⏎}
println(1)
override fun f() {}
""",
    "csharp": """
[Fact]⏎public void F() {}
internal static class A⏎{⏎}
public class A⏎{⏎}
int x = 1;
var x = 1;
private int _x;
public int X { get; set; }
using System;
namespace A;
if (a)⏎{⏎}
Console.WriteLine(1);
foreach (var x in xs)⏎{⏎}
""",
    "ruby": """
def f⏎  1⏎end
class A⏎end
puts 1
require "a"
attr_reader :x
xs.each do |x|⏎  x⏎end
if x⏎  y⏎end
describe A do⏎end
RSpec.describe A do⏎end
it "adds" do⏎end
raise E
unless x⏎  y⏎end
""",
    "php": """
<?php⏎f();
function f() {⏎}
class A {⏎}
$x = 1;
echo 1;
public function f(): int⏎{⏎}
foreach ($xs as $x) {⏎}
if ($a) {⏎}
namespace A;
return $x;
private $x;
abstract class A {⏎}
""",
    "sql": """
WITH a AS (⏎  SELECT 1⏎)⏎SELECT * FROM a;
-- all⏎SELECT 1;
where a = 1
order by a desc
SELECT 1;
select a from b;
INSERT INTO a VALUES (1);
create table a (b int);
UPDATE a SET b = 1;
DELETE FROM a;
ALTER TABLE a ADD b int;
CREATE INDEX a ON b (c);
""",
    "shellscript": """
for f in *; do⏎  echo⏎done
ls -la
f() {⏎  ls⏎}
if [ -f a ]; then⏎  ls⏎fi
cd /a && ls
while read -r l; do⏎  ls⏎done
set -e
curl -s a | jq .
echo "a"
find . -name '*.py' -delete
grep -r a .
mkdir -p a
""",
    "yaml": """
services:⏎  a:⏎    image: b
- name: a⏎  run: b
"a": 1
a: 1
name: a
on: push
apiVersion: v1⏎kind: Pod
image: nginx:latest
- run: make
replicas: 3
# a⏎a: 1
FOO: bar
""",
    "json": """
"a": 1
[1, 2]
true
"a"
"a": {⏎  "b": 1⏎}
{"a": 1}
""",
    "toml": """
"a" = 1
[a]⏎b = 1
a = 1
[[a]]⏎b = 1
# a⏎a = 1
a.b = 1
""",
    "html": """
<p>a</p>
<!DOCTYPE html>⏎<html></html>
<div>⏎</div>
<!-- a -->⏎<p>
{{ a }}
{% if a %}⏎{% endif %}
""",
    "css": """
.a {⏎  b: c;⏎}
:root {⏎  --a: b;⏎}
/* a */⏎.a {⏎}
#a {⏎}
a:hover {⏎}
@media (a) {⏎}
color: red;
body {⏎}
h1, h2 {⏎}
@import 'a';
display: flex;
input[type=text] {⏎}
""",
    "lua": """
for i = 1, 3 do⏎end
if x then⏎end
while x do⏎end
-- a⏎x = 1
return {⏎  "a/b",⏎}
{⏎  "a/b",⏎}
repeat⏎until x
x.y:z()
for _, v in ipairs(t) do⏎end
require "a"
local x = 1
function f()⏎end
""",
    "haskell": """
f x = x
main :: IO ()
main = do⏎  print 1
f [] = 0
instance Show A where
newtype A = A Int
where⏎  a = 1
-- a⏎f = 1
case x of⏎  1 -> 2
deriving (Show)
if x then y else z
(x:xs) = y
""",
    "makefile": """
a:⏎⇥b
%.o: %.c⏎⇥cc
include a.mk
$(A): b⏎⇥c
ifeq ($(A),1)⏎endif
clean:⏎⇥rm
build/a: b⏎⇥c
a b: c
define A⏎endef
.PHONY: a
A = 1
A := 1
""",
    "dockerfile": """
FROM a
RUN a
COPY a b
CMD ["a"]
# a⏎RUN b
ENV A=1
EXPOSE 80
ENTRYPOINT ["a"]
WORKDIR /a
ARG A
HEALTHCHECK CMD a
LABEL a=b
""",
    "c": """
struct a {⏎  int b;⏎};
#define A 1
int main(void)⏎{⏎}
#ifdef A⏎#endif
int x;
#include <a.h>
int f(int a) {⏎}
void f(void);
typedef int a;
static int x = 1;
for (int i = 0; i < 3; i++) {⏎}
printf("a");
""",
    "cpp": """
public:⏎  int x;
class A {⏎};
template <typename T>⏎T f(T a) {⏎}
std::vector<int> v;
namespace a {⏎}
auto x = 1;
using A = int;
std::cout << 1;
int f() {⏎}
A::A() {}
bool operator==(const A& a) const;
constexpr int x = 1;
""",
    "swift": """
@State private var x = 1
func f() {}
let x = 1
struct A: View {⏎}
class A {⏎}
var x: Int
guard let a else { return }
import UIKit
extension A {⏎}
enum A {⏎}
protocol A {⏎}
if let a {⏎}
""",
    "elixir": """
defmodule A do⏎end
defp f do⏎end
case x do⏎end
alias A.B
@doc "a"
test "a" do⏎end
if x do⏎end
schema "users" do⏎end
field :name, :string
def f(x), do: x
def f(x) do⏎end
x = 1
""",
    "scala": """
val x = 1
case class A(x: Int)
trait A
for (x <- xs) yield x
sealed trait A
implicit val x = 1
given a: A = b
def f(x: Int): Int = x
object A {⏎}
class A {⏎}
import a.b
x match {⏎}
""",
    "r": """
x <- 1
ggplot(d, aes(x)) +⏎  geom_point()
x[1]
f <- function(x) {⏎}
library(a)
for (i in 1:3) {⏎}
df %>% filter(a)
if (a) {⏎}
df$a <- 1
""",
    "powershell": """
Get-ChildItem
Write-Host 'a'
Set-Location a
Remove-Item a -Recurse
$x = 1
function F {⏎}
param(⏎)
Get-Process | Where-Object { $_.CPU }
if ($a) {⏎}
foreach ($x in $xs) {⏎}
[int]$x = 1
""",
    "proto3": """
message A {⏎}
syntax = "proto3";
service A {⏎}
enum A {⏎}
string name = 1;
rpc F(A) returns (B);
repeated string a = 1;
""",
    "scss": """
.a {⏎  &:hover {⏎  }⏎}
$a: 1;
@mixin a {⏎}
@include a;
""",
    "dart": """
void main() {⏎}
class A extends B {⏎}
final x = 1;
Widget build(BuildContext c) {⏎}
import 'a';
int x = 1;
Future<void> f() async {⏎}
Text('a')
List<int> f() {⏎}
""",
    "perl": """
my $x = 1;
sub f {⏎}
use strict;
print "a";
foreach my $x (@xs) {⏎}
@xs = map { $_ } @ys;
if ($a) {⏎}
open(my $f, '<', $p) or die;
package A;
return 1;
say 'a';
""",
    "clojure": """
(defn f [x] x)
(ns a)
(def x 1)
(let [x 1] x)
(-> x f)
(map f xs)
""",
    "gherkin": """
Scenario: a⏎  Given b
Feature: a
""",
    "ini": """
; a⏎b = 1
[a]⏎b = 1
a = 1
""",
}
"""Statements, one a line; `⏎` is a line end, `⇥` a tab."""

PROSE = [
    "This code has a problem:\n\nthe variable x is never used",
    "Here's how it works:\n\nThe loop goes over all items.",
    "Here are the steps:\n\n1. Open the file.\n2. Read it.",
    "Here are the steps:\n\n- open the file\n- read each line",
    "Here are the steps:\n\n* Open the file\n* Read each line",
    "The error means the following:\n\nyou tried to divide by zero",
    "Could you tell me:\n\nWhat is the input?\n\nWhat should happen on errors?",
    "I would need more information:\n\nwhich version of the library do you use?",
    "I'm sorry, but I can't help with that:\n\nit would break the rules.",
    "To fix it, do the following:\n\nopen the settings and turn on the option",
    "Explanation:\n\nif the list is empty, nothing is printed",
    "Explanation:\n\nfor each item in the list, the total grows by its price",
    "The function takes these arguments:\n\na: the first number\n\nb: the second number",
    "The function takes these arguments:\n\n`a` - the first number\n\n`b` - the second number",
    "Note:\n\nreturn values are not checked here",
    "Key points:\n\nwith this approach, memory is saved",
    "You have these options:\n\na) use a loop\n\nb) use a comprehension",
    "You have these options:\n\n(a) use a loop\n\n(b) use a comprehension",
    "Let me explain:\n\nnot all values are valid, so the check is needed",
    "Summary:\n\nimport errors are caught, and a message is shown",
    "My answer:\n\nyes",
    "Answer:\n\nno, that is not possible",
    "The output is:\n\n3",
    "The output will be:\n\nhello world",
    "Here's what changed:\n\nrenamed x to total\n\nremoved the loop",
    "Here's what I would do:\n\nuse a dictionary to count",
    "The complexity is as follows:\n\ntime is O(n), since each element is looked at once",
    "The complexity is as follows:\n\nTime: O(n)\n\nSpace: O(1)",
    "Here is a summary of the differences:\n\n| A | B |\n|---|---|\n| 1 | 2 |",
    "Here is the reason:\n\n> Division by zero is undefined.",
    'The answer is simple:\n\n"Division by zero" is what the message says.',
    "I have a question:\n\ndo you want the result sorted?",
    "Please clarify:\n\nshould the function return a list or a generator?",
    "Das Problem ist folgendes:\n\ndie Liste ist leer, deshalb wird nichts ausgegeben",
    "El problema es el siguiente:\n\nla lista está vacía y no se imprime nada",
    "It works like this:\n\nwhile there are items left, take one and print it",
    "It works like this:\n\ntry to open the file, and if that fails, print an error",
    "Why it fails:\n\nset the value before the call",
    "Possible causes:\n\nthe file is missing\n\nthe path is wrong",
    "What it does:\n\nprint shows the value",
    "What it does:\n\nraises an error if the value is negative",
    "In short:\n\nclass names should be in camel case",
    "In short:\n\nlet the caller decide",
    "In short:\n\nuse const instead of let",
    "In short:\n\nselect the rows before you update them",
]

LANGUAGES = [
    "python",
    "javascript",
    "go",
    "rust",
    "java",
    "csharp",
    "php",
    "ruby",
    "swift",
    "c",
    "cpp",
]


def statements(language_id: str) -> list[str]:
    given = CODE[language_id].strip().split("\n")
    return [each.replace("⏎", "\n").replace("⇥", "\t") for each in given]


@pytest.mark.parametrize(
    "lead", ["Here is the code you need:\n\n", "Sure! Here is how to do that:\n"]
)
@pytest.mark.parametrize("language_id", CODE)
def test_code_below_words_that_lead_to_it_is_the_answer(language_id: str, lead: str) -> None:
    target = CodeTarget(language_id=language_id, indent_unit="")
    note = "This does what you asked for, and you can adapt it."
    for code in statements(language_id):
        parts = extract(f"{lead}{code}\n\n{note}", target)
        assert (parts.code, parts.explanation) == (code, f"{lead.strip()}\n\n{note}")


@pytest.mark.parametrize("language_id", LANGUAGES)
def test_prose_below_words_that_lead_to_it_is_no_code(language_id: str) -> None:
    for prose in PROSE:
        parts = extract(prose, CodeTarget(language_id=language_id))
        assert (parts.code, parts.problem) == ("", "no code: the answer has nothing but text"), (
            prose
        )


@pytest.mark.parametrize("language_id", CODE)
def test_a_statement_in_a_pair_of_backticks_is_the_answer(language_id: str) -> None:
    for code in statements(language_id):
        if "`" not in code and "\n" not in code:
            assert extract(f"`{code}`", CodeTarget(language_id=language_id)).code == code
