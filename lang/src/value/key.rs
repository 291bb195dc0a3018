//! Keys of maps of Rust values: the texts that policies see them as.

use serde::ser::{self, Impossible, Serialize, Serializer};

use super::typed::{TypedError, to_value};
use super::{EXACT_NUMBER, Value};

/// The text that a value is as a key.
///
/// # Errors
///
/// [`TypedError::Key`], unless it is text, a whole number, a bool or a variant without content.
pub fn key_of<T: Serialize + ?Sized>(key: &T) -> Result<String, TypedError> {
    let mut text = String::new();
    write_key(key, &mut text)?;
    Ok(text)
}

/// Writes what [`key_of`] gives to a buffer, which is emptied first: nothing is allocated for text that fits it.
///
/// # Errors
///
/// As [`key_of`].
pub fn write_key<T: Serialize + ?Sized>(key: &T, text: &mut String) -> Result<(), TypedError> {
    text.clear();
    if key.serialize(KeyText(text)).is_ok() {
        return Ok(());
    }
    text.clear();
    match to_value(key)? {
        Value::String(own) => text.push_str(&own),
        Value::Number(number) if number.is_integer() => text.push_str(&number.to_string()),
        Value::Bool(value) => text.push_str(if value { "true" } else { "false" }),
        Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) | Value::Set(_) => {
            return Err(TypedError::Key);
        }
    }
    Ok(())
}

/// Takes a key that is text; [`to_value`] knows all others.
#[derive(Debug)]
struct KeyText<'t>(&'t mut String);

/// A key is no text.
#[derive(Debug, thiserror::Error)]
#[error("the key is no text")]
struct NoText;

impl ser::Error for NoText {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Self
    }
}

/// What no text comes from.
macro_rules! no_text {
    ($($method:ident($($type:ty),*) -> $result:ty;)*) => {$(
        fn $method(self $(, _: $type)*) -> Result<$result, NoText> {
            Err(NoText)
        }
    )*};
}

/// What holds parts.
type Parts = Impossible<(), NoText>;

impl Serializer for KeyText<'_> {
    type Ok = ();
    type Error = NoText;
    type SerializeSeq = Parts;
    type SerializeTuple = Parts;
    type SerializeTupleStruct = Parts;
    type SerializeTupleVariant = Parts;
    type SerializeMap = Parts;
    type SerializeStruct = Parts;
    type SerializeStructVariant = Parts;

    fn serialize_str(self, value: &str) -> Result<(), NoText> {
        self.0.push_str(value);
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), NoText> {
        self.0.push(value);
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), NoText> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<(), NoText> {
        if name == EXACT_NUMBER { Err(NoText) } else { value.serialize(self) }
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), NoText> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), NoText> {
        Err(NoText)
    }

    no_text! {
        serialize_bool(bool) -> ();
        serialize_i8(i8) -> ();
        serialize_i16(i16) -> ();
        serialize_i32(i32) -> ();
        serialize_i64(i64) -> ();
        serialize_i128(i128) -> ();
        serialize_u8(u8) -> ();
        serialize_u16(u16) -> ();
        serialize_u32(u32) -> ();
        serialize_u64(u64) -> ();
        serialize_u128(u128) -> ();
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_bytes(&[u8]) -> ();
        serialize_none() -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_seq(Option<usize>) -> Parts;
        serialize_tuple(usize) -> Parts;
        serialize_tuple_struct(&'static str, usize) -> Parts;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Parts;
        serialize_map(Option<usize>) -> Parts;
        serialize_struct(&'static str, usize) -> Parts;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Parts;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Serialize)]
    enum Kind {
        Plain,
        Full(i64),
    }

    #[derive(serde::Serialize)]
    struct Name<T>(T);

    #[test]
    fn keys_are_texts_whole_numbers_bools_and_plain_variants() -> Result<(), TypedError> {
        assert_eq!([key_of("ada")?, key_of("")?, key_of(&'ö')?], ["ada", "", "ö"]);
        assert_eq!([key_of(&Some(Name("x")))?, key_of(&Kind::Plain)?], ["x", "Plain"]);
        assert_eq!([key_of(&Name(-7))?, key_of(&u64::MAX)?, key_of(&2.0)?], ["-7", "18446744073709551615", "2"]);
        assert_eq!([key_of(&true)?, key_of(&Some(false))?], ["true", "false"]);
        for other in [key_of(&Kind::Full(1)), key_of(&2.5), key_of(&()), key_of(&["x"]), key_of(&None::<bool>)] {
            assert_eq!(other, Err(TypedError::Key));
        }
        Ok(())
    }

    #[test]
    fn a_buffer_is_emptied_first() -> Result<(), TypedError> {
        let mut text = String::from("before");
        write_key("a", &mut text)?;
        assert_eq!(text, "a");
        write_key(&12, &mut text)?;
        assert_eq!(text, "12");
        Ok(())
    }
}
