//! What the process takes of the machine, under the names that Prometheus gives to these.

use std::fs;

use super::Metric;

/// Ticks in a second as `/proc` counts them; Linux shows programs no other number.
const TICKS: f64 = 100.0;

/// What the process takes; what `/proc` does not say is left out.
pub(super) fn metrics() -> Vec<Metric> {
    let mut all = Vec::new();
    let mut add = |name, kind, help, value: Option<String>| {
        all.extend(value.map(|value| Metric::plain(name, kind, help, value)));
    };
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let open = fs::read_dir("/proc/self/fd").map(Iterator::count).ok();
    add(
        "process_resident_memory_bytes",
        "gauge",
        "Bytes of memory that the daemon itself takes.",
        resident(&status).map(|bytes| bytes.to_string()),
    );
    add(
        "process_cpu_seconds_total",
        "counter",
        "Seconds of processors that the daemon itself used.",
        cpu(&stat).map(|seconds| seconds.to_string()),
    );
    add(
        "process_open_fds",
        "gauge",
        "Files and connections that are open.",
        // The folder itself is open while it is read.
        open.map(|count| count.saturating_sub(1).to_string()),
    );
    add(
        "process_max_fds",
        "gauge",
        "Files and connections that may be open.",
        most(&limits).map(|count| count.to_string()),
    );
    all
}

fn resident(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Fields 14 and 15 of proc(5); the second one is a name in brackets that may hold anything.
fn cpu(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS)
}

fn most(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests;
