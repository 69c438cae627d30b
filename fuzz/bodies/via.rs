use askonce::sip::{Hop, Via};
use std::net::SocketAddr;

/// The stamp is ours and says where the message came from, whatever was in the value; all else stays. An answer
/// never goes to another host.
pub fn via(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(via) = Via::read(text) else { return };
    let source = SocketAddr::from(([192, 0, 2, 9], 6000));
    assert_eq!(via.reply_hop(Hop::udp(source)).address.ip(), source.ip());

    // The stamp adds two parameters, and of 64 there may be no more.
    if text.matches(';').count() > 62 {
        return;
    }
    let stamped = via.stamped(source);
    let again = Via::read(&stamped).expect("a stamped value");
    assert_eq!((again.transport, again.host, again.port), (via.transport, via.host, via.port));
    for name in ["branch", "maddr", "ttl", "x"] {
        assert_eq!(again.param(name), via.param(name), "{name}");
    }
    let asked = via.param("rport").is_some();
    assert_eq!(again.param("rport"), asked.then_some("6000"));
    let received = if asked || via.host != "192.0.2.9" { Some("192.0.2.9") } else { None };
    assert_eq!(again.param("received"), received);
    assert_eq!(again.stamped(source), stamped);
}
