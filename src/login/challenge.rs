//! The challenge that a certificate's key signs to log in: fixed-prefix text, built and read exactly.
//!
//! ```text
//! xinyin login challenge v1 / 信印登录质询
//! origin: https://id.example.gov.cn
//! purpose: login
//! portal: parks 园林审批
//! nonce: 00112233445566778899aabbccddeeff
//! issued-at: 2026-11-23T08:00:00Z
//! expires: 2026-11-23T08:05:00Z
//! 仅用于登录，不是对任何文件的签名 / For login only; signs no document
//! ```
//!
//! Every line ends with LF. What is signed are these octets and nothing around them. They begin with `x` (0x78), so they are
//! never the DER of a CMS SignedAttributes (0x31, RFC 5652 §5.4), a TBSCertificate or any other SEQUENCE (0x30), a PDF (`%`), an
//! OFD (`P`) or XML (`<`): a login signature can stand under no document signed with attributes, and the reverse. What a CMS
//! without attributes signs is the document itself; one that begins with [`PREFIX`] is refused by the judge.

use crate::ids::ChallengeId;
use crate::moment::Moment;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, time::Duration};
use url::Url;

pub use crate::crypto::LOGIN_CHALLENGE as PREFIX;

/// The last line, for the eyes of whoever is shown the text.
const NOTICE: &str = "仅用于登录，不是对任何文件的签名 / For login only; signs no document";
/// No challenge is longer, in octets.
pub const LONGEST: usize = 2048;
/// How long a challenge may be answered.
pub const LIFE: Duration = Duration::from_secs(5 * 60);

/// What the answer is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// A person or an organisation logs in.
    Login,
    /// A session is raised.
    StepUp,
    /// The logged-in person shows an organisation's certificate.
    Organisation,
}

const PURPOSES: [Purpose; 3] = [Purpose::Login, Purpose::StepUp, Purpose::Organisation];

impl FromStr for Purpose {
    type Err = NotAChallenge;
    fn from_str(word: &str) -> Result<Self, NotAChallenge> {
        PURPOSES.into_iter().find(|known| known.as_str() == word).ok_or(NotAChallenge::Form)
    }
}

impl Purpose {
    /// The word in the text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::StepUp => "step-up",
            Self::Organisation => "organisation",
        }
    }
}

/// Why a text is no challenge of ours, or fields make none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAChallenge {
    /// Not the exact form.
    #[error("the text has not the exact form of a login challenge")]
    Form,
    /// `origin` is no `https://host[:port]` (or `http` on this machine).
    #[error("the origin is not https://host, or http on localhost")]
    Origin,
    /// `portal` is empty, too long, or holds characters that could deceive.
    #[error("the portal's name is empty, too long or holds invisible characters")]
    Portal,
    /// `expires` is not after `issued-at`, or more than [`LIFE`] after it.
    #[error("the challenge lives too long or not at all")]
    Times,
}

/// Why a challenge cannot be answered now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Its time is over.
    #[error("the challenge has expired")]
    Expired,
    /// It was issued in the future.
    #[error("the challenge is dated in the future: check the clock")]
    NotYet,
    /// It belongs to another origin.
    #[error("the challenge belongs to another origin")]
    OtherOrigin,
}

/// The fields of a challenge, each checked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, try_from = "Fields")]
pub struct Challenge {
    origin: String,
    purpose: Purpose,
    portal: String,
    nonce: ChallengeId,
    issued_at: Moment,
    expires: Moment,
}

/// Fields as they come, before they are checked.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Fields {
    origin: String,
    purpose: Purpose,
    portal: String,
    nonce: ChallengeId,
    issued_at: Moment,
    expires: Moment,
}

impl TryFrom<Fields> for Challenge {
    type Error = NotAChallenge;

    fn try_from(fields: Fields) -> Result<Self, NotAChallenge> {
        Self::new(&fields.origin, fields.purpose, &fields.portal, fields.nonce, fields.issued_at, fields.expires)
    }
}

