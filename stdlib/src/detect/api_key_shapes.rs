//! The table of providers' keys. A provider's documentation or its own examples give prefix, alphabet and length.

/// The characters of a key after its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alphabet {
    /// Hexadecimal digits.
    Hex,
    /// Capital letters and digits.
    Upper,
    /// Letters and digits.
    Alphanumeric,
    /// Letters, digits, `-` and `_`.
    Token,
    /// Letters, digits, `-`, `_` and `.`.
    Pointed,
    /// Base64 with either alphabet.
    Base64,
}

/// The form of a provider's key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyShape {
    /// What it begins with.
    pub(crate) prefix: &'static str,
    /// What it goes on with.
    pub(crate) alphabet: Alphabet,
    /// The fewest characters after the prefix.
    pub(crate) min: usize,
    /// The most characters after the prefix.
    pub(crate) max: usize,
    /// Whether others than the provider use the prefix.
    pub(crate) is_generic: bool,
}

const fn key(prefix: &'static str, alphabet: Alphabet, min: usize, max: usize) -> KeyShape {
    KeyShape { prefix, alphabet, min, max, is_generic: false }
}

const fn generic(prefix: &'static str, alphabet: Alphabet, min: usize, max: usize) -> KeyShape {
    KeyShape { prefix, alphabet, min, max, is_generic: true }
}

/// Where one prefix begins another, the longer one stands first.
pub(crate) const SHAPES: &[KeyShape] = &{
    use Alphabet::{Alphanumeric, Base64, Hex, Pointed, Token, Upper};
    [
        // Models: Anthropic, OpenAI, OpenRouter, and the many that took OpenAI's `sk-`
        key("sk-ant-", Token, 24, 256),
        key("sk-proj-", Token, 20, 256),
        key("sk-svcacct-", Token, 20, 256),
        key("sk-admin-", Token, 20, 256),
        key("sk-or-v1-", Hex, 40, 96),
        key("sk-lf-", Token, 20, 64),
        generic("sk-", Token, 20, 256),
        // Google, Groq, Hugging Face, Replicate, Perplexity, xAI, Fireworks, Pinecone, LangSmith
        key("AIza", Token, 35, 35),
        key("GOCSPX-", Token, 28, 28),
        key("ya29.", Token, 20, 1024),
        key("gsk_", Alphanumeric, 40, 64),
        key("hf_", Alphanumeric, 30, 48),
        key("api_org_", Alphanumeric, 30, 48),
        key("r8_", Alphanumeric, 36, 40),
        key("pplx-", Alphanumeric, 40, 64),
        key("xai-", Alphanumeric, 60, 96),
        key("fw_", Alphanumeric, 22, 32),
        key("pcsk_", Token, 40, 96),
        key("lsv2_pt_", Token, 36, 64),
        key("lsv2_sk_", Token, 36, 64),
        key("nvapi-", Token, 50, 80),
        key("tvly-", Token, 20, 64),
        // Amazon Web Services
        key("AKIA", Upper, 16, 16),
        key("ASIA", Upper, 16, 16),
        key("ABIA", Upper, 16, 16),
        key("ACCA", Upper, 16, 16),
        key("ABSK", Base64, 100, 160),
        // GitHub, GitLab
        key("github_pat_", Token, 60, 100),
        key("ghp_", Alphanumeric, 36, 255),
        key("gho_", Alphanumeric, 36, 255),
        key("ghu_", Alphanumeric, 36, 255),
        key("ghs_", Alphanumeric, 36, 255),
        key("ghr_", Alphanumeric, 36, 255),
        key("glpat-", Pointed, 20, 64),
        key("gldt-", Token, 20, 64),
        key("glrt-", Token, 20, 64),
        key("glptt-", Token, 40, 64),
        key("glsoat-", Token, 20, 64),
        // Chat: Slack, Discord by its webhook, Twilio, SendGrid, Mailgun, Mailchimp, Brevo, Postmark
        key("xoxb-", Token, 20, 128),
        key("xoxp-", Token, 20, 128),
        key("xoxa-", Token, 20, 128),
        key("xoxr-", Token, 20, 128),
        key("xoxs-", Token, 20, 128),
        key("xoxe-", Token, 20, 256),
        key("xoxe.", Token, 20, 256),
        key("xapp-", Token, 20, 160),
        key("hooks.slack.com/services/", Base64, 30, 96),
        key("discord.com/api/webhooks/", Base64, 60, 128),
        key("SK", Hex, 32, 32),
        key("SG.", Pointed, 50, 80),
        key("key-", Hex, 32, 32),
        key("xkeysib-", Token, 60, 96),
        // Payment: Stripe, Square, PayPal with Braintree, Shopify
        key("sk_live_", Alphanumeric, 16, 255),
        key("sk_test_", Alphanumeric, 16, 255),
        key("rk_live_", Alphanumeric, 16, 255),
        key("rk_test_", Alphanumeric, 16, 255),
        key("whsec_", Base64, 24, 96),
        key("sq0atp-", Token, 22, 22),
        key("sq0csp-", Token, 43, 43),
        key("access_token$production$", Alphanumeric, 40, 64),
        key("shpat_", Hex, 32, 32),
        key("shpss_", Hex, 32, 32),
        key("shpca_", Hex, 32, 32),
        key("shppa_", Hex, 32, 32),
        // Packages: npm, PyPI, RubyGems, crates.io, Docker, NuGet
        key("npm_", Alphanumeric, 36, 36),
        key("pypi-", Token, 50, 255),
        key("rubygems_", Hex, 48, 48),
        key("cio", Alphanumeric, 32, 32),
        key("dckr_pat_", Token, 27, 40),
        key("dckr_oat_", Token, 27, 40),
        key("oy2", Alphanumeric, 43, 43),
        // Platforms
        key("dop_v1_", Hex, 64, 64),
        key("doo_v1_", Hex, 64, 64),
        key("dor_v1_", Hex, 64, 64),
        key("dapi", Hex, 32, 34),
        key("hvs.", Token, 24, 160),
        key("hvb.", Token, 24, 255),
        key("dp.pt.", Alphanumeric, 40, 48),
        key("dp.st.", Pointed, 40, 64),
        key("HRKU-", Token, 36, 64),
        key("NRAK-", Upper, 27, 27),
        key("glsa_", Token, 40, 48),
        key("glc_", Base64, 32, 400),
        key("PMAK-", Token, 59, 59),
        key("pscale_tkn_", Pointed, 32, 64),
        key("pscale_pw_", Pointed, 32, 64),
        key("sbp_", Hex, 40, 40),
        key("sb_secret_", Token, 20, 64),
        key("nfp_", Alphanumeric, 36, 40),
        key("tskey-auth-", Token, 20, 64),
        key("tskey-api-", Token, 20, 64),
        key("sntrys_", Base64, 40, 255),
        key("sntryu_", Hex, 64, 64),
        key("lin_api_", Alphanumeric, 32, 48),
        key("secret_", Alphanumeric, 43, 43),
        key("ntn_", Alphanumeric, 40, 50),
        key("ATATT3", Base64, 100, 255),
        key("figd_", Token, 36, 64),
        key("rnd_", Alphanumeric, 28, 36),
        key("re_", Token, 24, 40),
        key("phx_", Token, 40, 64),
        key("CFPAT-", Token, 43, 43),
        key("AGE-SECRET-KEY-1", Upper, 58, 58),
        key("EAAA", Token, 60, 64),
        key("pat-na1-", Token, 36, 36),
        key("pat-eu1-", Token, 36, 36),
    ]
};
