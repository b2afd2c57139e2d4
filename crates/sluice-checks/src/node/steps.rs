//! Chooses the command of each check from the scripts and dependencies of a project.

use sluice_sandbox::{Network, OUT, WORKSPACE};

use super::manifest::{Manifest, join};
use super::package_manager::Manager;
use super::script::{self, Script, Tool};
use crate::plan::{COVERAGE_LCOV, LINT_JSON, TEST_JSON, TEST_XML, step_name, words};
use crate::script::SMOKE_NODE;
use crate::{Action, Command, Kind, Report, Step, Toolchain, Tree, Verdict};

/// Where a step is to run.
pub(crate) struct Place<'a> {
    pub(crate) tree: &'a dyn Tree,
    /// The project's or member's folder.
    pub(crate) dir: &'a str,
    /// The folder whose `node_modules` it uses.
    pub(crate) install: &'a str,
    pub(crate) manifest: &'a Manifest,
}

/// The step of this kind.
pub(crate) fn step(place: &Place<'_>, kind: Kind) -> Step {
    let action = match kind {
        _ if place.manifest.fault().is_some() => skip(
            Verdict::Unknown,
            "package.json cannot be read, so nothing is known of the project",
        ),
        Kind::Build | Kind::Test | Kind::Lint | Kind::Smoke
            if place.manifest.script_fault(script_name(kind)).is_some() =>
        {
            let fault = place.manifest.script_fault(script_name(kind));
            skip(Verdict::Unknown, &fault.unwrap_or_default())
        }
        Kind::Build => build(place),
        Kind::Test => test(place),
        Kind::Lint => lint(place),
        Kind::Smoke => smoke(place),
        Kind::Audit | Kind::Install => audit(place),
    };
    Step {
        name: step_name(kind, place.dir),
        kind,
        toolchain: Toolchain::Node,
        dir: place.dir.to_owned(),
        action,
        inputs: crate::Inputs::All,
    }
}

/// The script of `package.json` that a kind of check runs.
pub(crate) fn script_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Smoke => "start",
        other => other.as_str(),
    }
}

fn run(argv: Vec<String>, report: Report) -> Command {
    Command::new(argv, report)
}

fn skip(verdict: Verdict, note: &str) -> Action {
    Action::skip(verdict, note)
}

impl Place<'_> {
    /// The installed program of a dependency.
    fn program(&self, name: &str, package: &str) -> String {
        // npm lifts all programs to the top, pnpm leaves them with those that name their packages.
        let is_pnpm = Manager::of(self.tree, self.install) == Manager::Pnpm;
        let home = match is_pnpm && self.manifest.depends(package) {
            true => self.dir,
            false => self.install,
        };
        format!(
            "{WORKSPACE}/{}",
            join(home, &format!("node_modules/.bin/{name}"))
        )
    }

    fn depends(&self, package: &str) -> bool {
        self.manifest.depends(package)
            || (self.install != self.dir
                && Manifest::read(self.tree, self.install).depends(package))
    }

    /// Whether the folder has a file whose name starts like this.
    fn has(&self, start: &str) -> bool {
        let start = join(self.dir, start);
        self.tree
            .paths()
            .iter()
            .any(|path| path.starts_with(&start) && !path[start.len()..].contains('/'))
    }
}

fn build(place: &Place<'_>) -> Action {
    if let Some(script) = script::read(place.manifest, "build") {
        let note = script
            .idle
            .then(|| "the build script builds nothing".to_owned());
        return Action::Run(Command {
            note,
            ..run(words(["npm", "run", "build"]), Report::Text)
        });
    }
    if !place.has("tsconfig.json") {
        return skip(
            Verdict::Pass,
            "nothing to build: there is no build script and no tsconfig.json",
        );
    }
    if !place.depends("typescript") {
        return skip(
            Verdict::Unknown,
            "there is a tsconfig.json but no compiler; add typescript to devDependencies and a build script",
        );
    }
    let config = place
        .tree
        .read(&join(place.dir, "tsconfig.json"))
        .unwrap_or_default();
    // A configuration that only refers to others has no files of its own: `--noEmit` would look at nothing.
    let mut argv = vec![place.program("tsc", "typescript")];
    if String::from_utf8_lossy(&config).contains("\"references\"") {
        argv.extend(words(["-b", "--pretty", "false"]));
    } else {
        argv.extend(words(["--noEmit", "--pretty", "false"]));
    }
    let note = Some("there is no build script, so the types were checked".to_owned());
    Action::Run(Command {
        note,
        ..run(argv, Report::Text)
    })
}

