//! Reading test cases of several files.

use hpol_lang::load::PolicyFile;

/// The files of a case: its text is `policy.hpol`, and each line `#- path` starts another file.
pub(crate) fn files(text: &str) -> Vec<PolicyFile> {
    let mut files: Vec<(String, String)> = vec![("policy.hpol".to_owned(), String::new())];
    for line in text.split_inclusive('\n') {
        match line.strip_prefix("#- ") {
            Some(path) => files.push((path.trim().to_owned(), String::new())),
            None => {
                if let Some((_, content)) = files.last_mut() {
                    content.push_str(line);
                }
            }
        }
    }
    files.retain(|(_, content)| !content.trim().is_empty());
    files.into_iter().map(|(path, content)| PolicyFile::new(path, content)).collect()
}
