//! Whether another call would harm those that stand: judged by what the threads want of their cores, not by a number of
//! calls.

use super::media_worker::Load;
use super::meter::Share;

/// A thread that wants this many thousandths of a core has no room: beyond, ticks begin to wait for one another.
const FULL: u64 = 800;
/// Below this there is room again.
const ROOM: u64 = 740;
/// A worker of whose ticks so many thousandths come later than the next one should have is behind, whatever it wants.
const LATE: u64 = 500;
/// Windows in a row that must agree before the door closes or opens: one alone may be the machine's hiccup.
const AGREED: u32 = 2;

/// Calls are let in, or not.
#[derive(Debug, Default)]
pub struct Crowd {
    full: bool,
    /// Windows in a row that say otherwise.
    against: u32,
}

impl Crowd {
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// One window of the control thread and of each worker that lives. Says so when the door closes (`true`) or opens.
    pub fn window(&mut self, control: Share, workers: &[Load]) -> Option<bool> {
        let limit = if self.full { ROOM } else { FULL };
        let behind = |load: &Load| load.wanted_permille >= limit || load.late_permille >= LATE;
        // A call goes to any of the workers, and needs the one control thread.
        let full = control.wanted >= limit || workers.iter().all(behind);
        self.against = if full == self.full { 0 } else { self.against + 1 };
        if self.against < AGREED {
            return None;
        }
        (self.full, self.against) = (full, 0);
        Some(full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_door_closes_and_opens_once_two_windows_agree() {
        let idle = (100, [(300, 0), (300, 0)]);
        let cases = [
            (idle, None),
            // One worker has room.
            ((100, [(900, 0), (300, 0)]), None),
            ((100, [(900, 0), (300, 0)]), None),
            // A hiccup.
            ((100, [(900, 0), (300, 700)]), None),
            (idle, None),
            ((100, [(800, 0), (300, 500)]), None),
            ((100, [(800, 0), (800, 0)]), Some(true)),
            // Not enough to open again.
            ((100, [(750, 0), (750, 0)]), None),
            ((100, [(750, 0), (750, 0)]), None),
            (idle, None),
            (idle, Some(false)),
            ((800, [(300, 0), (300, 0)]), None),
            ((800, [(300, 0), (300, 0)]), Some(true)),
        ];
        let mut crowd = Crowd::default();
        for (n, ((control, workers), told)) in cases.into_iter().enumerate() {
            let workers = workers.map(|(wanted_permille, late_permille)| Load {
                wanted_permille,
                late_permille,
                ..Load::default()
            });
            assert_eq!(crowd.window(Share { busy: 0, wanted: control }, &workers), told, "window {n}");
        }
    }
}
