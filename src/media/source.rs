//! Whom a stream believes: the address of the SDP, or the first source that the signalling vouches for.
//! Once latched it is that source only, until a re-INVITE names another address (RTP bleed, CVE-2025-53399).

use super::Open;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

#[derive(Clone, Debug)]
pub struct Source {
    remote: SocketAddr,
    signalling: IpAddr,
    media_from: Vec<IpNet>,
    latched: Option<SocketAddr>,
    /// Where reports come from, on the port beside.
    reports: Option<SocketAddr>,
}

impl Source {
    pub fn new(open: &Open) -> Self {
        Self {
            remote: open.session.remote,
            signalling: open.signalling,
            media_from: open.media_from.clone(),
            latched: None,
            reports: None,
        }
    }

    /// Whether a report on the port beside may be the far end's; the first one latches its source. Reports move nothing but
    /// themselves.
    pub fn reports_from(&mut self, source: SocketAddr) -> bool {
        let trusted = match self.reports {
            Some(reports) => source == reports,
            None => source.ip() == self.destination().ip() || self.latched.is_none() && self.trusts(source),
        };
        if trusted {
            self.reports = Some(source);
        }
        trusted
    }

    /// Where reports go that do not go where the packets go (RFC 3550 section 11): the next port, until one has come.
    pub fn reports_to(&self) -> SocketAddr {
        let to = self.destination();
        self.reports.unwrap_or(SocketAddr::new(to.ip(), to.port().saturating_add(1)))
    }

    pub fn trusts(&self, source: SocketAddr) -> bool {
        match self.latched {
            Some(latched) => source == latched,
            None => {
                let ip = source.ip();
                source == self.remote
                    || ip == self.signalling
                    || self.media_from.iter().any(|network| network.contains(&ip))
            }
        }
    }

    /// Latches a source that is trusted; `true` if it was not latched before.
    pub fn latch(&mut self, source: SocketAddr) -> bool {
        self.latched.replace(source).is_none()
    }

    /// The far end's SDP as it stands now; `true` if it moved, so that the source has to be latched anew.
    pub fn retarget(&mut self, remote: SocketAddr) -> bool {
        if self.remote == remote {
            return false;
        }
        self.remote = remote;
        (self.latched, self.reports) = (None, None);
        true
    }

    /// Where to send: where packets come from (symmetric RTP, RFC 4961), until then where the SDP says.
    pub fn destination(&self) -> SocketAddr {
        self.latched.unwrap_or(self.remote)
    }
}
