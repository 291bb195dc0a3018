package guard

p if not { input.a; input.b }
