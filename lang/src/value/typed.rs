//! Rust values as policies see them, by way of serde.
//!
//! The forms are those that serde's formats for JSON use: a struct is an object, a variant without content its name, any
//! other variant an object with the name as its only key. A field that is `None` is absent, because that is what policies
//! call it; elsewhere `None` is null.

use std::collections::BTreeMap;
use std::sync::Arc;

use num_bigint::BigInt;
use serde::ser::{self, Serialize, Serializer};

use super::key::key_of;
use super::{EXACT_NUMBER, JsonLimits, Number, Value, exact_number};

/// Why a Rust value is none that policies can see.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TypedError {
    /// It is nested too deeply.
    #[error("the value is nested too deeply")]
    Depth,
    /// An infinity or what is not a number.
    #[error("a number is not finite")]
    Number,
    /// A map has keys that are no texts, numbers or bools.
    #[error("a key of a map is neither text nor a number")]
    Key,
    /// A key stands twice in a map.
    #[error("a key stands twice in a map")]
    Repeated,
    /// The type's own message.
    #[error("{0}")]
    Other(String),
}

impl ser::Error for TypedError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::Other(message.to_string())
    }
}

/// Makes a value of anything that serde can write.
///
/// ```
/// use hpol_lang::value::to_value;
///
/// #[derive(serde::Serialize)]
/// struct Request {
///     user: &'static str,
///     team: Option<&'static str>,
/// }
///
/// let value = to_value(&Request { user: "ada", team: None })?;
/// assert_eq!(value.to_json(), r#"{"user":"ada"}"#);
/// # Ok::<(), hpol_lang::value::TypedError>(())
/// ```
///
/// # Errors
///
/// [`TypedError`].
pub fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value, TypedError> {
    ToValue { depth_left: JsonLimits::default().depth_max }.made(value)
}

/// Makes a value of a part, `depth` levels within another value; `None` for an `Option` that is none, which is absent as a
/// field and null elsewhere.
///
/// # Errors
///
/// [`TypedError`].
pub fn to_value_within<T: Serialize + ?Sized>(value: &T, depth: usize) -> Result<Option<Value>, TypedError> {
    value.serialize(ToValue { depth_left: JsonLimits::default().depth_max.saturating_sub(depth) })
}

/// Writes to a value; nothing is what `None` comes to.
#[derive(Debug, Clone, Copy)]
struct ToValue {
    depth_left: usize,
}

impl ToValue {
    fn inner(self) -> Result<Self, TypedError> {
        self.depth_left.checked_sub(1).map(|depth_left| Self { depth_left }).ok_or(TypedError::Depth)
    }

    /// The value; `None` is null here.
    fn made<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, TypedError> {
        value.serialize(self).map(|value| value.unwrap_or(Value::Null))
    }

    fn variant(name: &'static str, value: Value) -> Value {
        Value::object([(name, value)])
    }
}

impl Serializer for ToValue {
    type Ok = Option<Value>;
    type Error = TypedError;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = Items;
    type SerializeMap = Members;
    type SerializeStruct = Members;
    type SerializeStructVariant = Members;

    fn serialize_bool(self, value: bool) -> Result<Option<Value>, TypedError> {
        Ok(Some(Value::Bool(value)))
    }

    fn serialize_i8(self, value: i8) -> Result<Option<Value>, TypedError> {
        self.serialize_i64(i64::from(value))
    }

    fn serialize_i16(self, value: i16) -> Result<Option<Value>, TypedError> {
        self.serialize_i64(i64::from(value))
    }

    fn serialize_i32(self, value: i32) -> Result<Option<Value>, TypedError> {
        self.serialize_i64(i64::from(value))
    }

    fn serialize_i64(self, value: i64) -> Result<Option<Value>, TypedError> {
        Ok(Some(Value::from(value)))
    }

    fn serialize_i128(self, value: i128) -> Result<Option<Value>, TypedError> {
        Ok(Some(Value::Number(Number::from(BigInt::from(value)))))
    }

