//! Real npm in real sandboxes of the native engine, on the projects in `testdata/projects`.

#[path = "checks/advisories.rs"]
mod advisories;
#[path = "checks/ahead.rs"]
mod ahead;
#[path = "checks/bench.rs"]
mod bench;
#[path = "checks/caching.rs"]
mod caching;
#[path = "checks/code.rs"]
mod code;
#[path = "checks/compiled.rs"]
mod compiled;
#[path = "checks/egress.rs"]
mod egress;
#[path = "checks/images.rs"]
mod images;
#[path = "checks/install.rs"]
mod install;
#[path = "checks/managers.rs"]
mod managers;
#[path = "checks/overrides.rs"]
mod overrides;
#[path = "checks/projects.rs"]
mod projects;
#[path = "checks/python.rs"]
mod python;
#[path = "checks/runners.rs"]
mod runners;
#[path = "checks/running.rs"]
mod running;
#[path = "checks/serving.rs"]
mod serving;
#[path = "checks/shared.rs"]
mod shared;
#[path = "checks/steps.rs"]
mod steps;
#[path = "checks/tools.rs"]
mod tools;
