package guard

allow {
  input.a
}
