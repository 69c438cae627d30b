//! Digest authentication, our side (RFC 7616 as RFC 8760 and RFC 3261 section 22 fit it to SIP): challenges are read,
//! and requests carry the proof that we know the password of the one realm that is configured.

use md5::Md5;
use sha2::{Digest, Sha256};

use super::message::{Headers, Request};
use super::name_addr::{quoted, unescaped};
use super::params;
use crate::random::Random;
use crate::secret::Secret;

/// A longer parameter of a challenge is refused: we keep it, and send it back with each request.
pub const MAX_PARAMETER: usize = 1_024;
/// One request's answers to challenges from one side: one, and these many in all if the peer calls our nonce stale.
const MAX_TRIES: u8 = 3;

/// The header of a challenge and that of its answer: of the far end itself, and of a proxy on the way.
const SIDES: [(&str, &str); 2] = [("WWW-Authenticate", "Authorization"), ("Proxy-Authenticate", "Proxy-Authorization")];

/// A user and password, and the realm that may ask for them.
#[derive(Clone, Debug, PartialEq)]
pub struct Credentials {
    realm: String,
    user: String,
    password: Secret,
}

impl Credentials {
    /// Refuses control bytes: no peer asks for them, and a password read from a file easily ends in a line feed.
    pub fn new(realm: &str, user: &str, password: Secret) -> Result<Credentials, &'static str> {
        if [realm, user, password.open()].iter().any(|text| has_control(text)) {
            return Err("a control byte in a realm, user or password");
        }
        Ok(Credentials { realm: realm.to_owned(), user: user.to_owned(), password })
    }
}

/// Our side of digest towards one peer (a trunk, say): its requests, and no others, are to be authorized with it. It
/// keeps the last challenge of each side, so that the next request is authorized at once.
#[derive(Clone, Debug)]
pub struct Client {
    credentials: Credentials,
    sessions: [Option<Session>; SIDES.len()],
}

/// How often one request answered challenges, for each side: kept with the request for as long as it is tried again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tries([u8; SIDES.len()]);

/// Why a challenge is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// A 401 or 407 without a challenge.
    NoChallenge,
    /// Every challenge is of another realm than the one configured.
    ForeignRealm,
    /// No challenge that we understand, and what is wrong with the last.
    NotUnderstood(&'static str),
    /// Our answer was refused: the user or the password is wrong.
    WrongPassword,
}

impl Client {
    pub fn new(credentials: Credentials) -> Client {
        Client { credentials, sessions: [None, None] }
    }

    /// Takes the challenges of a 401 or 407. If that is `Ok`, send the request again (other branch, CSeq one higher:
    /// RFC 3261 section 22.2) after `authorize`.
    pub fn learn(&mut self, refusal: &Headers, tries: &mut Tries, random: &mut Random) -> Result<(), Denied> {
        let mut outcome = Err(Denied::NoChallenge);
        for (side, (name, _)) in SIDES.iter().enumerate() {
            match self.choose(refusal.all(name)) {
                Ok(challenge) => {
                    tries.spend(side, challenge.stale)?;
                    self.keep(side, challenge, random);
                    outcome = Ok(());
                }
                Err(denied) => {
                    outcome = outcome.map_err(|first| if first == Denied::NoChallenge { denied } else { first })
                }
            }
        }
        outcome
    }

    /// Adds what the peer's challenges so far ask for; nothing if there were none.
    pub fn authorize(&mut self, request: &mut Request) {
        for (session, (_, name)) in self.sessions.iter_mut().zip(SIDES) {
            let Some(session) = session else { continue };
            // At the end of numbers a nonce is used twice; the peer refuses it and sends another.
            session.count = session.count.saturating_add(1);
            let (method, uri) = (request.method.as_str(), request.uri.as_str());
            let value = session.answer(&self.credentials, method, uri, &request.body);
            request.headers.put(name, value);
        }
    }

