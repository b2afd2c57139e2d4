//! Tells words that name a file from other words, and cleans what people write around a path.

use crate::language::extension;

/// Whether a word from prose, a comment or an info string names a file.
///
/// Hostile paths count as well, so that they are refused aloud instead of read as prose.
pub(crate) fn is_path_like(word: &str) -> bool {
    if word.is_empty() || word.len() > 1024 || word.ends_with(['/', '.', ',']) {
        return false;
    }
    if word.bytes().any(is_never_in_path) || word.chars().any(char::is_whitespace) {
        return false;
    }
    let marked = memchr::memchr2(b':', b'(', word.as_bytes()).is_some();
    if marked && (word.contains("://") || word.contains("()")) {
        return false;
    }
    let folders = memchr::memrchr2(b'/', b'\\', word.as_bytes());
    let name = &word[folders.map_or(0, |slash| slash + 1)..];
    let foldered = name.len() < word.len();
    if is_known_name(name) {
        return true;
    }
    let Some(extension) = extension(name) else {
        return ["../", "/etc/", "~/", "./", "..\\", ".git/"]
            .iter()
            .any(|start| word.starts_with(start));
    };
    if foldered {
        let letters = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+');
        return extension.len() <= 12
            && extension.bytes().all(letters)
            && extension.bytes().any(|b| b.is_ascii_alphabetic())
            && !word.starts_with("//");
    }
    EXTENSIONS.binary_search(&extension.as_str()).is_ok()
        && !PRODUCTS.contains(&word.to_ascii_lowercase().as_str())
}

fn is_never_in_path(byte: u8) -> bool {
    matches!(
        byte,
        b'<' | b'>' | b'|' | b'"' | b'\'' | b'*' | b'?' | b'=' | b',' | b';' | b'`' | b'{' | b'}'
    )
}

/// Whether [`is_path_like`] could be true of a part of `text`, also when marks inside it are taken out.
/// Cheap, and right whenever it says no: most lines of prose have no dot, no slash and not all the letters of a
/// known name.
pub(crate) fn may_hold_path(text: &str) -> bool {
    if memchr::memchr3(b'.', b'/', b'\\', text.as_bytes()).is_some() {
        return true;
    }
    let letters = letters(text.as_bytes());
    NAME_LETTERS.iter().any(|name| letters & name == *name)
}

/// The letters of each of [`NAMES`].
const NAME_LETTERS: [u64; NAMES.len()] = {
    let mut all = [0; NAMES.len()];
    let mut at = 0;
    while at < NAMES.len() {
        all[at] = letters(NAMES[at].as_bytes());
        at += 1;
    }
    all
};

/// The set of ASCII letters in a text.
const fn letters(text: &[u8]) -> u64 {
    let mut set = 0;
    let mut at = 0;
    while at < text.len() {
        if text[at].is_ascii_alphabetic() {
            set |= 1 << (text[at] - b'A');
        }
        at += 1;
    }
    set
}

/// Whether `name`, which has no folder, is a file's name although it has no extension.
fn is_known_name(name: &str) -> bool {
    if let Some(dotted) = name.strip_prefix('.') {
        let first = dotted.bytes().next();
        return first.is_some_and(|b| b.is_ascii_alphabetic())
            && (dotted.ends_with("ignore")
                || dotted.ends_with("rc")
                || dotted.contains("rc.")
                || dotted.starts_with("env")
                || dotted.starts_with("git")
                || dotted.ends_with("config")
                || dotted.ends_with("-version")
                || matches!(
                    dotted,
                    "nojekyll" | "keep" | "tool-versions" | "htaccess" | "yarnrc.yml" | "npmrc"
                ));
    }
    NAMES.contains(&name)
}

/// Takes what people write around a path off it: quotes, `File:`, line ranges, notes.
pub(crate) fn clean(raw: &str) -> &str {
    let mut path = raw.trim();
    // Longer than any path with its notes: it is refused as it is, in linear time.
    if path.len() > 4096 {
        return path;
    }
    loop {
        let before = path;
        path = unquoted(path).trim();
        path = without_marker(path).unwrap_or(path).trim();
        path = without_note(path).trim_end();
        // `C:` stays a drive.
        if path.len() > 2 {
            path = path.strip_suffix(':').unwrap_or(path).trim_end();
        }
        if path == before {
            return path;
        }
    }
}

