package guard

f(x) = y { y := x }