    /// RFC 8760 section 2.4: the topmost challenge that we understand; of our realm only.
    fn choose<'a>(&self, values: impl Iterator<Item = &'a str>) -> Result<Challenge, Denied> {
        let mut denied = Denied::NoChallenge;
        for value in values {
            denied = match Challenge::read(value) {
                Ok(challenge) if challenge.realm == self.credentials.realm => return Ok(challenge),
                Ok(_) => Denied::ForeignRealm,
                Err(reason) => Denied::NotUnderstood(reason),
            };
        }
        Err(denied)
    }

    /// A nonce that we have counts on; with another one counting begins anew.
    fn keep(&mut self, side: usize, challenge: Challenge, random: &mut Random) {
        match &mut self.sessions[side] {
            Some(session) if session.challenge.nonce == challenge.nonce => session.challenge = challenge,
            slot => *slot = Some(Session { challenge, cnonce: random.token() + &random.token(), count: 0 }),
        }
    }
}

impl Tries {
    /// RFC 7616 section 3.3, `stale`: a second refusal means a wrong password, unless the peer says that it was the
    /// nonce; and a peer that always says so must not keep us busy.
    fn spend(&mut self, side: usize, stale: bool) -> Result<(), Denied> {
        let used = &mut self.0[side];
        if *used > 0 && !stale || *used >= MAX_TRIES {
            return Err(Denied::WrongPassword);
        }
        *used += 1;
        Ok(())
    }
}

/// A challenge and how often it was answered. One cnonce lasts as long as its nonce: the `-sess` algorithms want that
/// of the first answer (RFC 7616 section 3.4.2).
#[derive(Clone, Debug)]
struct Session {
    challenge: Challenge,
    cnonce: String,
    count: u32,
}

impl Session {
    /// The value of the header that answers (RFC 7616 section 3.4); without qop in the form of RFC 2069, which RFC
    /// 3261 section 22.4 has us keep to.
    fn answer(&self, credentials: &Credentials, method: &str, uri: &str, body: &[u8]) -> String {
        let Challenge { realm, nonce, opaque, algorithm, qop, .. } = &self.challenge;
        let (hash, cnonce, user) = (algorithm.hash, self.cnonce.as_bytes(), &credentials.user);
        let count = format!("{:08x}", self.count);
        let mut secret = hash(&[user.as_bytes(), realm.as_bytes(), credentials.password.open().as_bytes()]);
        if algorithm.session {
            secret = hash(&[secret.as_bytes(), nonce.as_bytes(), cnonce]);
        }
        let subject = match qop {
            Some(Qop::AuthInt) => hash(&[method.as_bytes(), uri.as_bytes(), hash(&[body]).as_bytes()]),
            Some(Qop::Auth) | None => hash(&[method.as_bytes(), uri.as_bytes()]),
        };
        let response = match qop {
            Some(qop) => {
                let qop = qop.as_str().as_bytes();
                hash(&[secret.as_bytes(), nonce.as_bytes(), count.as_bytes(), cnonce, qop, subject.as_bytes()])
            }
            None => hash(&[secret.as_bytes(), nonce.as_bytes(), subject.as_bytes()]),
        };
        let [user, realm, nonce, uri] = [user, realm, nonce, uri].map(quoted);
        let mut value = format!(
            "Digest username={user}, realm={realm}, nonce={nonce}, uri={uri}, response=\"{response}\", algorithm={}",
            algorithm.name
        );
        if let Some(opaque) = opaque {
            value += &format!(", opaque={}", quoted(opaque));
        }
        if let Some(qop) = qop {
            value += &format!(", qop={}, nc={count}, cnonce=\"{}\"", qop.as_str(), self.cnonce);
        }
        value
    }
}

/// One challenge, as WWW-Authenticate and Proxy-Authenticate hold it (RFC 7616 section 3.3).
#[derive(Clone, Debug)]
pub struct Challenge {
    pub realm: String,
    /// Our answer was right but for its nonce.
    pub stale: bool,
    nonce: String,
    opaque: Option<String>,
    algorithm: &'static Algorithm,
    qop: Option<Qop>,
}

