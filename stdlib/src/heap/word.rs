//! One value in 64 bits.
//!
//! | bits 0–2 | meaning | the other bits |
//! |---|---|---|
//! | 0 | node | bit 3: frozen; bits 4–7: kind; bits 32–63: index |
//! | 1 | integer | bits 3–63, with sign |
//! | 2 | absent, null, false, true | bits 3–4: which |
//!
//! Generated code relies on this layout and on the constants here.

use std::fmt;

/// What kind of value a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// No value.
    Absent,
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// An integer within the word.
    Int,
    /// Any other number.
    Number,
    /// Text.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
    /// A set.
    Set,
}

/// Which region a node is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    Local,
    Frozen,
}

/// A value: a constant, a small integer, or a node of a [`super::Heap`]. Equality of words is identity, which is finer than
/// equality of values unless one of them [is canonical](Word::is_canonical): compare values by [`super::Heap::equal`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Word(u64);

impl Word {
    /// Bits that tell nodes, integers and constants apart.
    pub const TAG_MASK: u64 = 0b11;
    /// Tag of a node.
    pub const TAG_NODE: u64 = 0;
    /// Tag of an integer.
    pub const TAG_INT: u64 = 1;
    /// Tag of absent, null and the bools.
    pub const TAG_CONSTANT: u64 = 2;
    /// How far an integer is shifted to the left: 62 bits are enough for the nanoseconds since 1970 of this century's first half, so that
    /// times are compared as words.
    pub const INT_SHIFT: u32 = 2;
    /// How far a node's kind is shifted to the left.
    pub const KIND_SHIFT: u32 = 4;

    /// Bits of a node's word that tell its kind and region.
    pub const NODE_MASK: u64 = 0xFF;
    /// What [`Word::NODE_MASK`] leaves of a string of the frozen region.
    pub const FROZEN_STRING: u64 = Kind::String.code() << Self::KIND_SHIFT | Self::FROZEN | Self::TAG_NODE;
    /// Set in the word of a node of the frozen region.
    pub const FROZEN: u64 = 1 << 3;

    /// No value.
    pub const ABSENT: Word = Word(Self::TAG_CONSTANT);
    /// `null`
    pub const NULL: Word = Word(Self::TAG_CONSTANT | 1 << 3);
    /// `false`
    pub const FALSE: Word = Word(Self::TAG_CONSTANT | 2 << 3);
    /// `true`
    pub const TRUE: Word = Word(Self::TAG_CONSTANT | 3 << 3);

    /// A truth value.
    pub const fn bool(value: bool) -> Self {
        if value { Self::TRUE } else { Self::FALSE }
    }

    /// An integer, if it fits 62 bits.
    pub fn from_small_int(value: i64) -> Option<Self> {
        let shifted = value << Self::INT_SHIFT;
        let fits = shifted >> Self::INT_SHIFT == value;
        fits.then_some(Self(shifted.cast_unsigned() | Self::TAG_INT))
    }

    /// The integer, if it is one that stands in the word.
    pub fn small_int(self) -> Option<i64> {
        (self.0 & Self::TAG_MASK == Self::TAG_INT).then_some(self.0.cast_signed() >> Self::INT_SHIFT)
    }

    /// Whether there is no value.
    pub fn is_absent(self) -> bool {
        self == Self::ABSENT
    }

    /// Whether a condition with this value holds: anything but false and absent.
    pub fn holds(self) -> bool {
        self != Self::FALSE && self != Self::ABSENT
    }

    /// Whether it is a string.
    #[inline]
    pub const fn is_string(self) -> bool {
        self.0 & (Self::NODE_MASK & !Self::FROZEN) == Self::FROZEN_STRING & !Self::FROZEN
    }

    /// Whether it is a string of the frozen region. No other word stands for its text, so it equals a value only if that
    /// is the same word.
    pub const fn is_frozen_string(self) -> bool {
        self.0 & Self::NODE_MASK == Self::FROZEN_STRING
    }

    /// Whether it is valid over the frozen region alone: it has no node, or one there.
    pub fn is_shared(self) -> bool {
        !self.is_node() || self.space() == Space::Frozen
    }

    /// Whether no other word stands for the same value: it is equal to a value only if that is the same word (and it is
    /// not absent, which equals nothing).
    pub const fn is_canonical(self) -> bool {
        self.0 & Self::TAG_MASK != Self::TAG_NODE || self.is_frozen_string()
    }

    /// The bits, for generated code.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The word of some bits that came from [`Word::bits`].
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(super) fn node(kind: Kind, space: Space, index: u32) -> Self {
        let frozen = if space == Space::Frozen { Self::FROZEN } else { 0 };
        Self(u64::from(index) << 32 | kind.code() << Self::KIND_SHIFT | frozen | Self::TAG_NODE)
    }

    pub(super) fn is_node(self) -> bool {
        self.0 & Self::TAG_MASK == Self::TAG_NODE
    }

    pub(super) fn space(self) -> Space {
        if self.0 & Self::FROZEN == 0 { Space::Local } else { Space::Frozen }
    }

    pub(super) fn index(self) -> usize {
        (self.0 >> 32) as usize
    }

    /// What kind of value it is.
    pub fn kind(self) -> Kind {
        match self.0 & Self::TAG_MASK {
            Self::TAG_INT => Kind::Int,
            Self::TAG_NODE => match self.0 >> Self::KIND_SHIFT & 0xF {
                1 => Kind::String,
                2 => Kind::Array,
                3 => Kind::Object,
                4 => Kind::Set,
                _ => Kind::Number,
            },
            _ => match self {
                Self::ABSENT => Kind::Absent,
                Self::NULL => Kind::Null,
                _ => Kind::Bool,
            },
        }
    }
}

impl Kind {
    /// The kind's number within a node's word; 0 for kinds that are no nodes, which never ask.
    pub const fn code(self) -> u64 {
        match self {
            Kind::Absent | Kind::Null | Kind::Bool | Kind::Int | Kind::Number => 0,
            Kind::String => 1,
            Kind::Array => 2,
            Kind::Object => 3,
            Kind::Set => 4,
        }
    }
}

/// What can be told without the heap.
impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            Kind::Absent => f.write_str("absent"),
            Kind::Null => f.write_str("null"),
            Kind::Bool => write!(f, "{}", *self == Self::TRUE),
            Kind::Int => write!(f, "{}", self.small_int().unwrap_or(0)),
            kind @ (Kind::Number | Kind::String | Kind::Array | Kind::Object | Kind::Set) => {
                write!(f, "{kind:?}@{}", self.index())
            }
        }
    }
}