fn test(place: &Place<'_>) -> Action {
    let script = script::read(place.manifest, "test");
    let script = script.filter(|script| !script.text.contains("no test specified"));
    let Some(script) = script else {
        for tool in [Tool::Vitest, Tool::Jest, Tool::Mocha] {
            if let Some(command) = runner(place, tool, "there is no test script") {
                return Action::Run(command);
            }
        }
        return skip(
            Verdict::Unknown,
            "there are no tests; add a test script to package.json, such as \"vitest run\" or \"node --test\"",
        );
    };
    if script.idle {
        return Action::Run(run(words(["npm", "test"]), Report::IdleTests));
    }
    let coverage = script.text.contains("--coverage") || measures(place, script.tool);
    if let (Some(dashes), Some((mut arguments, report))) =
        (script.dashes, test_arguments(&script, coverage))
    {
        let mut argv = words(["npm", "test"]);
        argv.extend(std::iter::repeat_n("--".to_owned(), dashes));
        argv.append(&mut arguments);
        return Action::Run(run(argv, report));
    }
    if script.tool != Tool::NodeTest {
        let named = [
            ("vitest", Tool::Vitest),
            ("jest", Tool::Jest),
            ("mocha", Tool::Mocha),
        ];
        for (_, tool) in named
            .into_iter()
            .filter(|(name, _)| script.text.contains(name))
        {
            if let Some(command) = runner(
                place,
                tool,
                "arguments do not reach the test script's runner",
            ) {
                return Action::Run(command);
            }
        }
    }
    // node:test takes no options behind its patterns, but from the environment, in whatever runs it.
    let mut options = format!(
        "--enable-source-maps --test-reporter=junit --test-reporter-destination={OUT}/{TEST_XML} \
         --test-reporter=spec --test-reporter-destination=stdout"
    );
    if script.text.contains("--experimental-test-coverage") {
        options.push_str(&format!(
            " --test-reporter=lcov --test-reporter-destination={OUT}/{COVERAGE_LCOV}"
        ));
    }
    let report = if script.tool == Tool::NodeTest {
        Report::Junit
    } else {
        Report::UnknownTests
    };
    let mut command = run(words(["npm", "test"]), report);
    command.env.insert("NODE_OPTIONS".to_owned(), options);
    Action::Run(command)
}

/// Whether a runner can say what it covers without being told how: vitest with its package for it.
fn measures(place: &Place<'_>, tool: Tool) -> bool {
    let packages = ["@vitest/coverage-v8", "@vitest/coverage-istanbul"];
    // A floor of the project's own holds only where its script measures: it is no part of a plain run.
    let has_floor = || {
        let configures = |path: &String| {
            let name = path.rsplit('/').next().unwrap_or(path);
            name.starts_with("vitest.") || name.starts_with("vite.config.")
        };
        place
            .tree
            .paths()
            .iter()
            .filter(|path| configures(path))
            .any(|path| {
                let bytes = place.tree.read(path).unwrap_or_default();
                String::from_utf8_lossy(&bytes).contains("thresholds")
            })
    };
    tool == Tool::Vitest && packages.iter().any(|package| place.depends(package)) && !has_floor()
}

/// The arguments that make a runner write its report.
fn test_arguments(script: &Script, coverage: bool) -> Option<(Vec<String>, Report)> {
    let (mut arguments, report) = arguments(script.tool, coverage)?;
    let watches = script.text.contains("watch");
    match script.tool {
        Tool::Vitest if !script.text.contains("vitest run") => arguments.push("--run".to_owned()),
        Tool::ReactScripts => arguments.push("--watchAll=false".to_owned()),
        Tool::Jest if watches => arguments.extend(words(["--watch=false", "--watchAll=false"])),
        Tool::Mocha if script.text.contains("--reporter") => return None,
        _ => {}
    }
    Some((arguments, report))
}

fn arguments(tool: Tool, coverage: bool) -> Option<(Vec<String>, Report)> {
    let file = format!("{OUT}/{TEST_JSON}");
    let mut arguments = match tool {
        Tool::Vitest => {
            vec![
                "--reporter=default".to_owned(),
                "--reporter=json".to_owned(),
                format!("--outputFile.json={file}"),
            ]
        }
        Tool::Jest | Tool::ReactScripts => {
            vec![
                "--ci".to_owned(),
                "--json".to_owned(),
                format!("--outputFile={file}"),
            ]
        }
        Tool::Mocha => {
            let reporter = words(["--reporter", "json", "--reporter-option"]);
            return Some((
                [reporter, vec![format!("output={file}")]].concat(),
                Report::Mocha,
            ));
        }
        Tool::NodeTest | Tool::Eslint | Tool::Biome | Tool::Other => return None,
    };
    match tool {
        Tool::Vitest if coverage => arguments.extend([
            "--coverage.enabled=true".to_owned(),
            "--coverage.reporter=text".to_owned(),
            "--coverage.reporter=json-summary".to_owned(),
            format!("--coverage.reportsDirectory={OUT}/coverage"),
        ]),
        _ if coverage => arguments.extend([
            "--coverageReporters=text".to_owned(),
            "--coverageReporters=json-summary".to_owned(),
            format!("--coverageDirectory={OUT}/coverage"),
        ]),
        _ => {}
    }
    Some((arguments, Report::Jest))
}

