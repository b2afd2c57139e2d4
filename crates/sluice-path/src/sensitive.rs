//! Files that steer tools, hold secrets or decide what is checked; a person should see them change.

use crate::RelPath;

/// File names that are sensitive in any folder, in lower case.
const NAMES: &[&str] = &[
    // Lockfiles.
    "bun.lock",
    "bun.lockb",
    "buildscript-gradle.lockfile",
    "cargo.lock",
    "composer.lock",
    "conda-lock.yml",
    "deno.lock",
    "flake.lock",
    "gemfile.lock",
    "go.sum",
    "go.work.sum",
    "gradle.lockfile",
    "mix.lock",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "package.resolved",
    "packages.lock.json",
    "pdm.lock",
    "pipfile.lock",
    "pixi.lock",
    "pnpm-lock.yaml",
    "podfile.lock",
    "poetry.lock",
    "pubspec.lock",
    "pylock.toml",
    "uv.lock",
    "yarn.lock",
    // Secrets.
    ".envrc",
    ".git-credentials",
    ".htpasswd",
    ".netrc",
    ".pypirc",
    // CI.
    ".appveyor.yml",
    ".cirrus.yml",
    ".drone.yml",
    ".gitlab-ci.yaml",
    ".gitlab-ci.yml",
    ".travis.yml",
    ".woodpecker.yml",
    "appveyor.yml",
    "azure-pipelines.yaml",
    "azure-pipelines.yml",
    "bitbucket-pipelines.yml",
    "buildspec.yml",
    "cloudbuild.yaml",
    "cloudbuild.yml",
    "codeowners",
    "jenkinsfile",
    "renovate.json",
    "sluice.toml",
    // Package managers.
    ".condarc",
    ".gemrc",
    ".npmrc",
    ".pnp.cjs",
    ".pnp.loader.mjs",
    ".pnpmfile.cjs",
    ".pnpmfile.mjs",
    ".yarnrc",
    ".yarnrc.yml",
    "bunfig.toml",
    "nuget.config",
    "pip.conf",
    "pip.ini",
    "pnpm-workspace.yaml",
    "setup.cfg",
    "setup.py",
    "uv.toml",
    // Test configuration.
    ".coveragerc",
    ".nycrc",
    ".nycrc.json",
    "conftest.py",
    "karma.conf.js",
    "noxfile.py",
    "phpunit.xml",
    "pytest.ini",
    "tox.ini",
    // Toolchains that are downloaded or chosen because of the file.
    ".java-version",
    ".mise.toml",
    ".node-version",
    ".nvmrc",
    ".python-version",
    ".ruby-version",
    ".sdkmanrc",
    ".tool-versions",
    "gradle-wrapper.jar",
    "gradle-wrapper.properties",
    "gradlew",
    "gradlew.bat",
    "maven-wrapper.properties",
    "mise.toml",
    "mvnw",
    "mvnw.cmd",
    "rust-toolchain",
    "rust-toolchain.toml",
    // Executed by a tool without being asked for.
    ".bazelrc",
    ".gitattributes",
    ".gitconfig",
    ".lefthook.yml",
    ".mcp.json",
    ".pre-commit-config.yaml",
    ".pre-commit-hooks.yaml",
    "build.rs",
    "lefthook.yml",
    "sitecustomize.py",
    "usercustomize.py",
];

/// Folders, anywhere in the path, whose whole content is sensitive.
const FOLDERS: &[&str] = &[
    ".buildkite",
    ".circleci",
    ".claude",
    ".cursor",
    ".devcontainer",
    ".githooks",
    ".gitea",
    ".forgejo",
    ".husky",
    ".idea",
    ".mvn",
    ".tekton",
    ".vscode",
    ".woodpecker",
    ".yarn",
    ".zed",
];

/// Test runners that are configured by `<name>.config.<ext>` or `<name>.workspace.<ext>` and the like.
const RUNNERS: &[&str] = &[
    "ava",
    "cypress",
    "jasmine",
    "jest",
    "karma",
    "nightwatch",
    "playwright",
    "vitest",
    "wdio",
];

pub(crate) fn is_sensitive(path: &RelPath) -> bool {
    let key = path.collision_key();
    let components: Vec<&str> = key.split('/').collect();
    let (name, folders) = components
        .split_last()
        .expect("a path has a last component");
    NAMES.contains(name)
        || *name == ".env"
        || name.starts_with(".env.")
        || name.ends_with(".pth")
        || is_test_configuration(name)
        || folders.iter().any(|folder| FOLDERS.contains(folder))
        || components.windows(2).any(|pair| {
            matches!(
                pair,
                [
                    ".github",
                    "workflows" | "actions" | "dependabot.yml" | "dependabot.yaml"
                ] | [".cargo", "config" | "config.toml"]
            )
        })
}

/// `vitest.config.ts`, `jest.config.ci.js`, `jest.setup.js`, `.mocharc.yml`, `vitest.workspace.ts` and their like.
fn is_test_configuration(name: &str) -> bool {
    if name.starts_with(".mocharc") || name.starts_with(".jestrc") || name.starts_with(".nycrc") {
        return true;
    }
    let mut words = name.split(['.', '-']);
    let runner = words.next().is_some_and(|word| RUNNERS.contains(&word));
    runner
        && words.any(|word| {
            matches!(
                word,
                "config" | "conf" | "workspace" | "setup" | "preset" | "projects"
            )
        })
}