    fn serialize_u8(self, value: u8) -> Result<Option<Value>, TypedError> {
        self.serialize_i64(i64::from(value))
    }

    fn serialize_u16(self, value: u16) -> Result<Option<Value>, TypedError> {
        self.serialize_i64(i64::from(value))
    }

    fn serialize_u32(self, value: u32) -> Result<Option<Value>, TypedError> {
        self.serialize_i64(i64::from(value))
    }

    fn serialize_u64(self, value: u64) -> Result<Option<Value>, TypedError> {
        Ok(Some(Value::Number(Number::from(BigInt::from(value)))))
    }

    fn serialize_u128(self, value: u128) -> Result<Option<Value>, TypedError> {
        Ok(Some(Value::Number(Number::from(BigInt::from(value)))))
    }

    fn serialize_f32(self, value: f32) -> Result<Option<Value>, TypedError> {
        Number::from_f32(value).map(|number| Some(Value::Number(number))).ok_or(TypedError::Number)
    }

    fn serialize_f64(self, value: f64) -> Result<Option<Value>, TypedError> {
        Number::from_f64(value).map(|number| Some(Value::Number(number))).ok_or(TypedError::Number)
    }

    fn serialize_char(self, value: char) -> Result<Option<Value>, TypedError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<Option<Value>, TypedError> {
        Ok(Some(Value::from(value)))
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Option<Value>, TypedError> {
        self.inner()?;
        Ok(Some(Value::array(value.iter().map(|byte| Value::from(i64::from(*byte))))))
    }

    fn serialize_none(self) -> Result<Option<Value>, TypedError> {
        Ok(None)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Option<Value>, TypedError> {
        self.made(value).map(Some)
    }

    fn serialize_unit(self) -> Result<Option<Value>, TypedError> {
        Ok(Some(Value::Null))
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Option<Value>, TypedError> {
        Ok(Some(Value::Null))
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Option<Value>, TypedError> {
        Ok(Some(Value::from(variant)))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Option<Value>, TypedError> {
        if name == EXACT_NUMBER {
            return exact_number(value).map(|number| Some(Value::Number(number))).ok_or(TypedError::Number);
        }
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Option<Value>, TypedError> {
        Ok(Some(Self::variant(variant, self.inner()?.made(value)?)))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items, TypedError> {
        Ok(Items { inner: self.inner()?, items: Vec::new(), variant: None })
    }

    fn serialize_tuple(self, _: usize) -> Result<Items, TypedError> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Items, TypedError> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Items, TypedError> {
        Ok(Items { inner: self.inner()?.inner()?, items: Vec::new(), variant: Some(variant) })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Members, TypedError> {
        Ok(Members { inner: self.inner()?, members: BTreeMap::new(), key: None, variant: None })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Members, TypedError> {
        self.serialize_map(None)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Members, TypedError> {
        let inner = self.inner()?.inner()?;
        Ok(Members { inner, members: BTreeMap::new(), key: None, variant: Some(variant) })
    }
}

/// An array that is being written.
#[derive(Debug)]
struct Items {
    inner: ToValue,
    items: Vec<Value>,
    variant: Option<&'static str>,
}

impl ser::SerializeSeq for Items {
    type Ok = Option<Value>;
    type Error = TypedError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), TypedError> {
        self.items.push(self.inner.made(value)?);
        Ok(())
    }

    fn end(self) -> Result<Option<Value>, TypedError> {
        let items = Value::Array(Arc::new(self.items));
        Ok(Some(match self.variant {
            Some(variant) => ToValue::variant(variant, items),
            None => items,
        }))
    }
}

impl ser::SerializeTuple for Items {
    type Ok = Option<Value>;
    type Error = TypedError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), TypedError> {
        ser::SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<Option<Value>, TypedError> {
        ser::SerializeSeq::end(self)
    }
}

impl ser::SerializeTupleStruct for Items {
    type Ok = Option<Value>;
    type Error = TypedError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), TypedError> {
        ser::SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<Option<Value>, TypedError> {
        ser::SerializeSeq::end(self)
    }
}

impl ser::SerializeTupleVariant for Items {
    type Ok = Option<Value>;
    type Error = TypedError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), TypedError> {
        ser::SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<Option<Value>, TypedError> {
        ser::SerializeSeq::end(self)
    }
}

/// An object that is being written.
#[derive(Debug)]
struct Members {
    inner: ToValue,
    members: BTreeMap<Value, Value>,
    key: Option<String>,
    variant: Option<&'static str>,
}

impl Members {
    fn add(&mut self, key: &str, value: Value) -> Result<(), TypedError> {
        match self.members.insert(Value::from(key), value) {
            None => Ok(()),
            Some(_) => Err(TypedError::Repeated),
        }
    }

    fn finish(self) -> Value {
        let object = Value::Object(Arc::new(self.members));
        match self.variant {
            Some(variant) => ToValue::variant(variant, object),
            None => object,
        }
    }
}

impl ser::SerializeMap for Members {
    type Ok = Option<Value>;
    type Error = TypedError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), TypedError> {
        self.key = Some(key_of(key)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), TypedError> {
        let key = self.key.take().ok_or(TypedError::Key)?;
        let value = self.inner.made(value)?;
        self.add(&key, value)
    }

    fn end(self) -> Result<Option<Value>, TypedError> {
        Ok(Some(self.finish()))
    }
}

impl ser::SerializeStruct for Members {
    type Ok = Option<Value>;
    type Error = TypedError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), TypedError> {
        match value.serialize(self.inner)? {
            Some(value) => self.add(key, value),
            None => Ok(()),
        }
    }

    fn end(self) -> Result<Option<Value>, TypedError> {
        Ok(Some(self.finish()))
    }
}

impl ser::SerializeStructVariant for Members {
    type Ok = Option<Value>;
    type Error = TypedError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), TypedError> {
        ser::SerializeStruct::serialize_field(self, key, value)
    }

    fn end(self) -> Result<Option<Value>, TypedError> {
        Ok(Some(self.finish()))
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;

    #[derive(Serialize)]
    enum Action {
        Read,
        Move(&'static str),
        Copy { from: &'static str, to: Option<&'static str> },
        Pair(u8, f32),
    }

    fn json<T: Serialize>(value: T) -> Result<String, TypedError> {
        to_value(&value).map(|value| value.to_json())
    }

    #[test]
    fn forms_are_those_of_json() {
        assert_eq!(json((Action::Read, Action::Move("a"))), Ok(r#"["Read",{"Move":"a"}]"#.into()));
        assert_eq!(json(Action::Copy { from: "a", to: None }), Ok(r#"{"Copy":{"from":"a"}}"#.into()));
        assert_eq!(json(Action::Pair(1, 0.1)), Ok(r#"{"Pair":[1,0.1]}"#.into()));
        assert_eq!(json([Some(1), None]), Ok("[1,null]".into()));
        assert_eq!(json(u64::MAX), Ok("18446744073709551615".into()));
        assert_eq!(json(BTreeMap::from([(1, 'x')])), Ok(r#"{"1":"x"}"#.into()));
        assert_eq!(json(()), Ok("null".into()));
    }

    #[test]
    fn what_is_no_value_is_refused() {
        assert_eq!(json(f64::NAN), Err(TypedError::Number));
        assert_eq!(json(BTreeMap::from([((1, 2), 'x')])), Err(TypedError::Key));
        assert_eq!(json(BTreeMap::from([((), 'x')])), Err(TypedError::Key));
    }

    #[test]
    fn nesting_is_limited() {
        #[derive(Serialize)]
        struct Deep {
            inner: Option<Box<Deep>>,
        }
        let deep =
            |levels: usize| (0..levels).fold(Deep { inner: None }, |inner, _| Deep { inner: Some(Box::new(inner)) });
        assert!(json(deep(127)).is_ok());
        assert_eq!(json(deep(128)), Err(TypedError::Depth));
    }
}
