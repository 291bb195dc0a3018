//! What can be told of a builtin's result from an argument that stands in the policy, for indexes.

use hpol_lang::value::Value;
use ipnet::IpNet;

/// The network that `net.cidr_contains` takes; `None` if the text is none.
pub fn network(text: &str) -> Option<IpNet> {
    crate::net::parse_cidr(text)
}

/// How a text must begin that `glob.match` matches; `None` if the pattern is no glob. `delimiters` are single characters.
///
/// ```
/// assert_eq!(hpol_stdlib::known::glob_prefix("/home/*/notes", "/"), Some("/home/"));
/// assert_eq!(hpol_stdlib::known::glob_prefix("[", "/"), None);
/// ```
pub fn glob_prefix<'p>(pattern: &'p str, delimiters: &str) -> Option<&'p str> {
    crate::glob::check_glob(0, &Value::from(pattern)).ok()?;
    crate::glob::compile(pattern, delimiters).ok()?;
    pattern.split(['*', '?', '[', '{', '\\']).next()
}
