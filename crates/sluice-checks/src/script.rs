//! Small programs of ours that run inside sandboxes, each a file that is bound read-only where it is used.

/// A script and where it appears.
pub(crate) struct Script {
    /// The path inside.
    pub(crate) inside: &'static str,
    /// The file's name on the host.
    pub(crate) name: &'static str,
    /// Its text.
    pub(crate) text: &'static str,
}

/// Runs several commands one after the other, all of them, and leaves with the first fault.
pub(crate) const EACH: Script = Script {
    inside: "/sluice/each.sh",
    name: "each.sh",
    text: include_str!("script/each.sh"),
};
/// Installs and compiles a Python project.
pub(crate) const PYTHON: Script = Script {
    inside: "/sluice/python.py",
    name: "python.py",
    text: include_str!("script/python.py"),
};
/// Runs code of Python on cases.
pub(crate) const CODE_PY: Script = Script {
    inside: "/sluice/code.py",
    name: "code.py",
    text: include_str!("script/code.py"),
};
/// Runs code of JavaScript on cases.
pub(crate) const CODE_JS: Script = Script {
    inside: "/sluice/code.mjs",
    name: "code.mjs",
    text: include_str!("script/code.mjs"),
};
/// Runs code of Ruby on cases.
pub(crate) const CODE_RB: Script = Script {
    inside: "/sluice/code.rb",
    name: "code.rb",
    text: include_str!("script/code.rb"),
};
/// Tells nextest where its report is to lie.
pub(crate) const NEXTEST: Script = Script {
    inside: "/sluice/nextest.toml",
    name: "nextest.toml",
    text: "[profile.default.junit]\npath = \"/sluice/out/test.xml\"\n",
};
/// Builds and starts a service of a Node project, and asks it.
pub(crate) const SMOKE_NODE: Script = Script {
    inside: "/sluice/smoke.mjs",
    name: "smoke.mjs",
    text: include_str!("smoke/smoke.mjs"),
};
/// Builds and starts any other service, and asks it.
pub(crate) const SMOKE: Script = Script {
    inside: "/sluice/smoke.sh",
    name: "smoke.sh",
    text: include_str!("smoke/smoke.sh"),
};

/// All of them.
pub(crate) const ALL: [&Script; 8] = [
    &NEXTEST,
    &EACH,
    &PYTHON,
    &CODE_PY,
    &CODE_JS,
    &CODE_RB,
    &SMOKE_NODE,
    &SMOKE,
];

/// One command that runs `commands` one after the other, in the folder `start` or where the step starts.
pub(crate) fn each(start: Option<&str>, commands: &[Vec<String>]) -> Vec<String> {
    let mut argv = vec![
        "/bin/sh".to_owned(),
        EACH.inside.to_owned(),
        start.unwrap_or(".").to_owned(),
    ];
    for command in commands {
        argv.push(command.len().to_string());
        argv.extend(command.iter().cloned());
    }
    argv
}

/// The commands that a command comes to: those of [`each`], or itself.
pub(crate) fn commands(argv: &[String]) -> Vec<Vec<String>> {
    let [_, script, _, rest @ ..] = argv else {
        return vec![argv.to_vec()];
    };
    if script != EACH.inside {
        return vec![argv.to_vec()];
    }
    let mut rest = rest;
    let mut commands = Vec::new();
    while let Some((count, words)) = rest.split_first() {
        let count = count.parse().unwrap_or(words.len()).min(words.len());
        let (command, after) = words.split_at(count);
        commands.push(command.to_vec());
        rest = after;
    }
    commands
}

#[cfg(test)]
mod tests;
