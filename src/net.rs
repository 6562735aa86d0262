//! The only outbound HTTP: an allow-list, a time budget and a byte budget for every call, no redirects, no proxy from the environment.
//!
//! Addresses in certificates and documents (CRL distribution points, OCSP, time-stamping) are written by whoever made the
//! file: following them freely would let a stranger make this host call anywhere. So a [`Net`] calls only the origins its
//! operator named. A name that resolves to a loopback, private or link-local address is refused unless its entry says
//! `private`; an address written as such stands for itself.

use reqwest::{
    Method, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{HeaderMap, HeaderName, HeaderValue},
};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::{
    collections::HashSet,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

/// Why a call gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetError {
    /// The origin is not on the allow-list; nothing was sent.
    #[error("{0} is not on the list of addresses this service may call")]
    NotAllowed(String),
    /// The time budget ran out.
    #[error("no complete answer within {0:?}")]
    Timeout(Duration),
    /// The answer is larger than the byte budget.
    #[error("the answer is larger than {0} octets")]
    TooLarge(usize),
    /// The peer answered with a status other than 2xx (a redirect counts as such).
    #[error("the peer answered with HTTP status {0}")]
    Status(u16),
    /// No connection, TLS refused, the answer broke off, …
    #[error("{0}")]
    Transport(String),
    /// The settings do not make a client: a certificate or key that is none.
    #[error("{0}")]
    Settings(String),
}

/// `http` or `https`, a host and a port that may be called.
///
/// Text form: `https://ca.example.cn`, `http://10.1.2.3:8080`, or `private http://crl.intranet.example` for a name that may
/// resolve to an address of this network.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    tls: bool,
    host: String,
    port: u16,
    private: bool,
}

impl Origin {
    /// The origin of an address the operator wrote into the configuration: it may lie in this network.
    pub fn named(url: &Url) -> Option<Self> {
        let tls = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        // A user name in the address can only mislead the reader about the host.
        if !url.username().is_empty() || url.password().is_some() {
            return None;
        }
        Some(Self { tls, host: url.host_str()?.to_ascii_lowercase(), port: url.port_or_known_default()?, private: true })
    }

    fn covers(&self, other: &Self) -> bool {
        self.tls == other.tls && self.host == other.host && self.port == other.port
    }
}

impl FromStr for Origin {
    type Err = NetError;

    fn from_str(text: &str) -> Result<Self, NetError> {
        let bad =
            || NetError::Settings(format!("{text:?} is not an origin such as https://ca.example.cn or private http://crl.intranet:8080"));
        let text_only = text.trim();
        let (private, address) = text_only.strip_prefix("private ").map_or((false, text_only), |rest| (true, rest.trim()));
        let url = Url::parse(address).map_err(|_| bad())?;
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(bad());
        }
        Self::named(&url).map(|origin| Self { private, ..origin }).ok_or_else(bad)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", if self.tls { "https" } else { "http" }, self.host, self.port)
    }
}

impl<'de> serde::Deserialize<'de> for Origin {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What one call may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// From the first packet to the last octet of the answer.
    pub time: Duration,
    /// Octets of the answer's body.
    pub bytes: usize,
}

impl Default for Budget {
    /// Ten seconds, eight mebibytes.
    fn default() -> Self {
        Self { time: Duration::from_secs(10), bytes: 8 << 20 }
    }
}

/// The certificate chain and key with which this side shows itself in TLS.
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// From PEM: the certificate first, its intermediates after it, the private key anywhere (PKCS#8, SEC1 or PKCS#1).
    pub fn from_pem(pem: &[u8]) -> Result<Self, NetError> {
        let key = PrivateKeyDer::from_pem_slice(pem).map_err(|_| NetError::Settings("no private key in the identity file".into()))?;
        Ok(Self { chain: certificates(pem)?, key })
    }
}

/// Shows nothing of the key.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({} certificates)", self.chain.len())
    }
}

/// The certificates of a PEM file; an error where there is none.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, NetError> {
    let found: Vec<_> =
        CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|error| NetError::Settings(format!("not PEM: {error}")))?;
    if found.is_empty() { Err(NetError::Settings("no certificate in the PEM file".into())) } else { Ok(found) }
}

/// What a [`Net`] is made of.
#[derive(Debug, Default)]
pub struct NetOptions {
    /// The origins that may be called, and no others.
    pub allow: Vec<Origin>,
    /// TLS anchors. Without any, no `https` call succeeds: the anchors of the operating system are not consulted.
    pub roots: Vec<CertificateDer<'static>>,
    /// How this side shows itself, where the peer wants a client certificate.
    pub identity: Option<Identity>,
}

/// A request. `headers` are added as they are.
#[derive(Debug, Clone)]
pub struct Outbound<'a> {
    /// GET, POST, …
    pub method: Method,
    /// Where to.
    pub url: &'a Url,
    /// Name and value.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body; empty for GET.
    pub body: Vec<u8>,
    /// What it may cost.
    pub budget: Budget,
}