/// The runner's own program, for when there is no script that takes arguments.
fn runner(place: &Place<'_>, tool: Tool, why: &str) -> Option<Command> {
    let name = match tool {
        Tool::Vitest => "vitest",
        Tool::Jest => "jest",
        _ => "mocha",
    };
    let (mut arguments, report) =
        arguments(tool, measures(place, tool)).filter(|_| place.depends(name))?;
    let mut argv = vec![place.program(name, name)];
    if tool == Tool::Vitest {
        argv.push("run".to_owned());
    }
    argv.append(&mut arguments);
    Some(Command {
        note: Some(format!("{why}, so {name} was run by itself")),
        ..run(argv, report)
    })
}

fn lint(place: &Place<'_>) -> Action {
    let write = words(["-f", "json", "-o", &format!("{OUT}/{LINT_JSON}")]);
    let configured = place.has("eslint.config.")
        || place.has(".eslintrc")
        || place.manifest.field("eslintConfig").is_some();
    let Some(script) = script::read(place.manifest, "lint") else {
        if place.depends("eslint") && configured {
            let argv = [
                vec![place.program("eslint", "eslint"), ".".to_owned()],
                write,
            ]
            .concat();
            let note =
                Some("there is no lint script, so eslint was run on the whole project".to_owned());
            return Action::Run(Command {
                note,
                ..run(argv, Report::Eslint)
            });
        }
        if place.depends("@biomejs/biome") && place.has("biome.json") {
            let program = vec![place.program("biome", "@biomejs/biome")];
            let argv = [program, words(["check", "."]), biome()].concat();
            let note =
                Some("there is no lint script, so biome was run on the whole project".to_owned());
            return Action::Run(Command {
                note,
                ..run(argv, Report::Biome)
            });
        }
        return skip(
            Verdict::Unknown,
            "no linter is configured; add eslint, its configuration, and a lint script such as \"eslint .\"",
        );
    };
    if script.idle {
        return skip(
            Verdict::Unknown,
            "the lint script runs no linter; make it run one, such as \"eslint .\"",
        );
    }
    let own = [" -f", " --format", " -o", " --output-file"]
        .iter()
        .any(|flag| script.text.contains(flag));
    match script.dashes {
        Some(dashes) if script.tool == Tool::Eslint && !own => {
            let mut argv = words(["npm", "run", "lint"]);
            argv.extend(std::iter::repeat_n("--".to_owned(), dashes));
            argv.extend(write);
            Action::Run(run(argv, Report::Eslint))
        }
        Some(dashes) if script.tool == Tool::Biome && !script.text.contains("--reporter") => {
            let mut argv = words(["npm", "run", "lint"]);
            argv.extend(std::iter::repeat_n("--".to_owned(), dashes));
            argv.extend(biome());
            Action::Run(run(argv, Report::Biome))
        }
        _ => Action::Run(run(words(["npm", "run", "lint"]), Report::Text)),
    }
}

/// The arguments that make biome write its report.
fn biome() -> Vec<String> {
    words(["--reporter=json", "--max-diagnostics=200", "--colors=off"])
}

fn audit(place: &Place<'_>) -> Action {
    let manager = Manager::of(place.tree, place.install);
    let report = match manager {
        Manager::Npm => Report::NpmAudit,
        _ => Report::ManagerAudit,
    };
    Action::Run(Command {
        network: Network::Registries,
        env: manager.env(),
        ..run(manager.audit(), report)
    })
}

fn smoke(place: &Place<'_>) -> Action {
    if place.manifest.script("start").is_none() {
        return skip(
            Verdict::Unknown,
            "there is nothing to start; add a start script to package.json that listens on the port in PORT",
        );
    }
    let mut command = run(words(["node", SMOKE_NODE.inside]), Report::Smoke);
    if place.manifest.script("build").is_some() {
        command
            .env
            .insert(crate::smoke::BUILD.to_owned(), "1".to_owned());
    }
    Action::Run(command)
}
