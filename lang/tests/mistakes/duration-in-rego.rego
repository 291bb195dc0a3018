package guard

p := 15m
