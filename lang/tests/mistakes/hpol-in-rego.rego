package guard

deny "x" if input.y