fn unquoted(text: &str) -> &str {
    for quote in ['"', '\'', '`'] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|t| t.strip_suffix(quote))
            && !inner.contains(quote)
        {
            return inner;
        }
    }
    text
}

/// What follows `File:`, `filename:`, `path =` and the like at the start of a text.
pub(crate) fn without_marker(text: &str) -> Option<&str> {
    const MARKERS: [&str; 9] = [
        "file path",
        "file name",
        "file_path",
        "file-path",
        "filepath",
        "filename",
        "file_name",
        "file",
        "path",
    ];
    if !text.starts_with(['F', 'f', 'P', 'p']) {
        return None;
    }
    let rest = MARKERS.iter().find_map(|marker| {
        let head = text.get(..marker.len())?;
        head.eq_ignore_ascii_case(marker)
            .then(|| &text[marker.len()..])
    })?;
    rest.trim_start().strip_prefix([':', '=']).map(str::trim)
}

/// Whether a note after a path says that the file goes away, so that the block is not what it becomes.
pub(crate) fn says_deleted(text: &str) -> bool {
    let Some((_, note)) = text.rsplit_once(['(', '[']) else {
        return false;
    };
    let note = note.trim_start().to_ascii_lowercase();
    [
        "delete",
        "remove",
        "no longer",
        "to be deleted",
        "to be removed",
    ]
    .iter()
    .any(|start| note.starts_with(start))
}

/// Takes one note off the end: `(new file)`, `{1,3}`, `[1-3]`, `:10-20`, `#L3-L9`, ` - new`, ` showLineNumbers`.
fn without_note(text: &str) -> &str {
    for (open, close) in [('(', ')'), ('{', '}'), ('[', ']')] {
        if let Some(inner) = text.strip_suffix(close)
            && let Some((path, note)) = inner.rsplit_once(open)
            && !path.trim_end().is_empty()
        {
            let ranges = !note.is_empty()
                && note
                    .chars()
                    .all(|c| c.is_ascii_digit() || ",- ".contains(c));
            if path.ends_with(char::is_whitespace) || (ranges && open == '{') {
                return path;
            }
        }
    }
    // What follows looks for a hash, a colon or white space, which most paths do not have.
    let plain = |b: u8| matches!(b, b'!'..=b'~') && !matches!(b, b'#' | b':');
    if text.bytes().all(plain) {
        return text;
    }
    if let Some((path, range)) = text.rsplit_once("#L")
        && !range.is_empty()
        && range
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '-' | 'L'))
    {
        return path;
    }
    if let Some((path, range)) = text.rsplit_once(':')
        && path.len() > 1
        && range.starts_with(|c: char| c.is_ascii_digit())
        && range
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '-' | ',' | '–'))
    {
        return path;
    }
    if let Some((path, word)) = text.rsplit_once(char::is_whitespace)
        && FLAGS.contains(&word.to_ascii_lowercase().as_str())
        && extension(path.trim_end()).is_some()
    {
        return path;
    }
    for dash in [" - ", " – ", " — ", " // ", " # ", " <- ", " ← "] {
        if let Some((path, _)) = text.split_once(dash)
            && is_path_like(path.trim())
        {
            return path;
        }
    }
    text
}

/// Words that renderers or people put after a path.
const FLAGS: &[&str] = &[
    "copy",
    "linenos",
    "linenumbers",
    "line-numbers",
    "nolinenumbers",
    "showlinenumbers",
    "wrap",
    "new",
    "updated",
    "modified",
    "changed",
];

/// Files without an extension that everybody knows.
const NAMES: &[&str] = &[
    "BUILD",
    "Brewfile",
    "CHANGELOG",
    "CODEOWNERS",
    "CONTRIBUTING",
    "Caddyfile",
    "Containerfile",
    "Dockerfile",
    "Gemfile",
    "Guardfile",
    "HEAD",
    "Jenkinsfile",
    "Justfile",
    "LICENSE",
    "MANIFEST.in",
    "Makefile",
    "NOTICE",
    "Pipfile",
    "Podfile",
    "Procfile",
    "README",
    "Rakefile",
    "Tiltfile",
    "Vagrantfile",
    "WORKSPACE",
    "dockerfile",
    "justfile",
    "makefile",
    "rust-toolchain",
];

