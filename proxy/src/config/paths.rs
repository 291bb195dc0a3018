//! Relative paths in a configuration start at the folder of its file, wherever the gateway was started.

use std::path::{Path, PathBuf};

use super::{Config, PolicyConfig, SecretSource, TlsConfig};

impl Config {
    /// Makes every relative path start at `folder`.
    pub(super) fn resolve_paths(&mut self, folder: &Path) {
        let join = |path: &mut PathBuf| *path = folder.join(&*path);
        let join_tls = |tls: &mut Option<TlsConfig>| {
            if let Some(tls) = tls {
                join(&mut tls.certificate);
                join(&mut tls.key);
            }
        };
        let join_secret = |secret: &mut SecretSource| match secret {
            SecretSource::File(path) => join(path),
            SecretSource::Env(_) => {}
        };
        join_tls(&mut self.tls);
        join_tls(&mut self.admin.tls);
        self.admin.tokens.iter_mut().for_each(|token| join_secret(&mut token.token));
        match &mut self.policy {
            PolicyConfig::Folder(path) => join(path),
            PolicyConfig::Git(git) => {
                join(&mut git.cache);
                git.credentials.iter_mut().for_each(|credentials| join_secret(&mut credentials.password));
                if !git.is_address() {
                    git.url = folder.join(&git.url).display().to_string();
                }
            }
        }
        for upstream in &mut self.upstreams {
            upstream.api_key.iter_mut().for_each(join_secret);
            upstream.ca_file.iter_mut().for_each(join);
        }
        if let Some(oidc) = &mut self.identity.oidc {
            oidc.ca_file.iter_mut().for_each(join);
        }
        self.masking.hash_key.iter_mut().for_each(join_secret);
        self.capabilities.iter_mut().for_each(join);
        join(&mut self.store.path);
    }
}
