package guard

p[x] {
  x := input.a
}
