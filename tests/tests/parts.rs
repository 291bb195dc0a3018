//! What readers leave out of a request does not show in what is decided.

use hpol_tests::choices::Choices;
use hpol_tests::parts::try_chosen;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_global_rejects: 4_096, ..ProptestConfig::default() })]

    #[test]
    fn parts_that_no_rule_looks_at_do_not_matter(data in prop::collection::vec(any::<u8>(), 40..900)) {
        prop_assume!(try_chosen(&mut Choices::new(&data)));
    }
}
