//! SIPp scenarios that tests put together: what callers do between the ACK and their end.

pub const AGENT: &str = include_str!("agent.xml");
pub const BUSY: &str = include_str!("busy.xml");
pub const CANCEL: &str = include_str!("cancel.xml");
pub const COMPACT: &str = include_str!("compact.xml");
pub const FORKED: &str = include_str!("forked.xml");
pub const RELIABLE: &str = include_str!("reliable.xml");

/// The account over the welcome, a 1 over the read-back, and silence that the agent hears too.
pub const KEYS: &str = ",79927398713#,1,,,,";
/// Keys by RFC 4733.
const PLAY: &str = r#"<nop><action><exec play_pcap_audio="keys.pcap"/></action></nop>"#;
const NOTHING: &str = "Content-Length: 0";
const HEAD: &str = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
[routes]
From: <sip:+15551230001@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:18005550100@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
Max-Forwards: 70";

/// A caller who keys by RFC 4733, and leaves after so many seconds if nobody else has.
pub fn caller(patience: u32) -> String {
    calling(&described("sendrecv"), NOTHING, PLAY, patience)
}

/// A caller who keys by SIP INFO.
pub fn informer(patience: u32) -> String {
    let mut infos = String::new();
    for key in KEYS.trim_end_matches(',').chars() {
        infos += &match key {
            ',' => pause(1000),
            key => {
                let body =
                    format!("Content-Type: application/dtmf-relay\n{}", sized(&format!("Signal={key}\nDuration=100")));
                pause(100) + &request("INFO", &body, "200")
            }
        };
    }
    calling(&described("sendrecv"), NOTHING, &infos, patience)
}

/// A voice server: it answers, says what is in `keys.pcap`, and waits for the caller's BYE.
pub fn speaker() -> String {
    let (answers, _) = AGENT.split_once("  <pause").expect("a talk");
    let answers: String = answers.lines().filter(|line| !line.contains("<action>")).collect::<Vec<_>>().join("\n");
    format!("{answers}{PLAY}<recv request=\"BYE\"/>\n{}</scenario>\n", answer("200 OK"))
}

/// An agent's phone whose caller hangs up.
pub fn patient() -> String {
    let (talks, _) = AGENT.split_once("  <pause").expect("a talk");
    // SIPp wants no name that is not used.
    let talks: String = talks.lines().filter(|line| !line.contains("<action>")).collect::<Vec<_>>().join("\n");
    format!("{talks}<recv request=\"BYE\"/>\n{}</scenario>\n", answer("200 OK"))
}

/// A caller who leaves the offer to us, and answers it in the ACK.
pub fn late(patience: u32) -> String {
    calling(NOTHING, &described("sendrecv"), PLAY, patience)
}

/// A caller who insists that every 18x of ours arrives; we answer at once, with none.
pub fn insistent(patience: u32) -> String {
    calling(&format!("Require: 100rel\n{}", described("sendrecv")), NOTHING, PLAY, patience)
}

/// A caller who holds the call for a second and takes it up again, and then keys.
pub fn holder(patience: u32) -> String {
    let hold = |direction| request("INVITE", &described(direction), "200") + &ack();
    let then = hold("sendonly") + &pause(1000) + &hold("sendrecv") + PLAY;
    calling(&described("sendrecv"), NOTHING, &then, patience)
}

/// A caller who keys, and once it talks parks the agent for a second and a half.
pub fn parks_the_agent() -> String {
    let hold = |direction| request("INVITE", &described(direction), "200") + &ack();
    let then = PLAY.to_owned() + &pause(11_000) + &hold("inactive") + &pause(1500) + &hold("sendrecv");
    calling(&described("sendrecv"), NOTHING, &then, 30)
}

/// An agent's phone that parks its caller for as long. Nobody re-INVITEs it when the caller parks: it hears music.
pub fn parks_the_caller() -> String {
    let within = |method: &str, cseq: u32, rest: &str| {
        format!(
            "{method} [next_url] SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n[routes]\nFrom: \
             <sip:agent@[local_ip]:[local_port]>;tag=agent[call_number]\nTo: [$caller]\nCall-ID: [call_id]\nCSeq: {cseq} \
             {method}\nContact: <sip:agent@[local_ip]:[local_port];transport=[transport]>\nMax-Forwards: 70\n{rest}"
        )
    };
    let hold = |cseq, direction| {
        let invite = within("INVITE", cseq, &described(direction));
        let ack = within("ACK", cseq, NOTHING);
        format!(
            "<send retrans=\"500\"><![CDATA[\n{invite}\n\n]]></send>\n<recv response=\"100\" optional=\"true\"/>\n<recv \
             response=\"200\"/>\n<send><![CDATA[\n{ack}\n\n]]></send>\n"
        )
    };
    let parks = pause(1000) + &hold(1, "inactive") + &pause(1500) + &hold(2, "sendrecv");
    let agent = AGENT.replace("  <pause milliseconds=\"1000\"/>", &(parks + &pause(6000)));
    agent.replace("CSeq: 1 BYE", "CSeq: 3 BYE")
}

