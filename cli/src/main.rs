//! The `hpol` command.

fn main() {}
