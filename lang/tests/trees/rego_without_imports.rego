package plain

sets if {
	not {c}
	not {c} == x
	not c == {c}
	or(c, {1}) == and(c, c)
}
