//! What the threads of this program use of the CPUs, as Linux accounts it in `/proc/self/task`.

use std::fs;
use std::time::Duration;

use crate::stats::generator::ThreadTime;

/// The thread that asks, on a system that tells.
pub(in crate::engine) fn own() -> Option<ThreadTime> {
    let read = |what| fs::read_to_string(format!("/proc/thread-self/{what}")).ok();
    time(read("comm")?.trim_end(), &read("schedstat")?)
}

/// Our threads with names, in order of name; empty where the system does not tell.
pub(super) fn times() -> Vec<ThreadTime> {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().filter_map(Result::ok);
    let mut times: Vec<ThreadTime> = tasks
        .filter_map(|task| {
            let name = fs::read_to_string(task.path().join("comm")).ok()?;
            let used = fs::read_to_string(task.path().join("schedstat")).ok()?;
            time(name.trim_end(), &used)
        })
        .collect();
    times.sort_by(|one, other| one.name.cmp(&other.name));
    times
}

/// From the name of a thread and its `schedstat`: nanoseconds on a CPU, nanoseconds waiting for one.
fn time(name: &str, used: &str) -> Option<ThreadTime> {
    let mut numbers = used.split_whitespace().map(str::parse::<u64>);
    let (cpu, waited) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    let (cpu, waited) = (Duration::from_nanos(cpu), Duration::from_nanos(waited));
    name.starts_with("sipp").then(|| ThreadTime { name: name.into(), cpu, waited })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::time;

    #[test]
    fn the_kernels_accounts_are_read() {
        let read = time("sipp-signalling", "1500000 250000 17\n").expect("three numbers");
        assert_eq!((read.cpu, read.waited), (Duration::from_micros(1500), Duration::from_micros(250)));
        assert_eq!(time("somebody", "1 2 3"), None);
        assert_eq!(time("sipp-desk", "x"), None);
    }
}
