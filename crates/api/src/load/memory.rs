//! The most memory that a process has had resident, as Linux counts it.

use std::fs;
use std::path::Path;

/// What the server may use at most.
pub(super) const LIMIT_KIB: u64 = 300 * 1024;

/// The process that runs this program on this data folder.
pub(super) fn serving_process(data: &Path) -> Option<u32> {
    let program = std::env::current_exe().ok()?;
    fs::read_dir("/proc").ok()?.filter_map(Result::ok).find_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let arguments = fs::read(entry.path().join("cmdline")).ok()?;
        let names_folder =
            arguments.split(|byte| *byte == 0).any(|argument| argument == data.as_os_str().as_encoded_bytes());
        (names_folder && fs::read_link(entry.path().join("exe")).ok()? == program).then_some(pid)
    })
}

/// In KiB.
pub(super) fn peak_resident(pid: u32) -> Option<u64> {
    peak_in(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

fn peak_in(status: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{peak_in, peak_resident};

    #[test]
    fn the_peak_is_read_from_the_status() {
        assert_eq!(peak_in("Name:\tdaybook\nVmPeak:\t  9 kB\nVmHWM:\t  123456 kB\nVmRSS:\t 1 kB\n"), Some(123_456));
        assert_eq!(peak_in("Name:\tkthreadd\n"), None);
    }

    #[test]
    fn this_process_has_a_peak() {
        assert!(peak_resident(std::process::id()).is_some_and(|kib| kib > 1000));
    }
}