impl Challenge {
    /// Checks the fields and puts them together; times are cut to whole seconds.
    ///
    /// # Errors
    /// [`NotAChallenge`].
    pub fn new(
        origin: &str,
        purpose: Purpose,
        portal: &str,
        nonce: ChallengeId,
        issued_at: Moment,
        expires: Moment,
    ) -> Result<Self, NotAChallenge> {
        let origin = canonical_origin(origin).ok_or(NotAChallenge::Origin)?;
        if !is_plain(portal) {
            return Err(NotAChallenge::Portal);
        }
        let (issued_at, expires) = (Moment::from_secs(issued_at.secs()), Moment::from_secs(expires.secs()));
        let nonce_fits = nonce.as_str().len() == 32 && nonce.as_str().bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
        if !nonce_fits {
            return Err(NotAChallenge::Form);
        }
        let years = 1970..=9999;
        if expires <= issued_at || expires.since(issued_at) > LIFE || !years.contains(&issued_at.date_time().year()) {
            return Err(NotAChallenge::Times);
        }
        Ok(Self { origin, purpose, portal: portal.to_owned(), nonce, issued_at, expires })
    }

    /// The octets that are signed.
    pub fn text(&self) -> String {
        let Self { origin, purpose, portal, nonce, issued_at, expires } = self;
        let purpose = purpose.as_str();
        format!(
            "{PREFIX}\norigin: {origin}\npurpose: {purpose}\nportal: {portal}\nnonce: {nonce}\nissued-at: {issued_at}\n\
             expires: {expires}\n{NOTICE}\n"
        )
    }

    /// Reads a text that [`text`](Self::text) made; anything else, to the octet, is refused.
    ///
    /// # Errors
    /// [`NotAChallenge`].
    pub fn parse(text: &[u8]) -> Result<Self, NotAChallenge> {
        const FORM: NotAChallenge = NotAChallenge::Form;
        if text.len() > LONGEST {
            return Err(FORM);
        }
        let lines = std::str::from_utf8(text).map_err(|_| FORM)?;
        let mut lines = lines.split('\n');
        if lines.next() != Some(PREFIX) {
            return Err(FORM);
        }
        let mut field = |name: &str| lines.next().and_then(|line| line.strip_prefix(name)?.strip_prefix(": ")).ok_or(FORM);
        let origin = field("origin")?;
        let purpose = field("purpose")?.parse()?;
        let portal = field("portal")?;
        let nonce = ChallengeId::from_str(field("nonce")?).map_err(|_| FORM)?;
        let issued_at = field("issued-at")?.parse().map_err(|_| FORM)?;
        let expires = field("expires")?.parse().map_err(|_| FORM)?;
        let challenge = Self::new(origin, purpose, portal, nonce, issued_at, expires)?;
        // One text for one challenge: whatever else would read the same (another spelling of a time, a slash) is not ours.
        if challenge.text().as_bytes() == text { Ok(challenge) } else { Err(FORM) }
    }

    /// Whether it may be answered at `now` for `origin`; `skew` is how far the clocks may differ.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn answerable(&self, origin: &str, now: Moment, skew: Duration) -> Result<(), Refused> {
        if canonical_origin(origin).as_deref() != Some(self.origin.as_str()) {
            return Err(Refused::OtherOrigin);
        }
        if now.plus(skew) < self.issued_at {
            return Err(Refused::NotYet);
        }
        if now.minus(skew) >= self.expires { Err(Refused::Expired) } else { Ok(()) }
    }

    /// Whose login page shows it: scheme, host and port.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// What for.
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The portal that asked for the login, as people know it.
    pub fn portal(&self) -> &str {
        &self.portal
    }

    /// Answered once.
    pub const fn nonce(&self) -> &ChallengeId {
        &self.nonce
    }

    /// When it was made.
    pub const fn issued_at(&self) -> Moment {
        self.issued_at
    }

    /// When it lapses.
    pub const fn expires(&self) -> Moment {
        self.expires
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// `https://host[:port]` without anything behind it (RFC 6454 §6.1), or `http` where the host is this machine.
pub fn canonical_origin(text: &str) -> Option<String> {
    if text.len() > 512 {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let bare =
        url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && local);
    // The text itself must be the origin: `https:\\host`, tabs inside and upper case are other people's spellings.
    let origin = url.origin().ascii_serialization();
    (bare && scheme && text.trim_end_matches('/').eq_ignore_ascii_case(&origin)).then_some(origin)
}

/// A name as the text can bear it: what [`Challenge::new`] would refuse is left out.
pub fn plain_name(name: &str) -> String {
    let visible: String = name.chars().filter(|c| !deceives(*c)).take(LONGEST_NAME).collect();
    visible.trim().to_owned()
}

/// Longest name of a portal, in characters.
const LONGEST_NAME: usize = 200;

/// One line of visible text without edge spaces.
pub(super) fn is_plain(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.chars().count()) && text.trim() == text && !text.chars().any(deceives)
}

