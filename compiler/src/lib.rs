//! Typed hpol programs to plans and machine code.
