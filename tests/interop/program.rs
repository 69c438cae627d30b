//! Programs that a test runs: what they print, line by line, and how they end. All end with the test.

use askonce::os::clock::Clock;
use askonce::time::{Duration, Instant};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};

/// Longer than any call of this suite.
const PATIENCE: Duration = Duration::from_secs(60);
/// From one key to the next.
const PACE: Duration = Duration::from_millis(300);

/// A running program, and what it has said.
pub struct Program {
    name: String,
    child: Child,
    clock: Clock,
    lines: Receiver<String>,
    said: String,
}

impl Program {
    /// Starts the program of a Debian package.
    pub fn start(mut command: Command, package: &str) -> Program {
        let name = command.get_program().to_string_lossy().into_owned();
        let (output, told) = std::io::pipe().expect("a pipe");
        command.stdin(Stdio::piped()).stdout(told.try_clone().expect("its other end")).stderr(told);
        let child = command.spawn().unwrap_or_else(|error| match error.kind() {
            ErrorKind::NotFound => panic!("{name} is not on this machine: apt-get install {package}"),
            _ => panic!("{name}: {error}"),
        });
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
            // Ends with the program, or with the test that does not listen any more.
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok).map(text) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        Program { name, child, clock: Clock::start(), lines, said: String::new() }
    }

    /// Waits for a line that has `part` in it.
    pub fn says(&mut self, part: &str) -> String {
        let until = self.clock.now() + PATIENCE;
        loop {
            match self.line(until) {
                Ok(line) if line.contains(part) => return line,
                Ok(_) => {}
                Err(why) => panic!("{} did not say {part:?} ({why}), but:\n{}", self.name, self.said),
            }
        }
    }

    /// Waits for its end.
    pub fn ends(&mut self) -> ExitStatus {
        let until = self.clock.now() + PATIENCE;
        loop {
            match self.line(until) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => return self.child.wait().expect("its end"),
                Err(RecvTimeoutError::Timeout) => panic!("{} does not end, but says:\n{}", self.name, self.said),
            }
        }
    }

    /// Everything said so far.
    pub fn said(&self) -> &str {
        &self.said
    }

    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().expect("kill");
        assert!(sent.success(), "kill {signal}");
    }

    /// The memory that it has now, in kB.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("a running program");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// How many file descriptors it has open.
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("a running program").count()
    }

    /// Writes to its input.
    pub fn hears(&mut self, text: &str) {
        self.child.stdin.as_mut().expect("its input").write_all(text.as_bytes()).expect("written");
    }

    /// Presses keys at a person's pace, taking note of what the program says meanwhile.
    pub fn presses(&mut self, keys: &str) {
        for key in keys.chars() {
            self.hears(&key.to_string());
            let next = self.clock.now() + PACE;
            while self.line(next).is_ok() {}
        }
    }

    /// The next line, if it comes before `until`.
    fn line(&mut self, until: Instant) -> Result<String, RecvTimeoutError> {
        let line = self.lines.recv_timeout(until.since(self.clock.now()))?;
        self.said += &line;
        self.said.push('\n');
        Ok(line)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // One that has ended by itself cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
