//! Colour arithmetic on plain numbers.