/// Control and format characters: line ends, bidirectional overrides, zero width.
fn deceives(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// What comes back from the holder of the key: the certificate, others that may help build its path, and the signature over the
/// challenge's octets. The algorithm is not said: it follows from the key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The text that was signed.
    pub challenge: String,
    /// DER, Base64.
    pub certificate: String,
    /// DER, Base64, any order.
    #[serde(default)]
    pub chain: Vec<String>,
    /// As it stands in certificates (DER for SM2 and ECDSA), Base64.
    pub signature: String,
}

/// An answer is no larger, in octets; a chain holds no more certificates.
pub const LARGEST_ANSWER: usize = 64 * 1024;
const LONGEST_CHAIN: usize = 8;

/// The octets of an answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Answered {
    /// The text that was signed.
    pub text: String,
    /// The certificate, DER.
    pub certificate: Vec<u8>,
    /// Others, DER.
    pub chain: Vec<Vec<u8>>,
    /// The signature.
    pub signature: Vec<u8>,
}

/// Names nobody: a certificate's name may hold a number.
impl fmt::Debug for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answered({} octets of certificate, {} of signature)", self.certificate.len(), self.signature.len())
    }
}

impl Answer {
    /// Packs octets for the way.
    pub fn pack(text: String, certificate: &[u8], chain: &[Vec<u8>], signature: &[u8]) -> Self {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        Self {
            challenge: text,
            certificate: STANDARD.encode(certificate),
            chain: chain.iter().map(|der| STANDARD.encode(der)).collect(),
            signature: STANDARD.encode(signature),
        }
    }

