//! Readers of inputs hold to the reference: reading, checking, and walking along the paths that are wanted.

use hpol_tests::choices::Choices;
use hpol_tests::reading::try_chosen;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn readers_take_only_what_the_reference_takes(data in prop::collection::vec(any::<u8>(), 0..400)) {
        try_chosen(&mut Choices::new(&data));
    }
}
