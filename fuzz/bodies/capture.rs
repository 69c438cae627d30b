use askonce::replay::capture::Capture;

/// Whatever a file holds, it is read to an end: what could not be read is named by packets that are there, and every call has
/// its line.
pub fn capture(bytes: &[u8]) {
    let Ok(capture) = Capture::read(bytes) else { return };
    let ranges = capture.unread.ranges();
    assert!(ranges.is_sorted_by_key(|range| range.first));
    // The one behind the last is that which is cut off, or damaged.
    assert!(ranges.iter().all(|range| range.first <= range.last && range.last <= capture.packets + 1));
    let (calls, asides) = capture.calls(None);
    calls.iter().for_each(|legs| assert!(!capture.summary(legs).is_empty()));
    asides.iter().for_each(|(dialog, _)| assert!(capture.place(*dialog).starts_with("packet")));
}
