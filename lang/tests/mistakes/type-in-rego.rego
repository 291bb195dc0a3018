package guard

type T = int
