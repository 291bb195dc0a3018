# METADATA
# title: everything Rego has
package policies["with-dash"].not.here

import rego.v1
import future.keywords.and
import future.keywords.not
import future.keywords.or
import data.a.if.b as c
import input.user

default allow := false

default f(_) := 0

default contains.foo(_) := 42

allow if user.admin

allow := true if { not user.blocked; count(input.x) > -1 }

f(x) := y if {
	y := x + 1
} else := z if some z in [1, 2] else := 3

p[q].r := i if q := ["a", "b"][i]

p[q][r] if q := ["a"][r]

s contains {"a": x} if some x in input.xs

in.foo := 1

foo.else.bar contains 1

g([a, {"k": b}], $"{c}!") := a + b * 2 - 3 % 4

unify if {
	[x, y] = input.pair
	not x = y
	{1, 2} == {y, x}
	walk(input, [["a", _], v])
	some k, v in input.m
	every i, e in input.l { e > i }
	k, 1 in {"a": 1}
	(k, 1 in {"a": 1}) == true
	input["a b"].c["d"][_] & {1} | {2} != set()
	input.not.in[true].null
	f(1).x[2]
	[1, 2][_] == {"a": 1}.a
	{v | v := input[_]}[x]
	-x < - 1
	true
}

logic if {
	not a or b and c
	{ x := 1; x > 0 } and (q with input.x as 1) or { a or b }
}

modified if q with input as {"a": 1}
	with data.x.y as 2
	with time.now_ns as 3

texts := [
	"\u00e9\n\"\\\ud83d\ude00",
	`raw "x" \n`,
	$"a {1 + x} \{b} {{"k": [y | some y in z]}}",
	$`raw {f(x)
	} \{`,
	1.50, 1e3, -2, 0,
	null, true,
	[], {}, {x}, {1,},
	[x | x := 1], {x | true}, {k: v | some k, v in o; k != v},
]

semicolons if { a; b; c };
one := 1; two := 2

bodies if {
	not { a; b }
	not {c}
}
