//! Which package manager a project is for.

use std::collections::BTreeMap;

use super::Manager;

fn of(files: &[(&str, &str)]) -> Manager {
    let tree: BTreeMap<String, Vec<u8>> = files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()))
        .collect();
    Manager::of(&tree, "")
}

#[test]
fn a_lockfile_or_a_name_says_whose_project_it_is() {
    assert_eq!(of(&[("package.json", "{}")]), Manager::Npm);
    assert_eq!(
        of(&[("pnpm-lock.yaml", "lockfileVersion: '9.0'")]),
        Manager::Pnpm
    );
    assert_eq!(of(&[("yarn.lock", "# yarn lockfile v1\n")]), Manager::Yarn);
    assert_eq!(
        of(&[("yarn.lock", "__metadata:\n  version: 8\n")]),
        Manager::Berry
    );
    let both = [("yarn.lock", ""), ("package-lock.json", "{}")];
    assert_eq!(of(&both), Manager::Npm);
    let named = |name: &str| {
        of(&[(
            "package.json",
            &format!(r#"{{"packageManager": "{name}"}}"#),
        )])
    };
    assert_eq!(named("pnpm@10.1.0"), Manager::Pnpm);
    assert_eq!(named("yarn@1.22.22"), Manager::Yarn);
    assert_eq!(named("yarn@4.5.0"), Manager::Berry);
    assert_eq!(named("bun@1.0.0"), Manager::Npm);
    assert_eq!(named("; rm -rf /"), Manager::Npm);
}

#[test]
fn no_installation_runs_scripts() {
    for manager in [Manager::Npm, Manager::Pnpm, Manager::Yarn] {
        for is_locked in [true, false] {
            let argv = manager.install(is_locked);
            assert!(argv.contains(&"--ignore-scripts".to_owned()), "{argv:?}");
        }
    }
    assert!(
        Manager::Berry
            .install(true)
            .contains(&"--mode=skip-build".to_owned())
    );
    assert_eq!(Manager::Berry.env()["YARN_ENABLE_SCRIPTS"], "0");
}

#[test]
fn only_a_lockfile_that_does_not_fit_is_left_aside() {
    for (manager, said) in [
        (Manager::Pnpm, " ERR_PNPM_OUTDATED_LOCKFILE  Cannot install"),
        (
            Manager::Yarn,
            "error Your lockfile needs to be updated, but",
        ),
        (
            Manager::Berry,
            "YN0028: │ The lockfile would have been modified by this install",
        ),
    ] {
        let argv = manager.install(true);
        let open = Manager::unlocked(&argv, said).expect("another way");
        assert_ne!(open, argv);
        assert_eq!(Manager::unlocked(&argv, "ECONNREFUSED"), None);
        assert_eq!(Manager::unlocked(&open, said), None, "once is enough");
    }
}
