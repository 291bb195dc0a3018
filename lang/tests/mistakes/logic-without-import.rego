package guard

p if input.a or input.b
