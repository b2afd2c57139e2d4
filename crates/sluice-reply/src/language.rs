//! What the language of a block says about what is in it.

/// What a block of some language can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Commands for a person to type, or a script when a path says so.
    Shell,
    /// A session or a program's output; a file only when its path stands in the info string.
    Output,
    /// A picture in words.
    Diagram,
    /// An edit of existing files.
    Diff,
    /// Text that holds fences of its own.
    Markdown,
    /// Anything else.
    Code,
}

/// The kind of a language, which is in lower case.
pub(crate) fn kind(language: &str) -> Kind {
    match language {
        "bash" | "sh" | "shell" | "zsh" | "fish" | "ksh" | "csh" | "ash" | "dash"
        | "powershell" | "pwsh" | "ps1" | "ps" | "bat" | "batch" | "cmd" | "dos" | "nu"
        | "nushell" | "commandline" | "cli" | "command" => Kind::Shell,
        "console" | "shell-session" | "shellsession" | "sh-session" | "bash-session"
        | "terminal" | "term" | "output" | "stdout" | "stderr" | "log" | "logs" | "ansi"
        | "pycon" | "python-console" | "pytb" | "result" | "results" | "session" | "tree"
        | "prompt" => Kind::Output,
        "mermaid" | "plantuml" | "puml" | "uml" | "dot" | "graphviz" | "gv" | "d2" | "ditaa"
        | "ascii" | "asciiart" | "flow" | "sequence" | "wavedrom" | "nomnoml" | "svgbob"
        | "math" | "latex-math" => Kind::Diagram,
        "diff" | "patch" | "udiff" | "git-diff" | "gitdiff" | "unified-diff" => Kind::Diff,
        "markdown" | "md" | "mdx" | "mkd" | "mdown" | "rmd" | "qmd" => Kind::Markdown,
        _ => Kind::Code,
    }
}

/// Whether a path ends like a shell script.
pub(crate) fn is_script(path: &str) -> bool {
    matches!(
        extension(path).as_deref(),
        Some("sh" | "bash" | "zsh" | "fish" | "ksh" | "ps1" | "psm1" | "bat" | "cmd" | "nu")
    )
}

/// Whether a path ends like Markdown.
pub(crate) fn is_markdown(path: &str) -> bool {
    matches!(
        extension(path).as_deref(),
        Some("md" | "mdx" | "markdown" | "mkd" | "mdown" | "rmd" | "qmd")
    )
}

/// Whether a path ends like a patch, so that a diff in it is its content and not an edit.
pub(crate) fn is_patch(path: &str) -> bool {
    matches!(extension(path).as_deref(), Some("patch" | "diff"))
}

/// The extension of a path's last component, in lower case.
pub(crate) fn extension(path: &str) -> Option<String> {
    let name = path.rsplit(['/', '\\']).next()?;
    let (stem, extension) = name.rsplit_once('.')?;
    (!stem.is_empty() && !extension.is_empty()).then(|| extension.to_ascii_lowercase())
}