    /// Reads an answer's JSON.
    ///
    /// # Errors
    /// [`NotAChallenge::Form`] for anything that is none, or too large.
    pub fn unpack(json: &[u8]) -> Result<Answered, NotAChallenge> {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        const FORM: NotAChallenge = NotAChallenge::Form;
        if json.len() > LARGEST_ANSWER {
            return Err(FORM);
        }
        let answer: Self = serde_json::from_slice(json).map_err(|_| FORM)?;
        if answer.chain.len() > LONGEST_CHAIN {
            return Err(FORM);
        }
        let decode = |text: &String| STANDARD.decode(text).map_err(|_| FORM);
        Ok(Answered {
            certificate: decode(&answer.certificate)?,
            chain: answer.chain.iter().map(decode).collect::<Result<_, _>>()?,
            signature: decode(&answer.signature)?,
            text: answer.challenge,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn challenge() -> Challenge {
        let at = Moment::from_secs(1_795_000_000);
        let nonce = ChallengeId::from_random([0xab; 16]);
        Challenge::new("https://id.example.gov.cn", Purpose::Login, "parks 园林审批", nonce, at, at.plus(LIFE)).unwrap()
    }

    #[test]
    fn the_text_is_exact_and_no_der() {
        let text = challenge().text();
        assert!(text.starts_with("xinyin login challenge v1 / 信印登录质询\norigin: https://id.example.gov.cn\npurpose: login\n"));
        assert!(!matches!(text.as_bytes()[0], 0x30 | 0x31 | b'%' | b'P' | b'<'));
        assert_eq!(Challenge::parse(text.as_bytes()).unwrap(), challenge());
        for (from, to) in [
            ("\n", "\r\n"),
            ("2026", "2027"),
            ("Z\nexpires", "+00:00\nexpires"),
            (".gov.cn", ".gov.cn/"),
            ("https://id", "https://ID"),
            ("https:", "http:"),
            ("portal: ", "portal:  "),
            ("nonce: ab", "nonce: AB"),
            (" v1 ", " v2 "),
            ("For login only", "For anything"),
        ] {
            assert!(Challenge::parse(text.replacen(from, to, 1).as_bytes()).is_err(), "{from:?}");
        }
        assert!(Challenge::parse(format!("{text}\n").as_bytes()).is_err());
    }

    #[test]
    fn origins() {
        for good in ["https://a.cn", "https://a.cn:8443", "http://localhost:8440", "http://127.0.0.1:8440", "https://a.cn/"] {
            assert_eq!(canonical_origin(good).as_deref(), Some(good.trim_end_matches('/')), "{good}");
        }
        for bad in
            ["http://a.cn", "https://a.cn/x", "https://u@a.cn", "https://a.cn?x", "https:a.cn", "https:\\\\a.cn", "ftp://a.cn", "a.cn", ""]
        {
            assert_eq!(canonical_origin(bad), None, "{bad}");
        }
    }

    #[test]
    fn names_that_could_deceive_are_refused() {
        let at = Moment::from_secs(1_795_000_000);
        for portal in ["", " x", "a\nnonce: 00", "a\u{202e}b", "a\u{200b}", &"长".repeat(201)] {
            let made = Challenge::new("https://a.cn", Purpose::Login, portal, ChallengeId::from_random([1; 16]), at, at.plus(LIFE));
            assert_eq!(made, Err(NotAChallenge::Portal), "{portal:?}");
        }
    }

    #[test]
    fn time_and_origin_bind() {
        let challenge = challenge();
        let at = Moment::from_secs(1_795_000_000);
        let skew = Duration::from_secs(60);
        let asked = |origin: &str, now| challenge.answerable(origin, now, skew);
        assert_eq!(asked("https://id.example.gov.cn", at), Ok(()));
        assert_eq!(asked("https://id.example.gov.cn.evil.cn", at), Err(Refused::OtherOrigin));
        assert_eq!(asked("https://id.example.gov.cn", at.plus(LIFE + skew)), Err(Refused::Expired));
        assert_eq!(asked("https://id.example.gov.cn", at.minus(skew * 2)), Err(Refused::NotYet));
        let long = Challenge::new("https://a.cn", Purpose::Login, "p", ChallengeId::from_random([1; 16]), at, at.plus(LIFE * 2));
        assert_eq!(long, Err(NotAChallenge::Times));
    }

    #[test]
    fn fields_and_answers_travel_as_json() {
        let json = serde_json::to_string(&challenge()).unwrap();
        assert_eq!(serde_json::from_str::<Challenge>(&json).unwrap(), challenge());
        assert!(serde_json::from_str::<Challenge>(&json.replace("https://", "http://")).is_err());
        assert!(serde_json::from_str::<Challenge>(&json.replace("\"portal\"", "\"digest\"")).is_err());
        let answer = Answer::pack(challenge().text(), b"cert", &[b"ca".to_vec()], b"signature");
        let answered = Answer::unpack(&serde_json::to_vec(&answer).unwrap()).unwrap();
        assert_eq!((answered.certificate.as_slice(), answered.signature.as_slice()), (&b"cert"[..], &b"signature"[..]));
        assert!(Answer::unpack(&vec![b' '; LARGEST_ANSWER + 1]).is_err());
    }

    proptest! {
        #[test]
        fn a_changed_octet_is_no_challenge_or_another(at in 0usize..600, octet in any::<u8>()) {
            let mut text = challenge().text().into_bytes();
            let at = at % text.len();
            prop_assume!(text[at] != octet);
            text[at] = octet;
            if let Ok(read) = Challenge::parse(&text) {
                prop_assert!(read != challenge());
                let text_again = read.text();
                prop_assert_eq!(text_again.as_bytes(), text.as_slice());
            }
        }

        #[test]
        fn any_octets_get_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = (Challenge::parse(&bytes), Answer::unpack(&bytes));
        }
    }
}