impl Challenge {
    /// Reads one value. The error is why it cannot be answered; another challenge may serve.
    pub fn read(text: &str) -> Result<Challenge, &'static str> {
        let (scheme, list) = text.trim().split_once([' ', '\t']).ok_or("a challenge without parameters")?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return Err("not a Digest challenge");
        }
        let mut read: [Option<String>; 6] = Default::default();
        for parameter in params::split(list, b',').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').ok_or("a parameter without a value")?;
            let known = ["realm", "nonce", "opaque", "stale", "algorithm", "qop"];
            let Some(at) = known.iter().position(|known| known.eq_ignore_ascii_case(name.trim())) else { continue };
            if read[at].replace(plain(value.trim())?).is_some() {
                return Err("a parameter is there twice");
            }
        }
        let [realm, nonce, opaque, stale, algorithm, qop] = read;
        let algorithm = algorithm_of(algorithm.as_deref().unwrap_or("MD5"))?;
        let qop = qop.as_deref().map(Qop::choose).transpose()?;
        if algorithm.session && qop.is_none() {
            return Err("a session algorithm without qop");
        }
        let stale = stale.is_some_and(|stale| stale.eq_ignore_ascii_case("true"));
        let (realm, nonce) = (realm.ok_or("no realm")?, nonce.ok_or("no nonce")?);
        Ok(Challenge { realm, stale, nonce, opaque, algorithm, qop })
    }
}

/// The value of a parameter, whether it was written as a token or between quotes.
fn plain(value: &str) -> Result<String, &'static str> {
    if value.len() > MAX_PARAMETER {
        return Err("a parameter longer than 1 kB");
    }
    if has_control(value) {
        return Err("a control byte in a parameter");
    }
    match value.strip_prefix('"') {
        None => Ok(value.to_owned()),
        Some(_) if params::closing_quote(value) != Some(value.len() - 1) => Err("a quoted string left open"),
        Some(inside) => Ok(unescaped(&inside[..inside.len() - 1]).into_owned()),
    }
}

/// What the proof covers: the request line, or the body as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Qop {
    Auth,
    AuthInt,
}

impl Qop {
    /// `auth` if there is a choice: what stands between may rightly change a body (SDP).
    fn choose(list: &str) -> Result<Qop, &'static str> {
        let offers = |qop: &Qop| list.split(',').any(|token| token.trim().eq_ignore_ascii_case(qop.as_str()));
        [Qop::Auth, Qop::AuthInt].into_iter().find(offers).ok_or("a qop that we do not know")
    }

    fn as_str(self) -> &'static str {
        match self {
            Qop::Auth => "auth",
            Qop::AuthInt => "auth-int",
        }
    }
}

#[derive(Debug)]
struct Algorithm {
    name: &'static str,
    /// The hash, in hex, of the parts with colons between them.
    hash: fn(&[&[u8]]) -> String,
    /// The secret is bound to the first nonce and cnonce.
    session: bool,
}

static ALGORITHMS: [Algorithm; 4] = [
    Algorithm { name: "MD5", hash: hash::<Md5>, session: false },
    Algorithm { name: "MD5-sess", hash: hash::<Md5>, session: true },
    Algorithm { name: "SHA-256", hash: hash::<Sha256>, session: false },
    Algorithm { name: "SHA-256-sess", hash: hash::<Sha256>, session: true },
];

fn algorithm_of(name: &str) -> Result<&'static Algorithm, &'static str> {
    ALGORITHMS.iter().find(|known| known.name.eq_ignore_ascii_case(name)).ok_or("an algorithm that we do not know")
}

fn hash<D: Digest>(parts: &[&[u8]]) -> String {
    let mut hash = D::new();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            hash.update(":");
        }
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn has_control(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_control())
}

#[cfg(test)]
mod tests;
