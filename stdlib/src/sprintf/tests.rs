//! Formats beside what Go prints for them.

use proptest::prelude::*;

use super::*;
use crate::builtin::Caches;
use crate::heap::Heap;

fn format(format: &str, values: &[Value]) -> String {
    formatted(sprintf, format, values).0
}

/// What a way of formatting gives, and the fuel it takes.
fn formatted(way: fn(&mut Call<'_>, &[Word]) -> Outcome, format: &str, values: &[Value]) -> (String, u64) {
    let mut heap = Heap::default();
    let (mut caches, mut fuel) = (Caches::default(), 1_000_000);
    let format = heap.string(format).expect("small");
    let values = heap.from_value(&Value::array(values.iter().cloned())).expect("small");
    let mut call = Call {
        heap: &mut heap,
        caches: &mut caches,
        state: &mut crate::state::State::default(),
        now_nanoseconds: 0,
        fuel: &mut fuel,
    };
    let word = way(&mut call, &[format, values]).expect("formats");
    (heap.as_str(word).expect("a string").to_owned(), 1_000_000 - fuel)
}

proptest! {
    #[test]
    fn plain_formats_are_written_as_all_others(
        parts in prop::collection::vec(prop::sample::select(vec!["%s", "%v", "%d", "%%", "é ", "text", "%", "%5d", "%q", "%é"]), 0..8),
        values in prop::collection::vec(prop_oneof!["[a-é%]{0,120}".prop_map(Value::from), any::<i64>().prop_map(Value::from)], 0..5),
    ) {
        let (way, weight) = (parts.concat(), 1 + values.len());
        let (text, fuel) = formatted(sprintf, &way, &values);
        let (full, full_fuel) = formatted(fully, &way, &values);
        prop_assert_eq!(&text, &full);
        let heavier: usize = values.iter().filter_map(Value::as_str).map(|text| text.len() / 32).sum();
        prop_assert_eq!(fuel, full_fuel + (weight + heavier) as u64);
    }
}

fn decimal(text: &str) -> Value {
    Value::Number(text.parse().expect("a number"))
}

#[test]
fn integers() {
    let int = |value: i64| [Value::from(value)];
    for (pattern, value, expected) in [
        ("%d", 42, "42"),
        ("%5d|", 42, "   42|"),
        ("%-5d|", 42, "42   |"),
        ("%05d", -42, "-0042"),
        ("%+d", 42, "+42"),
        ("% d", 42, " 42"),
        ("%.4d", 42, "0042"),
        ("%x %[1]X %#[1]x", 255, "ff FF 0xff"),
        ("%o %#[1]o %[1]O", 8, "10 010 0o10"),
        ("%b", 5, "101"),
        ("%c", 0x4e16, "世"),
        ("%q", 0x61, "'a'"),
        ("%U", 0x1f600, "U+1F600"),
        ("%v", 7, "7"),
        ("%s", 7, "%!s(int=7)"),
        ("%T", 7, "int"),
        ("%t", 1, "%!t(int=1)"),
    ] {
        assert_eq!(format(pattern, &int(value)), expected, "{pattern}");
    }
    assert_eq!(
        format("%s %v %d", &[decimal("123456789123456789123"), decimal("1e30"), decimal("-1e20")]),
        "123456789123456789123 1000000000000000000000000000000 -100000000000000000000"
    );
}

#[test]
fn floats() {
    for (pattern, value, expected) in [
        ("%f", "3.14159265", "3.141593"),
        ("%.2f", "2.675", "2.67"),
        ("%8.2f|", "3.14159", "    3.14|"),
        ("%08.2f", "-3.14159", "-0003.14"),
        ("%e", "1234.5678", "1.234568e+03"),
        ("%g", "1234567.5", "1.2345675e+06"),
        ("%v", "0.00001", "1e-05"),
        ("%v", "0.1", "0.1"),
        ("%.3g", "1234.5", "1.23e+03"),
        ("%.3g", "100.5", "100"),
        ("%G", "0.000001", "1E-06"),
        ("%d", "1.5", "%!d(float64=1.5)"),
        ("%T", "1.5", "float64"),
    ] {
        assert_eq!(format(pattern, &[decimal(value)]), expected, "{pattern} of {value}");
    }
}

#[test]
fn texts_and_other_values() {
    let text = |value: &str| [Value::from(value)];
    assert_eq!(format("%s|%10[1]s|%-6[1]s|%.2[1]s", &text("håla")), "håla|      håla|håla  |hå");
    assert_eq!(format("%q", &text("a\"b\n\u{1}ü")), r#""a\"b\n\x01ü""#);
    assert_eq!(format("%x", &text("hi")), "6869");
    assert_eq!(format("%d", &text("a")), "%!d(string=a)");
    assert_eq!(format("%v", &[Value::set([Value::from(1), Value::from("a")])]), r#"{1, "a"}"#);
    assert_eq!(format("%s %v", &[Value::from(true), Value::Null]), "true null");
}

#[test]
fn complaints() {
    assert_eq!(format("100%", &[]), "100%!(NOVERB)");
    assert_eq!(format("%d%%", &[Value::from(5)]), "5%");
    assert_eq!(format("%d", &[]), "%!d(MISSING)");
    assert_eq!(format("x", &[Value::from(1), Value::from("b")]), "x%!(EXTRA int=1, string=b)");
    assert_eq!(format("%[3]d", &[Value::from(1)]), "%!d(BADINDEX)");
    assert_eq!(format("%*d", &[Value::from(5), Value::from(1)]), "    1");
    assert_eq!(format("%[2]s %[1]s", &[Value::from("a"), Value::from("b")]), "b a");
}

#[test]
fn literal_formats_are_checked() {
    for good in ["", "100%%", "%s", "%05.2f|%-3d|%[1]v|%*d"] {
        assert_eq!(check_format(0, &Value::from(good)), Ok(()), "{good}");
    }
    assert!(check_format(0, &Value::from("100%")).is_err());
    assert!(check_format(0, &Value::from("%y")).is_err());
    assert_eq!(check_format(1, &Value::from("%y")), Ok(()));
}
