//! A dialog whose process is gone gets a BYE from the next one.

use super::calls::{all_gone, answered};
use super::network::{Network, await_invite};
use super::*;

#[test]
fn whichever_side_began_the_other_one_is_told() {
    for end in [0, 1] {
        let (mut net, caller, callee) = answered();
        let kept = net.ends[end].standing([caller, callee][end]).expect("it stands");
        let kept = serde_json::to_string(&kept).expect("JSON");
        // Another process at the same place, which knows nothing.
        net.ends[end] = endpoint(end);
        let kept: Standing = serde_json::from_str(&kept).expect("a dialog");
        let asked = net.ends[end].end_orphan(net.now, &kept, None);
        assert_eq!(asked, Ok(RequestId(1)));
        net.pass(SECOND, None);
        assert_eq!(net.words(end), ["BYE"], "once");
        assert_eq!(names(&net.events[1 - end]), [format!("Bye({})", if end == 0 { callee.0 } else { caller.0 })]);
        let [Event::Outcome { response: Some(response), .. }] = &net.events[end][..] else { panic!("no outcome") };
        assert_eq!(response.status, 200);
        all_gone(&mut net);
    }
}

#[test]
fn a_phone_that_rings_is_told_that_nobody_calls_any_more() {
    let mut net = Network::quiet();
    let caller = net.call();
    let callee = await_invite(&mut net).unwrap();
    net.ends[1].ring(net.now, callee, 180, Vec::new()).unwrap();
    net.pass(SECOND, None);
    let kept = net.ends[0].standing(caller).expect("it rings");
    assert!(net.ends[1].standing(callee).is_none(), "the caller finds out by itself");
    net.ends[0] = endpoint(0);
    net.sent.clear();
    net.ends[0].end_orphan(net.now, &kept, None).unwrap();
    net.pass(SECOND, None);
    assert_eq!(net.words(0), ["CANCEL"]);
    assert!(names(&net.events[1]).contains(&format!("Cancelled({})", callee.0)));
    all_gone(&mut net);
}

#[test]
fn nothing_is_kept_of_a_dialog_that_ends() {
    let mut net = Network::quiet();
    net.call();
    let callee = await_invite(&mut net).unwrap();
    net.ends[1].accept(net.now, callee, SDP.to_vec()).unwrap();
    assert!(net.ends[1].standing(callee).is_some(), "before its ACK");
    net.pass(SECOND, None);
    net.ends[1].bye(net.now, callee).unwrap();
    assert!(net.ends[1].standing(callee).is_none());
}
