//! The keys that there are, and what each takes. `docs/configuration.md` says the same to people.

/// What a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text.
    Text,
    /// Text that is never shown.
    Secret,
    /// A file or folder; in a file relative to that file's folder.
    Path,
    /// A whole number.
    Number,
    /// A number that may have a fraction.
    Decimal,
    /// True or false.
    Switch,
    /// A list of texts; in the environment separated by commas.
    List,
    /// A list of texts that may hold commas; in the environment a JSON array.
    Argv,
    /// One of these words.
    Word(&'static [&'static str]),
}

/// Every key. `*` is a name that the user chooses.
pub(super) const KEYS: &[(&str, Kind)] = &[
    ("server.listen", Kind::Text),
    ("server.data", Kind::Path),
    ("server.allowed_hosts", Kind::List),
    ("server.rate_per_second", Kind::Number),
    ("server.rate_burst", Kind::Number),
    ("server.anonymous_per_second", Kind::Number),
    ("server.anonymous_burst", Kind::Number),
    ("server.streams_per_token", Kind::Number),
    ("server.stall_s", Kind::Number),
    ("server.shutdown_s", Kind::Number),
    ("database.url", Kind::Secret),
    (
        "engine.default",
        Kind::Word(&["auto", "docker", "podman", "native"]),
    ),
    ("engine.image", Kind::Text),
    ("engine.images.node", Kind::Text),
    ("engine.images.python", Kind::Text),
    ("engine.images.rust", Kind::Text),
    ("engine.images.go", Kind::Text),
    ("engine.base", Kind::Text),
    ("engine.slots", Kind::Number),
    ("cache.verify_percent", Kind::Number),
    ("cache.results_mib", Kind::Number),
    ("cache.layers_mib", Kind::Number),
    ("audit.database", Kind::Path),
    ("install.scripts", Kind::List),
    ("network.extra_ca", Kind::Path),
    ("network.registries", Kind::List),
    ("network.private_registries", Kind::List),
    ("network.upstream_proxy", Kind::Secret),
    ("network.first_byte_s", Kind::Number),
    ("gates.dir", Kind::Path),
    ("templates.dir", Kind::Path),
    ("workspace.person", Kind::Text),
    ("workspace.watch", Kind::Switch),
    ("workspace.debounce_ms", Kind::Number),
    ("github.api_url", Kind::Text),
    ("github.token", Kind::Secret),
    (
        "agents.*.kind",
        Kind::Word(&["model", "replay", "recorded", "command", "outside"]),
    ),
    ("agents.*.gates", Kind::List),
    ("agents.*.dir", Kind::Path),
    ("agents.*.argv", Kind::Argv),
    ("agents.*.wall_s", Kind::Number),
    ("agents.*.idle_s", Kind::Number),
    ("agents.*.base_url", Kind::Text),
    ("agents.*.api_key", Kind::Secret),
    ("agents.*.model", Kind::Text),
    ("agents.*.dialect", Kind::Word(&["openai", "anthropic"])),
    ("agents.*.fallback", Kind::List),
    ("agents.*.max_tokens", Kind::Number),
    ("agents.*.max_reply_mib", Kind::Number),
    ("agents.*.money_per_run", Kind::Decimal),
    ("agents.*.connect_s", Kind::Number),
    ("agents.*.retries", Kind::Number),
    ("agents.*.record", Kind::Path),
    ("webhooks.*.url", Kind::Secret),
    ("webhooks.*.secret", Kind::Secret),
    ("webhooks.*.secret_file", Kind::Path),
    ("webhooks.*.events", Kind::List),
    ("webhooks.*.projects", Kind::List),
    ("webhooks.*.allow_private", Kind::Switch),
    ("prices.file", Kind::Path),
    ("oidc.issuer", Kind::Text),
    ("oidc.audience", Kind::Text),
    ("oidc.jwks_url", Kind::Text),
    ("oidc.role_claim", Kind::Text),
    ("oidc.roles.viewer", Kind::List),
    ("oidc.roles.operator", Kind::List),
    ("oidc.roles.approver", Kind::List),
    ("oidc.roles.admin", Kind::List),
    ("oidc.projects_claim", Kind::Text),
    ("oidc.name_claim", Kind::Text),
    ("oidc.leeway_s", Kind::Number),
    ("oidc.allow_private", Kind::Switch),
    ("telemetry.otlp_endpoint", Kind::Text),
    ("telemetry.otlp_headers", Kind::Secret),
    ("telemetry.service_name", Kind::Text),
    ("admin_token", Kind::Secret),
    ("log.filter", Kind::Text),
    ("log.format", Kind::Word(&["text", "json"])),
];

/// What a key takes; `None` for a key that there is not.
pub(super) fn kind(key: &str) -> Option<Kind> {
    KEYS.iter()
        .find(|(known, _)| fits(known, key))
        .map(|(_, kind)| *kind)
}

/// Whether something below `key` can be set.
pub(super) fn is_table(key: &str) -> bool {
    let depth = key.split('.').count();
    KEYS.iter().any(|(known, _)| {
        let parts: Vec<&str> = known.split('.').collect();
        parts.len() > depth && fits(&parts[..depth].join("."), key)
    })
}

/// The key, or the table, that was probably meant.
pub(super) fn nearest(key: &str) -> Option<String> {
    let depth = key.split('.').count();
    // A name of the user's own stays as it is.
    let name = key.split('.').nth(1).unwrap_or("*");
    let known = KEYS.iter().flat_map(|(known, _)| {
        let known = known.replace('*', name);
        let table: Vec<&str> = known.split('.').take(depth).collect();
        [table.join("."), known]
    });
    known
        .map(|known| (strsim::normalized_damerau_levenshtein(&known, key), known))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(likeness, _)| *likeness >= 0.6)
        .map(|(_, known)| known)
}

/// Names that a user may choose.
pub(super) fn is_name(name: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=63).contains(&name.len())
        && name.bytes().next().is_some_and(good)
        && name
            .bytes()
            .all(|byte| good(byte) || matches!(byte, b'-' | b'_'))
}

fn fits(known: &str, key: &str) -> bool {
    let (mut known, mut key) = (known.split('.'), key.split('.'));
    loop {
        match (known.next(), key.next()) {
            (None, None) => return true,
            (Some("*"), Some(name)) if is_name(name) => {}
            (Some(a), Some(b)) if a == b => {}
            _ => return false,
        }
    }
}
