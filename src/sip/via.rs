//! One Via value (RFC 3261 section 20.42) and where the answer to its request goes (section 18.2.2, RFC 3581).

use std::net::SocketAddr;

use super::hop::{Hop, Transport};
use super::params;
use super::uri::{host_port, ip};

/// RFC 3261 section 8.1.1.7: a branch that starts so is unique to its transaction.
pub(super) const MAGIC_COOKIE: &str = "z9hG4bK";

/// `SIP/2.0/TRANSPORT sent-by;params`, borrowed from the header it was read from.
#[derive(Clone, Copy, Debug)]
pub struct Via<'a> {
    pub transport: &'a str,
    /// The host of sent-by, an IPv6 address with its brackets.
    pub host: &'a str,
    pub port: Option<u16>,
    params: &'a str,
}

impl<'a> Via<'a> {
    /// Reads one Via value; blanks around its separators are allowed. The error is the reason, for a 400.
    pub fn read(text: &'a str) -> Result<Via<'a>, &'static str> {
        let mut parts = text.splitn(3, '/').map(str::trim_ascii);
        if !parts.next().is_some_and(|name| name.eq_ignore_ascii_case("SIP")) || parts.next() != Some("2.0") {
            return Err("a Via of another protocol");
        }
        let rest = parts.next().ok_or("a Via without a transport")?;
        let (transport, rest) = rest.split_once([' ', '\t']).ok_or("a Via without sent-by")?;
        let sent_by = rest.find(';').unwrap_or(rest.len());
        let (sent_by, params) = rest.split_at(sent_by);
        let (host, port) = host_port(sent_by.trim_ascii())?;
        params::check(params)?;
        Ok(Via { transport, host, port, params })
    }

    /// The value of a parameter, `""` for a flag.
    pub fn param(&self, name: &str) -> Option<&'a str> {
        params::find(self.params, name)
    }

    /// The branch, if it is one by which transactions may be told apart (it has the magic cookie and more).
    pub fn branch(&self) -> Option<&'a str> {
        self.param("branch").filter(|branch| branch.len() > MAGIC_COOKIE.len() && branch.starts_with(MAGIC_COOKIE))
    }

    /// Where the response goes: over the connection that the request came by; over UDP to the address that it came
    /// from, at the port it came from if `rport` was asked for (RFC 3581 section 4), else at the port of sent-by.
    /// `maddr` is never followed: a spoofed request must not make us send to a third party.
    pub fn reply_hop(&self, source: Hop) -> Hop {
        if source.transport.is_stream() || self.param("rport").is_some() {
            return source;
        }
        let port = self.port.unwrap_or(Transport::Udp.default_port());
        Hop::udp(SocketAddr::new(source.address.ip(), port))
    }

    /// The value as it goes into the response: `received` and `rport` are ours to write, whatever was read.
    pub fn stamped(&self, source: SocketAddr) -> String {
        let port = self.port.map_or(String::new(), |port| format!(":{port}"));
        let mut text = format!("SIP/2.0/{} {}{port}", self.transport, self.host);
        for (name, value) in params::pairs(self.params) {
            if !name.eq_ignore_ascii_case("received") && !name.eq_ignore_ascii_case("rport") {
                text.push(';');
                text.push_str(name);
                if !value.is_empty() {
                    text.push('=');
                    text.push_str(value);
                }
            }
        }
        let asked = self.param("rport").is_some();
        if asked || ip(self.host) != Some(source.ip()) {
            text.push_str(&format!(";received={}", source.ip()));
        }
        if asked {
            text.push_str(&format!(";rport={}", source.port()));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_goes_to_the_source_and_the_stamp_is_ours() {
        let source: SocketAddr = "192.0.2.9:6000".parse().unwrap();
        // value, reply address, stamped
        let cases = [
            ("SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKa", "192.0.2.9:5060", "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKa"),
            (
                "SIP / 2.0 / UDP  10.0.0.1 : 5070 ;rport;branch=z9hG4bKa;received=1.1.1.1",
                "192.0.2.9:6000",
                "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bKa;received=192.0.2.9;rport=6000",
            ),
            (
                "SIP/2.0/UDP pc33.example.com;maddr=9.9.9.9;ttl=1",
                "192.0.2.9:5060",
                "SIP/2.0/UDP pc33.example.com;maddr=9.9.9.9;ttl=1;received=192.0.2.9",
            ),
            (
                "SIP/2.0/UDP [2001:db8::9:1]:5062;received=[2001:db8::9:255]",
                "192.0.2.9:5062",
                "SIP/2.0/UDP [2001:db8::9:1]:5062;received=192.0.2.9",
            ),
        ];
        for (value, reply, stamped) in cases {
            let via = Via::read(value).unwrap();
            assert_eq!(via.reply_hop(Hop::udp(source)).address.to_string(), reply, "{value}");
            assert_eq!(via.stamped(source), stamped, "{value}");
        }
    }

    #[test]
    fn faulty_values_are_refused_and_a_bare_cookie_is_no_branch() {
        let faulty = [
            "",
            "SIP/2.0/UDP",
            "SIP/2.0/UDP ;a",
            "SIP/7.0/UDP h",
            "SIP/2.0/UDP h;;",
            "SIP/2.0/UDP h:x",
            "HTTP/2.0/UDP h",
        ];
        for value in faulty {
            assert!(Via::read(value).is_err(), "{value}");
        }
        let branch = |value| Via::read(value).unwrap().branch();
        assert_eq!(branch("SIP/2.0/UDP h;branch=z9hG4bK"), None);
        assert_eq!(branch("SIP/2.0/UDP h;branch=abc"), None);
        assert_eq!(branch("SIP/2.0/UDP h;branch=z9hG4bKx"), Some("z9hG4bKx"));
    }
}
