//! What holds for builtins whatever the arguments.

use hpol_lang::types::{Signature, Type};
use hpol_lang::value::{Number, Value};
use proptest::prelude::*;

use super::{Evaluator, NOW};
use crate::table::{BUILTINS, find_builtin};

/// Texts that look like what builtins read: patterns, layouts, tokens, numbers, addresses.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        r"[\[\](){}*+?|^$.\\a-z0-9,:!-]{0,12}",
        r"[0-9eE.+KMi-]{0,8}",
        r"(%[-+# 0]{0,2}[0-9*]{0,2}(\.[0-9*])?[vsdqxXfgeTc%\[\]])*",
        r"[0-9a-f:.]{1,20}/[0-9]{1,3}",
        r"(2006|01|Jan|02|15|04|05|PM|MST|Z07:00|\.000|[-/: ]){0,8}",
        r"[A-Za-z0-9_-]{0,8}\.[A-Za-z0-9_-]{0,8}\.[A-Za-z0-9_-]{0,8}",
        r#"[\[\]{}",:0-9a-z\\]{0,16}"#,
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-20_i64..20).prop_map(Value::from),
        any::<f64>().prop_map(|value| Number::from_f64(value).map_or(Value::Null, Value::Number)),
        text().prop_map(Value::from),
    ];
    scalar.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::array),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::set),
            prop::collection::vec((text(), inner), 0..4).prop_map(Value::object),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_builtin_panics_or_changes_its_mind(values in prop::collection::vec(value(), 8)) {
        for builtin in BUILTINS.iter() {
            let signature = Signature::parse(builtin.signature).expect("read by another test");
            let call = || {
                let mut evaluator = Evaluator::default();
                let arguments = values.iter().take(signature.parameters.len());
                let arguments: Vec<_> = arguments.map(|value| evaluator.heap.from_value(value).expect("small")).collect();
                let result = evaluator.call(builtin.name, &arguments);
                result.map(|word| evaluator.heap.to_value(word))
            };
            let result = call();
            prop_assert_eq!(&result, &call(), "{}", builtin.name);
            // Machine code takes this for granted.
            let fits = match (&signature.result, &result) {
                (Type::Bool, Ok(value)) => matches!(value, Value::Bool(_)),
                (Type::Array(_), Ok(value)) => matches!(value, Value::Array(_)),
                _ => true,
            };
            prop_assert!(fits, "{} gives {result:?}", builtin.name);
        }
    }

    #[test]
    fn what_is_encoded_is_decoded(text in any::<String>(), document in value()) {
        for (encode, decode) in [
            ("base64.encode", "base64.decode"),
            ("base64url.encode", "base64url.decode"),
            ("base64url.encode_no_pad", "base64url.decode"),
            ("hex.encode", "hex.decode"),
            ("urlquery.encode", "urlquery.decode"),
        ] {
            prop_assert_eq!(through(&[encode, decode], &Value::from(text.as_str())), Ok(Value::from(text.as_str())), "{}", encode);
        }
        // Sets come back as arrays, so that JSON is compared.
        let json = through(&["json.marshal"], &document).expect("can be written");
        prop_assert_eq!(through(&["json.unmarshal", "json.marshal"], &json), Ok(json));
    }

    #[test]
    fn times_survive_their_text(nanoseconds in any::<i64>()) {
        let time = Value::from(nanoseconds);
        prop_assert_eq!(through(&["time.format", "time.parse_rfc3339_ns"], &time), Ok(time));
    }

    #[test]
    fn quoted_texts_match_themselves(text in "\\PC{0,20}") {
        let quoted = through(&["glob.quote_meta"], &Value::from(text.as_str())).expect("can be quoted");
        let mut evaluator = Evaluator::default();
        let arguments = [quoted, Value::Null, Value::from(text)];
        let arguments = arguments.map(|value| evaluator.heap.from_value(&value).expect("small"));
        prop_assert_eq!(evaluator.call("glob.match", &arguments), Ok(crate::heap::Word::TRUE));
    }
}

/// A value after some builtins of one argument.
fn through(names: &[&str], value: &Value) -> Result<Value, crate::builtin::BuiltinError> {
    let mut evaluator = Evaluator::default();
    let mut word = evaluator.heap.from_value(value).expect("small");
    for name in names {
        assert!(find_builtin(name).is_some(), "{name} at {NOW}");
        word = evaluator.call(name, &[word])?;
    }
    Ok(evaluator.heap.to_value(word))
}
