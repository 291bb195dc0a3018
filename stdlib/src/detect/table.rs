//! The built-in detectors in one table. Tests run its examples, and the documentation is made of it.

use super::Kind;

/// A built-in detector.
#[derive(Debug, Clone, Copy)]
pub struct DetectorEntry {
    /// What it finds.
    pub kind: Kind,
    /// What it finds, in a line.
    pub doc: &'static str,
    /// Texts, and the one value that is found in each.
    pub found: &'static [(&'static str, &'static str)],
    /// Texts in which it finds nothing.
    pub not_found: &'static [&'static str],
}

impl DetectorEntry {
    /// Its name in policies.
    pub fn name(&self) -> &'static str {
        self.kind.name()
    }
}

/// The built-in detectors.
pub const DETECTORS: &[DetectorEntry] = &[
    DetectorEntry {
        kind: Kind::CreditCard,
        doc: "payment cards of 12 to 19 digits, with separators or without, by issuer range and check digit",
        found: &[
            ("card 4111111111111111 expires", "4111111111111111"),
            ("4111-1111-1111-1111", "4111-1111-1111-1111"),
            ("5555 5555 5555 4444.", "5555 5555 5555 4444"),
            ("amex 3782 822463 10005", "3782 822463 10005"),
            ("in 2024 4111 1111 1111 1111 was used", "4111 1111 1111 1111"),
            ("pays with 4111\u{2011}1111\u{2011}1111\u{2011}1111", "4111\u{2011}1111\u{2011}1111\u{2011}1111"),
            ("{\"text\":\"cards:\\n4111111111111111\"}", "4111111111111111"),
            ("card number 4222222222222", "4222222222222"),
            ("visa 4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"),
            ("maestro 6759649826438453", "6759649826438453"),
            ("card number 1234567812345670", "1234567812345670"),
            ("4111111111111111.0", "4111111111111111"),
        ],
        not_found: &[
            "4111111111111112",
            "id 1234567812345670",
            "0.4111111111111111",
            "41111111111111111111111",
            "4222222222222",
            "order 4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
            "a4111111111111111",
            "4111111111111111b",
            "0000000000000000",
        ],
    },
    DetectorEntry {
        kind: Kind::Ssn,
        doc: "United States social security numbers, without the ranges that are never given out",
        found: &[
            ("SSN: 536-90-4399", "536-90-4399"),
            ("is 123-45-6789.", "123-45-6789"),
            ("my social security number is 536 90 4399", "536 90 4399"),
            ("{\"ssn\":\"536904399\"}", "536904399"),
            ("536\u{2011}90\u{2011}4399", "536\u{2011}90\u{2011}4399"),
        ],
        not_found: &[
            "000-12-3456",
            "666-12-3456",
            "900-12-3456",
            "536-00-4399",
            "536-90-0000",
            "536 90 4399",
            "536904399",
            "1-536-90-4399",
            "536-90-4399-1",
            "536-90 4399",
            "536-90-43990",
        ],
    },
    DetectorEntry {
        kind: Kind::Iban,
        doc: "international bank account numbers, by the country's length and check digits",
        found: &[
            ("pay to DE89370400440532013000 now", "DE89370400440532013000"),
            ("GB29 NWBK 6016 1331 9268 19", "GB29 NWBK 6016 1331 9268 19"),
            ("iban gb29nwbk60161331926819", "gb29nwbk60161331926819"),
            ("FR14-2004-1010-0505-0001-3M02-606", "FR14-2004-1010-0505-0001-3M02-606"),
            ("NO9386011117947", "NO9386011117947"),
        ],
        not_found: &[
            "DE88370400440532013000",
            "DE8937040044053201300",
            "DE893704004405320130001",
            "XX89370400440532013000",
            "ADE89370400440532013000",
            "de 89 of the 3704 people",
        ],
    },
    DetectorEntry {
        kind: Kind::Email,
        doc: "e-mail addresses",
        found: &[
            ("write to ann@example.com.", "ann@example.com"),
            ("<o'brien+x@mail.example.co.uk>", "o'brien+x@mail.example.co.uk"),
            ("mailto:ann@example.com?subject=x", "ann@example.com"),
            ("user='ann.b@example.com'", "ann.b@example.com"),
            ("åsa@müller.example", "åsa@müller.example"),
            ("请联系ann@example.com。", "ann@example.com"),
            ("to:\\nann@example.com", "ann@example.com"),
            ("*ann@example.com*", "ann@example.com"),
            ("email=ann@example.com&x=1", "ann@example.com"),
        ],
        not_found: &[
            "ann@localhost",
            "@example.com",
            "react@18.2.0",
            "ann@ example.com",
            "a @ b.com",
            "https://app:secret@db.example.com/x",
            "ann@example.1",
        ],
    },
    DetectorEntry {
        kind: Kind::Phone,
        doc: "telephone numbers: international ones, North American ones, and others after a word such as `phone`",
        found: &[
            ("+46 8 928 571 38", "+46 8 928 571 38"),
            ("+46 (0)8 928 571 38", "+46 (0)8 928 571 38"),
            ("+447911123456", "+447911123456"),
            ("call 555-123-4567.", "555-123-4567"),
            ("(212) 555-0123 x45", "(212) 555-0123 x45"),
            ("1-800-555-0199", "1-800-555-0199"),
            ("930.467.3943", "930.467.3943"),
            ("Phone: 0490 75 40 81", "0490 75 40 81"),
            ("mobile\n467 3395\n\nnext", "467 3395"),
            ("{\"phoneNumber\":\"5403926876\"}", "5403926876"),
            ("+1\u{202f}212\u{2011}555\u{2011}0123", "+1\u{202f}212\u{2011}555\u{2011}0123"),
            ("0044 7911 123456", "0044 7911 123456"),
            ("28-64-66-98 (office)", "28-64-66-98"),
        ],
        not_found: &[
            "5403926876",
            "0490 75 40 81",
            "on 2024-01-15",
            "call about order 46373395",
            "46373395 officers",
            "order 46373395 office",
            "phone 2024-01-15",
            "+1 2",
            "x+4479111234567890123",
            "phone [phone] 467 3395",
            "call 1234567890123456",
            "192.168.100.200",
        ],
    },
    DetectorEntry {
        kind: Kind::Ip,
        doc: "addresses of the Internet Protocol, version 4 and 6",
        found: &[
            ("from 192.0.2.7.", "192.0.2.7"),
            ("http://10.0.0.1:8080/", "10.0.0.1"),
            ("10.0.0.0/8", "10.0.0.0"),
            ("host 2001:db8::7 is", "2001:db8::7"),
            ("[fe80::1]:22", "fe80::1"),
            ("::1", "::1"),
            ("2001:0db8:85a3:0000:0000:8a2e:0370:7334", "2001:0db8:85a3:0000:0000:8a2e:0370:7334"),
            ("::ffff:192.0.2.7 is", "::ffff:192.0.2.7"),
        ],
        not_found: &[
            "1.2.3",
            "1.2.3.4.5",
            "256.1.1.1",
            "version 1.2.3.4",
            "v1.2.3.4",
            "std::vec",
            "a::b",
            "12:34:56",
            "00:1a:2b:3c:4d:5e",
            "at 10:30",
            "::",
            "01.84.17.61",
        ],
    },
    DetectorEntry {
        kind: Kind::UrlCredentials,
        doc: "user name and password in a URL",
        found: &[
            ("postgres://app:s3cret@db.example.com/prod", "app:s3cret"),
            ("redis://:s3cret@cache:6379", ":s3cret"),
            ("https://u:p@ss@example.com/", "u:p@ss"),
            ("mysql://root:pa/ss#1@db", "root:pa/ss#1"),
        ],
        not_found: &[
            "https://example.com/a:b@c",
            "http://example.com:8080/@user",
            "ssh://git@example.com/repo",
            "https://medium.example/@user",
            "http://[::1]:80/a@b",
            "https://example.com",
            "://a:b@c",
        ],
    },
    DetectorEntry {
        kind: Kind::Jwt,
        doc: "JSON Web Tokens, signed or encrypted",
        found: &[
            (
                "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P.",
                "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
            ),
            ("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxMjM0In0", "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxMjM0In0"),
            (
                "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..48V1_ALb6US04U3b.5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_E.Szw",
                "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..48V1_ALb6US04U3b.5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_E.Szw",
            ),
        ],
        not_found: &[
            "eyJhbGciOiJIUzI1NiJ9",
            "eyJ.eyJ.x",
            "keyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc",
            "eyJhbGciOiJIUzI1NiJ9.html",
        ],
    },
    DetectorEntry {
        kind: Kind::PrivateKey,
        doc: "private keys in PEM form; one that is cut off, up to the end of the text",
        found: &[
            (
                "key:\n-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7x\n-----END RSA PRIVATE KEY-----\nend",
                "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7x\n-----END RSA PRIVATE KEY-----",
            ),
            (
                "\"-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANBgkqhkiG9w0\\n-----END PRIVATE KEY-----\"",
                "-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANBgkqhkiG9w0\\n-----END PRIVATE KEY-----",
            ),
            (
                "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA",
                "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA",
            ),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIE\n-----END RSA PRIVATE KEY-----",
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIE\n-----END RSA PRIVATE KEY-----",
            ),
        ],
        not_found: &[
            "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBg\n-----END CERTIFICATE-----",
            "a file that begins with -----BEGIN PRIVATE KEY----- is a key",
            "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOC\n-----END PUBLIC KEY-----",
            "----------",
        ],
    },
    DetectorEntry {
        kind: Kind::ApiKey,
        doc: "keys and tokens of providers, by prefix, alphabet, length and entropy, and secrets that are named as such",
        found: &[
            ("sk-proj-Zt0pLw7RmY3vKs9QxB2n", "sk-proj-Zt0pLw7RmY3vKs9QxB2n"),
            ("OPENAI_API_KEY=sk-Zt0pLw7RmY3vKs9QxB2nC5dF", "sk-Zt0pLw7RmY3vKs9QxB2nC5dF"),
            ("sk-ant-api03-Zt0pLw7RmY3vKs9QxB2nC5dF", "sk-ant-api03-Zt0pLw7RmY3vKs9QxB2nC5dF"),
            ("token ghp_Zt0pLw7RmY3vKs9QxB2nC5dFgH8jTu1aWeXy.", "ghp_Zt0pLw7RmY3vKs9QxB2nC5dFgH8jTu1aWeXy"),
            ("AKIAZT0PLW7RMY3VKS9Q", "AKIAZT0PLW7RMY3VKS9Q"),
            (
                "aws_secret_access_key = Zt0pLw7RmY3vKs9QxB2nC5dFgH8jTu1aWeXy/+4q",
                "Zt0pLw7RmY3vKs9QxB2nC5dFgH8jTu1aWeXy/+4q",
            ),
            ("AIzaZt0pLw7RmY3vKs9QxB2nC5dFgH8jTu1aWeX", "AIzaZt0pLw7RmY3vKs9QxB2nC5dFgH8jTu1aWeX"),
            ("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", "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"),
            (
                "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",
                "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",
            ),
            ("SK0123456789abcdef0f1e2d3c4b5a6978", "SK0123456789abcdef0f1e2d3c4b5a6978"),
            ("bot 123456789:AAZt0pLw7RmY3vKs9QxB2nC5dFgH8jTu1aW", "123456789:AAZt0pLw7RmY3vKs9QxB2nC5dFgH8jTu1aW"),
            ("Zt08Q~pLw7RmY3vKs9QxB2nC5dFgH8jTu1aWeX.", "Zt08Q~pLw7RmY3vKs9QxB2nC5dFgH8jTu1aWeX"),
            ("{\"apiKey\": \"Zt0pLw7RmY3vKs9QxB2n\"}", "Zt0pLw7RmY3vKs9QxB2n"),
            ("Authorization: Bearer Zt0pLw7RmY3vKs9QxB2n", "Zt0pLw7RmY3vKs9QxB2n"),
            ("headers[\"x-api-key\"] = \"Zt0pLw7RmY3vKs9QxB2n\"", "Zt0pLw7RmY3vKs9QxB2n"),
            (
                "https://hooks.slack.com/services/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",
                "hooks.slack.com/services/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",
            ),
        ],
        not_found: &[
            "sk-learn-based-pipelines-for-everyone-2024",
            "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "ghp_short",
            "max_tokens: 1000",
            "token: projects/one/secrets/two",
            "AKIAZT0PLW7RMY3VKS9QTOOLONG",
            "the SK of 0123456789",
            "[api_key]=Zt0pLw7RmY3vKs9QxB2n",
            "secret = get_secret_from_the_vault()",
        ],
    },
];