/// An answer with a 2xx status, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// 200 to 299.
    pub status: u16,
    headers: HeaderMap,
    /// The exact octets of the body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of this name, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The client. Cheap to clone; connections are shared.
#[derive(Clone)]
pub struct Net {
    client: reqwest::Client,
    allow: Arc<[Origin]>,
}

impl Net {
    /// Builds the client: TLS by rustls over ring, HTTP/1.1, no redirects, no proxies, no cookies.
    pub fn new(options: NetOptions) -> Result<Self, NetError> {
        let mut roots = RootCertStore::empty();
        for root in options.roots {
            roots.add(root).map_err(|error| NetError::Settings(format!("not a TLS anchor: {error}")))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| NetError::Settings(error.to_string()))?
            .with_root_certificates(roots);
        let tls = match options.identity {
            Some(identity) => tls
                .with_client_auth_cert(identity.chain, identity.key)
                .map_err(|error| NetError::Settings(format!("the client certificate and its key do not fit: {error}")))?,
            None => tls.with_no_client_auth(),
        };
        let private = options.allow.iter().filter(|origin| origin.private).map(|origin| origin.host.clone()).collect();
        #[expect(clippy::disallowed_methods, reason = "the one door to outbound HTTP")]
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .http1_only()
            .pool_idle_timeout(Duration::from_secs(30))
            .dns_resolver(Arc::new(Guarded { private }))
            .user_agent(concat!("xinyin/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| NetError::Settings(error.to_string()))?;
        Ok(Self { client, allow: options.allow.into() })
    }

    /// Whether a call to this address would be made at all.
    pub fn allows(&self, url: &Url) -> bool {
        Origin::named(url).is_some_and(|origin| self.allow.iter().any(|entry| entry.covers(&origin)))
    }

    /// GET.
    pub async fn get(&self, url: &Url, accept: &str, budget: Budget) -> Result<Answer, NetError> {
        self.send(Outbound { method: Method::GET, url, headers: &[("accept", accept)], body: Vec::new(), budget }).await
    }

    /// POST.
    pub async fn post(&self, url: &Url, content_type: &str, accept: &str, body: Vec<u8>, budget: Budget) -> Result<Answer, NetError> {
        self.send(Outbound { method: Method::POST, url, headers: &[("content-type", content_type), ("accept", accept)], body, budget })
            .await
    }

    /// Any other request. The whole exchange, connecting included, stays inside the budget.
    pub async fn send(&self, request: Outbound<'_>) -> Result<Answer, NetError> {
        if !self.allows(request.url) {
            // Only scheme, host and port: a path or query may hold what must not reach a log.
            let shown =
                Origin::named(request.url).map_or_else(|| format!("a {:?} address", request.url.scheme()), |origin| origin.to_string());
            return Err(NetError::NotAllowed(shown));
        }
        let budget = request.budget;
        tokio::time::timeout(budget.time, self.exchange(request)).await.unwrap_or(Err(NetError::Timeout(budget.time)))
    }

    async fn exchange(&self, request: Outbound<'_>) -> Result<Answer, NetError> {
        let mut headers = HeaderMap::new();
        for (name, value) in request.headers {
            let name = HeaderName::from_str(name).map_err(|_| NetError::Settings(format!("{name:?} is no header name")))?;
            headers.append(
                name,
                HeaderValue::from_str(value).map_err(|_| NetError::Settings("a header value has control characters".into()))?,
            );
        }
        let call = self.client.request(request.method, request.url.clone()).headers(headers).body(request.body);
        let mut answer = call.send().await.map_err(transport)?;
        if !answer.status().is_success() {
            return Err(NetError::Status(answer.status().as_u16()));
        }
        let limit = request.budget.bytes;
        let announced = answer.content_length().unwrap_or(0);
        if announced > u64::try_from(limit).unwrap_or(u64::MAX) {
            return Err(NetError::TooLarge(limit));
        }
        let mut body = Vec::with_capacity(usize::try_from(announced).unwrap_or(0).min(limit));
        while let Some(chunk) = answer.chunk().await.map_err(transport)? {
            if chunk.len() > limit.saturating_sub(body.len()) {
                return Err(NetError::TooLarge(limit));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status: answer.status().as_u16(), headers: answer.headers().clone(), body })
    }
}

impl fmt::Debug for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Net").field("allow", &self.allow).finish_non_exhaustive()
    }
}

/// The innermost cause says most (`connection refused`, `invalid peer certificate`); the address is left out.
fn transport(error: reqwest::Error) -> NetError {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    NetError::Transport(cause.to_string())
}

/// Resolves names, and drops addresses of this machine and this network unless the name may have them.
struct Guarded {
    private: HashSet<String>,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let private = self.private.contains(&name.as_str().to_ascii_lowercase());
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let usable: Vec<SocketAddr> = found.filter(|address| private || is_public(address.ip())).collect();
            if usable.is_empty() {
                return Err(format!("{} has no public address", name.as_str()).into());
            }
            Ok(Box::new(usable.into_iter()) as Addrs)
        })
    }
}