/// A caller who asks for a session timer, refreshes it by UPDATE, and then keys.
pub fn refresher(patience: u32) -> String {
    let timer = "Supported: timer\nSession-Expires: 90;refresher=uac\n";
    let update = request("UPDATE", &format!("{timer}{NOTHING}"), "200");
    calling(&format!("{timer}{}", described("sendrecv")), NOTHING, &(update + PLAY), patience)
}

/// A caller who leaves once we have refreshed the session.
pub fn refreshed() -> String {
    let timer = "Supported: timer\nSession-Expires: 90;refresher=uas\nAllow: INVITE, ACK, BYE, CANCEL, UPDATE\n";
    let update = format!("{PLAY}<recv request=\"UPDATE\"/>\n{}", answer("200 OK\nSession-Expires: 90;refresher=uac"));
    calling(&format!("{timer}{}", described("sendrecv")), NOTHING, &update, 1)
}

/// A caller's phone that takes a REFER, and tells that the transfer ended with `status`.
pub fn transferred(status: &str, patience: u32) -> String {
    let told = |state: &str, status: &str| {
        let headers = format!("Event: refer\nSubscription-State: {state}\nContent-Type: message/sipfrag\n");
        request("NOTIFY", &format!("{headers}{}", sized(&format!("SIP/2.0 {status}"))), "200")
    };
    let accept = "<recv request=\"REFER\"/>\n".to_owned() + &answer("202 Accepted");
    let then = accept + &told("active;expires=60", "100 Trying") + &told("terminated;reason=noresource", status);
    calling(&described("sendrecv"), NOTHING, &then, patience)
}

/// A caller who is turned away.
pub fn refused(status: &str) -> String {
    let caller = include_str!("caller.xml").replace("    OFFER", &described("sendrecv"));
    let (invite, _) = caller.split_once("  <recv response=\"200\"").expect("an answer");
    let ack = "<send><![CDATA[\nACK sip:18005550100@[remote_ip]:[remote_port] SIP/2.0\n[last_Via:]\n[last_From:]\n[last_To:]\n\
               [last_Call-ID:]\nCSeq: 1 ACK\nMax-Forwards: 70";
    format!("{invite}<recv response=\"{status}\"/>\n{ack}\n{NOTHING}\n\n]]></send>\n</scenario>\n")
}

fn calling(offer: &str, answer: &str, then: &str, patience: u32) -> String {
    let caller = include_str!("caller.xml").replace("    OFFER", offer).replace("    ANSWER", answer);
    caller.replace("  THEN", then).replace("PATIENCE", &(patience * 1000).to_string())
}

/// A request within the call, and the answer that it is to get.
fn request(method: &str, rest: &str, status: &str) -> String {
    let contact = "Contact: <sip:caller@[local_ip]:[local_port];transport=[transport]>";
    let head = format!("{method} [next_url] SIP/2.0\n{HEAD}\nCSeq: [cseq] {method}\n{contact}\n{rest}");
    let answers = format!("<recv response=\"100\" optional=\"true\"/>\n<recv response=\"{status}\"/>\n");
    format!("<send retrans=\"500\"><![CDATA[\n{head}\n\n]]></send>\n{answers}")
}

/// The answer to what was received last.
fn answer(status: &str) -> String {
    let head = "[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]";
    let contact = "Contact: <sip:[local_ip]:[local_port];transport=[transport]>";
    format!("<send><![CDATA[\nSIP/2.0 {status}\n{head}\n{contact}\n{NOTHING}\n\n]]></send>\n")
}

/// The ACK of the last re-INVITE.
fn ack() -> String {
    format!("<send><![CDATA[\nACK [next_url] SIP/2.0\n{HEAD}\nCSeq: [cseq] ACK\n{NOTHING}\n\n]]></send>\n")
}

fn pause(milliseconds: u32) -> String {
    format!("<pause milliseconds=\"{milliseconds}\"/>\n")
}

/// A description of what the caller would hear and say.
fn described(direction: &str) -> String {
    let session = "v=0\no=caller 1 1 IN IP[local_ip_type] [local_ip]\ns=-\nc=IN IP[media_ip_type] [media_ip]\nt=0 0";
    let audio = "m=audio [media_port] RTP/AVP 0 101\na=rtpmap:0 PCMU/8000\na=rtpmap:101 telephone-event/8000";
    format!("Content-Type: application/sdp\n{}", sized(&format!("{session}\n{audio}\na=fmtp:101 0-15\na={direction}")))
}

fn sized(body: &str) -> String {
    format!("Content-Length: [len]\n\n{body}")
}