/// Products that look like files.
const PRODUCTS: &[&str] = &[
    "alpine.js",
    "angular.js",
    "asp.net",
    "backbone.js",
    "chart.js",
    "d3.js",
    "ember.js",
    "express.js",
    "import.meta.env",
    "moment.js",
    "nest.js",
    "next.js",
    "node.js",
    "nuxt.js",
    "p5.js",
    "process.env",
    "react.js",
    "solid.js",
    "three.js",
    "vb.net",
    "vue.js",
];

/// Extensions that make a word without a folder a file; sorted.
const EXTENSIONS: &[&str] = &[
    "adb",
    "adoc",
    "ads",
    "applescript",
    "asm",
    "aspx",
    "astro",
    "avdl",
    "avsc",
    "awk",
    "bas",
    "bash",
    "bat",
    "bats",
    "bazel",
    "bib",
    "bicep",
    "bzl",
    "c",
    "cc",
    "cfg",
    "cjs",
    "clj",
    "cljs",
    "cmake",
    "cmd",
    "coffee",
    "conf",
    "cpp",
    "cr",
    "cs",
    "cshtml",
    "csproj",
    "css",
    "csv",
    "cts",
    "cu",
    "cue",
    "cxx",
    "d",
    "dart",
    "dhall",
    "diff",
    "dockerfile",
    "drawio",
    "edn",
    "eex",
    "ejs",
    "elm",
    "entitlements",
    "env",
    "erb",
    "erl",
    "ex",
    "exs",
    "f90",
    "fbs",
    "feature",
    "fish",
    "frag",
    "fs",
    "fsi",
    "fsproj",
    "fsx",
    "gd",
    "gemspec",
    "geojson",
    "gjs",
    "gleam",
    "glsl",
    "go",
    "gotmpl",
    "gql",
    "gradle",
    "graphql",
    "groovy",
    "gts",
    "h",
    "haml",
    "handlebars",
    "hbs",
    "hcl",
    "heex",
    "hh",
    "hpp",
    "hrl",
    "hs",
    "htm",
    "html",
    "http",
    "hurl",
    "hxx",
    "ini",
    "ino",
    "ipynb",
    "j2",
    "java",
    "jinja",
    "jinja2",
    "jl",
    "js",
    "json",
    "json5",
    "jsonc",
    "jsonl",
    "jsonnet",
    "jsp",
    "jsx",
    "kdl",
    "kt",
    "kts",
    "less",
    "lhs",
    "libsonnet",
    "liquid",
    "lisp",
    "lock",
    "lua",
    "m",
    "m4",
    "mako",
    "markdown",
    "md",
    "mdx",
    "mjml",
    "mjs",
    "mk",
    "ml",
    "mli",
    "mm",
    "mmd",
    "mod",
    "mts",
    "mustache",
    "ndjson",
    "nim",
    "nix",
    "njk",
    "nomad",
    "nu",
    "nuspec",
    "odin",
    "pas",
    "php",
    "phtml",
    "pkl",
    "pl",
    "plist",
    "pm",
    "podspec",
    "prisma",
    "properties",
    "proto",
    "ps1",
    "psm1",
    "pug",
    "puml",
    "py",
    "pyi",
    "pyproj",
    "pyw",
    "pyx",
    "qmd",
    "qml",
    "r",
    "rake",
    "razor",
    "rb",
    "rego",
    "resx",
    "rkt",
    "rmd",
    "ron",
    "rs",
    "rst",
    "ru",
    "sass",
    "sbt",
    "scala",
    "scm",
    "scss",
    "service",
    "sh",
    "slim",
    "sln",
    "sol",
    "spec",
    "sql",
    "srt",
    "storyboard",
    "sty",
    "styl",
    "sum",
    "sv",
    "svelte",
    "svg",
    "svh",
    "swift",
    "t",
    "tcl",
    "templ",
    "tex",
    "tf",
    "tfvars",
    "thrift",
    "timer",
    "tmpl",
    "toml",
    "tpl",
    "ts",
    "tsv",
    "tsx",
    "twig",
    "txt",
    "v",
    "vala",
    "vb",
    "vbproj",
    "vbs",
    "vert",
    "vhd",
    "vhdl",
    "vtt",
    "vue",
    "wast",
    "wat",
    "webmanifest",
    "wgsl",
    "xaml",
    "xib",
    "xml",
    "xsd",
    "xsl",
    "xslt",
    "yaml",
    "yml",
    "zig",
    "zsh",
];