/// Whether an address belongs to the public internet (RFC 6890 special-purpose blocks do not).
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or_else(|| is_public_v6(v6), is_public_v4),
    }
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, ..] = v4.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let benchmark = a == 198 && (18..20).contains(&b);
    !(v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_multicast()
        || v4.is_documentation()
        || shared
        || benchmark
        || a == 0
        || a >= 240)
}

fn is_public_v6(v6: Ipv6Addr) -> bool {
    // Global unicast is 2000::/3; within it 2001:db8::/32 is documentation, 2002::/16 and 2001::/32 carry IPv4 addresses.
    let [first, second, ..] = v6.segments();
    first & 0xe000 == 0x2000 && first != 0x2002 && !(first == 0x2001 && (second == 0 || second == 0x0db8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    /// A peer that sends these octets to whoever comes and closes.
    async fn peer(answer: &'static [u8], pause: Duration) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/x?secret=1", listener.local_addr().unwrap())).unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                tokio::time::sleep(pause).await;
                let _ = stream.write_all(answer).await;
            }
        });
        url
    }

    fn net(url: &Url) -> Net {
        Net::new(NetOptions { allow: vec![Origin::named(url).unwrap()], ..NetOptions::default() }).unwrap()
    }

    const SMALL: Budget = Budget { time: Duration::from_millis(400), bytes: 10 };

    async fn outcome(answer: &'static [u8], pause: Duration) -> Result<Vec<u8>, NetError> {
        let url = peer(answer, pause).await;
        net(&url).get(&url, "*/*", SMALL).await.map(|answer| answer.body)
    }

    #[tokio::test]
    async fn each_failure_has_its_own_error() {
        let none = Duration::ZERO;
        assert_eq!(outcome(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nyes", none).await.unwrap(), b"yes");
        assert_eq!(outcome(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n", none).await, Err(NetError::Status(500)));
        let elsewhere = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(outcome(elsewhere, none).await, Err(NetError::Status(302)));
        assert_eq!(outcome(b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n01234567890", none).await, Err(NetError::TooLarge(10)));
        let unannounced = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n01234567890123456789";
        assert_eq!(outcome(unannounced, none).await, Err(NetError::TooLarge(10)));
        assert!(matches!(outcome(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nyes", none).await, Err(NetError::Transport(_))));
        assert!(matches!(outcome(b"", none).await, Err(NetError::Transport(_))));
        assert!(matches!(outcome(b"HTTP/1.1 200 OK\r\n\r\n", Duration::from_secs(3)).await, Err(NetError::Timeout(_))));
    }

    #[tokio::test]
    async fn only_listed_origins_are_called_and_the_refusal_shows_no_path() {
        let url = peer(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nyes", Duration::ZERO).await;
        let port = url.port().unwrap();
        for entry in [format!("https://127.0.0.1:{port}"), "http://127.0.0.1:1".into(), format!("http://localhost:{port}")] {
            let net = Net::new(NetOptions { allow: vec![entry.parse().unwrap()], ..NetOptions::default() }).unwrap();
            let error = net.get(&url, "*/*", SMALL).await.unwrap_err();
            assert_eq!(error, NetError::NotAllowed(format!("http://127.0.0.1:{port}")));
        }
        for odd in ["file:///etc/passwd", "http://a@127.0.0.1/"] {
            assert!(!net(&url).allows(&Url::parse(odd).unwrap()), "{odd}");
        }
    }

    #[tokio::test]
    async fn a_name_with_a_local_address_needs_the_word_private() {
        let url = peer(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nyes", Duration::ZERO).await;
        let by_name = Url::parse(&format!("http://localhost:{}/", url.port().unwrap())).unwrap();
        let listed = by_name.as_str();
        let open = Net::new(NetOptions { allow: vec![format!("private {listed}").parse().unwrap()], ..NetOptions::default() }).unwrap();
        assert_eq!(open.get(&by_name, "*/*", SMALL).await.unwrap().body, b"yes");
        let closed = Net::new(NetOptions { allow: vec![listed.parse().unwrap()], ..NetOptions::default() }).unwrap();
        let error = closed.get(&by_name, "*/*", SMALL).await.unwrap_err();
        assert!(matches!(&error, NetError::Transport(text) if text.contains("no public address")), "{error}");
    }

    #[test]
    fn origins_are_origins() {
        assert_eq!("https://CA.example.cn".parse::<Origin>().unwrap().to_string(), "https://ca.example.cn:443");
        for bad in ["", "ca.example.cn", "ftp://ca.example.cn", "http://ca.example.cn/crl", "http://u:p@ca.example.cn"] {
            assert!(bad.parse::<Origin>().is_err(), "{bad}");
        }
    }

    #[test]
    fn special_addresses_are_not_public() {
        for special in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "::1",
            "fe80::1",
            "fd00::1",
            "::ffff:127.0.0.1",
            "2002:7f00:1::",
        ] {
            assert!(!is_public(special.parse().unwrap()), "{special}");
        }
        for public in ["59.255.128.3", "8.8.8.8", "2400:3200::1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }
}
